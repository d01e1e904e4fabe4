"""
Rules, looked through for mistakes.
"""

from __future__ import annotations

import re
from itertools import chain, combinations, product

import pytest
from hypothesis import given, settings

from oci_twisted.auth.policy import AccessRules, RuleBook, lint, parse_rules
from oci_twisted.auth.policy.rules import ACTIONS
from oci_twisted.interfaces import ANONYMOUS, Action, Principal
from oci_twisted.spec.names import parse_name, parse_tag
from tests.auth.policy.books import CLAIMED, PARTS, USERS, books

HIDDEN = re.compile(r"rule (\d+) can never decide(?: a (\w+))?: ")
EVADED = re.compile(r"rule (\d+) denies what needs no login: rule (\d+) lets everyone (\w+) (.+)")

UNDONE = re.compile(
    r"rule (\d+) does not let the tag (\S+) of (\S+) be moved, but rule (\d+) lets the same people delete"
)

NAMES = [parse_name("/".join(parts)) for count in (1, 2, 3) for parts in product((*PARTS, "zoe"), repeat=count)]
MEMBERSHIPS = [frozenset(some) for count in range(3) for some in combinations(sorted(CLAIMED), count)]
MOVES = (Action.PUSH, Action.DELETE)
PEOPLE = [ANONYMOUS, *(Principal(user, groups) for user, groups in product(USERS, MEMBERSHIPS))]


def found(*rules: dict[str, object], claimed: tuple[str, ...] = (), **groups: list[str]) -> list[str]:
    """Look through what an operator has written."""
    return lint(parse_rules({"rule": list(rules), "groups": groups}, "test.toml"), claimed.__contains__)


def rule(repositories: object, to: object, **more: object) -> dict[str, object]:
    """Write a rule."""
    return {"repositories": repositories, "to": to, **({"allow": "pull"} if "deny" not in more else {}), **more}


@given(books())
@settings(max_examples=200, deadline=None)
def test_a_rule_that_can_never_decide_never_does(book: RuleBook) -> None:
    """For whoever asks for whatever, it is another rule that decides."""
    hidden = set()
    for position, action in chain.from_iterable(map(HIDDEN.findall, lint(book, CLAIMED.__contains__))):
        hidden |= {(f"rule {position}", Action(action))} if action else {(f"rule {position}", a) for a in ACTIONS}
    rules = AccessRules(book.rules, book.groups)
    if hidden:
        for person, action, name in product(PEOPLE, ACTIONS, NAMES):
            assert (rules.look_up(person, action, name).by, action) not in hidden


@given(books())
@settings(deadline=None)
def test_what_is_said_to_need_no_login_needs_none(book: RuleBook) -> None:
    """The name in the sentence is one that anonymous may have, and somebody who has logged in may not."""
    rules = AccessRules(book.rules, book.groups)
    people = [*PEOPLE, *(Principal("somebody", groups) for groups in MEMBERSHIPS)]
    for denies, allows, action, text in chain.from_iterable(map(EVADED.findall, lint(book, CLAIMED.__contains__))):
        name = parse_name(text)
        decision = rules.look_up(ANONYMOUS, Action(action), name)
        assert (decision.permitted, decision.by) == (True, f"rule {allows}")
        assert f"rule {denies}" in {rules.look_up(person, Action(action), name).by for person in people}


@given(books(5))
@settings(max_examples=300, deadline=None)
def test_what_is_said_to_be_undone_can_be(book: RuleBook) -> None:
    """Somebody may not move the tag in the sentence, and may delete it, in the repository in the sentence."""
    rules = AccessRules(book.rules, book.groups)
    people = [*PEOPLE, *(Principal("somebody", groups) for groups in MEMBERSHIPS)]
    for pins, text, name, deletes in chain.from_iterable(map(UNDONE.findall, lint(book, CLAIMED.__contains__))):
        tag, repository = parse_tag(text), parse_name(name)
        decided = [[rules.look_up(one, action, repository) for action in MOVES] for one in people]
        assert [f"rule {pins}", f"rule {deletes}"] in [[push.by, delete.by] for push, delete in decided]
        assert [True] * 4 in [
            [push.permitted, push.tags.pins(tag), delete.permitted, not delete.tags.keeps(tag)]
            for push, delete in decided
        ]


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ([rule("a/**", "anonymous"), rule("a/*", "user:ada")], "rule 2 can never decide: rule 1 always comes first"),
        (
            [rule("a", "user:*"), rule("b", "user:*"), rule("c", "user:*"), rule(["a", "b"], "user:ada")],
            "rule 4 can never decide: rules 1 and 2 leave nothing to it",
        ),
        (
            [rule("**", "user:*", allow=["pull", "push"]), rule("a", "user:*", allow="push", immutable="v*")],
            "rule 2 can never decide: rule 1 always comes first",
        ),
        (
            [
                rule("**", "user:*", allow=["pull", "push"]),
                rule("a", "user:*", allow=["push", "delete"], immutable="v*"),
            ],
            "rule 2 can never decide a push: rule 1 always comes first",
        ),
        (
            [rule("**", "user:*"), rule("hr/*", "everyone", deny=["pull", "push"])],
            None,
        ),
        (
            [rule("**", "everyone"), rule("hr/*", "user:*", deny=["pull", "push"])],
            "rule 2 can never decide a pull: rule 1 always comes first",
        ),
        ([rule("team/*/**", "user:*"), rule("team/{user}/**", "user:*")], "rule 2 can never decide: rule 1 always"),
        ([rule("team/{user}/**", "user:*"), rule("team/*/**", "user:*")], None),
        ([rule("team/{user}/**", "user:*"), rule("team/ada/**", "user:ada")], "rule 2 can never decide: rule 1 always"),
        ([rule("team/{user}/**", "user:Ada")], "rule 1 can never decide: none of those whom it is for has a name"),
        ([rule("a", "user:*"), rule("a", "anonymous")], None),
        ([rule("a", "user:*"), rule("a", "group:x")], "rule 2 can never decide: rule 1 always comes first"),
        ([rule("a", "group:x"), rule("a", ["user:ada", "user:bob"])], "rule 2 can never decide: rule 1 always"),
        ([rule("a", "user:ada"), rule("a", "group:x")], None),
        ([rule("a", ["user:ada", "user:bob"]), rule("a", "group:x")], "rule 2 can never decide: rule 1 always"),
        ([rule("a", ["user:ada", "user:bob"]), rule("a", "group:claimed")], None),
        (
            [rule("library/**", "everyone"), rule("library/**", "group:x", allow=["pull", "push"])],
            None,
        ),
        ([rule("Team/*", "user:*")], "rule 1: no repository can be called Team/*: names are lower-case"),
        ([rule(["a", "/b"], "user:*")], "rule 1: no repository can be called /b: "),
        ([rule("a", "group:clamed")], "rule 1: nobody is in the group clamed; did you mean x?"),
        ([rule("a", "user:ada", allow="push", immutable="v/*")], "rule 1: no tag can be called v/*: "),
        ([rule("a", "user:ada", allow="push", immutable=["*", "v*.*", "*-rc"])], None),
        ([rule("a", "user:ada", allow="delete", protect="-rc")], "rule 1: no tag can be called -rc: "),
        (
            [rule("a/**", "user:eve", deny="pull"), rule("a/*", "anonymous")],
            "rule 1 denies what needs no login: rule 2 lets everyone pull a/a",
        ),
        ([rule("a/**", "anonymous", deny="pull"), rule("a/*", "user:*")], None),
        ([rule("a/**", "user:eve", deny="push"), rule("a/*", "anonymous")], None),
        ([rule("{user}/**", "user:eve", deny="pull"), rule("**", "anonymous")], "lets everyone pull eve/a"),
        ([rule("{user}/**", "group:claimed", deny="pull"), rule("**", "anonymous")], "everyone pull somebody/a"),
        (
            [rule("a/*", "user:*", allow="push", immutable="v*"), rule("a/**", "user:*", allow="delete")],
            "rule 1 does not let the tag v1 of a/a be moved, but rule 2 lets the same people delete it and push it",
        ),
        (
            [rule("**", "user:*", allow="delete"), rule("a/{user}", "group:x", allow="push", immutable="*")],
            "rule 2 does not let the tag 1 of a/ada be moved, but rule 1 lets the same people",
        ),
        ([rule("a", "user:*", allow="push", immutable="v*"), rule("a", "user:*", allow="delete", protect="*")], None),
        ([rule("a", "user:*", allow=["push", "delete"], immutable="v*")], None),
        ([rule("a", "group:x", allow="push", immutable="v*"), rule("a", "user:eve", allow="delete")], None),
        ([rule("a", "user:*", allow="push", immutable="v*"), rule("b", "user:*", allow="delete")], None),
        ([rule("a", "user:*", allow="push", immutable="v*"), rule("a", "user:*", deny="delete")], None),
        (
            [
                rule("a", "user:*", allow="push", immutable="v*"),
                rule("a", "user:*", deny="delete"),
                rule("**", "user:*", allow="delete"),
            ],
            None,
        ),
        ([], "there is no rule, so nobody may do anything; write [[auth.rule]]"),
    ],
)
def test_a_mistake_is_found(rules: list[dict[str, object]], sentence: str | None) -> None:
    """What cannot be meant is said in a sentence; what can is let be."""
    sentences = found(*rules, claimed=("claimed",), x=["ada", "bob"])
    if sentence is None:
        assert sentences == []
    else:
        (only,) = sentences
        assert sentence in only


def test_a_group_of_which_nothing_is_known() -> None:
    """Where there are no groups, the sentence says where to list them; a test may name one in vain too."""
    assert found(rule("a", "group:x")) == ["rule 1: nobody is in the group x; list its users in [auth.groups]"]
    assert found(rule("a", "group:x"), x=[]) == ["rule 1: nobody is in the group x; list its users in [auth.groups]"]
    tests = [{"who": "group:builers", "may": "pull a"}, {"who": "ada", "in": "builders", "may": "pull a"}]
    book = parse_rules({"rule": [rule("a", "user:*")], "groups": {"builders": ["ada"]}, "test": tests}, "test.toml")
    assert lint(book) == ["test 1: nobody is in the group builers; did you mean builders?"]


def test_everything_is_said() -> None:
    """All that is wrong is said at once."""
    assert len(found(rule("A", "group:x"), rule("B", "user:*", allow="push", immutable="/"))) == 4


def test_what_is_too_much_to_look_through_is_let_be() -> None:
    """A rule is not called hidden when that could not be proved."""
    stars = [f"*{one}{other}*" for one, other in product("abc", "def")]
    assert found(rule(["*c*", *stars], "user:*"), rule(f"*a{'*b' * 12}*c*", "user:*")) == []


def test_what_is_too_much_to_look_through_is_not_called_evaded() -> None:
    """Nor is a denial called evaded when no name was found."""
    stars = [f"*{one}{other}*" for one, other in product("abc", "def")]
    many = f"*a{'*b' * 12}*c*"
    rules = [rule(["*c*", *stars], "user:*"), rule(many, "user:*", deny="pull"), rule("**", "anonymous")]
    assert found(*rules) == []


@given(books(5))
@settings(deadline=None)
def test_many_are_looked_at_as_one(book: RuleBook) -> None:
    """Who is in a group with others to whom the same rules apply is looked at with them, and nothing else is said."""
    everybody = frozenset(f"u{number}" for number in range(100))
    crowded = RuleBook(book.rules, {group: members | everybody for group, members in book.groups.items() if members})
    hidden = {sentence for sentence in lint(crowded, CLAIMED.__contains__) if HIDDEN.match(sentence)}
    rules = AccessRules(crowded.rules, crowded.groups)
    for person, action, name in product((Principal("u0"), Principal("u99")), ACTIONS, NAMES):
        assert not any(s.startswith(f"{rules.look_up(person, action, name).by} can never decide: ") for s in hidden)
