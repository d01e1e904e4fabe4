"""
Decisions, explained.
"""

from __future__ import annotations

import pytest
from hypothesis import given

from oci_twisted.auth.policy import AccessRules, RuleBook, parse_rules
from oci_twisted.auth.policy.explain import describe_principal, explain
from oci_twisted.auth.policy.words import parse_who
from oci_twisted.interfaces import ANONYMOUS, Action, Principal
from oci_twisted.spec.names import RepositoryName, parse_name
from tests.auth.policy.books import actions, books, names, principals

BOOK = parse_rules(
    {
        "groups": {"builders": ["ada"]},
        "rule": [
            {"repositories": "hr/**", "deny": ["pull", "delete"], "to": "anonymous"},
            {"repositories": "library/**", "allow": "pull", "to": "anonymous"},
            {"repositories": ["team/{user}/**", "shared/*"], "allow": ["push", "delete"], "to": "group:builders"},
            {"repositories": "**", "allow": "delete", "to": "user:bob", "immutable": "v*", "protect": ["a", "b", "c"]},
        ],
    },
    "test.toml",
)


@given(books(), principals, actions, names)
def test_what_is_explained_is_what_is_decided(
    book: RuleBook, principal: Principal, action: Action, name: RepositoryName
) -> None:
    """The explanation ends with the decision, and says something of every rule up to the one that decides."""
    explanation = explain(book, principal, action, name)
    assert explanation.decision == AccessRules(book.rules, book.groups).look_up(principal, action, name)
    *before, last = explanation.lines
    assert [line.partition(" does not decide: ")[0] for line in before] == [str(rule) for rule in book.rules][
        : len(before)
    ]
    assert last.startswith(explanation.decision.by)


@pytest.mark.parametrize(
    ("who", "request_text", "last"),
    [
        ("anonymous", "pull hr/a", "rule 1 denies it: anonymous means anonymous, and hr/** means hr/a"),
        (
            "ada",
            "pull library/a",
            "rule 2 allows it: anonymous means ada too, as nobody has to log in, and library/** means library/a",
        ),
        ("ada", "push team/ada/a", "rule 3 allows it: group:builders means ada, and team/{user}/** means team/ada/a"),
        (
            "bob",
            "delete x",
            (
                "rule 4 allows it: user:bob means bob, and ** means x; tags that are v* stay as they are; "
                "tags that are a, b and c are kept"
            ),
        ),
        ("anonymous", "push x", "no rule decides, and what no rule allows is denied"),
    ],
)
def test_why(who: str, request_text: str, last: str) -> None:
    """The last line says which words made the rule decide."""
    action, name = request_text.split()
    assert explain(BOOK, parse_who(who), Action(action), parse_name(name)).lines[-1] == last


@pytest.mark.parametrize(
    ("who", "request_text", "line"),
    [
        ("ada", "push a", "rule 1 does not decide: it is about pull and delete"),
        ("ada", "pull hr/a", "rule 1 does not decide: it is for anonymous, and ada is not"),
        ("anonymous", "pull a", "rule 1 does not decide: it is about hr/**, and a is not"),
        ("bob", "push team/bob/a", "rule 3 does not decide: it is for group:builders, and bob is not"),
        ("ada", "push a", "rule 3 does not decide: it is about team/{user}/** and shared/*, and a is not"),
        (
            "Eve",
            "push team/eve/a",
            (
                "rule 3 does not decide: it is about team/{user}/** and shared/*, and team/eve/a is not: "
                "'Eve' can be no part of a repository's name, so there is no {user}"
            ),
        ),
        (
            "group:builders",
            "push a",
            "rule 3 does not decide: it is about team/{user}/** and shared/*, and a is not",
        ),
    ],
)
def test_why_not(who: str, request_text: str, line: str) -> None:
    """A rule that does not decide is about something else, or somebody else, and the line says which."""
    action, name = request_text.split()
    principal = parse_who(who, ("builders",) if who == "Eve" else ())
    assert line in explain(BOOK, principal, Action(action), parse_name(name)).lines


def test_who_has_no_name_has_no_place() -> None:
    """A pattern with a user in it is explained to who has not logged in."""
    rule = {"repositories": "{user}", "allow": "pull", "to": "anonymous"}
    (line, _) = explain(parse_rules({"rule": [rule]}, "x"), ANONYMOUS, Action.PULL, parse_name("a")).lines
    assert line == "rule 1 does not decide: it is about {user}, and a is not: who has not logged in has no {user}"


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        (ANONYMOUS, "anonymous"),
        (Principal("ada", frozenset({"y", "x"})), "ada in x and y"),
        (Principal("*"), "any user"),
        (Principal("*", frozenset({"x"})), "any user in x"),
    ],
)
def test_people_in_sentences(principal: Principal, expected: str) -> None:
    """They are named with the groups that their credentials say."""
    assert describe_principal(principal) == expected
