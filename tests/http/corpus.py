"""
Requests for every route of the table, on a registry that has something to answer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from oci_twisted.http.routes import table
from tests.http.stacks import Stack, index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_twisted.spec.digests import Digest

NAME = "a/b"
TAG = "v1"
CONTENT = bytes(range(256)) * 4

_PARAMETER = re.compile(r"<(?:name:)?([a-z_]+)>")


@frozen
class Content:
    """
    What a registry holds in the repository `NAME`.

    :ivar manifest: tagged `TAG`, with a referrer.
    :ivar session: an upload session with no bytes yet.
    """

    blob: Digest
    manifest: Digest
    referrer: Digest
    session: str


@frozen
class Route:
    """
    A line of the table.

    :ivar method: as it stands in the table, so never HEAD.
    :ivar rule: in werkzeug's syntax.
    """

    endpoint: str
    method: str
    rule: str

    def target(self, content: Content) -> str:
        """Answer a path at which there is something."""
        values = {
            "name": NAME,
            "reference": TAG,
            "session_id": content.session,
            "digest": str(content.manifest if "referrers" in self.rule else content.blob),
        }
        return _PARAMETER.sub(lambda match: values[match.group(1)], self.rule)


def fill(stack: Stack) -> Content:
    """Put something of everything into a registry."""
    manifest = stack.add_manifest(NAME, index(number="1"), TAG)
    return Content(
        stack.add_blob(NAME, CONTENT),
        manifest,
        stack.add_manifest(NAME, index(manifest)),
        stack.begin_upload(NAME),
    )


def routes() -> Iterator[Route]:
    """Answer every line of the table."""
    for rule in table.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD"}):
            yield Route(str(rule.endpoint), method, rule.rule)


NOTHING = f"sha256:{'0' * 64}"
# Good and bad, and some that only look bad.
PATHS = [
    "/v2",
    "/v3/",
    "/nowhere",
    "//",
    "//v2/",
    "/v2//",
    "/v2//tags/list",
    "/v2/a//b/tags/list",
    "/v2/a/../b/tags/list",
    "/v2/./tags/list",
    "/v2/A/tags/list",
    "/v2/a%2fb/tags/list",
    "/v2/a%2Fb/manifests/v1",
    "/v2/a%5cb/tags/list",
    "/v2/a%00/tags/list",
    "/v2/%ff/tags/list",
    "/v2/%C3%A9/tags/list",
    "/v2/%/tags/list",
    "/v2/%61/b/tags/list",
    "/v2/a/b/tags/list/",
    "/v2/a/b/tags/LIST",
    "/v2/a/b/manifests/",
    "/v2/a/b/manifests/v1/",
    f"/v2/a/b/manifests/{'t' * 128}",
    f"/v2/a/b/manifests/{'t' * 129}",
    "/v2/a/b/manifests/sha256:bad",
    f"/v2/a/b/manifests/{NOTHING}",
    f"/v2/a/b/blobs/{NOTHING}",
    "/v2/a/b/blobs/sha256%3Abad",
    f"/v2/a/b/referrers/{NOTHING}",
    "/v2/a/b/referrers/bad",
    f"/v2/{'n' * 255}/tags/list",
    f"/v2/{'n' * 256}/tags/list",
    "/v2/blobs/uploads/tags/list",
    "/v2/unknown/tags/list",
    "http://registry.test/v2/_catalog?n=1",
    "http://registry.test",
    "/v2/_catalog?n=1&n=2",
    "/v2/_catalog?last=%ff",
    "/v2/_catalog?" + "a=b&" * 300,
    "/v2/?" + "x" * 9000,
    "/favicon.ico",
]

ROUTES = list(routes())
# What a test is called when it is about a route.
IDS = [route.endpoint for route in ROUTES]
GETS = [route for route in ROUTES if route.method == "GET"]
GET_IDS = [route.endpoint for route in GETS]
