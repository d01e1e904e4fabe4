"""
What the settings say of who may do what, checked before anything is served.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from twisted.logger import Logger

from oci_twisted.app.auth import Auth
from oci_twisted.app.exposure import credentials_in_the_clear
from oci_twisted.app.settings import SettingError
from oci_twisted.auth.issuers import read_issuers
from oci_twisted.auth.policy import RulesInvalid, failed_tests, lint, parse_rules

if TYPE_CHECKING:
    from oci_twisted.app.settings import Settings

_log = Logger(namespace="oci_twisted")

_WHERE = "the configuration"
_NO_RULES = """\
somebody can log in, but no rule says what they may do; a rule that lets every user do everything is

[[auth.rule]]
repositories = ["**"]
allow = ["pull", "push", "delete"]
to = ["user:*"]"""


def is_guarded(settings: Settings) -> bool:
    """Answer whether anybody is asked who they are."""
    return bool(settings.rules or settings.issuers or settings.htpasswd or settings.tls_client_ca)


def read_auth(settings: Settings) -> Auth | None:
    """
    Answer who may do what; ``None`` where nobody is asked.

    What the lint has to say of the rules is logged, and keeps nobody from serving.

    :raise RulesInvalid: when the rules cannot be read, or a test of theirs does not hold.
    :raise IssuerInvalid: when an issuer cannot be read.
    :raise SettingError: when the settings do not go together.
    """
    if not is_guarded(settings):
        if settings.tests or settings.groups:
            raise SettingError("there are groups or tests of access rules, and no rule: write one, under [[auth.rule]]")
        return None
    if not settings.rules:
        raise SettingError(_NO_RULES)
    in_the_clear = credentials_in_the_clear(settings)
    if in_the_clear is not None:
        raise SettingError(in_the_clear)
    issuers = read_issuers(settings.issuers, Path())
    table = {"rule": list(settings.rules), "test": list(settings.tests), "groups": settings.groups or {}}
    rules = parse_rules(table, _WHERE)
    failed = failed_tests(rules)
    if failed:
        raise RulesInvalid([f"{_WHERE}: {complaint}" for complaint in failed])
    for complaint in lint(rules, lambda group: any(issuer.may_give(group) for issuer in issuers)):
        _log.warn("{where}: {complaint}", where=_WHERE, complaint=complaint)
    return Auth(
        rules=rules,
        htpasswd=settings.htpasswd,
        issuers=issuers,
        certificates=settings.tls_client_ca is not None,
        basic=settings.challenge == "basic",
        realm=settings.realm,
        service=settings.service,
        token_lifetime=settings.token_lifetime,
        login_lifetime=settings.login_lifetime,
        signing_key=settings.signing_key,
        key_lifetime=settings.key_lifetime,
    )
