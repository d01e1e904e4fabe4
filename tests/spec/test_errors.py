"""
Refusals and the table of their codes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.errors import (
    TABLE,
    BlobUnknown,
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
    RegistryError,
    Row,
    TagInvalid,
    Unauthorized,
    UploadBusy,
    UploadOutOfOrder,
    UploadUnknown,
)
from oci_twisted.spec.names import parse_name, parse_tag

if TYPE_CHECKING:
    from collections.abc import Iterator

# distribution-spec, "Error Codes".
CODES = {
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DENIED",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "TOOMANYREQUESTS",
    "UNAUTHORIZED",
    "UNSUPPORTED",
}
# The statuses that the specification gives to its codes; the rest are HTTP's own.
STATUSES = {
    "BLOB_UNKNOWN": {404},
    "BLOB_UPLOAD_INVALID": {400, 409, 416},
    "BLOB_UPLOAD_UNKNOWN": {404},
    "DIGEST_INVALID": {400},
    "MANIFEST_BLOB_UNKNOWN": {400, 404},
    "MANIFEST_INVALID": {400},
    "MANIFEST_UNKNOWN": {404},
    "NAME_INVALID": {400},
    "NAME_UNKNOWN": {404},
    "SIZE_INVALID": {400, 413, 416},
    "TOOMANYREQUESTS": {429},
    "UNAUTHORIZED": {401},
}
DIGEST = digest_of(b"")


def refusals(kind: type[RegistryError] = RegistryError) -> Iterator[type[RegistryError]]:
    """Answer every kind of refusal in the package that was imported."""
    for subclass in kind.__subclasses__():
        if subclass.__module__.startswith("oci_twisted."):
            yield subclass
        yield from refusals(subclass)


def test_every_refusal_has_a_row_and_every_row_a_refusal() -> None:
    """Nothing can be raised that could not be rendered, and the table has nothing that is never raised."""
    assert set(TABLE) == set(refusals())


@pytest.mark.parametrize(("kind", "row"), TABLE.items())
def test_a_row_has_a_code_that_clients_know(kind: type[RegistryError], row: Row) -> None:
    """A client's fault has a code of the specification's list, which allows no other; every code is upper-case."""
    assert re.fullmatch("[A-Z]+(_[A-Z]+)*", row.code)
    assert 400 <= row.status < 600
    if row.status < 500:
        assert row.code in CODES, kind
        assert row.status in STATUSES.get(row.code, {row.status}), kind


@pytest.mark.parametrize("kind", [NameInvalid, TagInvalid, DigestInvalid, ManifestInvalid, PageInvalid])
def test_what_cannot_be_parsed_is_a_value_error(kind: type[RegistryError]) -> None:
    """A program that uses the parsers may catch `ValueError`, and finds the sentence in it."""
    error = kind("no", {"name": "x"})
    assert isinstance(error, ValueError)
    assert str(error) == error.message == "no"
    assert error.documents() == [("no", {"name": "x"})]


def test_a_missing_repository_is_named() -> None:
    """The refusal of a repository says which."""
    error = NameUnknown.of(parse_name("a/b"))
    assert error.documents() == [("no repository a/b", {"name": "a/b"})]


def test_a_blob_of_another_digest_is_told_its_own() -> None:
    """The refusal of a blob says what its digest is and what it was said to be."""
    found = digest_of(b"other")
    error = DigestInvalid.of(DIGEST, found)
    assert error.message.startswith(f"the blob's digest is {found}, not {DIGEST};")
    assert error.detail == {"digest": str(found), "expected": str(DIGEST)}


def test_a_missing_blob_is_named() -> None:
    """The refusal of a blob says which, to a person and to a program."""
    error = BlobUnknown.of(DIGEST)
    assert error.documents() == [(f"no blob {DIGEST} in this repository", {"digest": str(DIGEST)})]


@pytest.mark.parametrize("reference", [DIGEST, parse_tag("latest")])
def test_a_missing_manifest_is_named(reference: object) -> None:
    """The refusal of a manifest says by which tag or digest it was asked for."""
    error = ManifestUnknown.of(reference)
    assert error.documents() == [(f"no manifest {reference} in this repository", {"reference": str(reference)})]


def test_all_missing_content_is_named_at_once() -> None:
    """A manifest that names missing content is refused with one entry for each digest, so that one retry is enough."""
    other = digest_of(b"other")
    error = ManifestBlobUnknown(iter((DIGEST, other)))
    assert error.missing == (DIGEST, other)
    assert error.documents() == [
        (f"push {DIGEST} to this repository first", {"digest": str(DIGEST)}),
        (f"push {other} to this repository first", {"digest": str(other)}),
    ]


def test_a_missing_session_is_named() -> None:
    """The refusal of an upload session says which, and what to do."""
    error = UploadUnknown.of("id")
    assert error.message == "no upload session id in this repository; begin a new one with POST"
    assert error.detail == {"session": "id"}


def test_a_busy_session_is_named() -> None:
    """The refusal of a second writer says which session has one already, and what to do."""
    error = UploadBusy.of("id")
    assert error.message.endswith("ask for its offset and try again")
    assert error.detail == {"session": "id"}


def test_a_chunk_out_of_order_is_told_where_to_go_on() -> None:
    """The refusal of a chunk says which byte comes next."""
    error = UploadOutOfOrder("id", offset=10, start=20)
    assert (error.session_id, error.offset) == ("id", 10)
    assert "send the byte at 10 next" in error.message
    assert error.detail == {"offset": 10, "start": 20}


def test_a_range_beside_the_blob_is_told_the_size() -> None:
    """The refusal of a range says how many bytes there are."""
    error = RangeUnsatisfiable(7)
    assert error.size == 7
    assert error.detail == {"size": 7}


def test_who_has_to_log_in_is_told_how() -> None:
    """The refusal of a stranger carries the challenge, and not in the sentence."""
    error = Unauthorized("log in", 'Basic realm="x"')
    assert error.challenge == 'Basic realm="x"'
    assert error.documents() == [("log in", None)]


def test_a_method_that_is_not_for_a_path_is_told_those_that_are() -> None:
    """The refusal of a method names the ones that would do, in order."""
    error = MethodNotAllowed("POST", {"HEAD", "GET"})
    assert error.allowed == ("GET", "HEAD")
    assert error.message == "POST is not for this path; it knows GET, HEAD"


def test_a_defect_is_found_by_its_incident() -> None:
    """A defect of ours says only under which id the log has the rest."""
    error = InternalFault("abc")
    assert error.detail == {"incident": "abc"}
    assert "under incident abc" in error.message
