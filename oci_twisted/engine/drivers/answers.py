"""
What an engine's answer means when it is no success.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from oci_twisted.engine.errors import (
    Conflict,
    EngineError,
    Invalid,
    NotFound,
    NotModified,
    StreamCorrupt,
    Unauthorized,
    Unsupported,
)

if TYPE_CHECKING:
    from oci_twisted.engine.requests import Json, Request

_KINDS: dict[int, type[EngineError]] = {
    304: NotModified,
    400: Invalid,
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    409: Conflict,
    501: Unsupported,
}
# Podman, and sometimes Docker, has 500 for much that there is a status for; what it was is the end of the sentence.
# The first one decides.
_PHRASES: tuple[tuple[str, type[EngineError]], ...] = (
    ("state improper", Conflict),
    ("already in use", Conflict),
    ("already exists", Conflict),
    ("is in use", Conflict),
    ("is being used", Conflict),
    ("is already used", Conflict),
    ("is not connected to", Conflict),
    ("has active endpoints", Conflict),
    ("cannot be removed", Conflict),
    # Of a registry's address, and not of what the engine has.
    ("no such host", EngineError),
    ("no such ", NotFound),
    ("image not known", NotFound),
    ("invalid username/password", Unauthorized),
    ("failed with status: 401", Unauthorized),
    ("required plugin missing", NotFound),
    ("invalid CIDR address", Invalid),
    ("unsupported image filter", Invalid),
    ("is an invalid filter", Invalid),
    ("invalid filter", Invalid),
    ("invalid argument", Invalid),
    ("invalid reference format", Invalid),
    ("invalid signal", Invalid),
)
_NO_PROGRAM = "executable file not found"
_SENTENCES = {304: "it is so already"}
# In time that grows with the page's length alone, whatever does not end in it.
_TAGS = re.compile(r"<(?:script|style)\b.*?(?:</(?:script|style)>|\Z)|<[^<>]*>", re.IGNORECASE | re.DOTALL)
_EXCERPT = 300
# A router of HTTP that knows no such path says so in these words; an engine names what it did not find.
_NO_ROUTE = ("page not found", "not found")


def refusal(status: int, body: bytes, request: Request | None = None) -> EngineError:
    """
    Answer what to raise for an answer that is no success.

    :param body: the beginning of it: a document of the engine's, or whatever is between here and there says: HTML, or
        half a document.
    """
    message = _message(body)
    if status == 404 and message is not None and message.strip().lower() in _NO_ROUTE:  # noqa: PLR2004
        return Unsupported("the engine does not have this operation", status=status, request=request)
    kind = _KINDS.get(status) or _kind_of(message or "")
    if status == 403:  # noqa: PLR2004
        # Docker says it of what nobody may do, as well as of what they may not do now.
        kind = _kind_of(message or "", kind)
    if message is not None and _NO_PROGRAM in message:
        # Docker says it with another status than Podman, whose own would be a conflict.
        kind = Invalid
    return kind(message or _SENTENCES.get(status) or "the engine did not say why", status=status, request=request)


def _kind_of(message: str, otherwise: type[EngineError] = EngineError) -> type[EngineError]:
    return next((kind for phrase, kind in _PHRASES if phrase in message), otherwise)


def document_of(body: bytes, request: Request | None = None) -> Json:
    """
    Read an answer's document; one without a byte is ``None``.

    :raise StreamCorrupt: when it is no JSON.
    """
    if not body.strip():
        return None
    try:
        document: Json = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise StreamCorrupt(f"the engine's answer is not JSON: {error}", request=request) from error
    return document


def _message(body: bytes) -> str | None:
    """Find the sentence in what an engine says of an error: Docker's ``message``, Podman's ``cause`` before it."""
    text = body.decode("utf-8", "replace").strip()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        message = document.get("message")
        if not isinstance(message, str):
            # Podman's own API, for several things at once.
            message = document.get("errorDetail") or document.get("Err") or document.get("error")
            several = document.get("Errs") or document.get("errors")
            if not message and isinstance(several, list):
                message = "; ".join(str(one) for one in several)
        if isinstance(message, dict):
            message = message.get("message")
        if isinstance(message, str) and message.strip():
            return message.strip().rstrip(".")
    shown = " ".join(_TAGS.sub(" ", text).split()).rstrip(".")
    return shown[:_EXCERPT] or None
