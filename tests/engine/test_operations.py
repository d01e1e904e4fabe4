"""How a request becomes HTTP."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from oci_twisted.engine.containers.values import Created
from oci_twisted.engine.drivers import docker, podman
from oci_twisted.engine.drivers.operations import ApiVersion, Operation, Shape
from oci_twisted.engine.errors import Unsupported
from oci_twisted.engine.requests import Request


def target(method: str, **parameters: Any) -> str:  # noqa: ANN401 - whatever an operation takes
    """Answer where a request goes."""
    return docker.OPERATIONS[method].encode(Request(method, parameters), None).target


@pytest.mark.parametrize(
    ("method", "parameters", "expected"),
    [
        ("image.list", {"all": True, "digests": None}, "/images/json?all=true"),
        ("image.list", {"filters": {"a": ["b"]}}, "/images/json?filters=%7B%22a%22%3A%5B%22b%22%5D%7D"),
        ("image.inspect", {"name": "host:5000/a/b:t"}, "/images/host:5000/a/b:t/json"),
        ("image.inspect", {"name": "a@sha256:0"}, "/images/a@sha256:0/json"),
        ("image.inspect", {"name": "a?b#c%d e"}, "/images/a%3Fb%23c%25d%20e/json"),
        ("image.save", {"names": ["a", "b"]}, "/images/get?names=a&names=b"),
        ("image.import", {"repo": "a"}, "/images/create?fromSrc=-&repo=a"),
        ("image.pull", {"image": "a", "tag": "b"}, "/images/create?fromImage=a&tag=b"),
        ("container.stop", {"id": "c", "timeout": 0}, "/containers/c/stop?t=0"),
    ],
)
def test_parameters_have_their_places(method: str, parameters: dict[str, Any], expected: str) -> None:
    """Parameters stand in the path and the query as the engine calls them; those that are ``None`` do not."""
    assert target(method, **parameters) == expected


@pytest.mark.parametrize("name", ["", ".", "..", "a/../b", "/a", "a/", "a//b", None])
def test_a_name_cannot_lead_to_another_operation(name: str | None) -> None:
    """What would make another path of it is refused."""
    with pytest.raises(ValueError, match="name"):
        target("image.inspect", name=name)


@pytest.mark.parametrize("name", [Created("c0ffee", ()), 7, b"box"])
def test_a_name_is_a_text(name: Any) -> None:  # noqa: ANN401 - what somebody may give
    """What was answered when a container was made does not name it, though its id does: nothing is sent."""
    with pytest.raises(TypeError, match="id is a text, a name or an id, and not "):
        target("container.start", id=name)


def test_bodies_and_headers_are_documents() -> None:
    """The body is JSON; a header is JSON in base64, of the alphabet for URLs."""
    login = docker.OPERATIONS["registry.login"].encode(Request("registry.login", {"config": {"username": "a"}}), None)
    assert login.body == b'{"username": "a"}'
    assert login.headers == {"Content-Type": "application/json"}
    pull = docker.OPERATIONS["image.pull"].encode(Request("image.pull", {"image": "a", "auth": {"a": "??>"}}), None)
    assert pull.headers == {"X-Registry-Auth": "eyJhIjogIj8_PiJ9"}
    assert "eyJ" not in repr(pull)


def test_bytes_go_only_where_they_belong() -> None:
    """An operation without an archive refuses one."""
    with pytest.raises(ValueError, match="takes no bytes"):
        docker.OPERATIONS["image.list"].encode(Request("image.list", {}, b"content"), None)


@pytest.mark.parametrize("body", [".", Path(), io.BytesIO(b"a"), bytearray(b"a")])
def test_bytes_are_bytes_or_an_asynchronous_iterable(body: Any) -> None:  # noqa: ANN401 - what somebody may give
    """A path or a file, which other clients take, is a TypeError before anything is sent."""
    with pytest.raises(TypeError, match=r"image\.build takes bytes, or an asynchronous iterable of them, and not "):
        docker.OPERATIONS["image.build"].encode(Request("image.build", {}, body), None)


def test_what_is_too_new_is_refused() -> None:
    """An operation and a parameter have a first version."""
    operation = Operation("a.b", "GET", "/a", Shape.DOCUMENT, "old new>=1.43", since="1.41")
    assert operation.encode(Request("a.b", {"old": 1}), ApiVersion.parse("1.41")).target == "/a?old=1"
    assert operation.encode(Request("a.b", {"new": 1}), ApiVersion.parse("1.43")).target == "/a?new=1"
    with pytest.raises(Unsupported, match=r"new of a.b needs version 1\.43"):
        operation.encode(Request("a.b", {"new": 1}), ApiVersion.parse("1.42"))
    with pytest.raises(Unsupported, match=r"a.b needs version 1\.41"):
        operation.encode(Request("a.b"), ApiVersion.parse("1.40"))


def test_a_request_says_no_secret() -> None:
    """What a request says of itself is its operation and its subject."""
    request = Request("image.pull", {"image": "a", "auth": {"password": "secret"}}, b"secret")
    assert str(request) == "image.pull a"
    assert "secret" not in repr(request)


def test_podman_has_all_that_docker_has() -> None:
    """Programs that keep to Docker's operations run on both."""
    assert docker.OPERATIONS.keys() < podman.OPERATIONS.keys()
    assert {name.partition(".")[0] for name in podman.OPERATIONS.keys() - docker.OPERATIONS.keys()} == {
        "pod",
        "manifest",
    }


def test_versions_are_in_order() -> None:
    """1.9 is older than 1.41, and what is behind a hyphen does not count."""
    assert ApiVersion.parse("1.9") < ApiVersion.parse("1.41")
    assert str(ApiVersion.parse("5.0.0-dev")) == "5.0.0"
