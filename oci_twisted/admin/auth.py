"""
``oci-registry auth``: the rules of a configuration, tried out before the server has them.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from oci_twisted.auth.issuers.settings import IssuerInvalid, read_issuers
from oci_twisted.auth.policy import RulesInvalid, failed_tests, lint, parse_rules
from oci_twisted.auth.policy.explain import describe_principal, explain
from oci_twisted.auth.policy.words import WrongWord, parse_action, parse_who
from oci_twisted.spec.errors import NameInvalid
from oci_twisted.spec.names import parse_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oci_twisted.auth.issuers.settings import IssuerSettings
    from oci_twisted.auth.policy import RuleBook

_CONFIG = click.Path(dir_okay=False, path_type=Path)


@click.group()
def auth() -> None:
    """Who may do what: check the rules, and ask why they say what they say."""


@auth.command()
@click.argument("config", type=_CONFIG)
def check(config: Path) -> None:
    """Run the tests in the configuration CONFIG, and look through its rules for mistakes."""
    table = _read(config)
    book, issuers = _rules(table, config), _issuers(table, config)

    def may_claim(group: str) -> bool:
        return any(issuer.may_give(group) for issuer in issuers)

    complaints = [*lint(book, may_claim), *failed_tests(book)]
    if complaints:
        _fail(f"{config}: {complaint}" for complaint in complaints)
    click.echo(f"{config}: {_counted(len(book.rules), 'rule')}, {_counted(len(book.tests), 'test')} passed")


@auth.command(name="explain")
@click.argument("config", type=_CONFIG)
@click.argument("who")
@click.argument("action")
@click.argument("repository")
@click.option("--in", "groups", multiple=True, metavar="GROUP", help="A group that WHO is in by their credentials.")
def explain_command(config: Path, who: str, action: str, repository: str, groups: tuple[str, ...]) -> None:
    """
    Say which rule of CONFIG decides whether WHO may do ACTION in REPOSITORY, and why.

    WHO is anonymous, a user's name, user:* for any user, or group: and a name for anybody in it.  ACTION is pull,
    push or delete.
    """
    book = _rules(_read(config), config)
    try:
        principal = parse_who(who, groups)
    except WrongWord as wrong:
        _fail([f"WHO is {who!r}, {wrong}"])
    try:
        asked = parse_action(action)
    except WrongWord as wrong:
        _fail([f"ACTION is {action!r}, {wrong}"])
    try:
        name = parse_name(repository)
    except NameInvalid as error:
        _fail([str(error)])
    explanation = explain(book, principal, asked, name)
    may = "may" if explanation.decision.permitted else "may not"
    click.echo(f"{describe_principal(principal)} {may} {asked.value} {name}")
    for line in explanation.lines:
        click.echo(f"- {line}")


def _read(config: Path) -> dict[str, Any]:
    """Answer the table ``[auth]``."""
    try:
        table = tomllib.loads(config.read_text("utf-8")).get("auth")
    except OSError as error:
        _fail([f"cannot read the configuration {config}: {error.strerror}"])
    except ValueError as error:
        _fail([f"the configuration {config} is not TOML: {error}"])
    if not isinstance(table, dict):
        _fail([f"{config}: there is no table [auth], so nobody is asked who they are"])
    return table


def _rules(table: Mapping[str, object], config: Path) -> RuleBook:
    try:
        return parse_rules(table, str(config))
    except RulesInvalid as invalid:
        _fail(invalid.complaints)


def _issuers(table: Mapping[str, Any], config: Path) -> Sequence[IssuerSettings]:
    written = table.get("issuer", [])
    if not isinstance(written, list) or not all(isinstance(one, dict) for one in written):
        _fail([f"{config}: auth: issuer must be tables; write [[auth.issuer]] above each"])
    try:
        return read_issuers(written, config.parent)
    except IssuerInvalid as invalid:
        _fail([f"{config}: {invalid}"])


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _fail(sentences: Iterable[str]) -> NoReturn:
    for sentence in sentences:
        click.echo(sentence, err=True)
    sys.exit(1)
