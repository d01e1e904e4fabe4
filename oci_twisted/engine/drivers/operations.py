"""
Operations as lines of a table: how a request becomes HTTP.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterable, Mapping, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, urlencode

from attrs import field, frozen

from oci_twisted.engine.errors import Unsupported
from oci_twisted.engine.transport.limits import Turns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oci_twisted.engine.requests import Parameter, Request

_PLACE = re.compile(r"\{(\w+)\}")
_TERM = re.compile(r"(?P<theirs>[\w-]+)(?:=(?P<ours>\w+))?(?:>=(?P<since>[\d.]+))?")
_TAR = "application/x-tar"
_JSON = "application/json"


class Shape(Enum):
    """What an operation answers."""

    NOTHING = auto()
    DOCUMENT = auto()
    HEADERS = auto()
    MESSAGES = auto()
    BYTES = auto()
    DUPLEX = auto()


@frozen(order=True)
class ApiVersion:
    """The version of an API, such as 1.41."""

    parts: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read a version; what is behind a ``-``, as in ``5.0.0-dev``, is left out.

        :raise ValueError: when there are no numbers.
        """
        return cls(tuple(int(part) for part in text.partition("-")[0].split(".")))

    def __str__(self) -> str:
        return ".".join(str(part) for part in self.parts)


@frozen
class Term:
    """
    A parameter: what the engine calls it, what we do, and the first version that has it.

    Written ``fromImage=image``, or ``platform>=1.41``, or both.
    """

    theirs: str
    ours: str
    since: ApiVersion | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one."""
        match = _TERM.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no parameter")
        since = match["since"]
        return cls(match["theirs"], match["ours"] or match["theirs"], ApiVersion.parse(since) if since else None)


def _terms(text: str) -> tuple[Term, ...]:
    return tuple(Term.parse(word) for word in text.split())


def _version(text: str | None) -> ApiVersion | None:
    return None if text is None else ApiVersion.parse(text)


@frozen
class Encoded:
    """A request as HTTP has it, its path without a version."""

    verb: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | AsyncIterable[bytes] | None = field(repr=False)


@frozen
class Operation:
    """
    One line of a driver's table.

    :ivar method: its name in a `Request`.
    :ivar path: with places for parameters, and perhaps a query that never changes.
    :ivar shape: of the answer.
    :ivar query: parameters that go into the query.
    :ivar headers: parameters that go into headers; mappings as base64 of JSON there.
    :ivar body: the parameter that is the JSON body.
    :ivar takes_bytes: whether the request's own body goes with it.
    :ivar about: a header of the answer whose JSON, in base64, is the document.
    :ivar since: the first version of the API that has it.
    :ivar patient: whether the engine may rightly be silent for as long as it likes.
    :ivar waits: whether it is answered when something else has ended.
    :ivar versioned: whether the path begins with the API's version.
    """

    method: str
    verb: str
    path: str
    shape: Shape = Shape.DOCUMENT
    query: tuple[Term, ...] = field(default="", converter=_terms)
    headers: tuple[Term, ...] = field(default="", converter=_terms)
    body: str | None = field(default=None, kw_only=True)
    takes_bytes: bool = field(default=False, kw_only=True)
    about: str | None = field(default=None, kw_only=True)
    since: ApiVersion | None = field(default=None, converter=_version, kw_only=True)
    patient: bool = field(default=False, kw_only=True)
    waits: bool = field(default=False, kw_only=True)
    versioned: bool = field(default=True, kw_only=True)

    @property
    def parameters(self) -> frozenset[str]:
        """The names of all that it takes."""
        names = {term.ours for term in (*self.query, *self.headers)} | set(_PLACE.findall(self.path))
        return frozenset(names if self.body is None else names | {self.body})

    @property
    def turns(self) -> Turns:
        """With which others it waits for its turn."""
        if self.waits:
            return Turns.WAITS
        if self.takes_bytes or self.shape in {Shape.MESSAGES, Shape.BYTES, Shape.DUPLEX}:
            return Turns.STREAMS
        return Turns.WORKS if self.patient else Turns.CALLS

    def encode(self, request: Request, version: ApiVersion | None) -> Encoded:
        """
        Answer a request as HTTP.

        :param version: of the API that is spoken; ``None`` where it does not matter.
        :raise Unsupported: when that version lacks the operation, or a parameter that is given.
        :raise ValueError: when the parameters are not those of the operation.
        :raise TypeError: when what is named by a text is given as something else, or its bytes are none.
        """
        given = {name: value for name, value in request.parameters.items() if value is not None}
        strange = given.keys() - self.parameters
        if strange:
            raise ValueError(f"{self.method} has no parameter {', '.join(sorted(strange))}")
        if request.body is not None and not self.takes_bytes:
            raise ValueError(f"{self.method} takes no bytes")
        if request.body is not None and not isinstance(request.body, bytes | AsyncIterable):
            kind = type(request.body).__name__
            raise TypeError(
                f"{self.method} takes bytes, or an asynchronous iterable of them, and not {kind}; "
                "oci_twisted.engine.files makes one of a file or a folder"
            )
        self._check(self.method, self.since, version, request)
        for term in (*self.query, *self.headers):
            if term.ours in given:
                self._check(f"{term.ours} of {self.method}", term.since, version, request)
        body, headers = request.body, {}
        if self.takes_bytes:
            headers["Content-Type"] = _TAR
        elif self.body is not None:
            body = json.dumps(given.get(self.body, {})).encode()
            headers["Content-Type"] = _JSON
        headers |= {term.theirs: _in_header(given[term.ours]) for term in self.headers if term.ours in given}
        return Encoded(self.verb, self._target(given), headers, body)

    def _check(self, what: str, since: ApiVersion | None, version: ApiVersion | None, request: Request) -> None:
        if since is not None and version is not None and version < since:
            raise Unsupported(f"{what} needs version {since} of the engine's API, which is {version}", request=request)

    def _target(self, given: Mapping[str, Parameter]) -> str:
        def place(match: re.Match[str]) -> str:
            return _in_path(match[1], given.get(match[1]))

        path = _PLACE.sub(place, self.path)
        query = urlencode(
            [(term.theirs, text) for term in self.query if term.ours in given for text in _in_query(given[term.ours])]
        )
        if not query:
            return path
        return f"{path}{'&' if '?' in path else '?'}{query}"


def _in_path(name: str, value: Parameter) -> str:
    """Quote a part of a path.  Images have slashes in their names, which engines want as they are."""
    if not value:
        raise ValueError(f"{name} is empty")
    if not isinstance(value, str):
        # Such as what was answered when it was made.
        raise TypeError(f"{name} is a text, a name or an id, and not {value!r}")
    if any(part in {"", ".", ".."} for part in value.split("/")):
        # It would be another path, and so another operation.
        raise ValueError(f"{name} cannot be {value!r}")
    return quote(value, safe="/:@")


def _in_query(value: Parameter) -> Iterable[str]:
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, Mapping):
        return (json.dumps(value, separators=(",", ":")),)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [str(one) for one in value]
    return (str(value),)


def _in_header(value: Parameter) -> str:
    if isinstance(value, Mapping):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode("ascii")
    return str(value)


def table(*operations: Operation) -> dict[str, Operation]:
    """Answer operations by their methods, the last of several with one."""
    return {operation.method: operation for operation in operations}
