"""
``SqliteMetadata`` against ``MemoryMetadata``: whatever is done to both, both answer the same.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from oci_twisted.interfaces import UploadRecord
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import RegistryError
from oci_twisted.spec.mediatypes import OCI_INDEX
from oci_twisted.spec.names import parse_name, parse_tag
from oci_twisted.spec.pages import PageRequest
from oci_twisted.spec.preconditions import Precondition
from oci_twisted.spec.referrers import PAGE_BYTES
from oci_twisted.spec.tagrules import FREE, TagRules
from oci_twisted.storage.disk.metadata import SqliteMetadata
from oci_twisted.storage.memory.metadata import MemoryMetadata
from oci_twisted.stream.pools import InlinePool
from oci_twisted.testing.metadata.examples import digest, image
from oci_twisted.testing.metadata.tagrules import index
from tests.storage.metadata_pools import answer

if TYPE_CHECKING:
    from oci_twisted.interfaces import IMetadataStore
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.manifests import Manifest
    from oci_twisted.spec.names import RepositoryName, Tag

NAMES = [parse_name(text) for text in ("a", "a/b", "a-b")]
TAGS = [parse_tag(text) for text in ("1", "1.0", "V")]
BLOBS = [digest("blob"), digest_of(b"blob", "sha512"), digest("layer")]
TYPES = ["a/b", "a/bc", "c/d"]
PLAIN = image("plain")
MANIFESTS = [
    PLAIN,
    evolve(PLAIN, media_type=OCI_INDEX),
    image("first", subject=PLAIN.digest(), artifact_type="a/b"),
    image("second", subject=PLAIN.digest(), artifact_type="c/d", annotations={"a": "x" * (PAGE_BYTES * 2 // 3)}),
    image("third", subject=PLAIN.digest(), artifact_type="a/b", annotations={"a": "é" * (PAGE_BYTES // 4), "b": ""}),
    image("fourth", subject=BLOBS[1]),
]
MANIFESTS.append(index("inner", PLAIN.digest(), BLOBS[0], PLAIN.digest()))
MANIFESTS.append(index("outer", MANIFESTS[-1].digest(), MANIFESTS[2].digest()))
DIGESTS = [*BLOBS, *{manifest.digest(): None for manifest in MANIFESTS}, PLAIN.digest("sha512")]
SESSIONS = ["s1", "s2", "s3"]

names = st.sampled_from(NAMES)
tags = st.sampled_from(TAGS)
blobs = st.sampled_from(BLOBS)
digests = st.sampled_from(DIGESTS)
sessions = st.sampled_from(SESSIONS)
moments = st.integers(min_value=0, max_value=5).map(float)
cursors = st.sampled_from(["", "1", "a", "a-b", "a/", "sha256:", "sha256:8", "sha512:", "~", *map(str, DIGESTS)])
pages = st.builds(PageRequest, st.integers(min_value=0, max_value=4), cursors)
preconditions = st.one_of(
    st.none(),
    st.builds(Precondition, st.none(), st.booleans()),
    st.builds(Precondition, st.frozensets(digests, min_size=1, max_size=3)),
)
rules = st.sampled_from([FREE, TagRules(immutable=("1*",)), TagRules(immutable=("V",), protected=("1.*",))])


def _outcome(store: IMetadataStore, method: str, *arguments: object) -> object:
    try:
        return answer(getattr(store, method)(*arguments))
    except RegistryError as refused:
        return type(refused), refused.documents()


class Model(RuleBasedStateMachine):
    """Does everything to both stores and compares the outcomes."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name, "registry.sqlite")
        self._memory = MemoryMetadata()
        self._sqlite = self._open()

    def _open(self) -> SqliteMetadata:
        return SqliteMetadata(self._file, InlinePool(), durability="relaxed")

    def teardown(self) -> None:
        """Let go of the file."""
        answer(self._sqlite.close())
        self._folder.cleanup()

    def _same(self, method: str, *arguments: object) -> None:
        assert _outcome(self._sqlite, method, *arguments) == _outcome(self._memory, method, *arguments)

    @rule(name=names, blob=blobs, session=sessions, now=moments)
    def add_blob(self, name: RepositoryName, blob: Digest, session: str, now: float) -> None:
        """Add a blob."""
        self._same("add_blob", name, blob, BLOBS.index(blob), session, now)

    @rule(name=names, blob=blobs, source=names, now=moments)
    def mount_blob(self, name: RepositoryName, blob: Digest, source: RepositoryName, now: float) -> None:
        """Mount a blob."""
        self._same("mount_blob", name, blob, source, now)

    @rule(name=names, blob=blobs, limits=rules)
    def remove_blob(self, name: RepositoryName, blob: Digest, limits: TagRules) -> None:
        """Remove a blob."""
        self._same("remove_blob", name, blob, limits)

    @rule(
        name=names,
        manifest=st.sampled_from(MANIFESTS),
        algorithm=st.sampled_from(["sha256", "sha256", "sha512"]),
        wanted=st.lists(tags, max_size=3),
        named_blobs=st.lists(digests, max_size=2),
        children=st.lists(digests, max_size=2),
        precondition=preconditions,
        limits=rules,
    )
    def put_manifest(
        self,
        name: RepositoryName,
        manifest: Manifest,
        algorithm: str,
        wanted: list[Tag],
        named_blobs: list[Digest],
        children: list[Digest],
        precondition: Precondition | None,
        limits: TagRules,
    ) -> None:
        """Put a manifest that may be incomplete, on a condition that may not hold."""
        key = manifest.digest(algorithm)
        self._same("put_manifest", name, key, manifest, wanted, named_blobs, children, precondition, limits)

    @rule(name=names, manifest=st.sampled_from(MANIFESTS), wanted=st.lists(tags, max_size=2))
    def put_complete_manifest(self, name: RepositoryName, manifest: Manifest, wanted: list[Tag]) -> None:
        """Put a manifest that nothing is held against."""
        self._same("put_manifest", name, manifest.digest(), manifest, wanted, [], [], None)

    @rule(name=names, key=digests, limits=rules)
    def delete_manifest(self, name: RepositoryName, key: Digest, limits: TagRules) -> None:
        """Delete a manifest."""
        self._same("delete_manifest", name, key, limits)

    @rule(name=names, tag=tags, precondition=preconditions, limits=rules)
    def delete_tag(self, name: RepositoryName, tag: Tag, precondition: Precondition | None, limits: TagRules) -> None:
        """Delete a tag."""
        self._same("delete_tag", name, tag, precondition, limits)

    @rule(session=sessions, name=names, now=moments)
    def begin_upload(self, session: str, name: RepositoryName, now: float) -> None:
        """Begin a session that is not under way."""
        if answer(self._memory.upload(session)) is None:
            self._same("begin_upload", UploadRecord(session, name, now))

    @rule(session=sessions, now=moments)
    def touch_upload(self, session: str, now: float) -> None:
        """Touch a session."""
        self._same("touch_upload", session, now)

    @rule(session=sessions)
    def end_upload(self, session: str) -> None:
        """End a session."""
        self._same("end_upload", session)

    @rule(name=names, key=digests, wanted=st.lists(st.sampled_from([*TYPES, ""]), max_size=3), page=pages)
    def list_referrers(self, name: RepositoryName, key: Digest, wanted: list[str], page: PageRequest) -> None:
        """List referrers."""
        self._same("referrers", name, key, wanted, page)

    @rule(name=names, key=blobs, page=pages, before=moments)
    def list_all_else(self, name: RepositoryName, key: Digest, page: PageRequest, before: float) -> None:
        """List tags, repositories, holders and idle sessions."""
        self._same("tags", name, page)
        self._same("repositories", page)
        self._same("blob_holders", key, page)
        self._same("idle_uploads", before, page.limit)

    @rule()
    def reopen(self) -> None:
        """Close the file and open it again."""
        answer(self._sqlite.close())
        self._sqlite = self._open()

    @invariant()
    def everything_is_the_same(self) -> None:
        """All that can be asked for by name is the same in both."""
        for name in NAMES:
            for blob in DIGESTS:
                self._same("blob_size", name, blob)
            for reference in (*DIGESTS, *TAGS):
                self._same("manifest", name, reference)
        for session in SESSIONS:
            self._same("upload", session)


TestModel = Model.TestCase
TestModel.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
