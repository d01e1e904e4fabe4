"""
JSON of which somebody else has written the text.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oci_twisted.spec.descriptors import Json


def parse_document(content: bytes) -> dict[str, Json]:
    """
    Read a JSON object.

    :raise ValueError: when it is none, is nested deeper than a parser goes, or has one key twice in one object: parsers
        differ in which they take, so that it would mean two things.
    """
    try:
        document: Json = json.loads(content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - one kind of error for one kind of fault
    return document


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("it has one key twice in one object")
    return fields


def _refuse(constant: str) -> Json:
    raise ValueError(f"{constant} is not JSON")
