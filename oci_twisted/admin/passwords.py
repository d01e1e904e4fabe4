"""
``oci-registry auth hash``: lines for a file of passwords.
"""

from __future__ import annotations

import sys
import unicodedata
from typing import NoReturn

import click

from oci_twisted.auth.passwords.hashes import DEFAULT_COST, LEAST_COST, MOST_COST, HashRefused, hash_password
from oci_twisted.auth.passwords.htpasswd import parse_htpasswd


@click.command(name="hash")
@click.argument("user")
@click.argument("source", required=False, type=click.Choice(["-"]), metavar="[-]")
@click.option(
    "--cost",
    type=click.IntRange(LEAST_COST, MOST_COST),
    default=DEFAULT_COST,
    show_default=True,
    help="How much work a guess is; one more takes twice as long.",
)
def hash_command(user: str, source: str | None, cost: int) -> None:
    """
    Print the line of an htpasswd file that lets USER in.

    The password is asked for, without showing it; with - it is the first line of the standard input.
    """
    if not _is_name(user):
        _fail(f"{user!r} is no name of a user: letters that can be seen, no colon, no spaces around it, no # before it")
    if source is None:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.buffer.readline().decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")
    kinds = {unicodedata.category(character) for character in password}
    if "Cs" in kinds:
        _fail("the password is not UTF-8, in which clients would send it")
    if "Cc" in kinds:
        _fail("the password has a control character in it, which no client may send (RFC 7617, section 2)")
    try:
        click.echo(f"{user}:{hash_password(password, cost)}")
    except HashRefused as refused:
        _fail(str(refused))


def _is_name(user: str) -> bool:
    """Answer whether a line that begins with a name is read as it was meant."""
    try:
        return list(parse_htpasswd(f"{user}:{hash_password('any', LEAST_COST)}".encode())) == [user.encode()]
    except ValueError:
        return False


def _fail(sentence: str) -> NoReturn:
    click.echo(sentence, err=True)
    sys.exit(1)
