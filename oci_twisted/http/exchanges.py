"""
A request and its answer, on our own front.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from oci_twisted.http.body import StreamedBody
    from oci_twisted.http.calls import Call
    from oci_twisted.http.parser import Head
    from oci_twisted.http.tasks import Task
    from oci_twisted.spec.errors import RegistryError


@define(eq=False)
class Exchange:
    """
    How far one request and its answer are.

    :ivar head: ``None`` for what could not be read as a request; ``refusal`` then says why.
    :ivar started: when the head was complete, in seconds.
    :ivar status: of the answer; 0 until there is one.
    :ivar sent: how many bytes of the answer's body were handed to the socket.
    :ivar sending: a blob is on its way.
    :ivar answered: the whole answer was handed to the socket.
    :ivar closing: the connection ends behind this answer.
    :ivar task: what waits on behalf of the request.
    """

    call: Call
    head: Head | None
    body: StreamedBody
    started: float
    refusal: RegistryError | None = None
    status: int = 0
    sent: int = 0
    sending: bool = False
    answered: bool = False
    closing: bool = False
    task: Task[Any] | None = field(default=None, repr=False)
    _continued: bool = False

    def wants_continue(self) -> bool:
        """Answer, once, whether the client has to be told to send its body."""
        if self.head is None or not self.head.expects_continue or self.body.received or self._continued:
            return False
        self._continued = True
        return True

    def can_be_followed(self, discard_size: int) -> bool:
        """
        Answer whether another request can come behind this one.

        :param discard_size: how many bytes of a body that nobody wants are worth a connection.
        """
        if self.head is None or not self.head.persistent:
            return False
        if self.body.ended:
            return True
        if self.body.failed:
            return False
        if self.head.expects_continue and not self._continued and not self.body.received:
            # The client may send the body or not; nobody can tell where its next request would begin.
            return False
        return self.body.length is None or self.body.length - self.body.received <= discard_size

    def connection_header(self) -> str | None:
        """Answer what ``Connection`` has to say."""
        if self.closing:
            return "close"
        return "keep-alive" if self.head is not None and self.head.version == "1.0" else None
