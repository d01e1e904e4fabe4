"""
Request targets: the path and the query as they came, read once and the same way by both fronts.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from oci_twisted.spec.errors import NameInvalid, RequestInvalid

# An encoded slash would let a name pass a proxy's rules for another path; no name or tag contains any of these.
_FORBIDDEN = re.compile(rb"%(?:2f|5c|00)", re.IGNORECASE)
_BROKEN = re.compile(rb"%(?![0-9a-fA-F]{2})")
_AUTHORITY_END = re.compile(rb"[/?#]")
_MOST_PARAMETERS = 256


def split_target(target: bytes) -> tuple[bytes, bytes]:
    """
    Answer the path and the query of a request target, still encoded.

    :raise RequestInvalid: when it is neither a path nor, as for a proxy, a whole URL (RFC 9112, section 3.2.2).
    """
    if not target.startswith(b"/"):
        scheme, separator, rest = target.partition(b"://")
        if not separator or scheme.lower() not in {b"http", b"https"}:
            raise RequestInvalid("the request target must begin with a slash")
        # The authority may end in a query, and that may have slashes of its own.
        end = _AUTHORITY_END.search(rest)
        target = b"/" + rest[end.start() :].removeprefix(b"/") if end is not None else b"/"
    if b"#" in target:
        raise RequestInvalid("a request target has no fragment")
    path, _, query = target.partition(b"?")
    return path, query


def parse_path(raw: bytes) -> str:
    """
    Decode the path of a request target.

    :raise NameInvalid: when it has an encoded slash, backslash or NUL.
    :raise RequestInvalid: when it is not percent-encoded UTF-8.
    """
    if b"%" in raw:
        if _FORBIDDEN.search(raw):
            raise NameInvalid("a path must not have an encoded slash, backslash or NUL in it")
        raw = _decode(raw)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestInvalid("the path is not UTF-8") from error


def parse_query(raw: bytes) -> dict[str, list[str]]:
    """
    Read a query.  A plus sign is a plus sign: media types have them, and nothing that the API takes has spaces.

    :raise RequestInvalid: when it is not percent-encoded UTF-8, or has more than 256 parameters.
    """
    query: dict[str, list[str]] = {}
    if not raw:
        return query
    pairs = raw.split(b"&", _MOST_PARAMETERS)
    if len(pairs) > _MOST_PARAMETERS:
        raise RequestInvalid(f"a query has at most {_MOST_PARAMETERS} parameters")
    try:
        for pair in pairs:
            key, _, value = pair.partition(b"=")
            query.setdefault(_decode(key).decode("utf-8"), []).append(_decode(value).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RequestInvalid("the query is not UTF-8") from error
    return query


def parse_form(raw: bytes) -> dict[str, list[str]]:
    """
    Read a form, in a body or in a query: a plus sign is a space, and one that is meant is encoded.

    :raise RequestInvalid: as `parse_query`.
    """
    return parse_query(raw.replace(b"+", b"%20"))


def _decode(raw: bytes) -> bytes:
    if _BROKEN.search(raw):
        raise RequestInvalid("a percent sign must be followed by two hexadecimal digits")
    return unquote_to_bytes(raw)
