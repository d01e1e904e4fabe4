"""
What has gone wrong in other registries, tried here: every test has the number of the advisory in its name.

Where the others are:

- CVE-2020-10108, 2020-10109, 2022-24801, 2023-46137, 2024-41671 (request smuggling): ``tests/wire/test_cves.py``.
- CVE-2025-24976 (a key inside of the token), CVE-2023-20902 (comparing secrets in time that tells) and CVE-2023-27584
  (a key in the source): the tests of tokens.
- CVE-2025-23208 (groups that were taken away stay): the tests of policies.
- CVE-2019-19030 and CVE-2020-13794 (who has an account): the tests of passwords.
- CVE-2026-50151, 2020-15157, 2019-10214 and 2026-48978 (credentials to other hosts): the client's, in
  ``test_locations.py``, ``test_redirects.py`` and ``test_origin.py``.

What is about things that are not here, so that there is nothing to try: pulling through to another registry
(2026-33540), webhooks and other requests of our own (2020-13788, 2025-59346), LDAP and its audit log, SQL made of text
(2019-19026, 2024-22261), accounts that one makes or changes over HTTP (2019-16097, 2019-19023, 2019-19025, 2024-22278),
sessions in browsers (2019-19029), extraction of layers (2026-50162, 2026-50163), HTTP/2 (2023-44487, 2023-45288), and
what clients verify (2024-29902, 2023-25656).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from twisted.logger import formatEvent

from oci_twisted.auth.authentication import Authentication
from oci_twisted.auth.challenges import BasicChallenge
from oci_twisted.auth.open import NobodyAsked
from oci_twisted.interfaces import ANONYMOUS, Action, Credentials, Principal, WrongCredentials
from oci_twisted.registry.policy import Policy
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.mediatypes import OCI_INDEX, OCI_MANIFEST
from oci_twisted.spec.scopes import parse_scope
from oci_twisted.storage.disk.blobs import DiskBlobs
from oci_twisted.storage.memory.metadata import MemoryMetadata
from oci_twisted.stream.pools import InlinePool
from oci_twisted.testing.repository.examples import describe, image
from tests.http.corpus import CONTENT, IDS, NAME, PATHS, ROUTES, TAG, Route, fill
from tests.http.fronts import mounted, streamed
from tests.http.people import ALL_RIGHTS, Rights, door, fronts, login
from tests.http.stacks import Stack, at_once, codes, document, header, index
from tests.http.test_authorization import ACTIONS, guarded
from tests.http.test_matrix import ANONYMOUS as NOT_LOGGED_IN
from tests.http.test_matrix import RIGHTS, request
from tests.storage.disks import WatchedDisk
from tests.wire.logs import events
from tests.wire.messages import message

if TYPE_CHECKING:
    from pathlib import Path

    from oci_twisted.spec.descriptors import Descriptor
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.names import RepositoryName, Tag
    from oci_twisted.spec.pages import Page, PageRequest

SECRET = "secret/place"
EVIL = "evil/place"
# Mallory may do everything in a repository of her own, and Victor in his.
TWO = Rights({"victor": {SECRET: ALL_RIGHTS}, "mallory": {"evil/**": ALL_RIGHTS}})
MALLORY = login("mallory")
MANIFEST = index(number="1")


class EndlessBody:
    """
    A body that never ends.

    :ivar given: how many bytes of it were taken.
    """

    length = None

    def __init__(self) -> None:
        self.given = 0

    async def read(self) -> bytes:
        """Give some more."""
        self.given += 1000
        return b" " * 1000


class WatchedListings(MemoryMetadata):
    """
    Metadata in memory.

    :ivar limits: how many items were asked for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[int] = []

    async def repositories(self, page: PageRequest) -> Page[RepositoryName]:
        """List the repositories."""
        self.limits.append(page.limit)
        return await super().repositories(page)

    async def tags(self, name: RepositoryName, page: PageRequest) -> Page[Tag]:
        """List a repository's tags."""
        self.limits.append(page.limit)
        return await super().tags(name, page)

    async def referrers(
        self, name: RepositoryName, subject: Digest, artifact_types: object, page: PageRequest
    ) -> Page[Descriptor]:
        """List the manifests that refer to ``subject``."""
        del artifact_types
        self.limits.append(page.limit)
        return await super().referrers(name, subject, (), page)


class WeighedDisk(WatchedDisk):
    """
    A disk.

    :ivar written: how many bytes were written to it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.written = 0

    def write(self, descriptor: int, content: bytes, offset: int) -> None:
        """Write to a file."""
        self.written += len(content)
        super().write(descriptor, content, offset)


def victims() -> tuple[Stack, str]:
    """Make a registry in which Victor keeps a blob and the manifest of an image; answer the blob's digest too."""
    stack = door(TWO)
    blob = str(stack.add_blob(SECRET, CONTENT))
    stack.add_blob(SECRET, b"{}")
    stack.add_manifest(SECRET, image(CONTENT), TAG, OCI_MANIFEST)
    return stack, blob


def test_cve_2017_11468_no_body_is_taken_without_a_bound() -> None:
    """A manifest that never ends is refused as soon as it is over the limit, with no more of it than that in memory."""
    limit = 10_000
    body = EndlessBody()
    reply = Stack(Policy(manifest_limit=limit)).ask("PUT", f"/v2/{NAME}/manifests/v1", body)
    assert (reply.status, codes(reply)) == (413, ["SIZE_INVALID"])
    assert body.given == limit + 1000


@pytest.mark.parametrize("n", ["1000000000", "9" * 18, "9" * 100])
def test_cve_2023_2253_a_page_is_never_larger_than_the_registry_wants(n: str) -> None:
    """However many items are asked for, no more than a page is looked for, in every listing."""
    metadata = WatchedListings()
    stack = Stack(metadata=metadata)
    content = fill(stack)
    for target in ("_catalog", f"{NAME}/tags/list", f"{NAME}/referrers/{content.manifest}"):
        assert stack.ask("GET", f"/v2/{target}?n={n}").status in {200, 400}
    # A catalog looks one further, to know whether there is more.
    assert all(limit <= 1001 for limit in metadata.limits)
    assert stack.ask("GET", "/v2/_catalog?n=1000000000").status == 200
    assert metadata.limits


@pytest.mark.parametrize(
    ("content_type", "fields"),
    [
        (OCI_MANIFEST, {"mediaType": OCI_MANIFEST, "manifests": []}),
        (OCI_INDEX, {"mediaType": OCI_INDEX, "manifests": []}),
        (OCI_MANIFEST, {"mediaType": OCI_INDEX}),
        (OCI_INDEX, {"mediaType": OCI_MANIFEST}),
        ("text/plain", {"mediaType": OCI_MANIFEST}),
        (OCI_MANIFEST, {"Layers": []}),
    ],
)
def test_cve_2021_41190_a_manifest_means_one_thing(content_type: str, fields: dict[str, object]) -> None:
    """What one client would take for an image and another for an index is refused, and so is a contradicted type."""
    stack = Stack()
    body = json.dumps({**json.loads(image()), **fields}).encode()
    reply = stack.ask("PUT", f"/v2/{NAME}/manifests/v1", body, Content_Type=content_type)
    assert (reply.status, codes(reply)) == (400, ["MANIFEST_INVALID"])


def test_cve_2026_35172_a_deleted_blob_does_not_come_back() -> None:
    """What was deleted in one repository stays away there, whatever is done with it in another."""
    rights = Rights({"mallory": {"**": ALL_RIGHTS}})
    stack = door(rights)
    blob = stack.add_blob(SECRET, CONTENT)
    stack.add_blob(EVIL, CONTENT)
    gone = f"/v2/{SECRET}/blobs/{blob}"
    assert stack.ask("DELETE", gone, Authorization=MALLORY).status == 202
    uploads = f"/v2/{EVIL}/blobs/uploads/"
    for method, target, body in (
        ("HEAD", f"/v2/{EVIL}/blobs/{blob}", b""),
        ("GET", f"/v2/{EVIL}/blobs/{blob}", b""),
        ("POST", f"{uploads}?mount={blob}&from={SECRET}", b""),
        ("POST", f"{uploads}?mount={blob}", b""),
        ("POST", f"{uploads}?digest={blob}", CONTENT),
        ("DELETE", f"/v2/{EVIL}/blobs/{blob}", b""),
        ("POST", f"{uploads}?digest={blob}", CONTENT),
    ):
        stack.ask(method, target, body, Authorization=MALLORY)
        for look in ("HEAD", "GET"):
            assert stack.ask(look, gone, Authorization=MALLORY).status == 404


DELETES = [route for route in ROUTES if ACTIONS[route.endpoint] is Action.DELETE]
CHANGES = [route for route in ROUTES if ACTIONS[route.endpoint] in {Action.PUSH, Action.DELETE}]


@pytest.mark.parametrize("route", CHANGES, ids=lambda route: route.endpoint)
def test_cve_2026_41888_no_route_goes_around_a_switch(route: Route) -> None:
    """What deletes is refused where that is switched off; and what pushes, too, in a registry that is read-only."""
    off = Policy(delete_tags=False, delete_manifests=False, delete_blobs=False)
    for policy, refused in ((off, route in DELETES), (Policy(read_only=True), True)):
        stack = Stack(policy)
        content = fill(stack)
        for reference in (TAG, str(content.manifest)):
            target = route.target(content).replace(f"manifests/{TAG}", f"manifests/{reference}")
            reply = stack.ask(route.method, target)
            if refused:
                assert (reply.status, codes(reply)) == (405, ["UNSUPPORTED"])
                assert header(reply, "Allow") == "GET, HEAD"
            else:
                assert reply.status != 405


def test_cve_2024_39897_no_digest_opens_another_repository() -> None:
    """Who knows the digest of another's blob can neither see, copy, mount nor name it, and asking changes nothing."""
    stack, blob = victims()
    manifest = digest_of(image(CONTENT))
    uploads = f"/v2/{EVIL}/blobs/uploads/"
    child = json.dumps({**index(), "manifests": [describe(image(CONTENT), OCI_MANIFEST)]}).encode()
    for _ in range(2):
        for method, target, body, media_type, status in (
            ("HEAD", f"/v2/{EVIL}/blobs/{blob}", b"", "", 404),
            ("GET", f"/v2/{EVIL}/blobs/{blob}", b"", "", 404),
            ("HEAD", f"/v2/{EVIL}/manifests/{manifest}", b"", "", 404),
            ("GET", f"/v2/{EVIL}/manifests/{manifest}", b"", "", 404),
            ("DELETE", f"/v2/{EVIL}/blobs/{blob}", b"", "", 404),
            ("POST", f"{uploads}?mount={blob}&from={SECRET}", b"", "", 202),
            ("POST", f"{uploads}?mount={blob}", b"", "", 202),
            ("POST", f"{uploads}?digest={blob}", b"other bytes", "", 400),
            ("PUT", f"/v2/{EVIL}/manifests/v1", image(CONTENT), OCI_MANIFEST, 400),
            ("PUT", f"/v2/{EVIL}/manifests/v1", child, OCI_INDEX, 400),
            ("GET", f"/v2/{SECRET}/blobs/{blob}", b"", "", 404),
            ("HEAD", f"/v2/{SECRET}/manifests/{TAG}", b"", "", 404),
            ("GET", f"/v2/{SECRET}/tags/list", b"", "", 404),
        ):
            headers = {"Content_Type": media_type} if media_type else {}
            reply = stack.ask(method, target, body, Authorization=MALLORY, **headers)
            assert (method, target, reply.status) == (method, target, status)
    assert document(stack.ask("GET", "/v2/_catalog", Authorization=MALLORY)) == {"repositories": []}


def test_cve_2025_48374_no_secret_is_logged() -> None:
    """Whatever is asked for with it, and whatever comes of it, a password is in no line, error or answer."""
    canary = "Y2FuYXJ5"
    for route in ROUTES:
        for who in ("ada", "nobody", NOT_LOGGED_IN):
            for front in fronts(RIGHTS):
                asked = request(route, fill(front.stack), NOT_LOGGED_IN)
                headers = f"Host: registry.test\r\nAuthorization: {login(who)}{canary}\r\nX-Secret: {canary}"
                with events() as collected:
                    peer = front.send(asked.replace(b"Host: registry.test", headers.encode()))
                    front.stack.access.flush()
                assert canary.encode() not in peer.received
                assert collected
                for event in collected:
                    assert canary not in f"{formatEvent(event)} {event}"
    shown = repr(Credentials(f"Basic {canary}", "registry.test", "192.0.2.1", secure=True))
    assert canary not in shown


@pytest.mark.parametrize("person", ["nobody", "puller", "pusher", "deleter", "administrator"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_cve_2026_31801_no_tag_is_special(person: str, method: str) -> None:
    """What one may do to a tag does not depend on how it is spelled."""
    statuses = set()
    for tag in ("latest", "Latest", "v1", "_", "manifests", "blobs", "uploads", "list", "tags", "sha256", "_catalog"):
        stack = door(RIGHTS)
        stack.add_manifest(NAME, MANIFEST, tag)
        body = json.dumps(index(number="2")).encode() if method == "PUT" else b""
        headers = {"Authorization": login(person), "Content_Type": OCI_INDEX}
        statuses.add(stack.ask(method, f"/v2/{NAME}/manifests/{tag}", body, **headers).status)
    assert len(statuses) == 1


def spellings(path: str) -> list[str]:
    """Answer a path in ways that some would take for the same."""
    return [
        path,
        f"/{path}",
        f"{path}/",
        f"{path}//",
        path.replace("/", "//"),
        f"/.{path}",
        f"/x/..{path}",
        f"{path}/.",
        f"{path};x=y",
        f"{path}%20",
        f"{path}%00",
        f"{path}?x=y",
        f"{path}.json",
        path.replace("/v2/", "/v2/%2e/"),
        path.replace("/v2/", "/%76%32/"),
        path.replace("/v2/", "/V2/"),
        path.upper(),
        f"http://registry.test{path}",
        f"http://other.test{path}",
    ]


PRIVATE = [route for route in ROUTES if ACTIONS[route.endpoint] is not Action.PUBLIC]


@pytest.mark.parametrize("route", PRIVATE, ids=lambda route: route.endpoint)
def test_cve_2020_29662_no_path_goes_around_the_door(route: Route) -> None:
    """Without credentials no spelling of a path is served, and nothing is changed, by any method."""
    for front in fronts(RIGHTS):
        content = fill(front.stack)
        for target in spellings(route.target(content)):
            for method in {route.method, "GET", "HEAD"}:
                for answer in front.send(message(method, target)).answers(method):
                    assert answer.status in {400, 401, 404, 405}
        visible = front.send(message("GET", "/v2/_catalog", f"Authorization: {login('administrator')}")).answer()
        assert visible.json() == {"repositories": [NAME]}
        assert front.stack.ask("GET", f"/v2/{NAME}/manifests/{TAG}", Authorization=login("puller")).status == 200


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("admin", "Harbor12345"),
        ("admin", "admin"),
        ("admin", "password"),
        ("admin", ""),
        ("root", "root"),
        ("anonymous", "anonymous"),
        ("", "admin"),
    ],
)
def test_cve_2026_4404_there_are_no_default_credentials(user: str, password: str) -> None:
    """As long as the operator has given nobody a password, none is right; where nobody is asked, all are alike."""
    plain = login("x").partition(" ")[0] + " " + login(f"{user}:{password}").partition(" ")[2]
    credentials = Credentials(plain, "registry.test", "192.0.2.1", secure=True)
    with pytest.raises(WrongCredentials):
        at_once(Authentication(BasicChallenge("a registry")).authenticate(credentials))
    assert at_once(NobodyAsked().authenticate(credentials)) == ANONYMOUS


SESSIONS = [route for route in ROUTES if "<session_id>" in route.rule]


@pytest.mark.parametrize("route", SESSIONS, ids=lambda route: route.endpoint)
def test_cve_2022_31667_31668_31670_an_id_is_good_in_its_own_repository_only(route: Route) -> None:
    """An upload session of one repository is unknown in another, for every method, and nothing happens to it."""
    stack = door(TWO)
    session = stack.begin_upload(SECRET)
    query = f"?digest={digest_of(b'more')}" if route.method == "PUT" else ""
    for name, status in ((EVIL, 404), (SECRET, 403)):
        reply = stack.ask(route.method, f"/v2/{name}/blobs/uploads/{session}{query}", b"more", Authorization=MALLORY)
        assert reply.status == status
    reply = stack.ask("GET", f"/v2/{SECRET}/blobs/uploads/{session}", Authorization=login("victor"))
    assert (reply.status, header(reply, "Range")) == (204, "0-0")
    unknown = stack.ask(route.method, f"/v2/{EVIL}/blobs/uploads/no-such{query}", b"more", Authorization=MALLORY)
    assert (unknown.status, codes(unknown)) == (404, ["BLOB_UPLOAD_UNKNOWN"])


@pytest.mark.parametrize(
    "query", ["q=digest%3D~sha", "filter=x", "sort=password", "n=10&q=owner%3D1", "account=victor"]
)
def test_cve_2025_30086_no_parameter_filters_by_what_is_hidden(query: str) -> None:
    """A parameter that a listing does not know changes nothing of it."""
    stack = Stack()
    content = fill(stack)
    for target in ("_catalog", f"{NAME}/tags/list", f"{NAME}/referrers/{content.manifest}"):
        assert stack.ask("GET", f"/v2/{target}?{query}") == stack.ask("GET", f"/v2/{target}")


def test_cve_2025_32019_nothing_that_was_pushed_runs_in_a_browser() -> None:
    """A page that was pushed as a manifest, or as a blob, is not one that a browser would run under our name."""
    stack = Stack()
    page = b"<script>alert(1)</script>"
    blob = stack.add_blob(NAME, page)
    stack.add_manifest(NAME, page, TAG, "text/html")
    served = stack.ask("GET", f"/v2/{NAME}/blobs/{blob}", Accept="text/html")
    assert header(served, "Content-Type") == "application/octet-stream"
    served = stack.ask("GET", f"/v2/{NAME}/manifests/{TAG}", Accept="text/html")
    assert (header(served, "Content-Security-Policy") or "").startswith("sandbox;")
    assert header(served, "X-Content-Type-Options") == "nosniff"


EVIL_PATHS = [
    "//evil.test",
    "//evil.test/v2/",
    "/\\evil.test/v2/",
    "/v2/%0d%0aLocation:%20//evil.test",
    "/v2/..//evil.test",
]


@pytest.mark.parametrize("path", [*PATHS, *EVIL_PATHS])
def test_cve_2024_22244_2024_41810_nobody_is_sent_elsewhere(path: str) -> None:
    """No path, however it is spelled, is answered with a redirect, nor with a line of the client's making."""
    for make in (streamed, mounted):
        front = make()
        fill(front.stack)
        for answer in front.send(message("GET", path)).answers():
            assert not 300 <= answer.status < 400
            assert answer.header("Location") is None


GITEA = [route for route in ROUTES if ACTIONS[route.endpoint] in {Action.PULL, Action.PUSH, Action.DELETE}]


@pytest.mark.parametrize("route", GITEA, ids=lambda route: route.endpoint)
def test_cve_2025_68944_2026_25714_56443_a_token_is_good_for_its_scopes_only(route: Route) -> None:
    """On every route, what a token was made for bounds what it does, whatever its owner may do."""
    action = ACTIONS[route.endpoint]
    everything = [(one, NAME) for one in Action]
    for text in (f"repository:{NAME}/more:*", "repository:a:*", "repository:*:*", "registry:catalog:*"):
        limited, _, _ = guarded(Principal("ada", limits=(parse_scope(text),)), *everything)
        status = limited.ask(route.method, route.target(fill(limited))).status
        assert status in ({200, 404} if action is Action.PULL else {403})
        issued, _, _ = guarded(Principal("ada", token=(parse_scope(text),)), *everything)
        assert issued.ask(route.method, route.target(fill(issued))).status == 401
    others = ",".join(one.value for one in (Action.PULL, Action.PUSH, Action.DELETE) if one is not action)
    narrow = (parse_scope(f"repository:{NAME}:{others}"),)
    issued, _, _ = guarded(Principal("ada", limits=narrow), *everything)
    assert issued.ask(route.method, route.target(fill(issued))).status in {403, 404, 200}
    assert NAME not in str(issued.ask("GET", "/v2/_catalog").body) or action is not Action.PULL


@pytest.mark.parametrize(
    "evil", ["sha256:..%2F..%2Fetc%2Fpasswd", "..", "sha256:" + "A" * 64, "sha256:" + "0" * 63, "x:/"]
)
def test_cve_2024_3727_a_digest_is_no_path(evil: str) -> None:
    """What is no digest, and no session's id, is refused where one belongs, and never looked for on a disk."""
    stack = Stack()
    session = stack.begin_upload(NAME)
    for method, target in (
        ("GET", f"/v2/{NAME}/blobs/{evil}"),
        ("DELETE", f"/v2/{NAME}/blobs/{evil}"),
        ("GET", f"/v2/{NAME}/referrers/{evil}"),
        ("POST", f"/v2/{NAME}/blobs/uploads/?digest={evil}"),
        ("POST", f"/v2/{NAME}/blobs/uploads/?mount={evil}&from=a"),
        ("PUT", f"/v2/{NAME}/blobs/uploads/{session}?digest={evil}"),
        ("PATCH", f"/v2/{NAME}/blobs/uploads/{evil}"),
    ):
        assert stack.ask(method, target).status in {400, 404}


def test_cve_2026_10517_no_url_of_a_manifest_is_fetched() -> None:
    """A manifest may name places in the world; the registry connects to none of them, when it is pushed or pulled."""
    stack = Stack()
    stack.add_blob(NAME, b"{}")
    document = json.loads(image(b"foreign"))
    document["layers"][0]["urls"] = ["http://169.254.169.254/latest/meta-data", "file:///etc/passwd"]
    body = json.dumps(document).encode()
    assert stack.ask("PUT", f"/v2/{NAME}/manifests/v1", body, Content_Type=OCI_MANIFEST).status == 201
    assert stack.ask("GET", f"/v2/{NAME}/manifests/v1").body == body
    assert (stack.clock.tcpClients, stack.clock.sslClients, stack.clock.unixClients) == ([], [], [])


def test_cve_2026_56755_many_tiny_chunks_cost_what_they_weigh(tmp_path: Path) -> None:
    """An upload of twice as many chunks writes twice as many bytes, in twice as many writes."""
    costs = []
    for count in (100, 200):
        disk = WeighedDisk()
        stack = Stack(blobs=DiskBlobs(tmp_path / str(count), InlinePool(), durability="full", disk=disk))
        location = f"/v2/{NAME}/blobs/uploads/{stack.begin_upload(NAME)}"
        calls, written = len(disk.calls), disk.written
        for _ in range(count):
            assert stack.ask("PATCH", location, b"x").status == 202
        costs.append((len(disk.calls) - calls, disk.written - written))
        calls = len(disk.calls)
        assert stack.ask("PUT", f"{location}?digest={digest_of(b'x' * count)}").status == 201
        assert len(disk.calls) - calls < 20
    assert costs == [(100, 100), (200, 200)]


def test_no_route_is_left_out() -> None:
    """The tests above go over all of the table."""
    assert set(IDS) == set(ACTIONS)
    assert {one.endpoint for one in CHANGES} > {one.endpoint for one in DELETES} > set()
    assert len(SESSIONS) == 4
    assert len(GITEA) > len(CHANGES)
