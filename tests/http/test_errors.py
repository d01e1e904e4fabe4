"""
Refusals, as a client sees them.
"""

from __future__ import annotations

import json

import pytest

from oci_twisted.http.errors import render, render_fault
from oci_twisted.http.routes import API
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import (
    TABLE,
    BlobUnknown,
    DeleteDisabled,
    InternalFault,
    ManifestBlobUnknown,
    MethodNotAllowed,
    RangeUnsatisfiable,
    ReadOnly,
    RegistryError,
    Unauthorized,
    Unavailable,
    UploadBusy,
    UploadOutOfOrder,
)
from tests.http.stacks import Stack, codes, document, header

# distribution-spec, "Error Codes".
CODES = {
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
}
SPECIAL: dict[type[RegistryError], RegistryError] = {
    ManifestBlobUnknown: ManifestBlobUnknown([digest_of(b"a"), digest_of(b"b")]),
    UploadOutOfOrder: UploadOutOfOrder("session", 5, 7),
    RangeUnsatisfiable: RangeUnsatisfiable(10),
    Unauthorized: Unauthorized("log in", 'Basic realm="r"'),
    MethodNotAllowed: MethodNotAllowed("PATCH", ["PUT", "GET"]),
    InternalFault: InternalFault("0123"),
}
KINDS = sorted(TABLE, key=lambda kind: kind.__name__)


def example(kind: type[RegistryError]) -> RegistryError:
    """Make an error of a kind."""
    return SPECIAL.get(kind) or kind("a sentence")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_refusal_is_an_error_document(kind: type[RegistryError]) -> None:
    """Each has the status and code of its row, a message, and the one content type that clients read."""
    reply = render(example(kind))
    assert reply.status == TABLE[kind].status
    assert header(reply, "Content-Type") == "application/json"
    assert isinstance(reply.body, bytes)
    assert reply.length == len(reply.body)
    entries = document(reply)["errors"]
    assert {entry["code"] for entry in entries} == {TABLE[kind].code}
    assert all(entry["message"] for entry in entries)
    assert reply.status >= 500 or TABLE[kind].code in CODES


def test_every_missing_digest_is_an_entry() -> None:
    """A manifest whose content is missing is refused with one entry for each missing digest."""
    details = [entry["detail"]["digest"] for entry in document(render(SPECIAL[ManifestBlobUnknown]))["errors"]]
    assert details == [str(digest_of(b"a")), str(digest_of(b"b"))]


@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        (SPECIAL[Unauthorized], "WWW-Authenticate", 'Basic realm="r"'),
        (SPECIAL[MethodNotAllowed], "Allow", "GET, PUT"),
        (DeleteDisabled("no"), "Allow", "GET, HEAD"),
        (ReadOnly("no"), "Allow", "GET, HEAD"),
        (SPECIAL[RangeUnsatisfiable], "Content-Range", "bytes */10"),
        (Unavailable("later"), "Retry-After", "1"),
        (UploadBusy.of("session"), "Retry-After", "1"),
        (BlobUnknown.of(digest_of(b"a")), "Retry-After", None),
    ],
)
def test_some_refusals_say_more_in_a_header(error: RegistryError, name: str, value: str | None) -> None:
    """What a client's program has to know stands where HTTP has a place for it."""
    assert header(render(error), name) == value


def test_what_the_endpoint_adds_is_there_too() -> None:
    """An endpoint may add headers, such as where a session goes on."""
    assert header(render(SPECIAL[UploadOutOfOrder], (("Location", "/v2/a"),)), "Location") == "/v2/a"


class Broken(API):
    """An API with a defect."""

    def _match(self, *_arguments: object) -> object:  # type: ignore[override]  # it never answers
        raise ZeroDivisionError("secret detail")


def test_a_defect_of_ours_is_an_incident(capsys: pytest.CaptureFixture[str]) -> None:
    """A fault answers 500 with the id of an incident, and not with what went wrong."""
    stack = Stack(api=Broken)
    reply = stack.ask("GET", "/v2/")
    assert (reply.status, codes(reply)) == (500, ["UNKNOWN"])
    assert isinstance(reply.body, bytes)
    assert b"secret" not in reply.body
    assert b"Traceback" not in reply.body
    assert document(reply)["errors"][0]["detail"]["incident"] in document(reply)["errors"][0]["message"]
    assert "secret" not in capsys.readouterr().out


def test_incidents_have_names_of_their_own() -> None:
    """No two incidents share an id."""
    ids = {json.dumps(document(render_fault(ValueError("x")))) for _ in range(10)}
    assert len(ids) == 10
