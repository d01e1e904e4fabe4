"""
Scopes of tokens.
"""

from __future__ import annotations

import pytest

from oci_twisted.spec.errors import RequestInvalid
from oci_twisted.spec.scopes import Scope, parse_scope, parse_scopes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("repository:team/app:push,pull", Scope("repository", "team/app", frozenset({"pull", "push"}))),
        ("repository(plugin):team/app:pull", Scope("repository", "team/app", frozenset({"pull"}))),
        ("repository:registry.test:5000/app:pull", Scope("repository", "registry.test:5000/app", frozenset({"pull"}))),
        ("registry:catalog:*", Scope("registry", "catalog", frozenset({"*"}))),
        ("repository:team/app:", Scope("repository", "team/app", frozenset())),
    ],
)
def test_a_scope_is_read(text: str, expected: Scope) -> None:
    """The kind ends at the first colon and the actions begin behind the last."""
    assert parse_scope(text) == expected


NONE = [
    "",
    "repository",
    "repository:app",
    "repository::pull",
    ":app:pull",
    "re po:a:pull",
    "repository:a:pull;push",
    f"repository:a:pull{'l' * 5000}",
]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_scope_is_refused(text: str) -> None:
    """The refusal shows how to write one."""
    with pytest.raises(RequestInvalid, match="write repository:"):
        parse_scope(text)


def test_several_scopes_may_be_one_text() -> None:
    """Clients send a parameter for each, or one with spaces."""
    scopes = [parse_scope(text) for text in ("repository:a:pull", "repository:b:push", "registry:catalog:*")]
    assert parse_scopes(["repository:a:pull  repository:b:push", "registry:catalog:*"]) == tuple(scopes)


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [
        ("repository:a:pull", ("repository", "a", "pull"), True),
        ("repository:a:pull", ("repository", "a", "push"), False),
        ("repository:a:*", ("repository", "a", "delete"), True),
        ("repository:a:pull", ("repository", "b", "pull"), False),
        ("repository:a:pull", ("registry", "a", "pull"), False),
        ("repository:team/*:pull", ("repository", "team/app", "pull"), True),
        ("registry:catalog:*", ("registry", "catalog", "*"), True),
        ("repository:**:*", ("registry", "catalog", "*"), False),
    ],
)
def test_a_scope_covers(text: str, asked: tuple[str, str, str], expected: bool) -> None:  # noqa: FBT001
    """What it names, with the actions that it names, and nothing of another kind."""
    assert parse_scope(text).covers(*asked) is expected


def test_a_scope_is_written_as_it_is_read() -> None:
    """Its actions stand in order, so that equal scopes have equal texts."""
    assert str(parse_scope("repository:a/b:push,pull")) == "repository:a/b:pull,push"
