"""
What goes to a driver, and what comes back.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import field, frozen

if TYPE_CHECKING:
    from oci_twisted.engine.interfaces import IByteStream, IDuplex, IMessageStream

Json: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None
"""What `json.loads` answers."""

Parameter: TypeAlias = Any
"""
A parameter of an operation: text, a number, a truth, texts, or what becomes a JSON document.  ``None`` says nothing,
as if the parameter were not there.
"""

Body: TypeAlias = bytes | AsyncIterable[bytes] | None
"""The bytes that an operation takes: those of an archive, for instance.  Pieces are asked for as fast as they leave."""

_SUBJECTS = ("id", "name", "image", "network", "container")


@frozen
class Request:
    """
    One operation to be done by an engine.

    :ivar method: the operation's name, such as ``image.pull`` or ``container.inspect``.
    :ivar parameters: by name, as the table in `oci_twisted.engine.drivers.docker` lists them.
    :ivar body: bytes that go with it; an iterable of them is used once, so that such a request cannot be repeated.
    """

    method: str
    # May hold credentials.
    parameters: Mapping[str, Parameter] = field(factory=dict, repr=False)
    body: Body = field(default=None, repr=False)

    @property
    def subject(self) -> str | None:
        """What the operation is about: the image's, container's, network's ... name, if it has one."""
        return next((str(self.parameters[name]) for name in _SUBJECTS if self.parameters.get(name)), None)

    def __str__(self) -> str:
        return self.method if self.subject is None else f"{self.method} {self.subject}"


@frozen
class Response:
    """
    What an engine answered.  An error is raised, never answered.

    Whoever receives a stream or a duplex owns it: reads it to its end, or closes it.

    :ivar document: as Docker's Engine API describes it; ``None`` where an operation answers nothing.
    :ivar messages: a stream of JSON documents, such as the events, or a pull's progress.
    :ivar stream: a stream of bytes, such as a saved image.
    :ivar duplex: a connection to a process, which takes bytes as well.
    """

    document: Json = None
    messages: IMessageStream | None = None
    stream: IByteStream | None = None
    duplex: IDuplex | None = None
