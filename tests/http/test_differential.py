"""
One corpus through both fronts: what a client is told does not depend on which one tells it.

What may differ, and why, is with `tests.http.fronts.normal`.

What is no legal HTTP, and what depends on when a body arrives, never reaches the other front: see ``tests/wire``.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest

from oci_twisted.registry.policy import Policy
from oci_twisted.spec.digests import SHA512, digest_of
from tests.http.corpus import IDS, NAME, NOTHING, PATHS, ROUTES, TAG, Content, Route, fill
from tests.http.fronts import mounted, normal, streamed
from tests.http.stacks import index
from tests.wire.messages import chunked, get, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.wire.messages import Answer

WHOLE = digest_of(b"whole")
MANIFEST = json.dumps(index(tag="new")).encode()
OTHER = json.dumps(index(tag="other")).encode()
INDEX = "Content-Type: application/vnd.oci.image.index.v1+json"


def just(request: bytes, _content: Content) -> list[bytes]:
    """Write a request, whatever is in the registry."""
    return [request]


def asking(method: str, route: Route, query: str = "") -> Callable[[Content], list[bytes]]:
    """Ask for the path of a route."""
    return lambda content: [message(method, route.target(content) + query)]


def compare(write: Callable[[Content], Iterable[bytes]], policy: Policy | None = None) -> list[Answer]:
    """
    Send the same requests, one behind the other, through both fronts; answer what came from ours.

    :param write: writes the requests, given what is in the registry.
    """
    outcomes = []
    for front in (streamed(policy), mounted(policy)):
        requests = list(write(fill(front.stack)))
        peer = front.connect()
        for request in requests:
            peer.send(request)
        methods = [request.partition(b" ")[0].decode() for request in requests]
        outcomes.append(peer.answers(*methods))
    ours, theirs = outcomes
    assert [normal(answer) for answer in ours] == [normal(answer) for answer in theirs]
    return ours


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_of_every_route(route: Route, method: str) -> None:
    """Each path of the table is asked for with each method, with and without a body, with and without a query."""
    for query in ("", "?n=1", "?last=a&n=0", f"?digest={WHOLE}", "?n=x", "?a=%", "?tag=a&tag=b"):
        compare(asking(method, route, query))
    if method not in {"GET", "HEAD"}:
        compare(lambda content: [message(method, route.target(content), body=b"whole"), get()])
        compare(lambda content: [chunked(method, route.target(content), pieces=[b"who", b"le"]), get()])


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_every_route_of_a_registry_that_takes_no_changes(route: Route) -> None:
    """The switches are in front of both."""
    policies = Policy(read_only=True), Policy(delete_tags=False, delete_manifests=False, delete_blobs=False)
    for policy in policies:
        compare(asking(route.method, route), policy)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_paths_of_every_kind(path: str, method: str) -> None:
    """Good or bad, a path is read in the same way."""
    compare(lambda _content: [message(method, path), get()])


@pytest.mark.parametrize(
    "headers",
    [
        ("Range: bytes=0-9",),
        ("Range: bytes=-5",),
        ("Range: bytes=1000-",),
        ("Range: bytes=2000-",),
        ("Range: bytes=5-1",),
        ("Range: bytes=0-0,5-6",),
        ("Range: bytes=0-1", "Range: bytes=3-4"),
        ("Range: lines=1-2",),
        ("Range: bytes=0-9", 'If-Range: "x"'),
        ('If-None-Match: "x"',),
        ("If-None-Match: *",),
        ("If-None-Match: \t*  ",),
        ("Accept: text/html", "Accept: application/json"),
        ("Accept-Encoding: gzip",),
        ("Authorization: Basic Og==",),
        ("Expect: something",),
        ("Connection: upgrade", "Upgrade: h2c"),
        ("X-Empty:",),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_headers_of_every_kind(headers: tuple[str, ...], method: str) -> None:
    """Conditions and ranges are understood in the same way, on blobs and on manifests."""

    def write(content: Content) -> list[bytes]:
        rests = f"blobs/{content.blob}", f"manifests/{content.manifest}", f"manifests/{TAG}", "tags/list"
        return [message(method, f"/v2/{NAME}/{rest}", *headers) for rest in rests]

    compare(write)


def test_a_blob_is_pushed_and_deleted() -> None:
    """The whole life of a blob reads the same."""

    def write(content: Content) -> list[bytes]:
        session = f"/v2/{NAME}/blobs/uploads/{content.session}"
        blob = f"/v2/{NAME}/blobs/{WHOLE}"
        return [
            message("PATCH", session, "Content-Range: 0-2", body=b"who"),
            message("PATCH", session, "Content-Range: 0-2", body=b"who"),
            message("PATCH", session, "Content-Range: bytes 3-4/5", body=b"le"),
            message("PATCH", session, "Content-Range: 3-9", body=b"le"),
            get(session),
            message("PUT", session, body=b""),
            message("PUT", f"{session}?digest=sha256:bad", body=b""),
            message("PUT", f"{session}?digest={WHOLE}", "Content-Range: 3-4", body=b"le"),
            get(session),
            message("HEAD", blob),
            get(blob),
            message("POST", f"/v2/other/blobs/uploads/?mount={WHOLE}&from={NAME}", body=b""),
            message("POST", f"/v2/other/blobs/uploads/?mount={NOTHING}&from={NAME}", body=b""),
            message("DELETE", blob),
            message("DELETE", blob),
            get(blob),
            get("/v2/_catalog"),
        ]

    ours = compare(write)
    assert [answer.status for answer in ours] == [
        *(202, 416, 400, 400, 204, 400, 400, 201, 404),
        *(200, 200, 201, 202, 202, 404, 404, 200),
    ]


def test_blobs_are_pushed_in_other_ways() -> None:
    """So do a push in one request, one of another algorithm, and one that is cancelled."""
    other = digest_of(b"whole", SHA512)

    def write(content: Content) -> list[bytes]:
        session = f"/v2/{NAME}/blobs/uploads/{content.session}"
        begin = f"/v2/{NAME}/blobs/uploads/"
        return [
            message("POST", f"{begin}?digest={WHOLE}", body=b"whole"),
            message("POST", f"{begin}?digest={WHOLE}", body=b"torn"),
            message("POST", f"{begin}?digest=md5:00", body=b"whole"),
            message("POST", f"{begin}?digest-algorithm=sha512"),
            message("POST", f"{begin}?digest-algorithm=md5"),
            chunked("PUT", f"{session}?digest={other}", pieces=[b"w", b"hole"]),
            get(f"/v2/{NAME}/blobs/{other}"),
            message("DELETE", session),
            message("POST", f"{begin}?mount=bad"),
        ]

    ours = compare(write)
    assert [answer.status for answer in ours] == [201, 400, 400, 202, 400, 201, 200, 404, 400]


def test_a_manifest_is_pushed_and_deleted() -> None:
    """The whole life of a manifest and its tags reads the same."""
    digest, other = digest_of(MANIFEST), digest_of(OTHER)

    def write(content: Content) -> list[bytes]:
        base = f"/v2/{NAME}/manifests"
        return [
            message("PUT", f"{base}/new", INDEX, body=MANIFEST),
            message("PUT", f"{base}/{digest}?tag=x&tag=y", INDEX, body=MANIFEST),
            message("PUT", f"{base}/{digest}", INDEX, body=OTHER),
            message("PUT", f"{base}/new?tag=x", INDEX, body=MANIFEST),
            message("PUT", f"{base}/new", INDEX, "If-None-Match: *", body=OTHER),
            message("PUT", f"{base}/new", INDEX, f'If-Match: "{other}"', body=OTHER),
            message("PUT", f"{base}/new", INDEX, f'If-Match: "{digest}"', body=OTHER),
            message("PUT", f"{base}/bad", INDEX, body=b"{"),
            message("PUT", f"{base}/bad", body=b"{}"),
            chunked("PUT", f"{base}/bytes", "Content-Type: x/y; charset=utf-8", pieces=[b"any", b"thing"]),
            get(f"{base}/bytes"),
            get(f"{base}/new"),
            message("HEAD", f"{base}/x"),
            get(f"/v2/{NAME}/tags/list"),
            get(f"/v2/{NAME}/tags/list?n=2"),
            get(f"/v2/{NAME}/referrers/{content.manifest}?artifactType=a%2Fb"),
            message("DELETE", f"{base}/x", 'If-Match: "sha256:bad"'),
            message("DELETE", f"{base}/x"),
            message("DELETE", f"{base}/{digest}"),
            get(f"{base}/y"),
            message("DELETE", f"{base}/{content.referrer}"),
            get(f"/v2/{NAME}/referrers/{content.manifest}"),
        ]

    ours = compare(write)
    assert [answer.status for answer in ours] == [
        *(201, 201, 400, 400, 412, 412, 201, 400, 400, 201, 200),
        *(200, 200, 200, 200, 200, 400, 202, 202, 404, 202, 200),
    ]


def test_tokens_are_asked_for() -> None:
    """So do forms, in one piece or in chunks, and queries, right or wrong."""
    form = "Content-Type: application/x-www-form-urlencoded"
    body = b"grant_type=password&username=ada&password=a%2Bb+c&scope=repository%3Aa%3Apull+repository%3Ab%3Apush"

    def write(_content: Content) -> list[bytes]:
        return [
            get("/token?scope=repository%3Aa%3Apull+repository%3Ab%3Apush&scope=registry:catalog:*&offline_token=true"),
            get("/token?service=a&service=b"),
            get("/token?scope=%ff"),
            get("/token", "Authorization: Basic nonsense"),
            get("/token/keys"),
            message("POST", "/token", form, body=body),
            chunked("POST", "/token", form, pieces=[body[:20], body[20:]]),
            message("POST", "/token", f"{form}; charset=utf-8", body=b"grant_type=refresh_token&refresh_token=x"),
            message("POST", "/token", form, body=b"grant_type=nonsense"),
            message("POST", "/token", "Content-Type: application/json", body=b"{}"),
            message("POST", "/token", form, body=b"a" * 70_000),
        ]

    ours = compare(write)
    assert [answer.status for answer in ours] == [200, 400, 400, 200, 200, 200, 200, 200, 400, 400, 413]


def test_a_manifest_of_every_size() -> None:
    """The longest manifest is taken and one byte more is not, said or unsaid."""
    limit = 100_000
    for size, status in ((limit, 201), (limit + 1, 413)):
        for request in (
            message("PUT", f"/v2/{NAME}/manifests/t", "Content-Type: x/y", body=b" " * size),
            chunked("PUT", f"/v2/{NAME}/manifests/t", "Content-Type: x/y", pieces=[b" " * size]),
        ):
            (answer,) = compare(partial(just, request), Policy(manifest_limit=limit))
            assert answer.status == status


def test_only_the_front_page_is_html() -> None:
    """No other answer, of whatever status, is a page for a browser."""
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        for route in ROUTES:
            (answer,) = compare(asking(method, route))
            is_page = (route.rule, answer.status) == ("/", 200)
            assert (b"<html" in answer.body.lower()) == is_page
            assert ("html" in (answer.header("Content-Type") or "")) == is_page
        for path in PATHS:
            (answer,) = compare(partial(just, message(method, path)))
            is_page = (path, answer.status) == ("http://registry.test", 200)
            assert (b"<html" in answer.body.lower()) == is_page
