"""What errors say of what was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.protocol import ProcessProtocol

from oci_twisted.engine.containers.config import ContainerConfig
from oci_twisted.engine.credentials.keychains import Credentials
from oci_twisted.engine.errors import StreamCorrupt
from oci_twisted.testing.engine.memory import garbage
from tests.engine.memory import Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from twisted.internet.defer import Deferred

    from oci_twisted.engine import EngineClient

# The operation that answers nonsense, what the request is about, and a call that does it.
CALLS: dict[str, tuple[str | None, Callable[[EngineClient], Coroutine[Deferred[Any], Any, Any]]]] = {
    "system.version": (None, lambda client: client.system.version()),
    "system.info": (None, lambda client: client.system.info()),
    "system.usage": (None, lambda client: client.system.usage()),
    "registry.login": (None, lambda client: client.system.login("r.test", Credentials("a", "b"))),
    "image.list": (None, lambda client: client.images.list()),
    "image.inspect": ("one", lambda client: client.images.inspect("one")),
    "image.history": ("one", lambda client: client.images.history("one")),
    "image.remove": ("one", lambda client: client.images.remove("one")),
    "image.prune": (None, lambda client: client.images.prune()),
    "image.import": (None, lambda client: client.images.import_archive(b"", "one")),
    "container.list": (None, lambda client: client.containers.list()),
    "container.create": (None, lambda client: client.containers.create(ContainerConfig("one"))),
    "container.inspect": ("one", lambda client: client.containers.inspect("one")),
    "container.wait": ("one", lambda client: client.containers.wait("one")),
    "container.top": ("one", lambda client: client.containers.top("one")),
    "container.stats": ("one", lambda client: client.containers.stats("one")),
    "container.commit": ("one", lambda client: client.containers.commit("one")),
    "exec.create": ("one", lambda client: client.containers.exec("one", ["a"], ProcessProtocol())),
    "network.list": (None, lambda client: client.networks.list()),
    "network.create": (None, lambda client: client.networks.create("one")),
    "network.inspect": ("one", lambda client: client.networks.inspect("one")),
    "network.prune": (None, lambda client: client.networks.prune()),
    "volume.list": (None, lambda client: client.volumes.list()),
    "volume.create": (None, lambda client: client.volumes.create("one")),
    "volume.inspect": ("one", lambda client: client.volumes.inspect("one")),
    "volume.prune": (None, lambda client: client.volumes.prune(all=True)),
}


def asked_by_failing(method: str, answer: bytes) -> tuple[str, str | None]:
    """Let a call read an answer that it cannot read, and answer what the error says was asked."""
    bench = Bench()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n".encode()
    bench.engine.fail_next(method, garbage(head + answer))
    with pytest.raises(StreamCorrupt) as caught:
        bench.result(CALLS[method][1](bench.client))
    request = caught.value.request
    assert request is not None
    assert str(caught.value).startswith(f"{request}: ")
    return request.method, request.subject


@pytest.mark.parametrize("answer", [b"[[]]", b"17"])
@pytest.mark.parametrize("method", CALLS)
def test_an_answer_that_cannot_be_read_says_what_it_answers(method: str, answer: bytes) -> None:
    """Whatever is wrong with a document, the error knows the request."""
    assert asked_by_failing(method, answer) == (method, CALLS[method][0])


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("system.usage", b'{"Images": [{"Size": "much"}]}'),
        ("image.inspect", b'{"Id": "a", "Config": {"Env": 1}}'),
        ("container.inspect", b'{"NetworkSettings": {"Networks": {"a": 1}}}'),
        ("container.stats", b'{"networks": {"a": {"rx_bytes": "some"}}}'),
        ("network.inspect", b'{"Containers": {"a": 1}}'),
        ("volume.list", b'{"Volumes": [1]}'),
    ],
)
def test_what_is_wrong_deep_inside_says_it_too(method: str, answer: bytes) -> None:
    """So it is where the document is what it should be, and a part of it is not."""
    assert asked_by_failing(method, answer) == (method, CALLS[method][0])
