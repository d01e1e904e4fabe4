"""
Rules, applied.
"""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from oci_twisted.auth.policy import AccessRules, RuleBook, parse_rules
from oci_twisted.auth.policy.rules import ACTIONS, SOMEBODY, Rule, is_part, place_user
from oci_twisted.interfaces import ANONYMOUS, Action, Decision, IAuthorizer, Principal
from oci_twisted.spec.names import RepositoryName, parse_name
from oci_twisted.spec.scopes import Scope
from oci_twisted.spec.tagrules import FREE, TagRules
from oci_twisted.testing.strategies import name_texts
from tests.auth.policy.books import actions, books, deciding, names, patterns, principals
from tests.http.stacks import at_once

PULL, PUSH, DELETE = ACTIONS
ADA = Principal("ada")
OPEN = {"repositories": "**", "allow": ["pull", "push", "delete"], "to": "everyone"}


def access(*rules: dict[str, object], **groups: list[str]) -> AccessRules:
    """Make rules of what an operator has written."""
    book = parse_rules({"rule": list(rules), "groups": groups}, "test.toml")
    return AccessRules(book.rules, book.groups)


def allow(repositories: object, what: object, to: object, **more: object) -> dict[str, object]:
    """Write a rule that allows."""
    return {"repositories": repositories, "allow": what, "to": to, **more}


def deny(repositories: object, what: object, to: object) -> dict[str, object]:
    """Write a rule that denies."""
    return {"repositories": repositories, "deny": what, "to": to}


def decide(rules: AccessRules, principal: Principal, action: Action, name: str | None = None) -> Decision:
    """Ask what a route asks."""
    return at_once(rules.decide(principal, action, None if name is None else parse_name(name)))


def test_it_is_an_authorizer() -> None:
    """It provides the seam."""
    verifyObject(IAuthorizer, access())


@given(books(), principals, actions, names)
def test_the_first_rule_that_is_about_all_three_decides(
    book: RuleBook, principal: Principal, action: Action, name: RepositoryName
) -> None:
    """Whom, what and where are one question; the decision is the rule's, and where there is none it is refused."""
    rule = deciding(book, principal, action, name)
    expected = (
        Decision(permitted=False, by="no rule")
        if rule is None
        else Decision(rule.permits, f"rule {rule.position}", rule.tags)
    )
    assert AccessRules(book.rules, book.groups).look_up(principal, action, name) == expected


def test_a_rule_for_pull_leaves_push_to_the_next() -> None:
    """Two rules may be about the same people and repositories, each with its own actions."""
    rules = access(allow("a/*", "pull", "user:*"), allow("a/*", "push", "user:ada"))
    assert [decide(rules, ADA, action, "a/b").by for action in ACTIONS] == ["rule 1", "rule 2", "no rule"]


@given(books(), principals, actions, names)
def test_a_rule_behind_the_one_that_decides_changes_nothing(
    book: RuleBook, principal: Principal, action: Action, name: RepositoryName
) -> None:
    """File order is all the order there is."""
    rules = AccessRules(book.rules, book.groups).look_up(principal, action, name)
    last = evolve(parse_rules({"rule": [deny("**", "push", "everyone")]}, "x").rules[0], position=99)
    after = AccessRules((*book.rules, last), book.groups).look_up(principal, action, name)
    assert after == rules or (rules.by, after.by) == ("no rule", "rule 99")


@given(books(), actions, names, st.sampled_from(("ada", "zoe", "*")))
def test_where_nothing_is_denied_logging_in_takes_nothing_away(
    book: RuleBook, action: Action, name: RepositoryName, user: str
) -> None:
    """What is allowed to anonymous is allowed to everyone."""
    allowing = [rule for rule in book.rules if rule.permits]
    rules = AccessRules(allowing, book.groups)
    if rules.look_up(ANONYMOUS, action, name).permitted:
        assert rules.look_up(Principal(user), action, name).permitted


def test_what_is_denied_to_anonymous_is_not_denied_to_others() -> None:
    """So a part of what is public can be kept for those who have logged in."""
    rules = access(deny("hr/**", "pull", "anonymous"), allow("**", "pull", "everyone"))
    assert [decide(rules, who, PULL, "hr/pay").permitted for who in (ANONYMOUS, ADA)] == [False, True]


def test_what_is_denied_to_everyone_is_denied_to_all() -> None:
    """Those whom a rule before it allows are let in, and nobody else."""
    rules = access(
        allow("hr/**", "pull", "user:ada"), deny("hr/**", "pull", "everyone"), allow("**", "pull", "everyone")
    )
    who = (ANONYMOUS, ADA, Principal("bob"))
    assert [decide(rules, one, PULL, "hr/pay").permitted for one in who] == [False, True, False]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("everyone", [True, True, True, True]),
        ("anonymous", [True, True, True, True]),
        ("user:*", [False, True, True, True]),
        ("user:ada", [False, True, False, False]),
        ("group:builders", [False, True, False, True]),
    ],
)
def test_words_for_people(word: str, expected: list[bool]) -> None:
    """Each means whom the reference says that it means."""
    rules = access(allow("a", "pull", word), builders=["ada"])
    people = (ANONYMOUS, ADA, Principal("eve"), Principal("ci", frozenset({"builders"})))
    assert [decide(rules, one, PULL, "a").permitted for one in people] == expected


def test_who_has_no_name_is_in_no_group() -> None:
    """Credentials that name groups and nobody prove nothing."""
    rules = access(allow("a", "pull", "group:x"))
    assert not decide(rules, Principal(None, frozenset({"x"})), PULL, "a").permitted


def test_cve_2025_23208_a_group_that_was_left_gives_nothing() -> None:
    """Groups are those of this request and of these rules; none is kept from the ones before."""
    rules = access(allow("a", "pull", "group:x"))
    assert decide(rules, Principal("ada", frozenset({"x"})), PULL, "a").permitted
    assert not decide(rules, ADA, PULL, "a").permitted
    assert decide(access(allow("a", "pull", "group:x"), x=["ada"]), ADA, PULL, "a").permitted
    assert not decide(access(allow("a", "pull", "group:x"), x=["bob"]), ADA, PULL, "a").permitted


@given(books(), principals, actions, names)
def test_cve_2026_31801_no_tag_is_special(
    book: RuleBook, principal: Principal, action: Action, name: RepositoryName
) -> None:
    """What rules say of tags does not change who may do what; and a repository's name is no tag."""
    plain = [evolve(rule, tags=FREE) for rule in book.rules]
    with_tags = AccessRules(book.rules, book.groups).look_up(principal, action, name)
    without = AccessRules(plain, book.groups).look_up(principal, action, name)
    assert (with_tags.permitted, with_tags.by) == (without.permitted, without.by)


@given(name_texts(), actions)
@example("latest", PUSH)
@example("admin", PUSH)
def test_no_repository_is_special(text: str, action: Action) -> None:
    """A rule with a pattern that describes every name decides about every name alike."""
    for to in ("anonymous", "user:*"):
        assert decide(access(allow("**", "pull", to)), ADA, action, text).permitted is (action is PULL)


@given(st.text(), patterns().filter(lambda pattern: "{user}" in pattern), names | name_texts().map(parse_name))
@example("*", "{user}", parse_name("a"))
@example("**", "team/{user}", parse_name("team/a/b"))
@example("a/b", "{user}", parse_name("a/b"))
@example(".*", "{user}/x", parse_name("a/x"))
@example("a\n", "{user}", parse_name("a"))
@example("a|b", "{user}", parse_name("b"))
@example("\\w", "{user}", parse_name("a"))
@example("{user}", "{user}", parse_name("a"))
@example("", "{user}", parse_name("a"))
@example("A", "{user}", parse_name("a"))
def test_a_user_s_name_widens_nothing(user: str, pattern: str, name: RepositoryName) -> None:
    """A name in a pattern stands for itself: a user with any name has what is theirs by that very name, and no more."""
    rules = access(allow(pattern, "pull", "user:*"))
    permitted = decide(rules, Principal(user), PULL, name.text).permitted
    if permitted:
        assert user in name.text.split("/")
    elif user in name.text.split("/"):
        # The name could be a part, and so it has been compared.
        assert is_part(user)
    assert permitted is (deciding(RuleBook(rules_of(pattern)), Principal(user), PULL, name) is not None)


def rules_of(pattern: str) -> tuple[Rule, ...]:
    """Make one rule for all who have logged in."""
    return (Rule(1, (pattern,), frozenset({PULL}), permits=True, to=("user:*",)),)


@given(
    name_texts().filter(lambda text: "/" not in text and len(text) < 200), name_texts().filter(lambda t: len(t) < 50)
)
def test_a_user_has_a_place_of_their_own(user: str, rest: str) -> None:
    """What is below it is theirs, and nobody else's; the place itself is no repository of theirs."""
    rules = access(allow("team/{user}/**", "push", "user:*"))
    assert decide(rules, Principal(user), PUSH, f"team/{user}/{rest}").permitted
    others = (Principal(f"{user}x"), Principal(user[:-1]), ANONYMOUS, SOMEBODY, Principal(user.upper() + "A"))
    assert not any(decide(rules, other, PUSH, f"team/{user}/{rest}").permitted for other in others)
    assert not decide(rules, Principal(user), PUSH, f"team/{user}").permitted


def test_only_a_part_of_a_name_is_put_into_a_pattern() -> None:
    """What could be none is put nowhere, so that no pattern comes of it."""
    assert place_user("t/{user}/*", "ada") == "t/ada/*"
    assert [place_user("{user}", user) for user in (None, "*", "a/b", "Ada", "", "a" * 256)] == [None] * 6
    assert place_user("shared/*", "*") == "shared/*"


def test_a_decision_carries_what_its_rule_says_of_tags() -> None:
    """It is that of the rule that decides, and of no other."""
    rules = access(
        allow("a", ["push", "delete"], "user:ada", immutable="v*", protect=["stable"]), allow("a", "push", "user:*")
    )
    assert decide(rules, ADA, PUSH, "a").tags == TagRules(("v*",), ("stable",))
    assert decide(rules, Principal("bob"), PUSH, "a").tags == FREE


@pytest.mark.parametrize("who", [ANONYMOUS, ADA])
def test_what_is_public_is_permitted(who: Principal) -> None:
    """Rules are not about the front page and the health of the process."""
    assert decide(access(), who, Action.PUBLIC) == Decision(permitted=True, by="public")


@pytest.mark.parametrize("action", [Action.PING, Action.CATALOG])
def test_who_has_shown_nothing_is_asked_to_log_in(action: Action) -> None:
    """Docker learns only there that it can, even where it need not to pull; a token shows that it has been asked."""
    rules = access(allow("**", "pull", "anonymous"))
    assert decide(rules, ANONYMOUS, action) == Decision(permitted=False, by="not logged in")
    for who in (ADA, Principal(None, token=()), Principal(None, token=(Scope("repository", "a", frozenset()),))):
        assert decide(rules, who, action) == Decision(permitted=True, by="logged in")


@pytest.mark.parametrize("action", [Action.PING, Action.CATALOG])
@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((OPEN,), True),
        ((allow("**", "pull", "anonymous"), allow("**", ["push", "delete"], "everyone")), True),
        ((allow("a/*", "pull", "anonymous"), OPEN), True),
        ((deny("a/*", "pull", "user:eve"), OPEN), True),
        ((deny("a/*", "pull", "anonymous"), OPEN), False),
        ((OPEN, deny("a/*", "pull", "anonymous")), True),
        ((allow("**", ["pull", "push"], "everyone"),), False),
        ((allow("*", ["pull", "push", "delete"], "everyone"),), False),
        ((allow("**", ["pull", "push", "delete"], "user:*"),), False),
        ((), False),
    ],
)
def test_who_may_do_everything_need_not_log_in(
    action: Action,
    rules: tuple[dict[str, object], ...],
    expected: bool,  # noqa: FBT001 - what a test is given
) -> None:
    """Where all is open to everyone, nobody is asked."""
    assert decide(access(*rules), ANONYMOUS, action).permitted is expected
