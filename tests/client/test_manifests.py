"""
Manifests of registries that do not do as they should.
"""

from __future__ import annotations

import pytest

from oci_twisted.client import RemoteRegistry
from oci_twisted.interfaces import PushedManifest, StoredManifest
from oci_twisted.spec.digests import SHA512, digest_of, parse_digest
from oci_twisted.spec.errors import (
    Denied,
    ManifestBlobUnknown,
    ManifestTooLarge,
    ManifestUnknown,
    NameUnknown,
    Unavailable,
)
from oci_twisted.spec.mediatypes import KNOWN, OCI_INDEX
from oci_twisted.spec.names import parse_name, parse_tag
from oci_twisted.spec.preconditions import Precondition
from oci_twisted.testing.repository.examples import index
from oci_twisted.testing.waiting import waits
from tests.client.fronts import URL, http_client
from tests.client.scripts import Said, Script, said_error, scripted

NAME = parse_name("a/b")
MANIFEST = index()
DIGEST = digest_of(MANIFEST)
OTHERWISE = digest_of(MANIFEST, SHA512)
OTHER = digest_of(b"another manifest")
STRANGE = parse_digest(f"blake3:{'0' * 64}")
LATEST = parse_tag("latest")
STABLE = parse_tag("stable")
BY_DIGEST = f"/v2/a/b/manifests/{DIGEST}"
BY_TAG = "/v2/a/b/manifests/latest"


def said_manifest(*headers: tuple[str, str], content: bytes = MANIFEST, content_type: str = OCI_INDEX) -> Said:
    """Answer a manifest."""
    return Said(200, (("Content-Type", content_type), *headers), content)


def stated(digest: object) -> tuple[str, str]:
    """Answer the header that says a manifest's digest."""
    return "Docker-Content-Digest", str(digest)


@waits
async def test_every_type_is_accepted() -> None:
    """The registry is told all types that we know, and that any other will do."""
    registry, script = scripted(said_manifest())
    await registry.repository(NAME).get_manifest(LATEST)
    script.check_over(f"GET {BY_TAG}")
    accepted = script.asked[0].headers["accept"].split(", ")
    assert set(accepted) == {*KNOWN, "*/*"}
    assert accepted[-1] == "*/*"


@pytest.mark.parametrize(
    ("said", "digest"),
    [
        (said_manifest(), DIGEST),
        (said_manifest(stated(DIGEST)), DIGEST),
        (said_manifest(stated(OTHERWISE)), OTHERWISE),
        (said_manifest(content_type=f"{OCI_INDEX}; charset=utf-8"), DIGEST),
    ],
)
@waits
async def test_a_tag_has_the_digest_that_the_registry_says(said: Said, digest: object) -> None:
    """A manifest that was asked for by tag is checked against the digest that came with it, if any did."""
    registry, _ = scripted(said)
    stored = await registry.repository(NAME).get_manifest(LATEST)
    assert stored == StoredManifest(MANIFEST, OCI_INDEX, stored.digest)
    assert stored.digest == digest


@waits
async def test_a_digest_is_the_one_that_was_asked_for() -> None:
    """A manifest that was asked for by digest is checked against that, whatever else the registry says."""
    registry, _ = scripted(said_manifest(stated(DIGEST)), said_manifest())
    for _ in range(2):
        stored = await registry.repository(NAME).get_manifest(OTHERWISE)
        assert stored == StoredManifest(MANIFEST, OCI_INDEX, OTHERWISE)


@waits
async def test_another_manifest_is_not_taken_for_this() -> None:
    """Content that does not have the digest that it was asked for by, or came with, is refused, with both."""
    registry, _ = scripted(said_manifest(content=b"another manifest"), said_manifest(stated(OTHER)))
    repository = registry.repository(NAME)
    with pytest.raises(Unavailable) as refused:
        await repository.get_manifest(DIGEST)
    assert refused.value.message == (
        f"GET {BY_DIGEST} was answered 200 with a manifest whose digest should be {DIGEST} and is {OTHER}"
    )
    with pytest.raises(Unavailable, match=f"whose digest should be {OTHER} and is {DIGEST}"):
        await repository.get_manifest(LATEST)


@waits
async def test_what_cannot_be_checked_is_refused() -> None:
    """Content under a digest of an algorithm that nobody here knows, or under none at all, could be anything."""
    registry, _ = scripted(said_manifest(), said_manifest(stated(STRANGE)), said_manifest(stated("nonsense")))
    repository = registry.repository(NAME)
    with pytest.raises(Unavailable, match="one that cannot be checked"):
        await repository.get_manifest(STRANGE)
    with pytest.raises(Unavailable, match="one that cannot be checked"):
        await repository.get_manifest(LATEST)
    with pytest.raises(Unavailable, match="a header that cannot be read: 'nonsense' is not a digest"):
        await repository.get_manifest(LATEST)


@waits
async def test_a_manifest_has_a_type() -> None:
    """A registry has to say what a manifest is."""
    registry, _ = scripted(Said(200, (), MANIFEST), said_manifest(content_type="text"))
    for _ in range(2):
        with pytest.raises(Unavailable, match="a manifest without a media type"):
            await registry.repository(NAME).get_manifest(LATEST)


@waits
async def test_a_manifest_has_a_limit() -> None:
    """A manifest that is longer than the client was told to take is refused, and not taken into memory."""
    script = Script(said_manifest(), said_manifest())
    most = RemoteRegistry(http_client(script), URL, manifest_limit=len(MANIFEST))
    assert (await most.repository(NAME).get_manifest(LATEST)).content == MANIFEST
    less = RemoteRegistry(http_client(script), URL, manifest_limit=len(MANIFEST) - 1)
    with pytest.raises(ManifestTooLarge, match=f"latest in a/b has more than {len(MANIFEST) - 1} bytes"):
        await less.repository(NAME).get_manifest(LATEST)
    chunks = Said(200, (("Transfer-Encoding", "chunked"),), b"2\r\n{}\r\n" * 100 + b"0\r\n\r\n", length=None)
    none = RemoteRegistry(http_client(Script(chunks)), URL, manifest_limit=3)
    with pytest.raises(ManifestTooLarge):
        await none.repository(NAME).get_manifest(LATEST)


@pytest.mark.parametrize("said", [Said(404), said_error(404, "NAME_UNKNOWN"), said_error(404, "MANIFEST_UNKNOWN")])
@waits
async def test_a_manifest_that_is_not_there_is_unknown(said: Said) -> None:
    """However the registry says that there is none, there is none."""
    registry, _ = scripted(said, said, said)
    repository = registry.repository(NAME)
    with pytest.raises(ManifestUnknown):
        await repository.get_manifest(LATEST)
    with pytest.raises(ManifestUnknown):
        await repository.delete_manifest(DIGEST)
    with pytest.raises(ManifestUnknown):
        await repository.delete_tag(LATEST)


@pytest.mark.parametrize(
    ("precondition", "headers"),
    [
        (None, (None, None)),
        (Precondition(None), ("*", None)),
        (Precondition(None, absent=True), (None, "*")),
        (Precondition(frozenset({DIGEST})), (f'"{DIGEST}"', None)),
        (Precondition(frozenset({OTHERWISE, DIGEST})), (f'"{DIGEST}", "{OTHERWISE}"', None)),
    ],
)
@waits
async def test_a_precondition_is_a_header(
    precondition: Precondition | None, headers: tuple[str | None, str | None]
) -> None:
    """What must be true of a tag is said as HTTP has it, for a push and for a delete."""
    registry, script = scripted(Said(201), Said(202))
    repository = registry.repository(NAME)
    await repository.put_manifest(MANIFEST, OCI_INDEX, LATEST, (), precondition)
    await repository.delete_tag(LATEST, precondition)
    script.check_over(f"PUT {BY_TAG}", f"DELETE {BY_TAG}")
    for asked in script.asked:
        assert (asked.headers.get("if-match"), asked.headers.get("if-none-match")) == headers


@waits
async def test_a_push_sends_what_it_was_given() -> None:
    """The bytes go as they are, with a type if there is one."""
    registry, script = scripted(Said(201), Said(201))
    repository = registry.repository(NAME)
    await repository.put_manifest(MANIFEST, f"{OCI_INDEX}; x=y", LATEST)
    await repository.put_manifest(b"", None, LATEST)
    assert [asked.body for asked in script.asked] == [MANIFEST, b""]
    assert [asked.headers.get("content-type") for asked in script.asked] == [f"{OCI_INDEX}; x=y", None]


@waits
async def test_a_push_tells_what_the_registry_did() -> None:
    """The digest is computed where the registry does not say it; the subject is listed if the registry says so."""
    registry, _ = scripted(
        Said(201),
        Said(201, (stated(DIGEST), ("OCI-Subject", str(OTHER)))),
        Said(201, (stated(OTHERWISE),)),
        Said(201, (stated(OTHERWISE),)),
    )
    repository = registry.repository(NAME)
    for expected in (
        PushedManifest(DIGEST, None, (LATEST,)),
        PushedManifest(DIGEST, OTHER, (LATEST,)),
        PushedManifest(OTHERWISE, None, (LATEST,)),
    ):
        assert await repository.put_manifest(MANIFEST, OCI_INDEX, LATEST) == expected
    assert await repository.put_manifest(MANIFEST, OCI_INDEX, OTHERWISE) == PushedManifest(OTHERWISE, None, ())


@pytest.mark.parametrize(
    ("headers", "tags"),
    [
        ((), ()),
        ((("OCI-Tag", "latest"), ("OCI-Tag", "stable")), (LATEST, STABLE)),
        ((("OCI-Tag", "stable,latest, "),), (STABLE, LATEST)),
    ],
)
@waits
async def test_tags_are_those_that_the_registry_took(headers: tuple[tuple[str, str], ...], tags: object) -> None:
    """Tags go along with a digest; a registry that does not know them so has set none."""
    registry, script = scripted(Said(201, headers))
    pushed = await registry.repository(NAME).put_manifest(MANIFEST, OCI_INDEX, DIGEST, (LATEST, STABLE, LATEST))
    assert pushed.tags == tags
    script.check_over(f"PUT {BY_DIGEST}?tag=latest&tag=stable")


@waits
async def test_tags_go_with_a_digest_only() -> None:
    """Where the reference is a tag, there are no others."""
    registry, script = scripted(Said(201))
    pushed = await registry.repository(NAME).put_manifest(MANIFEST, OCI_INDEX, LATEST, (STABLE,))
    assert pushed.tags == (LATEST,)
    script.check_over(f"PUT {BY_TAG}")


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (stated(OTHER), f"digest {OTHER} for what was pushed as {DIGEST}"),
        (stated(STRANGE), f"digest {STRANGE} for what was pushed as {DIGEST}"),
        (stated("nonsense"), "a header that cannot be read"),
        (("OCI-Subject", "nonsense"), "a header that cannot be read"),
        (("OCI-Tag", "no tag"), "a header that cannot be read"),
    ],
)
@waits
async def test_a_registry_that_keeps_something_else_is_told(header: tuple[str, str], why: str) -> None:
    """A registry that says another digest has not kept what was pushed."""
    registry, _ = scripted(Said(201, (header,)))
    with pytest.raises(Unavailable, match=why):
        await registry.repository(NAME).put_manifest(MANIFEST, OCI_INDEX, DIGEST)


@waits
async def test_a_registry_that_keeps_it_under_a_strange_digest_is_told() -> None:
    """Whether a digest of an unknown algorithm is right nobody can tell."""
    registry, _ = scripted(Said(201, (stated(STRANGE),)))
    with pytest.raises(Unavailable, match=f"digest {STRANGE}"):
        await registry.repository(NAME).put_manifest(MANIFEST, OCI_INDEX, LATEST)


@waits
async def test_a_push_may_be_refused() -> None:
    """Whatever the registry says is raised, 404 as what its document says."""
    registry, _ = scripted(
        said_error(404, "MANIFEST_BLOB_UNKNOWN", {"digest": str(OTHER)}),
        said_error(404, "NAME_UNKNOWN"),
        said_error(403, "DENIED"),
    )
    repository = registry.repository(NAME)
    with pytest.raises(ManifestBlobUnknown) as incomplete:
        await repository.put_manifest(MANIFEST, OCI_INDEX, LATEST)
    assert incomplete.value.missing == (OTHER,)
    with pytest.raises(NameUnknown):
        await repository.put_manifest(MANIFEST, OCI_INDEX, LATEST)
    with pytest.raises(Denied):
        await repository.put_manifest(MANIFEST, OCI_INDEX, LATEST)
