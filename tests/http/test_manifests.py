"""
Manifests: what is told of them, and what they are pushed with.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from oci_twisted.http.manifests import MOST_TAGS
from oci_twisted.spec.digests import SHA512, digest_of
from oci_twisted.spec.mediatypes import KNOWN, OCI_INDEX
from tests.http.stacks import Stack, codes, document, header, index

if TYPE_CHECKING:
    from oci_twisted.http.replies import Reply

BASE = "/v2/a/b/manifests"
FIRST = json.dumps(index(number="1")).encode()
SECOND = json.dumps(index(number="2")).encode()
DIGEST, OTHER = digest_of(FIRST), digest_of(SECOND)


def put(stack: Stack, reference: object, body: bytes = FIRST, content_type: str = OCI_INDEX, **headers: str) -> Reply:
    """Push a manifest."""
    return stack.ask("PUT", f"{BASE}/{reference}", body, Content_Type=content_type, **headers)


def tag_of(stack: Stack, tag: str) -> str | None:
    """Answer the digest that a tag points to, or ``None``."""
    reply = stack.ask("HEAD", f"{BASE}/{tag}")
    return header(reply, "Docker-Content-Digest") if reply.status == 200 else None


@pytest.mark.parametrize("reference", ["v1", DIGEST])
def test_a_push_is_told_what_it_made(reference: object) -> None:
    """The answer says under which digest the manifest is, and where; it does not repeat a tag that the path has."""
    stack = Stack()
    reply = put(stack, reference)
    assert reply.status == 201
    assert header(reply, "Location") == f"{BASE}/{DIGEST}"
    assert header(reply, "Docker-Content-Digest") == str(DIGEST)
    assert header(reply, "ETag") == f'"{DIGEST}"'
    assert header(reply, "OCI-Subject") is None
    assert header(reply, "OCI-Tag") is None
    assert stack.ask("GET", f"{BASE}/{DIGEST}").body == FIRST


@pytest.mark.parametrize(
    ("content_type", "served"),
    [
        (OCI_INDEX, OCI_INDEX),
        (f"{OCI_INDEX}; charset=utf-8", OCI_INDEX),
        (OCI_INDEX.upper(), OCI_INDEX),
        ("application/vnd.example+json", "application/vnd.example+json"),
        ("text/html;charset=utf-8", "text/html"),
    ],
)
def test_a_manifest_keeps_its_type(content_type: str, served: str) -> None:
    """It is served as what it was pushed as, without parameters, byte for byte, whatever ``Accept`` says."""
    stack = Stack()
    body = FIRST if served == OCI_INDEX else b"<html>anything</html>"
    put(stack, "v1", body, content_type)
    for method in ("GET", "HEAD"):
        reply = stack.ask(method, f"{BASE}/v1", Accept="application/vnd.oci.image.manifest.v1+json")
        assert (reply.status, header(reply, "Content-Type"), reply.length) == (200, served, len(body))
    assert stack.ask("GET", f"{BASE}/v1").body == body


def test_a_browser_runs_nothing_that_was_pushed() -> None:
    """A manifest of a type that we do not read may be a page: a browser is told to take it for dead."""
    stack = Stack()
    put(stack, "page", b"<script>alert(1)</script>", "text/html")
    put(stack, "v1")
    for method in ("GET", "HEAD"):
        page = stack.ask(method, f"{BASE}/page")
        assert header(page, "Content-Security-Policy") == "sandbox; default-src 'none'"
        assert header(page, "X-Content-Type-Options") == "nosniff"
        assert header(stack.ask(method, f"{BASE}/v1"), "Content-Security-Policy") is None
    assert not [known for known in KNOWN if "html" in known or "svg" in known or known.startswith("text/")]


def test_a_tag_remembers_the_digest_that_it_was_pushed_with() -> None:
    """A tag that was pushed with a sha512 digest is answered with that."""
    stack = Stack()
    digest = digest_of(FIRST, SHA512)
    assert put(stack, f"{digest}?tag=long").status == 201
    put(stack, "short")
    assert (tag_of(stack, "long"), tag_of(stack, "short")) == (str(digest), str(DIGEST))


def test_a_wrong_digest_is_refused() -> None:
    """What is pushed under a digest has that digest, or is not kept."""
    stack = Stack()
    reply = put(stack, OTHER)
    assert (reply.status, codes(reply)) == (400, ["DIGEST_INVALID"])
    assert stack.ask("GET", f"{BASE}/{DIGEST}").status == 404


def test_a_referrer_is_told_of_its_subject() -> None:
    """``OCI-Subject`` says that the registry lists referrers, also on a push by tag and on a second push."""
    stack = Stack()
    body = json.dumps(index(DIGEST)).encode()
    for reference in ("v1", digest_of(body), "v1"):
        assert header(put(stack, reference, body), "OCI-Subject") == str(DIGEST)


def test_a_manifest_may_be_pushed_with_tags() -> None:
    """``tag=`` beside a digest moves each of them, and each of them is named in the answer."""
    stack = Stack()
    reply = put(stack, f"{DIGEST}?tag=a&tag=b&tag=a")
    assert [value for name, value in reply.headers if name == "OCI-Tag"] == ["a", "b"]
    assert (tag_of(stack, "a"), tag_of(stack, "b")) == (str(DIGEST), str(DIGEST))


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("v1?tag=a", 400, "UNSUPPORTED"),
        (f"{DIGEST}?tag=.bad", 400, "NAME_INVALID"),
        (f"{DIGEST}?tag=", 400, "NAME_INVALID"),
        (f"{DIGEST}?" + "&".join(f"tag=t{number}" for number in range(MOST_TAGS + 1)), 414, "UNSUPPORTED"),
        (".bad", 400, "NAME_INVALID"),
        ("t" * 129, 400, "NAME_INVALID"),
        ("sha256:bad", 400, "DIGEST_INVALID"),
        ("md5:abcd", 400, "DIGEST_INVALID"),
    ],
)
def test_bad_references_are_refused(target: str, status: int, code: str) -> None:
    """A tag or a digest that is none is refused before anything is kept."""
    stack = Stack()
    reply = put(stack, target)
    assert (reply.status, codes(reply)) == (status, [code])
    assert stack.ask("GET", f"{BASE}/{DIGEST}").status == 404


def test_as_many_tags_as_allowed_are_taken() -> None:
    """A hundred tags at once, one of the longest among them, are no trouble."""
    stack = Stack()
    tags = ["t" * 128, *(f"t{number}" for number in range(MOST_TAGS - 1))]
    assert put(stack, f"{DIGEST}?" + "&".join(f"tag={tag}" for tag in tags)).status == 201
    assert len(document(stack.ask("GET", "/v2/a/b/tags/list"))["tags"]) == MOST_TAGS


@pytest.mark.parametrize("reference", ["v1", DIGEST])
@pytest.mark.parametrize("condition", [f'"{DIGEST}"', f'W/"{DIGEST}"', f'"{OTHER}", "{DIGEST}"', "*"])
def test_a_manifest_that_one_has_is_not_sent_again(reference: object, condition: str) -> None:
    """Who asks by tag whether it has moved is answered 304 when it has not."""
    stack = Stack()
    put(stack, "v1")
    reply = stack.ask("GET", f"{BASE}/{reference}", If_None_Match=condition)
    assert (reply.status, reply.length, reply.body) == (304, None, b"")
    put(stack, "v1", SECOND)
    assert stack.ask("GET", f"{BASE}/v1", If_None_Match=f'"{DIGEST}"').body == SECOND
