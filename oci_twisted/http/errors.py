"""
Refusals, rendered: the one place where an error becomes an answer.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from twisted.logger import Logger
from twisted.python.failure import Failure

from oci_twisted.http.replies import json_reply
from oci_twisted.spec.errors import (
    TABLE,
    DeleteDisabled,
    InternalFault,
    MethodNotAllowed,
    RangeUnsatisfiable,
    ReadOnly,
    RegistryError,
    TooManyAttempts,
    Unauthorized,
    Unavailable,
    UploadBusy,
)

if TYPE_CHECKING:
    from oci_twisted.http.replies import Headers, Reply
    from oci_twisted.spec.descriptors import Json
    from oci_twisted.spec.errors import Row

_log = Logger()

# A writer that the client has lost is given up at once when its connection breaks, so soon is soon enough.
_RETRY_SECONDS = 1


def render(error: RegistryError, headers: Headers = ()) -> Reply:
    """
    Answer the error document for a refusal (distribution-spec, "Error Codes").

    :param headers: what the endpoint adds, such as the session's ``Location``.
    """
    row = TABLE.get(type(error)) or _inherited_row(type(error))
    entries: list[Json] = []
    for message, detail in error.documents():
        entry: dict[str, Json] = {"code": row.code, "message": message}
        if detail is not None:
            entry["detail"] = {key: list(value) if isinstance(value, list) else value for key, value in detail.items()}
        entries.append(entry)
    return json_reply(row.status, {"errors": entries}, (*_headers(error), *headers))


def render_fault(error: BaseException | None = None) -> Reply:
    """
    Answer 500; the log says the rest under the same incident.

    :param error: by default the exception that is being dealt with.
    """
    incident = uuid.uuid4().hex
    _log.failure("incident {incident}", None if error is None else Failure(error), incident=incident)
    return render(InternalFault(incident))


def _inherited_row(kind: type[RegistryError]) -> Row:
    """Answer the row of an error that a provider has derived from one of ours."""
    return next((TABLE[parent] for parent in kind.__mro__ if parent in TABLE), TABLE[InternalFault])


def _headers(error: RegistryError) -> Headers:
    if isinstance(error, Unauthorized):
        return (("WWW-Authenticate", error.challenge),)
    if isinstance(error, MethodNotAllowed):
        return (("Allow", ", ".join(error.allowed)),)
    if isinstance(error, DeleteDisabled | ReadOnly):
        # What is left of the methods when the operator has switched changes off.
        return (("Allow", "GET, HEAD"),)
    if isinstance(error, RangeUnsatisfiable):
        return (("Content-Range", f"bytes */{error.size}"),)
    if isinstance(error, TooManyAttempts | Unavailable | UploadBusy):
        seconds = error.retry_after if isinstance(error, TooManyAttempts) else _RETRY_SECONDS
        return (("Retry-After", str(seconds)),)
    return ()
