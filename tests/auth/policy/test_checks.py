"""
Tests that stand beside the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given

from oci_twisted.auth.policy import RuleBook, failed_tests, parse_rules
from oci_twisted.auth.policy.rules import AccessTest
from tests.auth.policy.books import actions, books, deciding, names, principals

if TYPE_CHECKING:
    from oci_twisted.interfaces import Action, Principal
    from oci_twisted.spec.names import RepositoryName

RULES = [
    {"repositories": "hr/**", "deny": "pull", "to": "everyone"},
    {"repositories": "**", "allow": "pull", "to": "anonymous"},
    {"repositories": "team/{user}/**", "allow": "push", "to": "user:*"},
    {"repositories": "shared/*", "allow": "push", "to": "group:builders"},
]


def failures(*tests: dict[str, object]) -> list[str]:
    """Run tests."""
    return failed_tests(parse_rules({"rule": RULES, "test": list(tests), "groups": {"builders": ["ada"]}}, "test.toml"))


def test_tests_that_hold() -> None:
    """Nothing is said of what is as it should be."""
    assert not failures(
        {"who": "anonymous", "may": "pull a", "may_not": ["pull hr/pay", "push team/anonymous/a"]},
        {"who": "ada", "may": ["push shared/a", "push team/ada/a"], "may_not": ["push team/bob/a", "delete shared/a"]},
        {"who": "ci", "may_not": "push shared/a"},
        {"who": "ci", "in": "builders", "may": "push shared/a"},
        {"who": "group:builders", "may": "push shared/a", "may_not": "push team/ada/a"},
        {"who": "user:*", "may": "pull shared/a", "may_not": "push shared/a"},
    )


def test_tests_that_do_not_hold() -> None:
    """A sentence for each says who, what was expected, and which rule decided."""
    assert failures(
        {"who": "anonymous", "may": ["pull hr/pay", "pull a", "push a"], "may_not": "pull b"},
        {"who": "group:builders", "may_not": "push shared/a"},
    ) == [
        "test 1: anonymous should be able to pull hr/pay, but rule 1 denies it",
        "test 1: anonymous should be able to push a, but no rule allows it",
        "test 1: anonymous should not be able to pull b, but rule 2 allows it",
        "test 2: group:builders should not be able to push shared/a, but rule 4 allows it",
    ]


@given(books(), principals, actions, names)
def test_a_test_holds_exactly_when_it_is_so(
    book: RuleBook, principal: Principal, action: Action, name: RepositoryName
) -> None:
    """Of two tests that ask for opposite things, one holds."""
    rule = deciding(book, principal, action, name)
    asked = ((action, name),)
    may = AccessTest(1, "one", principal, may=asked)
    may_not = AccessTest(2, "one", principal, may_not=asked)
    (failure,) = failed_tests(RuleBook(book.rules, book.groups, (may, may_not)))
    assert failure.startswith("test 2" if rule is not None and rule.permits else "test 1")
