"""
One HTTP/1.1 connection to an engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httptools
from attrs import field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Protocol, connectionDone

from oci_twisted.engine.errors import ConnectionFailed, StreamCorrupt, TimedOut
from oci_twisted.engine.transport.duplex import Duplex
from oci_twisted.engine.transport.streams import ByteStream
from oci_twisted.engine.transport.uploads import Upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Mapping

    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

_SWITCHED = 101
_FINAL = 200
_HEAD_LIMIT = 64 << 10
# Pieces of 128 KiB and more are mapped anew for each read, by most allocators.
_READ = 120 << 10
# As OpenSSL says it of an answer that is HTTP, for instance; versions differ.
_NO_TLS = ("wrong version number", "unknown protocol", "packet length too long")


class Stale(Exception):
    """A kept connection was closed by the engine before it answered: the request may be sent again on a new one."""


@frozen
class Exchange:
    """
    A request, as HTTP has it.

    :ivar target: path and query.
    :ivar takes_over: whether the connection may become a duplex.
    :ivar first_byte: how long the answer may take to begin, in seconds; ``None`` for ever.
    :ivar idle: how long its body may pause.
    """

    verb: str
    target: str
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    body: bytes | AsyncIterable[bytes] | None = field(default=None, repr=False)
    takes_over: bool = False
    first_byte: float | None = None
    idle: float | None = None


@frozen
class Answer:
    """
    The head of an answer.

    :ivar headers: by lower-case names; of several lines with one name the last.
    :ivar stream: the body; ``None`` if the connection was taken over.
    """

    status: int
    headers: Mapping[str, str]
    stream: ByteStream | None = None
    duplex: Duplex | None = None


class Wire(Protocol):
    """
    A connection that carries one exchange after the other.

    :param clock: of the timeouts.
    :param host: for the header of that name.
    :param idle: called when the connection can carry another exchange.
    :param gone: called when it is lost; with ``True`` when that was not our doing.
    """

    def __init__(
        self, clock: IReactorTime, host: str, idle: Callable[[Wire], None], gone: Callable[[Wire, bool], None]
    ) -> None:
        self._clock = clock
        self._host = host
        self._idle = idle
        self._gone = gone
        self._parser: Any = None
        self._exchange: Exchange | None = None
        self._answered: Deferred[Answer] | None = None
        self._stream: ByteStream | None = None
        self._duplex: Duplex | None = None
        self._upload: Deferred[bool] | None = None
        self._timer: IDelayedCall | None = None
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._head_size = 0
        # Bytes of which the parser has not given anything on.
        self._taken_in = 0
        self._used = False
        self._touched = False
        self._closing = False
        self._persistent = True
        self._complete = False
        self.lost = False

    def connectionMade(self) -> None:
        """Read as much at once as an engine has written meanwhile, which spares a twentieth of the processor time."""
        if hasattr(self.transport, "bufferSize"):
            # It is a socket's.
            self.transport.bufferSize = _READ  # type: ignore[union-attr]  # hasattr has looked

    async def send(self, exchange: Exchange) -> Answer:
        """
        Send a request and answer the head of what comes back.

        :raise Stale: when the engine had closed the connection already.
        :raise ConnectionFailed: when it closes it before the answer begins.
        :raise ValueError: when there is something in the request that a head cannot have.  Nothing has been sent.
        """
        try:
            head = self._head_of(exchange)
        except ValueError:
            self.abort()
            raise
        self._exchange = exchange
        self._parser = httptools.HttpResponseParser(self)
        self._touched, self._complete, self._persistent = False, False, True
        self._taken_in = 0
        answered: Deferred[Answer] = Deferred(lambda _: self.abort())
        self._answered = answered
        self._write_request(exchange, head)
        try:
            return await answered
        except CancelledError:
            self.abort()
            raise

    def abort(self) -> None:
        """Close the connection at once."""
        self._closing = True
        self._stop_timer()
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]  # all stream transports have it

    # How a request leaves:

    def _head_of(self, exchange: Exchange) -> bytes:
        body = exchange.body
        headers = {"Host": self._host, "User-Agent": "oci-twisted", **exchange.headers}
        if exchange.takes_over:
            headers |= {"Connection": "Upgrade", "Upgrade": "tcp"}
        if isinstance(body, bytes):
            headers["Content-Length"] = str(len(body))
        elif body is not None:
            headers["Transfer-Encoding"] = "chunked"
        elif exchange.verb not in {"GET", "HEAD"}:
            headers["Content-Length"] = "0"
        lines = [
            f"{exchange.verb} {exchange.target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a header has a line break in it")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _write_request(self, exchange: Exchange, head: bytes) -> None:
        body = exchange.body
        if self.transport is None:
            return
        if body is None or isinstance(body, bytes):
            self.transport.write(head + (body or b""))
            self._start_timer(exchange.first_byte)
            return
        self.transport.write(head)
        # A body that does not move is an engine that does not read, or a source that has nothing: both are pauses.
        self._start_timer(exchange.idle)
        upload = Upload(self.transport, lambda: self._start_timer(exchange.idle))
        self._upload = Deferred.fromCoroutine(upload.send(body))
        self._upload.addCallbacks(self._uploaded, self._upload_failed)

    def _uploaded(self, sent: bool) -> bool:  # noqa: FBT001 - a callback
        self._upload = None
        if sent and self._exchange is not None and self._answered is not None:
            self._start_timer(self._exchange.first_byte)
        return sent

    def _upload_failed(self, failure: Failure) -> None:
        self._upload = None
        answered, self._answered = self._answered, None
        stream, self._stream = self._stream, None
        self.abort()
        # Whatever the source of the body raised is for whoever waits.
        if answered is not None:
            answered.errback(failure)
        elif stream is not None:
            stream.end(failure.value)

    # How an answer arrives:

    def dataReceived(self, data: bytes) -> None:
        """Take bytes from the engine."""
        if self._duplex is not None:
            self._duplex.receive(data)
            return
        if self._exchange is None or self._closing:
            # Nothing was asked: what comes, such as a 408, cannot be told from the answer to the next request.
            self.abort()
            return
        self._touched = True
        self._taken_in += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as switched:
            self._hand_on()
            rest = data[switched.args[0] :]
            if rest and self._duplex is not None:
                self._duplex.receive(rest)
        except httptools.HttpParserError as error:
            self._hand_on()
            self._fail(StreamCorrupt(f"what the engine answered is not HTTP: {error}"))
            self.abort()
            return
        self._hand_on()
        if self._taken_in > _HEAD_LIMIT:
            # The parser keeps a line of the head, or behind the body, until it ends.
            self._fail(StreamCorrupt("the engine's answer has an endless head"))
            self.abort()
            return
        if self._complete and self._exchange is not None:
            self._conclude()
        elif self._stream is not None and not self._stream.is_paused and self._exchange is not None:
            self._start_timer(self._exchange.idle)

    def on_message_begin(self) -> None:
        """A head begins."""
        if self._complete:
            # There is something behind the answer, which nobody has asked for.
            self._persistent = False
        self._headers = {}
        self._head_size = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a line of the head."""
        self._head_size += len(name) + len(value)
        if self._head_size > _HEAD_LIMIT:
            self._fail(StreamCorrupt("the engine's answer has an endless head"))
            self.abort()
            return
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The head is there: give it to whoever waits."""
        self._taken_in = 0
        status = self._parser.get_status_code()
        answered, exchange = self._answered, self._exchange
        if (status < _FINAL and status != _SWITCHED) or answered is None or exchange is None:
            return
        if status == _SWITCHED and not exchange.takes_over:
            self._fail(StreamCorrupt("the engine gave its connection away, for which it was not asked"))
            self.abort()
            return
        self._answered = None
        self._persistent = bool(self._parser.should_keep_alive())
        self._stop_timer()
        # Engines before 23.0 answer 200 to what they take over, unless they are asked for an upgrade.
        framed = "content-length" in self._headers or "transfer-encoding" in self._headers
        if exchange.takes_over and (status == _SWITCHED or (status == _FINAL and not framed)):
            self._duplex = Duplex(self.transport, self._headers.get("content-type", ""), self._release)
            answered.callback(Answer(status, self._headers, duplex=self._duplex))
            return
        self._stream = ByteStream(self._pause, self._resume, self.abort)
        stream = self._stream
        if exchange.verb == "HEAD":
            # llhttp cannot be told that there is no body, whatever the head says.
            self._persistent = False
            self.on_message_complete()
        answered.callback(Answer(status, self._headers, stream=stream))

    def on_body(self, data: bytes) -> None:
        """Take some of the body."""
        self._taken_in = 0
        if not self._complete:
            self._body.append(data)

    def _hand_on(self) -> None:
        """Give on what has been read of the body, in one piece: engines send logs as a chunk a line."""
        if not self._body:
            return
        piece = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        if self._stream is not None:
            self._stream.receive(piece)
        elif self._duplex is not None:
            self._duplex.receive(piece)

    def on_message_complete(self) -> None:
        """The answer is complete, unless it was an interim one."""
        if self._answered is None and self._duplex is None:
            self._complete = True

    def _conclude(self) -> None:
        """Let the connection go on, and then the reader: their next request shall find it free."""
        self._stop_timer()
        stream, self._stream = self._stream, None
        if stream is not None and stream.is_paused:
            self._resume()
        if self._upload is not None:
            # The engine has answered before it has read: it will hardly read the rest.
            upload, self._upload = self._upload, None
            self._persistent = False
            upload.cancel()
        self._finish()
        if stream is not None:
            stream.end()

    def _finish(self) -> None:
        self._exchange = None
        if self._persistent and not self.lost and not self._closing:
            self._used = True
            self._idle(self)
        else:
            self._closing = True
            if self.transport is not None:
                self.transport.loseConnection()

    def _pause(self) -> None:
        # The reader takes its time: that is no pause of the engine's.
        self._stop_timer()
        if self.transport is not None:
            self.transport.pauseProducing()  # type: ignore[attr-defined]  # all stream transports have it

    def _resume(self) -> None:
        if self.transport is not None and not self.lost:
            self.transport.resumeProducing()  # type: ignore[attr-defined]  # all stream transports have it
            if self._stream is not None and self._exchange is not None:
                self._start_timer(self._exchange.idle)

    # How it ends:

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell everybody."""
        ours, self.lost = self._closing, True
        self._stop_timer()
        duplex, stream = self._duplex, self._stream
        if duplex is not None:
            duplex.lose(reason)
            return
        if stream is not None and reason.check(ConnectionDone) and self._ends_with_connection():
            self._stream = None
            stream.end()
        elif self._answered is not None and self._used and not self._touched:
            self._fail(Stale())
        else:
            self._fail(self._broken(reason))
        self._gone(self, not ours)

    def _ends_with_connection(self) -> bool:
        return "content-length" not in self._headers and "transfer-encoding" not in self._headers

    def _broken(self, reason: Failure) -> Exception:
        if self._closing:
            return ConnectionFailed("the connection was closed")
        why = reason.getErrorMessage()
        if self._touched:
            return StreamCorrupt(f"the engine's answer broke off: {why}")
        if not reason.check(ConnectionDone, ConnectionLost):
            # Errors of TLS have no class that all installations have.
            if any(phrase in why for phrase in _NO_TLS):
                return ConnectionFailed(f"what answers there does not speak TLS: {why}")
            return ConnectionFailed(f"the connection is not secure, for a certificate is wrong or missing: {why}")
        return ConnectionFailed(f"the engine closed the connection and did not answer: {why}")

    def _release(self) -> None:
        self._gone(self, False)

    def _fail(self, error: Exception) -> None:
        stream, self._stream = self._stream, None
        upload, self._upload = self._upload, None
        self._refuse(error)
        if stream is not None:
            stream.end(error)
        if upload is not None:
            upload.cancel()

    def _refuse(self, error: Exception) -> None:
        answered, self._answered = self._answered, None
        if answered is not None and not answered.called:
            answered.errback(error)

    # What is waited for:

    def _start_timer(self, seconds: float | None) -> None:
        if seconds is None or self._closing:
            self._stop_timer()
        elif self._timer is not None and self._timer.active():
            self._timer.reset(seconds)
        else:
            self._timer = self._clock.callLater(seconds, self._time_out, seconds)

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _time_out(self, seconds: float) -> None:
        what = "paused in the middle of its answer" if self._touched else "did not begin to answer"
        self._fail(TimedOut(f"the engine {what} for {seconds:g} s"))
        self.abort()
