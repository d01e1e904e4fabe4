"""
What an operator has switched off stays off, on every route.
"""

from __future__ import annotations

import pytest

from oci_twisted.registry.policy import Policy
from tests.http.corpus import CONTENT, IDS, NAME, ROUTES, TAG, Route, fill
from tests.http.stacks import Stack, codes, header
from tests.http.test_authorization import ACTIONS

CHANGES = {"push", "delete"}


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_a_read_only_registry_takes_no_changes(route: Route) -> None:
    """Every route that changes something is a 405, and every other one goes on."""
    # Filled through the stores, which know nothing of the switch.
    stack = Stack(Policy(read_only=True))
    reply = stack.ask(route.method, route.target(fill(stack)))
    if ACTIONS[route.endpoint].value in CHANGES:
        assert (reply.status, codes(reply), header(reply, "Allow")) == (405, ["UNSUPPORTED"], "GET, HEAD")
    else:
        # The form is missing, and that is all that is wrong.
        assert reply.status == (400 if route.endpoint == "post_token" else 200)


@pytest.mark.parametrize("tags", [True, False])
@pytest.mark.parametrize("manifests", [True, False])
@pytest.mark.parametrize("blobs", [True, False])
def test_each_kind_of_deletion_has_its_switch(*, tags: bool, manifests: bool, blobs: bool) -> None:
    """Tags, manifests and blobs can be protected from deletion, each by itself (CVE-2026-41888)."""
    stack = Stack(Policy(delete_tags=tags, delete_manifests=manifests, delete_blobs=blobs))
    content = fill(stack)
    for path, allowed in (
        (f"manifests/{TAG}", tags),
        (f"manifests/{content.manifest}", manifests),
        (f"blobs/{content.blob}", blobs),
    ):
        reply = stack.ask("DELETE", f"/v2/{NAME}/{path}")
        assert reply.status == (202 if allowed else 405)
        if not allowed:
            assert codes(reply) == ["UNSUPPORTED"]
    assert stack.ask("GET", f"/v2/{NAME}/manifests/{content.manifest}").status == (404 if manifests else 200)
    assert stack.ask("GET", f"/v2/{NAME}/manifests/{TAG}").status == (404 if tags or manifests else 200)
    assert stack.ask("GET", f"/v2/{NAME}/blobs/{content.blob}").status == (404 if blobs else 200)


def test_a_cancelled_upload_is_no_deletion() -> None:
    """Who may push may give up, whatever may be deleted."""
    stack = Stack(Policy(delete_tags=False, delete_manifests=False, delete_blobs=False))
    session = stack.begin_upload(NAME)
    assert stack.ask("DELETE", f"/v2/{NAME}/blobs/uploads/{session}").status == 204


@pytest.mark.parametrize("limit", [1024, 4 << 20])
def test_manifests_have_a_longest_size(limit: int) -> None:
    """A manifest of the limit is taken; one byte more is a 413, which names the limit."""
    stack = Stack(Policy(manifest_limit=limit))
    padding = b'{"schemaVersion": 2, "manifests": []}'
    for size, status in ((limit, 201), (limit + 1, 413)):
        body = padding.ljust(size)
        reply = stack.ask(
            "PUT", f"/v2/{NAME}/manifests/{TAG}", body, Content_Type="application/vnd.oci.image.index.v1+json"
        )
        assert reply.status == status
        if status == 413:
            assert codes(reply) == ["SIZE_INVALID"]
            assert isinstance(reply.body, bytes)
            assert str(limit).encode() in reply.body


def test_a_body_without_a_length_is_not_read_beyond_the_limit() -> None:
    """A manifest that does not say how long it is is refused as soon as it is too long."""

    class Endless:
        """A body that never ends."""

        length = None
        pieces = 0

        async def read(self) -> bytes:
            """Answer some more."""
            self.pieces += 1
            return CONTENT

    body = Endless()
    stack = Stack(Policy(manifest_limit=10 * len(CONTENT)))
    reply = stack.ask("PUT", f"/v2/{NAME}/manifests/{TAG}", body)
    assert (reply.status, codes(reply)) == (413, ["SIZE_INVALID"])
    assert body.pieces == 11
