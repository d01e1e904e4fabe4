"""
``oci-registry token``: access tokens, made, listed and revoked while the server runs or not.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from oci_twisted.app.settings import SettingError, load_settings
from oci_twisted.app.settings.values import TIME
from oci_twisted.auth.tokens.access import ROBOT, AccessTokens
from oci_twisted.auth.tokens.texts import is_text
from oci_twisted.interfaces import TokenKind
from oci_twisted.spec.errors import RegistryError
from oci_twisted.spec.pages import PageRequest
from oci_twisted.spec.scopes import ANYTHING, REGISTRY, REPOSITORY, Scope
from oci_twisted.storage.disk.metadata import DatabaseUnusable
from oci_twisted.storage.disk.tokens import SqliteTokens
from oci_twisted.stream.pools import InlinePool

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence

    from twisted.python.failure import Failure

    from oci_twisted.interfaces import AccessToken, IAccessTokens

T = TypeVar("T")

FILE = "tokens.sqlite"
_NEVER = "never"
_PAGE = 1000

# A colon would end the user name in Basic, and the others mean something in the patterns of a policy.
_OWNER = re.compile(r"[^\s:/*{}\x00-\x1f\x7f]{1,128}")
_MAY = re.compile(r"((?:pull|push|delete|\*)(?:,(?:pull|push|delete|\*))*) +([a-z0-9._/*-]{1,255})")
_CATALOG = "catalog"


def _root(_context: click.Context, _parameter: click.Parameter, value: Path | None) -> Path | None:
    return None if value is None else value.expanduser()


_of_a_registry = (
    click.option("--root", type=click.Path(path_type=Path), callback=_root, help="The folder of the registry."),
    click.option("--config", type=click.Path(path_type=Path), help="The registry's configuration, which names it."),
)


def _options(command: Any) -> Any:  # noqa: ANN401 - click's decorators take anything
    for option in reversed(_of_a_registry):
        command = option(command)
    return command


@click.group()
def token() -> None:
    """Make, list and revoke access tokens, while the server runs or not."""


@token.command()
@_options
@click.argument("owner")
@click.argument("name")
@click.option("--expires", default="90 d", show_default=True, help='When it ends: such as "12 h" or "30 d"; or never.')
@click.option(
    "--may",
    "wishes",
    multiple=True,
    metavar="ACTIONS PATTERN",
    help='What it is good for at most, such as "pull,push team/*"; or "catalog". Without, for all that OWNER may do.',
)
def create(root: Path | None, config: Path | None, owner: str, name: str, expires: str, wishes: Sequence[str]) -> None:
    """
    Make a token for OWNER, and call it NAME.

    It is printed once, and can be used in the place of a password. An OWNER that begins with robot+, such as robot+ci,
    is a user by itself, who has no password.
    """
    if _OWNER.fullmatch(owner) is None or owner == ROBOT:
        raise click.ClickException(
            f"{owner!r} cannot be a user's name: leave out spaces, colons, slashes and asterisks"
        )
    if not name.isprintable() or not name:
        raise click.ClickException("the name of a token is a text that can be printed")
    kind = TokenKind.ROBOT if owner.startswith(ROBOT) else TokenKind.PERSONAL
    limits = tuple(map(_scope, wishes)) or None
    lifetime = _lifetime(expires)
    with _store(root, config) as store:
        clock = Clock()
        clock.advance(time.time())
        text, made = _at_once(AccessTokens(store, clock).create(owner, name, kind, limits, lifetime))
    click.echo(text)
    click.echo(f"This is the token {made.token_id} of {owner}, shown now and never again; {_ends(made)}.", err=True)


@token.command("list")
@_options
@click.argument("owner", required=False)
def list_tokens(root: Path | None, config: Path | None, owner: str | None) -> None:
    """List the tokens of OWNER, or of everybody, without their texts, which nobody knows."""
    with _store(root, config) as store:
        found = _all(store, owner)
    rows = [("ID", "OWNER", "KIND", "CREATED", "EXPIRES", "USED", "MAY", "NAME"), *map(_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@token.command()
@_options
@click.argument("token_ids", metavar="ID...", nargs=-1)
@click.option("--owner", help="Revoke all of this user's.")
def revoke(root: Path | None, config: Path | None, token_ids: Sequence[str], owner: str | None) -> None:
    """Revoke tokens by their IDs, which are in the list. Each is refused from the next request on."""
    if not token_ids and owner is None:
        raise click.UsageError("name the ID of a token, or an --owner")
    with _store(root, config) as store:
        mine = [] if owner is None else [one.token_id for one in _all(store, owner)]
        unknown = [one for one in (*token_ids, *mine) if not _at_once(store.revoke_token(one))]
    if any(map(is_text, unknown)):
        # Not repeated, because it may be good all the same, and what is written here may be kept.
        raise click.ClickException("that is a token, and not its ID; see oci-registry token list")
    if unknown:
        raise click.ClickException(f"there is no token {', '.join(unknown)}; see oci-registry token list")


@contextmanager
def _store(root: Path | None, config: Path | None) -> Iterator[IAccessTokens]:
    """Open the store of a registry, and close it; what goes wrong becomes a sentence for the operator."""
    try:
        path = _path(root, config)
        store = SqliteTokens(path, InlinePool())
        try:
            yield store
        finally:
            _at_once(store.close())
    except (SettingError, DatabaseUnusable, RegistryError) as error:
        raise click.ClickException(str(error)) from error


def _path(root: Path | None, config: Path | None) -> Path:
    settings = load_settings({} if root is None else {"root": str(root)}, os.environ, config)
    folder = settings.root
    # Made when the registry is started first; a mistyped folder has none.
    if not (folder / "layout").is_file():
        raise click.ClickException(f"there is no registry in {folder}: start it once, or name its folder with --root")
    path = folder / FILE
    if not path.exists() and folder.stat().st_uid != os.geteuid():
        # The server could not read a file that is somebody else's.
        raise click.ClickException(f"{folder} is another user's: run this as the user that runs the registry")
    return path


def _scope(wish: str) -> Scope:
    if wish == _CATALOG:
        return Scope(REGISTRY, _CATALOG, frozenset({ANYTHING}))
    match = _MAY.fullmatch(wish)
    if match is None:
        raise click.ClickException(
            f'{wish!r} says not what a token may: write "pull team/*", "pull,push team/app", "* **" or "{_CATALOG}"'
        )
    return Scope(REPOSITORY, match.group(2), frozenset(match.group(1).split(",")))


def _lifetime(expires: str) -> float | None:
    if expires == _NEVER:
        return None
    try:
        lifetime: float = TIME.parse(expires)
    except ValueError as error:
        raise click.ClickException(f"--expires is {expires!r}, and must be {_NEVER}, or {TIME.wanted}") from error
    return lifetime


def _all(store: IAccessTokens, owner: str | None) -> list[AccessToken]:
    found: list[AccessToken] = []
    more = True
    while more:
        page = _at_once(store.tokens_of(owner, PageRequest(_PAGE, found[-1].token_id if found else "")))
        found += page.items
        more = page.more
    return found


def _row(one: AccessToken) -> tuple[str, ...]:
    limits = "all" if one.limits is None else "; ".join(map(_wish, one.limits)) or "nothing"
    times = (_shown(one.created), _shown(one.expires), _shown(one.used))
    # A client has chosen its name by itself.
    return one.token_id, _printable(one.owner), one.kind.value, *times, limits, _printable(one.name)


def _wish(scope: Scope) -> str:
    return _CATALOG if scope.kind == REGISTRY else f"{','.join(sorted(scope.actions))} {scope.name}"


def _ends(one: AccessToken) -> str:
    return "it never expires" if one.expires is None else f"it expires on {_shown(one.expires)} UTC"


def _shown(seconds: float | None) -> str:
    return _NEVER if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _at_once(work: Coroutine[Deferred[Any], Any, T]) -> T:
    """Answer what a coroutine answers that has nothing to wait for, since it works where it stands."""
    succeeded: list[T] = []
    failed: list[Failure] = []
    Deferred.fromCoroutine(work).addCallbacks(succeeded.append, failed.append)
    for failure in failed:
        failure.raiseException()
    return succeeded[0]
