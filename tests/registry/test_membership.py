"""
Promise P4, over any sequence of what clients do: a blob can be read where it is held, and nowhere else.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from twisted.internet.task import Clock

from oci_twisted.registry.registry import StoredRegistry
from oci_twisted.spec.digests import SHA256, SHA512, digest_of
from oci_twisted.spec.errors import (
    BlobUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestUnknown,
)
from oci_twisted.spec.names import parse_name, parse_tag
from oci_twisted.storage.disk.blobs import DiskBlobs
from oci_twisted.storage.disk.metadata import SqliteMetadata
from oci_twisted.stream.pools import InlinePool
from oci_twisted.testing.repository.examples import image, media_type_of, pull_blob, push_blob
from tests.registry.stores import Stores, at_once

if TYPE_CHECKING:
    from oci_twisted.interfaces import IRepository
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import RepositoryName

NAMES = [parse_name(text) for text in ("a", "a/b", "b")]
CONTENTS = [b"one", b"two"]
BLOBS = {digest_of(content, algorithm): content for content in CONTENTS for algorithm in (SHA256, SHA512)}
LATEST = parse_tag("latest")

names = st.sampled_from(NAMES)
digests = st.sampled_from(list(BLOBS))
contents = st.sampled_from(CONTENTS)


class Membership(RuleBasedStateMachine):
    """
    Clients of a registry in memory, and what each repository should hold after what they did.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held: dict[RepositoryName, set[Digest]] = {name: set() for name in NAMES}
        self._manifests: dict[RepositoryName, set[Digest]] = {name: set() for name in NAMES}
        self._registry = self.open_registry()

    def open_registry(self) -> StoredRegistry:
        """Make an empty registry."""
        return Stores().registry()

    def _repository(self, name: RepositoryName) -> IRepository:
        return self._registry.repository(name)

    @initialize()
    def begin(self) -> None:
        """Have something to delete in the first repository, and to mount from it."""
        for digest in BLOBS:
            self.push(NAMES[0], digest)

    @rule(name=names, digest=digests)
    def push(self, name: RepositoryName, digest: Digest) -> None:
        """Push a blob."""
        at_once(push_blob(self._repository(name), BLOBS[digest], digest.algorithm))
        self._held[name].add(digest)

    @rule(name=names, digest=digests)
    def push_other_bytes(self, name: RepositoryName, digest: Digest) -> None:
        """Try to push other bytes as a blob."""
        session = at_once(self._repository(name).begin_upload())
        at_once(session.append(b"other"))
        with pytest.raises(DigestInvalid):
            at_once(session.commit(digest))

    @rule(name=names, digest=digests)
    def begin_to_push(self, name: RepositoryName, digest: Digest) -> None:
        """Push a blob, and change one's mind."""
        session = at_once(self._repository(name).begin_upload())
        at_once(session.append(BLOBS[digest]))
        at_once(session.cancel())

    @rule(name=names, source=names, digest=digests)
    def mount(self, name: RepositoryName, source: RepositoryName, digest: Digest) -> None:
        """Mount a blob, if the source holds it."""
        mounted = at_once(self._repository(name).mount_blob(digest, source))
        assert mounted == (digest in self._held[source])
        if mounted:
            self._held[name].add(digest)

    @rule(name=names, digest=digests)
    def delete(self, name: RepositoryName, digest: Digest) -> None:
        """Delete a blob, if the repository holds it."""
        if digest in self._held[name]:
            at_once(self._repository(name).delete_blob(digest))
            self._held[name].remove(digest)
        else:
            with pytest.raises(BlobUnknown):
                at_once(self._repository(name).delete_blob(digest))

    @rule(name=names, config=contents, layer=contents)
    def tag(self, name: RepositoryName, config: bytes, layer: bytes) -> None:
        """Tag an image, if the repository holds its blobs."""
        manifest = image(layer, config=config)
        work = self._repository(name).put_manifest(manifest, media_type_of(manifest), LATEST)
        if {digest_of(config), digest_of(layer)} <= self._held[name]:
            at_once(work)
            self._manifests[name].add(digest_of(manifest))
        else:
            with pytest.raises(ManifestBlobUnknown):
                at_once(work)

    @rule(name=names)
    def untag(self, name: RepositoryName) -> None:
        """Delete what the tag points to, if it points to anything."""
        try:
            stored = at_once(self._repository(name).get_manifest(LATEST))
        except ManifestUnknown:
            return
        assert stored.digest in self._manifests[name]
        at_once(self._repository(name).delete_manifest(stored.digest))
        self._manifests[name].remove(stored.digest)

    @invariant()
    def a_blob_can_be_read_where_it_is_held(self) -> None:
        """Every repository shows what it holds, to the byte, and nothing else."""
        for name in NAMES:
            for digest, content in BLOBS.items():
                if digest in self._held[name]:
                    assert at_once(self._repository(name).stat_blob(digest)) == len(content)
                    assert at_once(pull_blob(self._repository(name), digest)) == content
                else:
                    with pytest.raises(BlobUnknown):
                        at_once(self._repository(name).stat_blob(digest))
                    with pytest.raises(BlobUnknown):
                        at_once(self._repository(name).open_blob(digest))

    @invariant()
    def a_manifest_can_be_read_where_it_was_pushed(self) -> None:
        """Every repository has its own manifests, and nobody else's."""
        everything = set().union(*self._manifests.values())
        for name in NAMES:
            for digest in everything:
                if digest in self._manifests[name]:
                    assert at_once(self._repository(name).get_manifest(digest)).digest == digest
                else:
                    with pytest.raises(ManifestUnknown):
                        at_once(self._repository(name).get_manifest(digest))


class MembershipOnDisk(Membership):
    """
    The same on a folder.
    """

    def open_registry(self) -> StoredRegistry:
        """Make an empty registry."""
        self._folder = TemporaryDirectory()
        root = Path(self._folder.name)
        return StoredRegistry(
            DiskBlobs(root, InlinePool(), durability="relaxed"),
            SqliteMetadata(root / "registry.sqlite", InlinePool(), durability="relaxed"),
            Clock(),
        )

    def teardown(self) -> None:
        """Remove the folder."""
        at_once(self._registry.close())
        self._folder.cleanup()


TestMembership = Membership.TestCase
TestMembership.settings = settings(deadline=None, max_examples=50, stateful_step_count=30)
TestMembershipOnDisk = MembershipOnDisk.TestCase
TestMembershipOnDisk.settings = settings(deadline=None, max_examples=10, stateful_step_count=30)
