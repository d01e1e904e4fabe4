"""
Our own front: a connection that speaks HTTP/1.1 and serves the API.

Bodies stream in both directions: an endpoint starts as soon as the head of its request is complete.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, IHandshakeListener, IPushProducer, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from zope.interface import implementer

from oci_twisted.http.body import HIGH_WATER, StreamedBody
from oci_twisted.http.calls import Call
from oci_twisted.http.errors import render, render_fault
from oci_twisted.http.exchanges import Exchange
from oci_twisted.http.heads import CONTINUE, render_head
from oci_twisted.http.parser import RequestParser
from oci_twisted.http.progress import acknowledged
from oci_twisted.http.replies import BlobBody
from oci_twisted.http.sending import SMALL, at_hand, send_blob, send_bytes
from oci_twisted.http.tasks import Task
from oci_twisted.spec.errors import RequestTimeout
from oci_twisted.stream.zerocopy import takes_sendfile

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IProducer
    from twisted.internet.tcp import Connection
    from twisted.python.failure import Failure

    from oci_twisted.http.parser import Head
    from oci_twisted.http.replies import Reply
    from oci_twisted.http.site import RegistrySite
    from oci_twisted.spec.errors import RegistryError


@implementer(IConsumer, IHandshakeListener, IPushProducer)
class Channel(Protocol):
    """
    One connection.  Requests are answered one at a time, in the order in which they came.

    It is the transport's producer for as long as it lives, so that it knows when the peer does not read; and it is
    the consumer of the blob that it sends.
    """

    _log = Logger()

    transport: Connection

    def __init__(self, site: RegistrySite) -> None:
        self._site = site
        self._limits = site.limits
        self._parser = RequestParser(self, site.limits.head_size)
        # What has come, but for the one that is being answered.
        self._queue: deque[Exchange] = deque()
        # The one whose body is arriving.
        self._arriving: Exchange | None = None
        self._current: Exchange | None = None
        self._advancing = False
        self._ending = False
        self._reading = True
        # The blob's producer, and whether the peer lets it write.
        self._producer: IPushProducer | None = None
        self._choked = False
        # When to look after the connection, in the site's time; 0 for never.
        self._deadline = 0.0
        self._progress = 0
        self._discarded = 0
        self._peer = ""
        self._secure = False
        # Whether the kernel's socket is right behind the transport.
        self._plain = False
        self._certificate: str | None = None
        self._shaken = False
        self._small_buffer = 0

    # The transport calls:

    def connectionMade(self) -> None:
        """Begin to wait for a request."""
        self._peer = getattr(self.transport.getPeer(), "host", "unix")
        self._secure = ISSLTransport.providedBy(self.transport)
        self._plain = takes_sendfile(self.transport)
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
            if not self._secure:
                self._small_buffer = self.transport.bufferSize
        self.transport.registerProducer(cast("Any", self), streaming=True)
        self._site.opened(self)
        self._deadline = self._site.now + self._limits.idle_time

    def handshakeCompleted(self) -> None:
        """TLS is spoken, and what the peer has shown is verified."""
        self._shaken = True
        if self._site.identify is not None:
            self._certificate = self._site.identify(cast("ISSLTransport", self.transport))

    def dataReceived(self, data: bytes) -> None:
        """Take bytes from the peer."""
        if self._ending:
            self._discard(len(data))
            return
        in_head = self._parser.in_head
        self._parser.feed(data)
        if self._current is None and self._parser.in_head and not in_head:
            self._deadline = self._site.now + self._limits.head_time
        self._advance()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Cancel what is in progress.  What has come of an upload is kept by its session."""
        if self._secure and not self._shaken and not reason.check(ConnectionAborted, ConnectionDone, ConnectionLost):
            self._log.info("no TLS with {client}: {reason}", client=self._peer, reason=_told(reason.value))
        self._ending = True
        self._queue.clear()
        self._site.closed(self)
        current = self._current
        if current is not None and current.task is not None:
            current.task.cancel()

    def pauseProducing(self) -> None:
        """The peer does not read fast enough."""
        self._choked = True
        if self._producer is not None:
            self._producer.pauseProducing()

    def resumeProducing(self) -> None:
        """The peer has read."""
        self._choked = False
        if self._producer is not None:
            self._producer.resumeProducing()
        else:
            self._advance()

    def stopProducing(self) -> None:
        """The connection is gone; `connectionLost` follows."""

    # The reader of a blob calls, and so does `send_file`:

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:  # noqa: FBT001 - Twisted's signature
        """Let ``producer``, which pushes, write while the peer reads."""
        del streaming
        self._producer = IPushProducer(producer)
        if self._choked:
            self._producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """It has written all."""
        self._producer = None

    def write(self, data: bytes) -> None:
        """Send some of a blob."""
        self.transport.write(data)
        self._moved(len(data))

    # The parser calls:

    def head_received(self, head: Head) -> None:
        """A request begins."""
        body = StreamedBody(head.length, self._body_changed)
        self._arriving = self._exchange(head, body)
        self._queue.append(self._arriving)

    def body_received(self, data: bytes) -> None:
        """Some of its body."""
        exchange = cast("Exchange", self._arriving)
        exchange.body.deliver(data)
        if exchange.answered:
            self._discard(len(data))

    def request_ended(self) -> None:
        """It is complete."""
        cast("Exchange", self._arriving).body.end()
        self._arriving = None

    def broken(self, error: RegistryError) -> None:
        """What came is no request: say so behind the answers that are owed, and close."""
        arriving, self._arriving = self._arriving, None
        if arriving is None:
            refused = self._exchange(None, StreamedBody(0, self._body_changed))
            refused.refusal = error
            self._queue.append(refused)
        elif arriving.answered:
            self._end()
        else:
            arriving.body.fail(error)

    # The site calls:

    def tick(self, now: float) -> None:
        """Look after the connection if it is time: nothing may take for ever."""
        if not self._deadline or now < self._deadline:
            return
        current = self._current
        self._deadline = 0.0
        if self._ending:
            self._check(self._taken(), stalled=self.abort)
        elif current is None:
            self._expire()
        elif current.sending or (current.answered and self._choked):
            self._check(self._taken(), stalled=self.abort)
        elif current.answered:
            self._end()
        elif current.body.awaited:
            slow = RequestTimeout(f"less than {self._limits.stall_size} bytes in {self._limits.stall_time:g} s")
            self._check(current.body.received, stalled=lambda: current.body.fail(slow))

    def stop(self) -> None:
        """End as soon as what is in progress has been answered."""
        if self._current is None:
            self._end()

    def abort(self) -> None:
        """End at once."""
        self.transport.abortConnection()

    # One exchange after the other:

    def _exchange(self, head: Head | None, body: StreamedBody) -> Exchange:
        site = self._site
        method, path, query, headers = (
            ("-", b"-", b"", {}) if head is None else (head.method, head.path, head.query, head.headers)
        )
        request_id = site.api.next_request_id()
        call = Call(
            method,
            path,
            query,
            headers,
            body,
            request_id=request_id,
            peer=self._peer,
            secure=self._secure,
            certificate=self._certificate,
        )
        if site.api.proxies is not None:
            site.api.proxies.attribute(call)
        return Exchange(call, head, body, site.seconds())

    def _advance(self) -> None:
        """Go on as far as it goes without waiting; then read from the peer, or do not."""
        if self._advancing:
            return
        self._advancing = True
        while not (self._ending or self._choked):
            if self._current is not None:
                if not (self._current.answered and self._current.body.ended):
                    break
                self._release()
            elif self._queue:
                self._start(self._queue.popleft())
            else:
                break
        self._advancing = False
        if not self._ending:
            body = None if self._current is None else self._current.body
            self._read(on=not (self._queue or (body is not None and body.full)))

    def _start(self, exchange: Exchange) -> None:
        self._current = exchange
        self._deadline = 0.0
        if exchange.refusal is not None:
            self._respond(exchange, render(exchange.refusal))
        else:
            exchange.task = Task(self._site.api.answer(exchange.call), self._answered)
            exchange.task.run()

    def _body_changed(self) -> None:
        """The endpoint waits for its body, or has made room in it."""
        current = self._current
        if current is None or self._ending:
            return
        if current.body.awaited and not self._deadline:
            if current.wants_continue():
                self._site.outbox.flush()
                self.transport.write(CONTINUE)
            if self._small_buffer:
                self.transport.bufferSize = HIGH_WATER
            self._watch(current.body.received)
        self._advance()

    def _answered(self, reply: Reply | None, error: BaseException | None) -> None:
        """The endpoint has decided, or was cancelled because the client is gone."""
        current = cast("Exchange", self._current)
        if self._ending:
            if reply is not None and isinstance(reply.body, BlobBody):
                reply.body.reader.close()
            self._finish(current)
        else:
            # Without an answer, though the client is there: something else has cancelled what the endpoint waited for.
            self._respond(current, render_fault(error) if reply is None else reply)

    def _respond(self, current: Exchange, reply: Reply) -> None:
        current.status = reply.status
        current.closing = (
            reply.close
            or self._site.stopping
            or (self._parser.dead and not self._queue)
            or not current.can_be_followed(self._limits.discard_size)
        )
        head = render_head(reply, self._site.common_headers, current.call.request_id, current.connection_header())
        body = b"" if current.call.method == "HEAD" else reply.body
        content = at_hand(body) if isinstance(body, BlobBody) else None
        if content is not None:
            body = content
        if isinstance(body, bytes) and len(body) <= SMALL:
            current.sent = len(body)
            if self._plain:
                self._site.outbox.send(self.transport, head + body)
            else:
                self.transport.write(head + body)
            self._finish(current)
            return
        self._site.outbox.flush()
        if isinstance(body, BlobBody):
            sending = send_blob(self.transport, self, self._site.pool, head, body, self._moved)
        else:
            sending = send_bytes(self.transport, self, head, body)
        current.sending = True
        current.task = Task(sending, self._sent)
        current.task.run()
        if current.sending:
            self._watch(self._taken())

    def _sent(self, _result: None, error: BaseException | None) -> None:
        """The blob is out, or broke off."""
        current = cast("Exchange", self._current)
        if error is not None and not self._ending:
            # Some of it may be out, and nothing that came now could be told from the blob.
            if not isinstance(error, ConnectionError):
                self._log.error("{request_id} broke off: {error!r}", request_id=current.call.request_id, error=error)
            self._ending = True
            self.abort()
        self._finish(current)

    def _moved(self, count: int) -> None:
        cast("Exchange", self._current).sent += count

    def _finish(self, current: Exchange) -> None:
        """The answer is out, or never will be.  Its request's body may still be on the way."""
        current.answered = True
        current.sending = False
        current.body.discard()
        self._site.log(current, gone=self._ending)
        if self._ending:
            return
        self._discarded = 0
        if self._choked:
            # The peer has to read before anything else happens.
            self._watch(self._taken())
        else:
            # The rest of the body may not take long.
            self._deadline = self._site.now + self._limits.discard_time
        if current.closing or current.body.failed:
            self._end()
        else:
            self._advance()

    def _release(self) -> None:
        self._current = None
        if self._small_buffer:
            self.transport.bufferSize = self._small_buffer
        patience = self._limits.head_time if self._parser.in_head else self._limits.idle_time
        self._deadline = self._site.now + patience
        if self._site.stopping and not self._queue:
            self._end()

    # Waiting and ending:

    def _read(self, *, on: bool) -> None:
        if on != self._reading:
            self._reading = on
            if on:
                self.transport.resumeProducing()
            else:
                self.transport.pauseProducing()

    def _watch(self, progress: int) -> None:
        self._progress = progress
        self._deadline = self._site.now + self._limits.stall_time

    def _check(self, progress: int, *, stalled: Callable[[], None]) -> None:
        if progress - self._progress >= self._limits.stall_size:
            self._watch(progress)
        else:
            stalled()

    def _taken(self) -> int:
        """Answer a number that grows as the peer takes what it was sent: by its own word, or by what we have sent."""
        taken = acknowledged(self.transport)
        if taken is None:
            taken = 0 if self._current is None else self._current.sent
        return taken

    def _expire(self) -> None:
        if self._parser.in_head:
            self._parser.dead = True
            self.broken(RequestTimeout(f"the head of the request took more than {self._limits.head_time:g} s"))
            self._advance()
        else:
            self._end()

    def _discard(self, count: int) -> None:
        """Count what nobody wants, up to a limit."""
        self._discarded += count
        if self._discarded > self._limits.discard_size:
            if self._ending:
                self.abort()
            else:
                self._end()

    def _end(self) -> None:
        """
        Close, behind what is still to be sent.

        While the peer is sending, a close at once would make its kernel throw our answer away (RFC 9112, section 9.6):
        then only our side is closed, and what comes is thrown away for a while.
        """
        if self._ending:
            return
        self._ending = True
        self._site.outbox.flush()
        self._queue.clear()
        self._discarded = 0
        current = self._current
        silent = self._reading and not self._parser.dead and (current is None or current.body.ended)
        self._watch(self._taken())
        if not (silent or self._choked):
            self._deadline = self._site.now + self._limits.discard_time
        self.transport.unregisterProducer()
        if self._secure or not hasattr(self.transport, "loseWriteConnection"):
            # TLS has a word of its own for the end, behind which it goes on reading until the peer has said it too.
            self.transport.loseConnection()
            self._read(on=True)
        elif silent:
            self.transport.loseConnection()
        else:
            self.transport.loseWriteConnection()
            self._read(on=True)


def _told(error: BaseException | None) -> str:
    """Answer what OpenSSL has to say of a handshake, which it puts into a list."""
    entries = error.args[0] if error is not None and error.args else ()
    told = [str(entry[-1]) for entry in entries if isinstance(entry, tuple) and entry]
    return "; ".join(told) or type(error).__name__
