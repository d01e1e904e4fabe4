"""
No sequence of what clients do in repositories of theirs makes a byte of another's readable.

Two registries run side by side.  In both Mallory does the same.  Victor works too, but what he does in repositories
that Mallory may not see happens in one of them only: in the other there is nothing of it.  As long as Mallory is
answered the same by both, to the last byte and header, nothing that she is told can come from where she may not look.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from oci_twisted.interfaces import Action
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.mediatypes import OCI_INDEX, OCI_MANIFEST
from oci_twisted.storage.disk.blobs import DiskBlobs
from oci_twisted.storage.disk.metadata import SqliteMetadata
from oci_twisted.stream.pools import InlinePool
from oci_twisted.testing.repository.examples import describe, image, referrer
from tests.http.people import ALL_RIGHTS, Rights, door, login
from tests.http.stacks import Stack, at_once
from tests.wire.messages import message
from tests.wire.peers import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.wire.messages import Answer

HERS = ["mallory/a", "mallory/b"]
HIS = ["mallory/z", "victor/a", "victor/b"]
# He may do all in it, and she may pull.
SHOWN = "public/a"
EVERYWHERE = [*HERS, *HIS, SHOWN]
RIGHTS = Rights(
    {
        "mallory": {**dict.fromkeys(HERS, ALL_RIGHTS), SHOWN: frozenset({Action.PULL})},
        "victor": {**dict.fromkeys(HIS, ALL_RIGHTS), SHOWN: ALL_RIGHTS},
    }
)
# What a registry that leaks would let her do.
LEAKY = Rights(
    {"mallory": {"**": frozenset({Action.PULL}), **dict.fromkeys(HERS, ALL_RIGHTS)}, "victor": {"**": ALL_RIGHTS}}
)

SECRETS = [b"his secret", b"{}"]
KNOWN = [b"her bytes", b"{}"]
BLOBS = [*SECRETS, *KNOWN[:1]]
CHILD = image(SECRETS[0])
MANIFESTS = {
    CHILD: OCI_MANIFEST,
    image(KNOWN[0]): OCI_MANIFEST,
    image(): OCI_MANIFEST,
    referrer(CHILD): OCI_MANIFEST,
    json.dumps(
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [describe(CHILD, OCI_MANIFEST)]}
    ).encode(): OCI_INDEX,
    b"anything": "text/plain",
}
TAGS = ["v1", "latest"]

her_names = st.sampled_from(HERS)
his_names = st.sampled_from([*HIS, SHOWN])
names = st.sampled_from(EVERYWHERE)
blobs = st.sampled_from(BLOBS)
manifests = st.sampled_from(list(MANIFESTS))
references = st.sampled_from([*TAGS, *(str(digest_of(content)) for content in (*MANIFESTS, *BLOBS))])
reads = st.sampled_from(["GET", "HEAD"])
ranges = st.sampled_from(["", "bytes=0-3", "bytes=-2", "bytes=0-0,2-3"])


class World:
    """
    One of the two registries.

    :ivar sessions: Mallory's uploads.
    """

    def __init__(self, stack: Stack) -> None:
        self._wire = Wire(stack=stack)
        self.stack = stack
        self.sessions: list[str] = []

    def ask(self, who: str, method: str, target: str, body: bytes | None = None, *headers: str) -> Answer:
        """Answer what comes of a request."""
        sent = message(method, target, f"Authorization: {login(who)}", *headers, body=body)
        return self._wire.send(sent).answer(method)

    def told(self, answer: Answer) -> object:
        """Answer what an answer tells; sessions are named at random, and numbered here instead."""
        own = {"date", "x-request-id"}
        text = repr((answer.status, [one for one in answer.headers if one[0].lower() not in own], answer.body))
        if answer.status == 206:
            content_type = answer.header("Content-Type") or ""
            text = text.replace(content_type.partition("boundary=")[2] or "\0", "boundary")
        for number, session in enumerate(self.sessions):
            text = text.replace(session.rpartition("/")[2], f"session {number}")
        return text


class Noninterference(RuleBasedStateMachine):
    """Two registries, of which one has Victor's secrets."""

    rights = RIGHTS

    def __init__(self) -> None:
        super().__init__()
        self.real, self.empty = (World(self.open_stack()) for _ in range(2))

    def open_stack(self) -> Stack:
        """Make an empty registry."""
        return door(self.rights)

    def he(self, name: str, method: str, target: str, body: bytes | None = None, *headers: str) -> None:
        """Let Victor do something in a repository."""
        self.real.ask("victor", method, target, body, *headers)
        if name == SHOWN:
            self.empty.ask("victor", method, target, body, *headers)

    def she(self, method: str, target: str, body: bytes | None = None, *headers: str) -> None:
        """Let Mallory do something, and compare what she is told."""
        answers = [world.ask("mallory", method, target, body, *headers) for world in (self.real, self.empty)]
        self.compare(answers)

    def compare(self, answers: list[Answer]) -> None:
        """Compare what she is told, and remember the uploads that she has begun."""
        for world, answer in zip((self.real, self.empty), answers, strict=True):
            if answer.status == 202 and answer.header("Docker-Upload-UUID") is not None:
                location = answer.header("Location") or ""
                if location not in world.sessions:
                    world.sessions.append(location)
        told = [world.told(answer) for world, answer in zip((self.real, self.empty), answers, strict=True)]
        assert told[0] == told[1]

    @rule(name=his_names, content=blobs)
    def he_pushes(self, name: str, content: bytes) -> None:
        """Victor pushes a blob."""
        self.he(name, "POST", f"/v2/{name}/blobs/uploads/?digest={digest_of(content)}", content)

    @rule(name=his_names, source=names, content=blobs)
    def he_mounts(self, name: str, source: str, content: bytes) -> None:
        """Victor mounts a blob; what comes into the open that way, comes there in both worlds."""
        before = self.real.ask("victor", "HEAD", f"/v2/{name}/blobs/{digest_of(content)}").status
        self.real.ask("victor", "POST", f"/v2/{name}/blobs/uploads/?mount={digest_of(content)}&from={source}")
        after = self.real.ask("victor", "HEAD", f"/v2/{name}/blobs/{digest_of(content)}").status
        if name == SHOWN and (before, after) == (404, 200):
            self.empty.ask("victor", "POST", f"/v2/{name}/blobs/uploads/?digest={digest_of(content)}", content)

    @rule(name=his_names, content=manifests, tag=st.sampled_from(TAGS))
    def he_tags(self, name: str, content: bytes, tag: str) -> None:
        """Victor pushes a manifest."""
        self.he(name, "PUT", f"/v2/{name}/manifests/{tag}", content, f"Content-Type: {MANIFESTS[content]}")

    @rule(name=his_names, reference=references, kind=st.sampled_from(["blobs", "manifests"]))
    def he_deletes(self, name: str, reference: str, kind: str) -> None:
        """Victor deletes something."""
        self.he(name, "DELETE", f"/v2/{name}/{kind}/{reference}")

    @rule(name=names, content=st.sampled_from(KNOWN), claimed=blobs)
    def she_pushes(self, name: str, content: bytes, claimed: bytes) -> None:
        """Mallory pushes bytes that she has, under a digest that may be another's."""
        self.she("POST", f"/v2/{name}/blobs/uploads/?digest={digest_of(claimed)}", content)

    @rule(name=names)
    def she_begins(self, name: str) -> None:
        """Mallory begins an upload."""
        self.she("POST", f"/v2/{name}/blobs/uploads/")

    @rule(
        number=st.integers(min_value=0, max_value=3),
        name=names,
        method=st.sampled_from(["GET", "PATCH", "PUT", "DELETE"]),
        content=st.sampled_from([b"", *KNOWN]),
        claimed=blobs,
    )
    def she_goes_on(self, number: int, name: str, method: str, content: bytes, claimed: bytes) -> None:
        """Mallory goes on with an upload, perhaps through another repository."""
        if number >= len(self.real.sessions):
            return
        query = f"?digest={digest_of(claimed)}" if method == "PUT" else ""
        body = content if method in {"PUT", "PATCH"} else None
        answers = []
        for world in (self.real, self.empty):
            session = world.sessions[number].rpartition("/")[2]
            answers.append(world.ask("mallory", method, f"/v2/{name}/blobs/uploads/{session}{query}", body))
        self.compare(answers)

    @rule(name=names, source=st.one_of(st.none(), names), content=blobs)
    def she_mounts(self, name: str, source: str | None, content: bytes) -> None:
        """Mallory mounts a blob, from somewhere or from wherever it is."""
        given = "" if source is None else f"&from={source}"
        self.she("POST", f"/v2/{name}/blobs/uploads/?mount={digest_of(content)}{given}")

    @rule(name=names, content=manifests, tags=st.lists(st.sampled_from(TAGS), unique=True))
    def she_tags(self, name: str, content: bytes, tags: list[str]) -> None:
        """Mallory pushes a manifest that may name what is not hers."""
        query = "?" + "&".join(f"tag={tag}" for tag in tags) if tags else ""
        target = f"/v2/{name}/manifests/{digest_of(content)}{query}"
        self.she("PUT", target, content, f"Content-Type: {MANIFESTS[content]}")

    @rule(name=names, reference=references, kind=st.sampled_from(["blobs", "manifests"]))
    def she_deletes(self, name: str, reference: str, kind: str) -> None:
        """Mallory deletes something."""
        self.she("DELETE", f"/v2/{name}/{kind}/{reference}")

    @rule(name=names, content=blobs, method=reads, wanted=ranges)
    def she_pulls(self, name: str, content: bytes, method: str, wanted: str) -> None:
        """Mallory pulls a blob, or a part of it."""
        headers = [f"Range: {wanted}"] if wanted else []
        self.she(method, f"/v2/{name}/blobs/{digest_of(content)}", None, *headers)

    @rule(name=names, reference=references, method=reads)
    def she_pulls_a_manifest(self, name: str, reference: str, method: str) -> None:
        """Mallory pulls a manifest."""
        self.she(method, f"/v2/{name}/manifests/{reference}")

    @rule(name=names, content=manifests, n=st.sampled_from(["", "?n=0", "?n=1", "?n=1&last=mallory/b"]))
    def she_lists(self, name: str, content: bytes, n: str) -> None:
        """Mallory lists tags, referrers and repositories."""
        self.she("GET", f"/v2/{name}/tags/list{n}")
        self.she("GET", f"/v2/{name}/referrers/{digest_of(content)}{n}")
        self.she("GET", f"/v2/_catalog{n}")

    def teardown(self) -> None:
        """Look everywhere once more."""
        for name in EVERYWHERE:
            for content in BLOBS:
                self.she("GET", f"/v2/{name}/blobs/{digest_of(content)}")
            for content in MANIFESTS:
                self.she("GET", f"/v2/{name}/manifests/{digest_of(content)}")
            self.she("GET", f"/v2/{name}/tags/list")


class OnDisk(Noninterference):
    """The same on folders."""

    def __init__(self) -> None:
        self._folders: list[TemporaryDirectory[str]] = []
        super().__init__()

    def open_stack(self) -> Stack:
        """Make an empty registry."""
        self._folders.append(TemporaryDirectory())
        root = Path(self._folders[-1].name)
        return door(
            self.rights,
            blobs=DiskBlobs(root, InlinePool(), durability="relaxed"),
            metadata=SqliteMetadata(root / "registry.sqlite", InlinePool(), durability="relaxed"),
        )

    def teardown(self) -> None:
        """Look everywhere once more, and remove the folders."""
        try:
            super().teardown()
        finally:
            for world in (self.real, self.empty):
                at_once(world.stack.registry.close())
            for folder in self._folders:
                folder.cleanup()


class Leaky(Noninterference):
    """A registry in which Mallory may pull what is Victor's."""

    rights = LEAKY


TestNoninterference = Noninterference.TestCase
TestNoninterference.settings = settings(
    deadline=None, max_examples=150, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow]
)
TestOnDisk = OnDisk.TestCase
TestOnDisk.settings = settings(
    deadline=None, max_examples=40, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.parametrize(
    "look",
    [
        lambda machine: machine.she_pulls("victor/a", SECRETS[0], "GET", ""),
        lambda machine: machine.she_pulls("victor/a", SECRETS[0], "HEAD", ""),
        lambda machine: machine.she_mounts("mallory/a", "victor/a", SECRETS[0]),
        lambda machine: machine.she_mounts("mallory/a", None, SECRETS[0]),
        lambda machine: machine.she_lists("victor/a", CHILD, ""),
    ],
)
def test_a_leak_would_be_seen(look: Callable[[Noninterference], None]) -> None:
    """The machine fails as soon as Mallory is told anything of what is Victor's, be it only that it is there."""
    sound, leaky = Noninterference(), Leaky()
    for machine in (sound, leaky):
        machine.he_pushes("victor/a", SECRETS[0])
    look(sound)
    with pytest.raises(AssertionError):
        look(leaky)


def test_what_is_shown_is_seen() -> None:
    """In either world Mallory pulls what Victor puts where she may look: it is not only refusals that are compared."""
    machine = Noninterference()
    machine.he_pushes("victor/a", SECRETS[0])
    machine.he_mounts(SHOWN, "victor/a", SECRETS[0])
    machine.she_mounts("mallory/a", SHOWN, SECRETS[0])
    for world in (machine.real, machine.empty):
        answer = world.ask("mallory", "GET", f"/v2/mallory/a/blobs/{digest_of(SECRETS[0])}")
        assert (answer.status, answer.body) == (200, SECRETS[0])
    machine.teardown()
