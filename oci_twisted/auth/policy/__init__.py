"""Rules that say who may do what: read, applied, tested, looked through for mistakes, and explained."""

from oci_twisted.auth.policy.access import AccessRules
from oci_twisted.auth.policy.checks import failed_tests
from oci_twisted.auth.policy.lint import lint
from oci_twisted.auth.policy.parsing import RulesInvalid, parse_rules
from oci_twisted.auth.policy.rules import RuleBook

__all__ = ["AccessRules", "RuleBook", "RulesInvalid", "failed_tests", "lint", "parse_rules"]
