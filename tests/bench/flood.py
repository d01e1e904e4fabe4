"""
Wrong logins, so many a second, from one address or from many.

Run as ``python -m tests.bench.flood HOST RATE SECONDS ADDRESSES``, in a process of its own, and over bare sockets, so
that the flood takes as little as can be from a machine that it shares with the server and with whoever measures.  It
prints how many answers of which status it got, as JSON.
"""

from __future__ import annotations

import argparse
import json
import re
import selectors
import socket
import time
from base64 import b64encode
from collections import Counter, deque

CLIENTS = 100
_LENGTH = re.compile(rb"^Content-Length: ([0-9]+)\r$", re.MULTILINE | re.IGNORECASE)
_TICK = 0.002


class Client:
    """A connection that asks one thing at a time."""

    def __init__(self, host: str, address: str) -> None:
        name, _, port = host.partition(":")
        self.socket = socket.create_connection((name, int(port)), timeout=10.0, source_address=(address, 0))
        self.socket.setblocking(False)
        self._host = host
        self._received = b""

    def fileno(self) -> int:
        """Answer the socket's descriptor."""
        return self.socket.fileno()

    def guess(self, number: int) -> None:
        """Send a wrong login; half of them are guesses at a user there is."""
        user = "ada" if number % 2 else f"user{number}"
        login = b64encode(f"{user}:guess {number}".encode()).decode()
        request = f"GET /v2/ HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Basic {login}\r\n\r\n"
        assert self.socket.send(request.encode()) == len(request)

    def status(self) -> str | None:
        """Read what is there, and answer the status when the answer is complete."""
        received = self.socket.recv(1 << 16)
        assert received, "the server has closed the connection"
        self._received += received
        head, separator, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if not separator or length is None or len(body) < int(length[1]):
            return None
        self._received = b""
        return head.split(b" ", 2)[1].decode()


def flood(host: str, rate: float, seconds: float, addresses: int) -> Counter[str]:
    """Guess for some seconds; what is due while all connections wait for an answer is not sent."""
    outcomes: Counter[str] = Counter()
    # All of 127.0.0.0/8 is this machine (Linux).
    idle = deque(Client(host, f"127.9.9.{number % addresses + 1}") for number in range(CLIENTS))
    busy = selectors.DefaultSelector()
    for client in idle:
        busy.register(client, selectors.EVENT_READ)
    began = time.monotonic()
    number = 0
    while (passed := time.monotonic() - began) < seconds:
        for _ in range(int(passed * rate) - number):
            number += 1
            if not idle:
                outcomes["not sent"] += 1
                continue
            client = idle.popleft()
            client.guess(number)
        for key, _ in busy.select(_TICK):
            answered: Client = key.fileobj  # type: ignore[assignment]  # what was registered
            status = answered.status()
            if status is not None:
                outcomes[status] += 1
                idle.append(answered)
        time.sleep(_TICK)
    outcomes["not answered"] = CLIENTS - len(idle)
    return outcomes


def main() -> None:
    """Flood."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("rate", type=float)
    parser.add_argument("seconds", type=float)
    parser.add_argument("addresses", type=int)
    arguments = parser.parse_args()
    print(json.dumps(flood(arguments.host, arguments.rate, arguments.seconds, arguments.addresses)))


if __name__ == "__main__":
    main()
