"""
The drivers' table, read the other way round: from a request of HTTP to an operation and its parameters.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import frozen

from oci_twisted.engine.drivers.docker import OPERATIONS
from oci_twisted.testing.engine.memory.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from oci_twisted.engine.drivers.operations import Operation
    from oci_twisted.testing.engine.memory.server import Call

_VERSION = re.compile(r"/v(\d+\.\d+)(/.*)")
_TRUE = frozenset({"1", "true", "True"})


@frozen
class Asked:
    """
    An operation that is asked for.

    :ivar texts: parameters as they came, a list for each.
    :ivar document: the JSON of the body.
    :ivar archive: the body where it is bytes.
    """

    method: str
    texts: Mapping[str, list[str]]
    document: dict[str, Any]
    archive: bytes

    def text(self, name: str, default: str = "") -> str:
        """Answer a parameter."""
        return self.texts[name][-1] if self.texts.get(name) else default

    def truth(self, name: str, *, default: bool = False) -> bool:
        """Answer a parameter that is a truth."""
        return self.text(name) in _TRUE if name in self.texts else default

    def filters(self, *known: str) -> dict[str, list[str]]:
        """
        Answer the filters of a list.

        :param known: the names of those that there are.
        :raise Refused: when there is another one.
        """
        found: dict[str, list[str]] = json.loads(self.text("filters", "{}"))
        for name in sorted(found.keys() - {*known}):
            raise Refused(400, f"invalid filter '{name}'")
        return found


def read_call(call: Call) -> Asked:
    """
    Answer what is asked for.

    :raise Refused: when it is no operation of this API.
    """
    parts = urlsplit(call.target)
    match = _VERSION.fullmatch(parts.path)
    path = match[2] if match else parts.path
    query = parse_qsl(parts.query, keep_blank_values=True)
    for operation, pattern, constants in _ROUTES:
        found = pattern.fullmatch(path) if operation.verb == call.verb else None
        if found is not None and constants <= set(query):
            return _asked(operation, found, query, call)
    raise Refused(404, "page not found")


def _asked(operation: Operation, found: re.Match[str], query: list[tuple[str, str]], call: Call) -> Asked:
    texts = {name: [unquote(value)] for name, value in found.groupdict().items()}
    names = {term.theirs: term.ours for term in operation.query}
    for theirs, value in query:
        if theirs in names:
            texts.setdefault(names[theirs], []).append(value)
    for term in operation.headers:
        if term.theirs.lower() in call.headers:
            texts[term.ours] = [call.headers[term.theirs.lower()]]
    document = json.loads(call.body) if operation.body is not None and call.body else {}
    method = operation.method
    if method == "exec.start" and document.get("Detach"):
        method = "exec.detach"
    return Asked(method, texts, document, call.body if operation.takes_bytes else b"")


def _routes() -> Iterator[tuple[Operation, re.Pattern[str], set[tuple[str, str]]]]:
    # What is more special comes first: fewer places, and more that does not change.
    def generality(operation: Operation) -> tuple[int, int]:
        return operation.path.count("{"), -operation.path.count("?")

    for operation in sorted(OPERATIONS.values(), key=generality):
        path, _, constants = operation.path.partition("?")
        # The names of images have slashes.
        pattern = re.sub(r"\{(\w+)\}", lambda place: f"(?P<{place[1]}>{'.+' if place[1] == 'name' else '[^/]+'})", path)
        yield operation, re.compile(pattern), set(parse_qsl(constants))


_ROUTES = tuple(_routes())
