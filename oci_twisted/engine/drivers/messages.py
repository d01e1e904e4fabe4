"""
Streams of JSON documents.
"""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Self

from zope.interface import implementer

from oci_twisted.engine.errors import StreamCorrupt
from oci_twisted.engine.interfaces import IMessageStream

if TYPE_CHECKING:
    from oci_twisted.engine.interfaces import IByteStream
    from oci_twisted.engine.requests import Json, Request

# No engine says as much at once.
MESSAGE_LIMIT = 8 << 20


@implementer(IMessageStream)
class MessageStream:
    """
    The documents in a stream of bytes, a line each, as Go's encoder writes them.

    :param request: for errors.
    """

    def __init__(self, stream: IByteStream, request: Request | None = None) -> None:
        self._stream = stream
        self._request = request
        self._lines: deque[bytes] = deque()
        self._rest = bytearray()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> dict[str, Json]:
        while not self._lines:
            try:
                piece = await self._stream.__anext__()
            except StopAsyncIteration:
                # The last line may do without its end.
                line = bytes(self._rest).strip()
                self._rest.clear()
                if not line:
                    raise
                return self._parse(line)
            self._rest += piece
            # What comes of a long line is not looked through again for each of its many pieces.
            if b"\n" in piece:
                *lines, rest = bytes(self._rest).split(b"\n")
                self._rest = bytearray(rest)
                self._lines.extend(line for line in lines if line.strip())
            if len(self._rest) > MESSAGE_LIMIT:
                raise self._corrupt(f"one message has more than {MESSAGE_LIMIT} bytes")
        return self._parse(self._lines.popleft())

    def close(self) -> None:
        """Break off."""
        self._lines.clear()
        self._stream.close()

    def _parse(self, line: bytes) -> dict[str, Json]:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self._corrupt(f"a message is not JSON: {error}") from error
        if not isinstance(message, dict):
            raise self._corrupt("a message is not a JSON object")
        return message

    def _corrupt(self, why: str) -> StreamCorrupt:
        self.close()
        return StreamCorrupt(why, request=self._request)
