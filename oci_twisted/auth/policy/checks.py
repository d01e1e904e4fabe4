"""
Tests that an operator writes beside the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.auth.policy.access import AccessRules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_twisted.auth.policy.rules import RuleBook


def failed_tests(book: RuleBook) -> list[str]:
    """Answer a sentence for everything that is not as a test says."""
    return list(_failures(book, AccessRules(book.rules, book.groups)))


def _failures(book: RuleBook, access: AccessRules) -> Iterator[str]:
    for test in book.tests:
        for expected, requests in ((True, test.may), (False, test.may_not)):
            for action, name in requests:
                decision = access.look_up(test.principal, action, name)
                if decision.permitted is not expected:
                    should = "should be able to" if expected else "should not be able to"
                    did = "allows" if decision.permitted else "denies"
                    why = "no rule allows it" if decision.by == "no rule" else f"{decision.by} {did} it"
                    yield f"{test}: {test.who} {should} {action.value} {name}, but {why}"
