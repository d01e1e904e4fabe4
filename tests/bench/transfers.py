"""Blobs pushed and pulled over plain sockets, by clients that cost next to nothing."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_PIECE = 1 << 18
_TIMEOUT = 300.0


class Registry:
    """
    A registry at ``host``, such as ``127.0.0.1:5000``, spoken to one request a connection.

    :param authorization: goes with every request, if there is one.
    """

    def __init__(self, host: str, authorization: str | None = None) -> None:
        self.host = host
        self._headers = {} if authorization is None else {"Authorization": authorization}

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> http.client.HTTPResponse:
        """Send a small request and answer its response, read to the end."""
        connection = http.client.HTTPConnection(self.host, timeout=_TIMEOUT)
        try:
            fields = {name.replace("_", "-"): text for name, text in headers.items()}
            connection.request(method, path, body, {**self._headers, **fields})
            response = connection.getresponse()
            assert response.status < 400, (method, path, response.status, response.read())
            response.read()
            return response
        finally:
            connection.close()

    def push(self, name: str, content: bytes, repeat: int = 1, pause: float = 0.0) -> str:
        """
        Push a blob that consists of ``content``, ``repeat`` times over, and answer its digest.

        :param pause: seconds to rest behind each 256 KiB, for a client on a slow line.
        """
        state = hashlib.sha256()
        for _ in range(repeat):
            state.update(content)
        digest = f"sha256:{state.hexdigest()}"
        location = (
            self.ask("POST", f"/v2/{name}/blobs/uploads/").headers["Location"].removeprefix(f"http://{self.host}")
        )
        joint = "&" if "?" in location else "?"
        head = (
            f"PUT {location}{joint}digest={digest} HTTP/1.1\r\n{self._head()}"
            f"Content-Type: application/octet-stream\r\nContent-Length: {len(content) * repeat}\r\n\r\n"
        )
        with _connect(self.host) as connection:
            connection.sendall(head.encode())
            for piece in _pieces(content, repeat):
                connection.sendall(piece)
                if pause:
                    time.sleep(pause)
            answer = connection.recv(1 << 16)
        assert b" 201 " in answer.partition(b"\r\n")[0], answer
        return digest

    def pull(self, name: str, digest: str, pause: float = 0.0) -> int:
        """Pull a blob, throw it away, and answer how many bytes came, its head included."""
        head = f"GET /v2/{name}/blobs/{digest} HTTP/1.1\r\n{self._head()}\r\n"
        received = 0
        buffer = bytearray(_PIECE)
        with _connect(self.host) as connection:
            connection.sendall(head.encode())
            while count := connection.recv_into(buffer):
                if not received:
                    assert buffer.startswith(b"HTTP/1.1 200 "), bytes(buffer[:200])
                received += count
                if pause:
                    time.sleep(pause)
        return received

    def push_image(self, name: str, tags: list[str], layer: bytes) -> str:
        """Push an image of one layer under several tags, and answer the layer's digest."""
        config, digest = self.push(name, b"{}"), self.push(name, layer)
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2},
                "layers": [
                    {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": len(layer)}
                ],
            }
        ).encode()
        for tag in tags:
            self.ask("PUT", f"/v2/{name}/manifests/{tag}", manifest, Content_Type=OCI_MANIFEST)
        return digest

    def _head(self) -> str:
        fields = {"Host": self.host, "Connection": "close", **self._headers}
        return "".join(f"{name}: {text}\r\n" for name, text in fields.items())


def _connect(host: str) -> socket.socket:
    address, _, port = host.partition(":")
    return socket.create_connection((address, int(port)), timeout=_TIMEOUT)


def _pieces(content: bytes, repeat: int) -> Iterator[memoryview]:
    view = memoryview(content)
    for _ in range(repeat):
        for start in range(0, len(content), _PIECE):
            yield view[start : start + _PIECE]
