"""
Tags that move only if they are where one believes: ``If-Match`` and ``If-None-Match`` on PUT and DELETE.
"""

from __future__ import annotations

import pytest

from tests.http.stacks import Stack, codes, document
from tests.http.test_manifests import BASE, DIGEST, FIRST, OTHER, SECOND, put, tag_of


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_Match": f'"{DIGEST}"'}, 201),
        ({"If_Match": f'W/"{DIGEST}"'}, 201),
        ({"If_Match": f'"{OTHER}", "{DIGEST}"'}, 201),
        ({"If_Match": "*"}, 201),
        ({"If_Match": f'"{OTHER}"'}, 412),
        ({"If_None_Match": "*"}, 412),
        ({"If_Match": "bad"}, 400),
        ({"If_Match": ""}, 400),
    ],
)
def test_a_tag_moves_if_it_is_where_one_believes(headers: dict[str, str], status: int) -> None:
    """A PUT with a condition is a compare-and-swap; who loses is told where the tag is, and nothing is kept."""
    stack = Stack()
    put(stack, "v1")
    reply = put(stack, "v1", SECOND, **headers)
    assert reply.status == status
    assert tag_of(stack, "v1") == str(OTHER if status == 201 else DIGEST)
    if status == 412:
        assert codes(reply) == ["DENIED"]
        assert document(reply)["errors"][0]["detail"] == {"digest": str(DIGEST)}
        assert stack.ask("GET", f"{BASE}/{OTHER}").status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"If_None_Match": "*"}, 201), ({"If_Match": "*"}, 412), ({"If_Match": f'"{DIGEST}"'}, 412)],
)
def test_a_tag_is_made_if_it_is_not_there(headers: dict[str, str], status: int) -> None:
    """``If-None-Match: *`` makes a tag and never moves one; ``If-Match`` never makes one."""
    stack = Stack()
    put(stack, "other")
    assert put(stack, "v1", FIRST, **headers).status == status
    assert tag_of(stack, "v1") == (str(DIGEST) if status == 201 else None)


def test_all_tags_move_or_none() -> None:
    """A condition is on every tag of a push."""
    stack = Stack()
    put(stack, "a")
    assert put(stack, f"{OTHER}?tag=b&tag=a", SECOND, If_None_Match="*").status == 412
    assert (tag_of(stack, "a"), tag_of(stack, "b")) == (str(DIGEST), None)


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 202), ({"If_Match": f'"{DIGEST}"'}, 202), ({"If_Match": "*"}, 202), ({"If_Match": f'"{OTHER}"'}, 412)],
)
def test_a_tag_is_deleted_if_it_is_where_one_believes(headers: dict[str, str], status: int) -> None:
    """A DELETE of a tag may have a condition too, and takes only the tag."""
    stack = Stack()
    put(stack, "v1")
    put(stack, "v2")
    assert stack.ask("DELETE", f"{BASE}/v1", b"", **headers).status == status
    assert tag_of(stack, "v1") == (None if status == 202 else str(DIGEST))
    assert tag_of(stack, "v2") == str(DIGEST)
    assert stack.ask("GET", f"{BASE}/{DIGEST}").status == 200


def test_a_manifest_is_deleted_with_its_tags() -> None:
    """A DELETE by digest takes the manifest and every tag that points to it."""
    stack = Stack()
    put(stack, f"{DIGEST}?tag=a&tag=b")
    put(stack, "c", SECOND)
    assert stack.ask("DELETE", f"{BASE}/{DIGEST}").status == 202
    assert [tag_of(stack, tag) for tag in "abc"] == [None, None, str(OTHER)]
    assert codes(stack.ask("DELETE", f"{BASE}/{DIGEST}")) == ["MANIFEST_UNKNOWN"]
