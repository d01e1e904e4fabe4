"""
Refusals come out of the client as they went into the server, and what is no refusal is told as what it is.
"""

from __future__ import annotations

import pytest
from twisted.web.http_headers import Headers

from oci_twisted.client.answers import Answer
from oci_twisted.client.errors import refusal
from oci_twisted.http.errors import render
from oci_twisted.spec.digests import SHA512, digest_of
from oci_twisted.spec.errors import (
    TABLE,
    BlobUnknown,
    DeleteDisabled,
    Denied,
    DigestInvalid,
    InternalFault,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    MethodNotAllowed,
    NameInvalid,
    NameUnknown,
    PageInvalid,
    RangeUnsatisfiable,
    ReadOnly,
    ReferenceChanged,
    RegistryError,
    RequestTooLarge,
    SizeInvalid,
    StorageFull,
    TagImmutable,
    TagInvalid,
    TagProtected,
    TooManyAttempts,
    Unauthorized,
    Unavailable,
    UploadBusy,
    UploadInvalid,
    UploadOutOfOrder,
    UploadUnknown,
)
from oci_twisted.spec.names import parse_name, parse_tag
from tests.client.scripts import Said, said_error, said_json

ONE = digest_of(b"one")
TWO = digest_of(b"two", SHA512)
CHALLENGE = 'Bearer realm="https://registry.example/token",service="registry"'

# Those whose making takes more than a sentence; and those that only the method tells from another.
MADE: dict[type[RegistryError], RegistryError] = {
    NameUnknown: NameUnknown.of(parse_name("a/b")),
    TagInvalid: TagInvalid("no tag", {"tag": "?"}),
    DigestInvalid: DigestInvalid.of(ONE, TWO),
    BlobUnknown: BlobUnknown.of(ONE),
    ManifestUnknown: ManifestUnknown.of(TWO),
    ManifestBlobUnknown: ManifestBlobUnknown((ONE, TWO)),
    ReferenceChanged: ReferenceChanged("the tag points elsewhere", {"digest": str(ONE)}),
    UploadUnknown: UploadUnknown.of("id"),
    UploadBusy: UploadBusy.of("id"),
    RangeUnsatisfiable: RangeUnsatisfiable(7),
    Unauthorized: Unauthorized("log in", CHALLENGE),
    MethodNotAllowed: MethodNotAllowed("PATCH", ("GET", "PUT")),
    TooManyAttempts: TooManyAttempts(17),
    TagImmutable: TagImmutable.of(parse_tag("v1"), ONE),
    TagProtected: TagProtected.of(parse_tag("v1")),
    InternalFault: InternalFault("0123456789abcdef"),
}
METHODS: dict[type[RegistryError], str] = {
    PageInvalid: "GET",
    DeleteDisabled: "DELETE",
    MethodNotAllowed: "PATCH",
    RequestTooLarge: "POST",
}
# Only whoever sent the chunk knows which it was.
KINDS = sorted(set(TABLE) - {UploadOutOfOrder}, key=lambda kind: kind.__name__)


def answer_of(said: Said, method: str = "PUT") -> Answer:
    """Answer what the client has when a server has said something."""
    headers = Headers()
    for name, value in said.headers:
        headers.addRawHeader(name, value)
    return Answer(method, "/v2/a/b/c?state=secret", said.status, headers, b"" if method == "HEAD" else said.body)


def read(said: Said, method: str = "PUT", missing: RegistryError | None = None) -> RegistryError:
    """Answer what the client raises when a server has said something."""
    return refusal(answer_of(said, method), missing)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_server_raises_the_client_raises(kind: type[RegistryError]) -> None:
    """Every refusal is of the same class at both ends, with the same sentences and facts."""
    raised = MADE[kind] if kind in MADE else kind("a sentence")
    reply = render(raised)
    assert isinstance(reply.body, bytes)
    found = read(Said(reply.status, reply.headers, reply.body), METHODS.get(kind, "PUT"))
    assert type(found) is kind
    assert found.documents() == raised.documents()
    assert vars(found) == vars(raised)


def test_a_challenge_is_kept() -> None:
    """401 is `Unauthorized` with its challenge, whatever the code, or with no document at all."""
    header = ("WWW-Authenticate", CHALLENGE)
    for said, method in ((said_error(401, "DENIED", None, header), "GET"), (Said(401, (header,)), "HEAD")):
        found = read(said, method)
        assert isinstance(found, Unauthorized)
        assert found.challenge == CHALLENGE
    bare = read(Said(401))
    assert isinstance(bare, Unauthorized)
    assert bare.challenge == ""


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "MANIFEST_BLOB_UNKNOWN", ManifestBlobUnknown),
        (413, "MANIFEST_INVALID", ManifestInvalid),
        (404, "DENIED", Denied),
        (409, "NAME_INVALID", NameInvalid),
        (422, "SIZE_INVALID", SizeInvalid),
        (413, "BLOB_UPLOAD_INVALID", UploadInvalid),
        (404, "UNAVAILABLE", Unavailable),
        (405, "UNSUPPORTED", ReadOnly),
    ],
)
def test_a_code_counts_under_another_status(status: int, code: str, kind: type[RegistryError]) -> None:
    """Registries do not agree on statuses; under one that is not ours a code has its plainest meaning."""
    found = read(said_error(status, code))
    assert type(found) is kind
    assert found.message


@pytest.mark.parametrize(
    ("status", "code"), [(429, "TOOMANYREQUESTS"), (400, "TAG_INVALID"), (502, "BLOB_UNKNOWN"), (500, "UNKNOWN")]
)
def test_a_code_that_is_not_ours_is_told(status: int, code: str) -> None:
    """A code without a class of ours, or one that its status contradicts, is told with its status."""
    found = read(said_error(status, code))
    assert type(found) is Unavailable
    assert found.message == f"PUT /v2/a/b/c was answered {status} with {code}: {code}!"
    assert found.detail == {"status": status}


@pytest.mark.parametrize("status", [302, 400, 404, 413, 500, 502])
def test_a_page_of_a_proxy_is_told_as_one(status: int) -> None:
    """What is no error document is told with its status and how it begins; the query, which may be secret, is not."""
    found = read(Said(status, (("Content-Type", "text/html"),), b"<html><title>Bad Gateway</title>" + b"x" * 1000))
    assert type(found) is Unavailable
    assert found.message.startswith(f"PUT /v2/a/b/c was answered {status} with what is no error document: b'<html><ti")
    assert len(found.message) < 200
    assert found.detail == {"status": status}


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"errors": null}',
        b'{"errors": []}',
        b'{"errors": ["text"]}',
        b'{"errors": [{"message": "no code"}]}',
        b'{"errors": [{"code": 7}]}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_broken_document_is_no_document(body: bytes) -> None:
    """JSON that is no error document is treated like any other text."""
    found = read(Said(400, (), body))
    assert type(found) is Unavailable
    assert "no error document" in found.message


@pytest.mark.parametrize(("status", "kind"), [(403, Denied), (412, ReferenceChanged), (507, StorageFull)])
def test_some_statuses_speak_for_themselves(status: int, kind: type[RegistryError]) -> None:
    """An answer to HEAD has no document; where its status can mean one thing only, that is raised."""
    found = read(Said(status), "HEAD")
    assert type(found) is kind
    assert found.message == f"HEAD /v2/a/b/c was answered {status}"


@pytest.mark.parametrize(
    "said", [Said(404), said_error(404, "NAME_UNKNOWN"), said_error(404, "BLOB_UNKNOWN"), Said(404, (), b"<html>")]
)
def test_not_found_means_what_was_asked_for(said: Said) -> None:
    """Registries give 404 different codes; the client knows what it has asked for."""
    assert type(read(said, "GET", BlobUnknown.of(ONE))) is BlobUnknown


def test_not_found_says_what_the_server_said() -> None:
    """Where the server means the same, its own sentence is kept."""
    found = read(said_error(404, "BLOB_UNKNOWN"), "GET", BlobUnknown.of(ONE))
    assert found.message == "BLOB_UNKNOWN!"


def test_missing_digests_are_read_in_every_form() -> None:
    """Some registries give the missing digest alone; what is no digest is passed over."""
    entries = [
        {"code": "MANIFEST_BLOB_UNKNOWN", "detail": detail}
        for detail in (str(ONE), {"digest": str(TWO)}, {"digest": 7}, "no digest", None, ["x"])
    ]
    found = read(said_json({"errors": entries}, 404))
    assert isinstance(found, ManifestBlobUnknown)
    assert found.missing == (ONE, TWO)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (said_error(416, "SIZE_INVALID"), Unavailable),
        (said_error(416, "SIZE_INVALID", None, ("Content-Range", "bytes 0-1/2")), Unavailable),
        (said_error(416, "BLOB_UPLOAD_INVALID", {"offset": 3}), UploadInvalid),
        (said_error(500, "UNKNOWN", {"incident": 7}), Unavailable),
    ],
)
def test_facts_that_are_missing_are_not_made_up(said: Said, kind: type[RegistryError]) -> None:
    """Where an answer lacks what a class has to say, a plainer one is raised."""
    assert type(read(said)) is kind


def test_facts_of_another_kind_are_left_out() -> None:
    """Of a detail, which may be anything, numbers, texts and lists of texts are kept."""
    found = read(
        said_error(403, "DENIED", {"who": "me", "times": 2, "all": ["a", "b"], "deep": {}, "no": [1], "not": None})
    )
    assert found.detail == {"who": "me", "times": 2, "all": ["a", "b"]}
    assert read(said_error(403, "DENIED", "text")).detail is None
    assert read(said_error(403, "DENIED", {"deep": {}})).detail is None


def test_an_entry_without_a_message_has_its_code() -> None:
    """A sentence there always is."""
    assert read(said_json({"errors": [{"code": "DENIED"}]}, 403)).message == "DENIED"
