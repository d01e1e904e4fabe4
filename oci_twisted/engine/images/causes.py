"""
Why a transfer between an engine and a registry failed, read from the engine's words.

Engines hand on what a registry said as a sentence, in an error's document or in the middle of a stream that began as a
success; no header of the registry's comes with it, and a status only where containerd pulls and pushes.  What is here
was seen of Docker 20.10 and 29, Podman 4.3 and containerd, and is what registries say after the specification's codes.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from oci_twisted.engine.errors import (
    ConnectionFailed,
    EngineError,
    Invalid,
    PullCause,
    PullFailed,
    StreamCorrupt,
    Unsupported,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_twisted.engine.requests import Json, Request

Failed = TypeVar("Failed", bound=PullFailed)

# The first that is found decides: what is more special stands above.
_PHRASES: tuple[tuple[PullCause, tuple[str, ...]], ...] = (
    (PullCause.RATE_LIMITED, ("toomanyrequests", "too many requests", "rate limit", "rate exceeded", "status: 429")),
    (
        PullCause.DISK_FULL,
        ("no space left on device", "disk quota exceeded", "not enough space", "insufficient storage"),
    ),
    (
        PullCause.PLATFORM_MISMATCH,
        (
            "no matching manifest for",
            "no match for platform in manifest",
            "no image found in manifest list",
            "no image found in image index",
            "does not match the specified platform",
            "does not provide the specified platform",
            "image operating system",
        ),
    ),
    (
        PullCause.AUTHENTICATION_REQUIRED,
        (
            "unauthorized",
            "authentication required",
            "no basic auth credentials",
            "access forbidden",
            "requested access to the resource is denied",
            "pull access denied",
            "push access denied",
            "invalid username/password",
            "insufficient_scope",
            # Our registry's words; containerd leaves its code out.
            " may not pull ",
            " may not push ",
            "incorrect username or password",
            "status: 401",
            "status: 403",
        ),
    ),
    (
        PullCause.NOT_FOUND,
        (
            "manifest unknown",
            "name unknown",
            "name_unknown",
            "manifest_unknown",
            "unknown blob",
            "blob unknown",
            "not known to registry",
            "does not exist locally",
            "image not known",
            "no such image",
            "tag does not exist",
            "http 404",
            "statuscode: 404",
            "404 (not found)",
            "404 not found",
        ),
    ),
    (
        PullCause.UNREACHABLE,
        (
            "dial tcp",
            "connection refused",
            "connection reset",
            "no such host",
            "no route to host",
            "network is unreachable",
            "i/o timeout",
            "tls handshake timeout",
            "deadline exceeded",
            "client.timeout exceeded",
            "request canceled while waiting",
            "server gave http response to https client",
            "x509:",
            "tls: ",
            "certificate signed by",
            "certificate required",
            "unexpected eof",
            "/v2/: eof",
            '/v2/": eof',
        ),
    ),
)
_STATUSES = {
    401: PullCause.AUTHENTICATION_REQUIRED,
    403: PullCause.AUTHENTICATION_REQUIRED,
    404: PullCause.NOT_FOUND,
    429: PullCause.RATE_LIMITED,
    507: PullCause.DISK_FULL,
}
# As containerd says what it did not expect, with words of the registry's behind it.
_UNEXPECTED = re.compile(r"unexpected status from \w+ request to \S+: (\d{3})\b")
# It, or its store, has nothing of that name, which may be the last of several sentences.
_NOT_FOUND = re.compile(r"(?:^|: )not found$")
# Registries that answer with the code and nothing else: "denied", or a sentence of the engine's that ends so.
_DENIED = re.compile(r"(?:^|: )denied(?:$|:)")
_EOF = re.compile(r"(?:^|: )eof$")
# "retry-after: 1.5s", as Go writes durations, or the header's own number of seconds.
_DELAY = re.compile(r"retry[- ]after:?\s*((?:\d+(?:\.\d+)?(?:ns|us|µs|μs|ms|s|m|h))+|\d+(?:\.\d+)?)", re.IGNORECASE)
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def cause_of(message: str) -> PullCause:
    """Answer why, as far as a sentence of an engine's says."""
    lowered = message.lower().strip().rstrip(".")
    for cause, phrases in _PHRASES:
        if any(phrase in lowered for phrase in phrases):
            return cause
    unexpected = _UNEXPECTED.search(lowered)
    if unexpected is not None and int(unexpected[1]) in _STATUSES:
        return _STATUSES[int(unexpected[1])]
    if _DENIED.search(lowered):
        return PullCause.AUTHENTICATION_REQUIRED
    if _NOT_FOUND.search(lowered):
        return PullCause.NOT_FOUND
    return PullCause.UNREACHABLE if _EOF.search(lowered) else PullCause.OTHER


def delay_in(message: str) -> float | None:
    """Answer after how many seconds to ask again, where a sentence says so."""
    found = _DELAY.search(message)
    if found is None:
        return None
    spans = _SPAN.findall(found[1])
    return sum(float(number) * _UNITS[unit] for number, unit in spans) if spans else float(found[1])


def complaint_of(message: dict[str, Json]) -> str | None:
    """Answer what a message of a stream says to be wrong; ``None`` when it tells of something else."""
    detail = message.get("errorDetail")
    told = detail.get("message") if isinstance(detail, dict) else None
    said = told or message.get("error")
    if not said and not detail:
        return None
    return str(said or "the engine did not say why").strip()


def failure(kind: type[Failed], message: str, *, status: int | None = None, request: Request | None = None) -> Failed:
    """
    Answer a transfer's error for what an engine says.

    :param status: decides where the words do not.
    """
    cause = cause_of(message)
    if cause is PullCause.OTHER and status is not None:
        cause = _STATUSES.get(status, cause)
    delay = delay_in(message) if cause is PullCause.RATE_LIMITED else None
    return kind(message, cause=cause, retry_after=delay, status=status, request=request)


@contextmanager
def refusals_as(kind: type[Failed], request: Request) -> Iterator[None]:
    """Let an engine's refusal to begin be a transfer's error; what else is wrong stays what it is."""
    try:
        yield
    except (Invalid, Unsupported, ConnectionFailed, StreamCorrupt):
        raise
    except EngineError as error:
        raise failure(kind, error.message, status=error.status, request=request) from error
