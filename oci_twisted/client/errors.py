"""
Refusals, read: what a registry's error document says becomes what that registry raised.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, TypeGuard

from attrs import frozen

from oci_twisted.spec.digests import parse_digest
from oci_twisted.spec.errors import (
    TABLE,
    DeleteDisabled,
    Denied,
    DigestInvalid,
    InternalFault,
    ManifestBlobUnknown,
    ManifestTooLarge,
    MethodNotAllowed,
    NameInvalid,
    PageInvalid,
    RangeUnsatisfiable,
    ReadOnly,
    ReferenceChanged,
    RegistryError,
    RequestInvalid,
    RequestTooLarge,
    StorageFull,
    TagInvalid,
    TagProtected,
    TooManyAttempts,
    Unauthorized,
    Unavailable,
    UploadInvalid,
    UploadOutOfOrder,
)

if TYPE_CHECKING:
    from oci_twisted.client.answers import Answer
    from oci_twisted.spec.descriptors import Json
    from oci_twisted.spec.digests import Digest
    from oci_twisted.spec.errors import Detail

_UNAUTHORIZED = 401
_NOT_FOUND = 404
_SERVER_FAULTS = 500
# What a status means that comes without a document, as every answer to HEAD does.
_BARE: dict[int, type[RegistryError]] = {403: Denied, 412: ReferenceChanged, 507: StorageFull}
_SIZE = re.compile(r"bytes \*/([0-9]{1,18})")
_EXCERPT = 100


@frozen
class _Entry:
    code: str
    message: str
    detail: Json


def refusal(answer: Answer, missing: RegistryError | None = None) -> RegistryError:
    """
    Answer what to raise for an answer that is no success.

    :param missing: what 404 means here, whatever its document says.
    """
    entries = _entries(answer.body)
    first = entries[0] if entries else None
    kind = _BARE.get(answer.status) if first is None else _kind(answer, first)
    if answer.status == _UNAUTHORIZED:
        message = first.message if first else str(answer)
        return Unauthorized(message, answer.header("WWW-Authenticate") or "")
    if answer.status == _NOT_FOUND and missing is not None and kind is not type(missing):
        return missing
    if kind is None or first is None:
        return _bare(answer, first) if kind is None else kind(str(answer))
    return _build(kind, entries, answer)


def _entries(body: bytes) -> list[_Entry]:
    """Read an error document (distribution-spec, "Error Codes"); none for a body that is something else."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return []
    errors = document.get("errors") if isinstance(document, dict) else None
    return [
        _Entry(entry["code"], str(entry.get("message") or entry["code"]), entry.get("detail"))
        for entry in (errors if isinstance(errors, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("code"), str)
    ]


def _kind(answer: Answer, entry: _Entry) -> type[RegistryError] | None:
    """Look a status and a code up in the table, the other way round."""
    rows = [kind for kind, row in TABLE.items() if row.code == entry.code]
    exact = {kind for kind in rows if TABLE[kind].status == answer.status}
    if not exact:
        # Other registries have other statuses for some codes, so that the plainest meaning of the code is taken.
        known = rows if answer.status < _SERVER_FAULTS else []
        return min(known, key=lambda kind: TABLE[kind].status, default=None)
    if len(exact) == 1:
        return exact.pop()
    # Some share both; what tells them apart is around them.
    return next(kind for kind, likely in _likely(answer, entry) if likely and kind in exact)


def _likely(answer: Answer, entry: _Entry) -> list[tuple[type[RegistryError], bool]]:
    return [
        (TagInvalid, isinstance(entry.detail, dict) and "tag" in entry.detail),
        (NameInvalid, True),
        (TagProtected, isinstance(entry.detail, dict) and "tag" in entry.detail),
        (Denied, True),
        (RequestTooLarge, answer.method == "POST"),
        (ManifestTooLarge, True),
        (PageInvalid, answer.method == "GET"),
        (RequestInvalid, True),
        (MethodNotAllowed, entry.message == _not_allowed(answer).message),
        (DeleteDisabled, answer.method == "DELETE"),
        (ReadOnly, True),
    ]


def _build(kind: type[RegistryError], entries: list[_Entry], answer: Answer) -> RegistryError:
    first = entries[0]
    facts = first.detail if isinstance(first.detail, dict) else {}
    if kind is ManifestBlobUnknown:
        return ManifestBlobUnknown(digest for entry in entries for digest in _digests(entry))
    if kind is MethodNotAllowed:
        return _not_allowed(answer)
    if kind is RangeUnsatisfiable:
        match = _SIZE.fullmatch(answer.header("Content-Range") or "")
        return _bare(answer, first) if match is None else RangeUnsatisfiable(int(match[1]))
    if kind in {InternalFault, TooManyAttempts}:
        return _build_of_fact(facts, kind) or _bare(answer, first)
    if kind is UploadOutOfOrder:
        # Whoever sent a chunk knows which, and reads more out of such an answer.
        return UploadInvalid(first.message, _detail(first))
    return kind(first.message, _detail(first))


def _build_of_fact(facts: dict[str, Json], kind: type[RegistryError]) -> RegistryError | None:
    if kind is InternalFault:
        incident = facts.get("incident")
        return InternalFault(incident) if isinstance(incident, str) else None
    # Other registries give this code to whoever pulls much, which has nothing to do with logging in.
    seconds = facts.get("retry_after")
    return TooManyAttempts(seconds) if isinstance(seconds, int) else None


def _not_allowed(answer: Answer) -> MethodNotAllowed:
    allowed = (answer.header("Allow") or "").split(",")
    return MethodNotAllowed(answer.method, (method.strip() for method in allowed))


def _bare(answer: Answer, entry: _Entry | None) -> Unavailable:
    """Say which status came, and from what, where no class of ours says more."""
    if entry is not None:
        what = f"{entry.code}: {entry.message}"
    elif answer.body:
        what = f"what is no error document: {answer.body[:_EXCERPT]!a}"
    else:
        what = "nothing more"
    return Unavailable(f"{answer} with {what}", {"status": answer.status})


def _digests(entry: _Entry) -> list[Digest]:
    # The reference implementation gives the digest alone.
    detail = entry.detail.get("digest") if isinstance(entry.detail, dict) else entry.detail
    try:
        return [parse_digest(detail)] if isinstance(detail, str) else []
    except DigestInvalid:
        return []


def _detail(entry: _Entry) -> Detail:
    if not isinstance(entry.detail, dict):
        return None
    return {key: value for key, value in entry.detail.items() if _is_fact(value)} or None


def _is_fact(value: Json) -> TypeGuard[str | int | list[str]]:
    return isinstance(value, str | int) or (isinstance(value, list) and all(isinstance(one, str) for one in value))
