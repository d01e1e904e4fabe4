"""
Documents of an engine, read into values: what is missing or of another kind is said, with where it stands.
"""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from oci_twisted.engine.errors import StreamCorrupt
from oci_twisted.engine.instants import parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oci_twisted.engine.requests import Json, Request

T = TypeVar("T")

_MISSING: Any = object()
# What Go writes for no time at all, in words and in seconds.
_NEVER = ("", "0001-01-01T00:00:00Z", 0, -62135596800)
_SMALLEST, _LARGEST = -(1 << 63), (1 << 64) - 1
NO_LABELS: Mapping[str, str] = MappingProxyType({})


class Fields:
    """
    A JSON object, and what it is.

    A member that is missing is the default if there is one; so is ``null``, for Go writes that for what is empty.

    :param what: for messages, such as ``an image``.
    :param request: what it is the answer to, or a part of that, for errors.
    :raise StreamCorrupt: when it is no object; all readers raise it for a member that is missing or of another kind.
    """

    def __init__(self, document: Json, what: str, request: Request | None = None) -> None:
        if not isinstance(document, dict):
            raise StreamCorrupt(f"the engine's answer is not {what}, but {_shown(document)}", request=request)
        self._document = document
        self._what = what
        self._request = request

    @property
    def whole(self) -> dict[str, Json]:
        """The object as it is."""
        return self._document

    def text(self, name: str, default: str = _MISSING) -> str:
        """Answer a text."""
        return cast("str", self._read(name, str, default))

    def number(self, name: str, default: int = _MISSING) -> int:
        """Answer an integer, which fits into 64 bits."""
        value = self._read(name, (int, float), default)
        # JSON has no bounds, and Python's has infinities.
        if not _SMALLEST <= value <= _LARGEST:
            raise self._unusable(name, value)
        return int(value)

    def truth(self, name: str, *, default: bool = _MISSING) -> bool:
        """Answer a truth."""
        return cast("bool", self._read(name, bool, default))

    def texts(self, name: str) -> tuple[str, ...]:
        """Answer a list of texts; none if it is missing."""
        return tuple(str(one) for one in self._read(name, list, []))

    def labels(self, name: str) -> Mapping[str, str]:
        """Answer an object of texts; an empty one if it is missing."""
        found = self._read(name, dict, {})
        return MappingProxyType({key: str(value) for key, value in found.items()})

    def document(self, name: str) -> dict[str, Json]:
        """Answer an object as it is; an empty one if it is missing."""
        return cast("dict[str, Json]", self._read(name, dict, {}))

    def objects(self, name: str) -> list[Any]:
        """Answer a list as it is; an empty one if it is missing."""
        return cast("list[Any]", self._read(name, list, []))

    def rows(self, name: str) -> tuple[tuple[str, ...], ...]:
        """Answer a list of lists of texts; none if it is missing."""
        rows = self._read(name, list, [])
        if not all(isinstance(row, list) for row in rows):
            raise self._unusable(name, rows)
        return tuple(tuple(str(cell) for cell in row) for row in rows)

    def inner(self, name: str) -> Fields:
        """Answer an object's fields; those of an empty one if it is missing."""
        return Fields(self.document(name), f"{name} of {self._what}", self._request)

    def named(self, name: str, what: str) -> dict[str, Fields]:
        """
        Answer the fields of objects by their names; none if it is missing.

        :param what: each of them is.
        """
        return {one: Fields(value, f"{what} {one}", self._request) for one, value in self.document(name).items()}

    def several(self, name: str, build: Callable[[Fields], T]) -> tuple[T, ...]:
        """Answer values that are built of a list's objects; none if it is missing."""
        return each(self._read(name, list, []), f"{name} of {self._what}", build, self._request)

    def instant(self, name: str) -> datetime | None:
        """Answer a time, of RFC 3339 or in seconds since 1970; ``None`` if it is missing, or none at all."""
        value = self._document.get(name)
        if value is None or value in _NEVER:
            return None
        try:
            if isinstance(value, int) and not isinstance(value, bool):
                return datetime.fromtimestamp(value, UTC)
            return parse_instant(str(value))
        except (ValueError, OverflowError, OSError) as error:
            raise self._unusable(name, value) from error

    def _read(self, name: str, kind: Any, default: Any) -> Any:  # noqa: ANN401 - the readers above say what
        value = self._document.get(name)
        if value is None:
            if default is _MISSING:
                raise StreamCorrupt(f"{self._what} of the engine has no {name}", request=self._request)
            return default
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self._unusable(name, value)
        return value

    def _unusable(self, name: str, value: Json) -> StreamCorrupt:
        return StreamCorrupt(f"{name} of {self._what} is {_shown(value)}", request=self._request)


def each(document: Json, what: str, build: Callable[[Fields], T], request: Request | None = None) -> tuple[T, ...]:
    """
    Answer values that are built of a list's objects; ``null`` is an empty list.

    :param request: what it is the answer to, for errors.
    :raise StreamCorrupt: when it is no list of objects.
    """
    if not isinstance(document, list | None):
        raise StreamCorrupt(f"the engine's answer is not a list of {what}, but {_shown(document)}", request=request)
    return tuple(build(Fields(one, what, request)) for one in document or ())


def _shown(value: Json) -> str:
    return f"{str(value)[:60]!r}"
