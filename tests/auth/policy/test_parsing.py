"""
Rules, read from a configuration.
"""

from __future__ import annotations

import tomllib
from textwrap import dedent

import pytest

from oci_twisted.auth.policy import RuleBook, RulesInvalid, parse_rules
from oci_twisted.auth.policy.rules import ACTIONS, AccessTest, Rule
from oci_twisted.auth.policy.words import WrongWord, parse_who
from oci_twisted.interfaces import ANONYMOUS, Action, Principal
from oci_twisted.spec.names import parse_name
from oci_twisted.spec.tagrules import TagRules

RULE: dict[str, object] = {"repositories": ["a"], "allow": ["pull"], "to": ["user:*"]}
TEST: dict[str, object] = {"who": "ada", "may": "pull a"}


def complaints(table: dict[str, object]) -> tuple[str, ...]:
    """Read what cannot be used."""
    with pytest.raises(RulesInvalid) as caught:
        parse_rules(table, "registry.toml")
    return caught.value.complaints


def test_a_whole_configuration() -> None:
    """Every key is read; a text may stand for a list of one; what is not about rules is left to others."""
    document = """
        [auth]
        realm = "example"

        [auth.groups]
        builders = ["ada", "bob"]
        bosses = "eve"

        [[auth.rule]]
        repositories = "library/**"
        allow = "pull"
        to = "anonymous"

        [[auth.rule]]
        repositories = ["team/{user}/**", "shared/*"]
        allow = ["pull", "push", "delete"]
        to = ["user:*", "group:builders"]
        immutable = ["v*"]
        protect = "stable"

        [[auth.rule]]
        repositories = ["hr/**"]
        deny = ["pull"]
        to = ["everyone"]

        [[auth.test]]
        who = "anonymous"
        may = "pull library/alpine"
        may_not = ["push library/alpine", "pull team/ada/app"]

        [[auth.test]]
        who = "ci"
        in = "builders"
        may = ["push shared/app"]
    """
    pull, push = Action.PULL, Action.PUSH
    library, team, shared = map(parse_name, ("library/alpine", "team/ada/app", "shared/app"))
    assert parse_rules(tomllib.loads(dedent(document))["auth"], "registry.toml") == RuleBook(
        (
            Rule(1, ("library/**",), frozenset({pull}), permits=True, to=("anonymous",)),
            Rule(
                2,
                ("team/{user}/**", "shared/*"),
                frozenset(ACTIONS),
                permits=True,
                to=("user:*", "group:builders"),
                tags=TagRules(("v*",), ("stable",)),
            ),
            Rule(3, ("hr/**",), frozenset({pull}), permits=False, to=("everyone",)),
        ),
        {"builders": frozenset({"ada", "bob"}), "bosses": frozenset({"eve"})},
        (
            AccessTest(1, "anonymous", ANONYMOUS, ((pull, library),), ((push, library), (pull, team))),
            AccessTest(2, "ci", Principal("ci", frozenset({"builders"})), ((push, shared),)),
        ),
    )


def test_there_need_be_no_rules() -> None:
    """Nothing is read from nothing."""
    assert parse_rules({"realm": "example"}, "registry.toml") == RuleBook()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"repositories": None}, "it does not have repositories"),
        ({"to": None}, "it does not have to"),
        ({"allow": None}, "it has neither allow nor deny"),
        ({"deny": ["push"]}, "it allows and denies; make two rules of it"),
        ({"allow": []}, "allow is empty"),
        ({"to": []}, "to is empty"),
        ({"repositories": []}, "repositories is empty"),
        ({"repositories": 3}, "repositories is 3, and must be a text or a list of texts"),
        ({"to": [True]}, "to is [True], and must be a text or a list of texts"),
        ({"to": ""}, "to is '', and must be"),
        ({"allow": ["pul"]}, "allow has 'pul', and there is only pull, push and delete; did you mean pull?"),
        ({"allow": "public"}, "allow has 'public', and there is only pull, push and delete"),
        (
            {"allow": None, "deny": "PUSH"},
            "deny has 'PUSH', and there is only pull, push and delete; did you mean push?",
        ),
        ({"to": "ada"}, "to has 'ada', which is nobody; did you mean user:ada or group:ada?"),
        ({"to": "everybody"}, "to has 'everybody', which is nobody; did you mean everyone?"),
        ({"to": "anonymus"}, "to has 'anonymus', which is nobody; did you mean anonymous?"),
        ({"to": "*"}, "to has '*', which is nobody; did you mean everyone or user:*?"),
        ({"to": "user:"}, "to has 'user:', which is nobody; did you mean user:*?"),
        ({"to": "groups:x"}, "to has 'groups:x', which is nobody; did you mean group:x?"),
        ({"to": "user:a*"}, "to has 'user:a*', and a star stands for nothing here"),
        ({"to": "group:*"}, "to has 'group:*', and a star stands for nothing here"),
        ({"to": "user:anonymous"}, "to has 'user:anonymous', who is nobody's user; did you mean anonymous?"),
        ({"repositories": "{usr}/*"}, "repositories has '{usr}/*', and there is nothing in braces but {user}"),
        ({"repositories": "a/{user"}, "repositories has 'a/{user', and there is nothing in braces but {user}"),
        ({"repositories": "a/user}"}, "repositories has 'a/user}', and there is nothing in braces but {user}"),
        ({"repositories": "{}"}, "repositories has '{}', and there is nothing in braces but {user}"),
        ({"repositories": "team-{user}/*"}, "repositories has 'team-{user}/*', where {user} has to stand by itself"),
        ({"repositories": "{user}{user}"}, "repositories has '{user}{user}', where {user} has to stand by itself"),
        ({"repositories": "{user}**"}, "repositories has '{user}**', where {user} has to stand by itself"),
        ({"repostories": "a"}, "there is no repostories; did you mean repositories?"),
        ({"immutable": "v*"}, "immutable means nothing in a rule that allows neither push nor delete"),
        ({"allow": "push", "protect": "v*"}, "protect means nothing in a rule that does not allow delete"),
        ({"allow": None, "deny": "delete", "protect": "v*"}, "protect means nothing in a rule that does not allow"),
        ({"allow": "push", "immutable": [1]}, "immutable is [1], and must be a text or a list of texts"),
    ],
)
def test_a_rule_that_is_wrong(change: dict[str, object], sentence: str) -> None:
    """The sentence names the rule as one counts, and says what to write."""
    wrong = {key: value for key, value in {**RULE, **change}.items() if value is not None}
    (found,) = complaints({"rule": [RULE, wrong]})
    assert found.startswith(f"registry.toml: rule 2: {sentence}")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"who": None}, "it does not say who: write a user's name, or anonymous"),
        ({"who": ["ada"]}, "it does not say who"),
        ({"who": "everyone"}, "who is 'everyone', who is nobody in particular: write anonymous, ada, user:ada"),
        ({"who": "usr:ada"}, "who is 'usr:ada', who is nobody in particular"),
        ({"who": "*"}, "who is '*', who is nobody in particular"),
        ({"who": "user:a*"}, "who is 'user:a*', and a star stands for nothing here"),
        ({"who": "anonymous", "in": "x"}, "who is 'anonymous', and is in no group: only who has logged in can be"),
        ({"may": None}, "it asks nothing: write may or may_not, and such as pull library/alpine"),
        ({"may": "pull"}, "may has 'pull', and has to be an action and a repository, such as pull library/alpine"),
        ({"may": "pull a b"}, "may has 'pull a b', and has to be an action and a repository"),
        ({"may": "fetch a"}, "may has 'fetch a', and there is only pull, push and delete; did you mean"),
        ({"may": "pull A"}, "may has 'pull A', but 'A' is not a repository name"),
        ({"maynot": "pull a"}, "there is no maynot; did you mean may_not?"),
        ({"in": 1}, "in is 1, and must be a text or a list of texts"),
    ],
)
def test_a_test_that_is_wrong(change: dict[str, object], sentence: str) -> None:
    """The sentence names the test as one counts, and says what to write."""
    wrong = {key: value for key, value in {**TEST, **change}.items() if value is not None}
    (found,) = complaints({"test": [TEST, wrong]})
    assert found.startswith(f"registry.toml: test 2: {sentence}")


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"rules": [RULE]}, "auth: there is no rules; did you mean rule?"),
        ({"tests": []}, "auth: there is no tests; did you mean test?"),
        ({"group": {}}, "auth: there is no group; did you mean groups?"),
        ({"rule": RULE}, "auth: rule must be tables; write [[auth.rule]] above each"),
        ({"test": ["pull a"]}, "auth: test must be tables; write [[auth.test]] above each"),
        ({"groups": ["ada"]}, "groups: it must be a table; write [auth.groups], and below it a line for each group"),
        ({"groups": {"x": 1}}, "groups: x is 1, and must be a text or a list of texts"),
        ({"groups": {"x*": "ada"}}, "groups: 'x*' is no name of a group"),
        ({"groups": {"": "ada"}}, "groups: '' is no name of a group"),
        ({"groups": {"x": "user:ada"}}, "groups: x has 'user:ada', and may only have names of users, such as ada"),
        ({"groups": {"x": "group:y"}}, "groups: x has 'group:y', and may only have names of users"),
        ({"groups": {"x": "everyone"}}, "groups: x has 'everyone', and may only have names of users"),
        ({"groups": {"x": "a*"}}, "groups: x has 'a*', and may only have names of users"),
    ],
)
def test_tables_that_are_wrong(table: dict[str, object], sentence: str) -> None:
    """So are the tables themselves."""
    (found,) = complaints(table)
    assert found.startswith(f"registry.toml: {sentence}")


def test_everything_that_is_wrong_is_said() -> None:
    """All complaints come at once, in the order of the file, and are what the error says."""
    table: dict[str, object] = {
        "rule": [{**RULE, "to": ["x", "y"]}, RULE, {**RULE, "allow": "pul", "foo": 1}],
        "test": [{**TEST, "may": "pull /"}],
    }
    places = [complaint.split(": ")[1] for complaint in complaints(table)]
    assert places == ["rule 1", "rule 1", "rule 3", "rule 3", "test 1"]
    assert str(RulesInvalid(["one", "two"])) == "one\ntwo"


@pytest.mark.parametrize(
    ("text", "groups", "expected"),
    [
        ("anonymous", (), ANONYMOUS),
        ("ada", (), Principal("ada")),
        ("user:ada", ("x",), Principal("ada", frozenset({"x"}))),
        ("user:*", (), Principal("*")),
        ("group:x", ("y",), Principal("*", frozenset({"x", "y"}))),
        ("user:repo:a/b", (), Principal("repo:a/b")),
        ("Ada Lovelace", (), Principal("Ada Lovelace")),
    ],
)
def test_who(text: str, groups: tuple[str, ...], expected: Principal) -> None:
    """Any user, or anybody in a group, is one of whom nothing else is known."""
    assert parse_who(text, groups) == expected


@pytest.mark.parametrize("text", ["", "everyone", "a:b", "a*", "user:", "group:", "user:everyone"])
def test_nobody(text: str) -> None:
    """What could be read in two ways is refused."""
    with pytest.raises(WrongWord):
        parse_who(text)
