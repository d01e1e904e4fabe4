"""
Listings, page by page.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from oci_twisted.registry.policy import Policy
from oci_twisted.spec.mediatypes import OCI_INDEX
from tests.http.stacks import Stack, codes, document, header, index

if TYPE_CHECKING:
    from oci_twisted.http.replies import Reply
    from oci_twisted.spec.digests import Digest

MOST = 4 << 20
# Prefixes of each other, and every kind of character, in byte order.
TAGS = ["0", "A", "B", "V1", "_a", "a", "a-", "a.b", "a_b", "aa", "v1", "v1.0", "v1.0.0", "v10", "v2"]
NAMES = ["a", "a/b", "a/b/c", "a/bc", "aa", "b", "b-c", "b.c", "b/c", "b_c"]


def walk(stack: Stack, target: str, key: str) -> tuple[list[Any], int]:
    """Follow the links from a first page; answer all items and the number of pages."""
    items: list[Any] = []
    pages = 0
    following: str | None = target
    while following is not None:
        reply = stack.ask("GET", following)
        assert reply.status == 200
        items += document(reply)[key]
        pages += 1
        assert pages < 1000
        following = next_of(reply)
    return items, pages


def next_of(reply: Reply) -> str | None:
    """Answer where the next page is: a path, without a host."""
    link = header(reply, "Link")
    if link is None:
        return None
    match = re.fullmatch(r'<(/v2/[!-;=?-~]*)>; rel="next"', link)
    assert match is not None
    return match.group(1)


@pytest.fixture
def stack() -> Stack:
    """Make a registry with tags, in no order."""
    stack = Stack()
    digest = stack.add_manifest("a/b", index())
    for tag in [*TAGS[::2], *TAGS[1::2]]:
        stack.add_manifest("a/b", index(), tag)
    del digest
    return stack


@pytest.mark.parametrize("n", range(1, len(TAGS) + 2))
def test_tags_are_walked(stack: Stack, n: int) -> None:
    """Whatever the size of a page, all tags are on one, once, in byte order, and the last page has no link."""
    tags, pages = walk(stack, f"/v2/a/b/tags/list?n={n}", "tags")
    assert tags == TAGS
    assert pages == -(-len(TAGS) // n)


def test_tags_are_listed(stack: Stack) -> None:
    """Without a query all of them are on one page."""
    reply = stack.ask("GET", "/v2/a/b/tags/list")
    assert document(reply) == {"name": "a/b", "tags": TAGS}
    assert header(reply, "Content-Type") == "application/json"
    assert header(reply, "Link") is None


@pytest.mark.parametrize("last", ["", "0", "a", "a.", "a.c", "zzz", "~", "no%20tag!"])
def test_tags_go_on_behind_one(stack: Stack, last: str) -> None:
    """``last`` is where the page before ended, whether it is a tag or not."""
    reply = stack.ask("GET", f"/v2/a/b/tags/list?last={last}")
    assert document(reply)["tags"] == [tag for tag in TAGS if tag > last.replace("%20", " ")]


@pytest.mark.parametrize("path", ["a/b/tags/list", "_catalog"])
def test_a_page_of_nothing(stack: Stack, path: str) -> None:
    """``n=0`` is an empty list that goes on nowhere."""
    reply = stack.ask("GET", f"/v2/{path}?n=0")
    assert list(document(reply).values())[-1] == []
    assert header(reply, "Link") is None


@pytest.mark.parametrize("path", ["a/b/tags/list", "_catalog", f"a/b/referrers/sha256:{'0' * 64}"])
@pytest.mark.parametrize("query", ["n=-1", "n=x", "n=", "n=1.0", "n=1&n=2", "last=a&last=b", f"last={'x' * 600}"])
def test_what_is_no_page_is_refused(stack: Stack, path: str, query: str) -> None:
    """A number that is none, or something that is said twice, is a 400."""
    reply = stack.ask("GET", f"/v2/{path}?{query}")
    assert (reply.status, codes(reply)) == (400, ["UNSUPPORTED"])


def test_nobody_gets_more_than_a_page() -> None:
    """The operator's limit holds, whatever ``n`` says, and the rest is one link away."""
    stack = Stack(Policy(page_limit=2))
    for tag in TAGS[:5]:
        stack.add_manifest("a/b", index(), tag)
    for query in ("", "?n=1000000000", f"?n={'9' * 50}"):
        reply = stack.ask("GET", f"/v2/a/b/tags/list{query}")
        assert document(reply)["tags"] == TAGS[:2]
        assert next_of(reply) == f"/v2/a/b/tags/list?n=2&last={TAGS[1]}"
        assert walk(stack, f"/v2/a/b/tags/list{query}", "tags") == (TAGS[:5], 3)


def test_a_repository_that_is_not_there_has_no_tags() -> None:
    """One that holds nothing does not exist; one without tags has an empty list."""
    stack = Stack()
    assert codes(stack.ask("GET", "/v2/a/b/tags/list")) == ["NAME_UNKNOWN"]
    stack.add_blob("a/b", b"bytes")
    assert document(stack.ask("GET", "/v2/a/b/tags/list"))["tags"] == []


@pytest.mark.parametrize("n", [1, 2, 3, 9, 10, 11])
def test_the_catalog_is_walked(n: int) -> None:
    """Names that are prefixes of each other are all there, once, in byte order."""
    stack = Stack()
    for name in reversed(NAMES):
        stack.add_blob(name, b"bytes")
    assert walk(stack, f"/v2/_catalog?n={n}", "repositories")[0] == sorted(NAMES)


def referrers(stack: Stack, count: int, **annotations: str) -> tuple[Digest, set[str]]:
    """Let a subject have referrers; answer it and their digests."""
    subject = stack.add_manifest("a/b", index())
    digests = {
        str(stack.add_manifest("a/b", index(subject, number=str(number), **annotations))) for number in range(count)
    }
    return subject, digests


@pytest.mark.parametrize("n", [1, 3, 7, 20])
def test_referrers_are_walked(n: int) -> None:
    """Every page is an index in its own right, and together they have every referrer once."""
    stack = Stack()
    subject, digests = referrers(stack, 7)
    reply = stack.ask("GET", f"/v2/a/b/referrers/{subject}?n={n}")
    assert header(reply, "Content-Type") == OCI_INDEX
    page = document(reply)
    assert (page["schemaVersion"], page["mediaType"], len(page["manifests"])) == (2, OCI_INDEX, min(n, 7))
    found, _ = walk(stack, f"/v2/a/b/referrers/{subject}?n={n}", "manifests")
    assert len(found) == 7
    assert {descriptor["digest"] for descriptor in found} == digests


def test_pages_of_referrers_stay_small() -> None:
    """Clients read no more than 4 MiB: a page of large annotations ends before, and the next goes on."""
    stack = Stack()
    subject, digests = referrers(stack, 30, long="\u00fc" * 150_000)
    found: set[str] = set()
    following: str | None = f"/v2/a/b/referrers/{subject}"
    pages = 0
    while following is not None:
        reply = stack.ask("GET", following)
        assert isinstance(reply.body, bytes)
        assert len(reply.body) < MOST
        found |= {descriptor["digest"] for descriptor in document(reply)["manifests"]}
        following = next_of(reply)
        pages += 1
        assert pages < 50
    assert found == digests
    assert pages > 2


@pytest.mark.parametrize("subject", [f"sha256:{'0' * 64}", f"sha512:{'0' * 128}", "md5:abc"])
def test_nothing_refers_to_what_is_not_there(subject: str) -> None:
    """A subject, or a repository, that does not exist has an empty list."""
    reply = Stack().ask("GET", f"/v2/a/b/referrers/{subject}")
    assert (reply.status, document(reply)["manifests"], header(reply, "OCI-Filters-Applied")) == (200, [], None)


def test_a_subject_has_a_digest() -> None:
    """What is no digest is a 400."""
    assert codes(Stack().ask("GET", "/v2/a/b/referrers/latest")) == ["DIGEST_INVALID"]


def test_referrers_are_filtered() -> None:
    """``artifactType`` may be given several times, and the links keep it."""
    stack = Stack()
    subject = stack.add_manifest("a/b", index())
    for number in range(6):
        manifest = index(subject, number=str(number)) | {"artifactType": f"application/vnd.t{number % 3}+json"}
        stack.add_manifest("a/b", manifest)
    base = f"/v2/a/b/referrers/{subject}"
    one = stack.ask("GET", f"{base}?artifactType=application%2Fvnd.t1%2Bjson")
    assert header(one, "OCI-Filters-Applied") == "artifactType"
    assert {found["artifactType"] for found in document(one)["manifests"]} == {"application/vnd.t1+json"}
    query = "artifactType=application/vnd.t1+json&artifactType=application%2Fvnd.t2+json&n=1"
    both, pages = walk(stack, f"{base}?{query}", "manifests")
    assert sorted(found["artifactType"] for found in both) == [
        *(["application/vnd.t1+json"] * 2),
        *(["application/vnd.t2+json"] * 2),
    ]
    assert pages == 4
    empty = stack.ask("GET", f"{base}?artifactType=")
    assert (len(document(empty)["manifests"]), header(empty, "OCI-Filters-Applied")) == (6, None)


def test_a_deleted_referrer_is_gone() -> None:
    """The list stays, and is empty in the end."""
    stack = Stack()
    subject, digests = referrers(stack, 2)
    for digest in digests:
        assert stack.ask("DELETE", f"/v2/a/b/manifests/{digest}").status == 202
    assert document(stack.ask("GET", f"/v2/a/b/referrers/{subject}"))["manifests"] == []
