"""What a container is to be, as programs write it down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from oci_twisted.engine.containers.config import Bind, ContainerConfig, PublishedPort
from oci_twisted.engine.containers.values import read_container
from oci_twisted.engine.documents import Fields
from tests.engine.memory import Bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_twisted.engine import EngineClient
    from oci_twisted.engine.requests import Json


def test_lists_will_do() -> None:
    """Binds and ports are given as any sequence, which mypy takes as well, and kept as tuples."""
    config = ContainerConfig("shop:2", binds=[Bind("orders", "/data")], ports=[PublishedPort(80, host_port=8080)])
    assert config.binds == (Bind("orders", "/data"),)
    assert config.document()["HostConfig"] == {
        "Binds": ["orders:/data"],
        "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]},
    }


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"binds": {"/srv": {"bind": "/data", "mode": "ro"}}}, "a Bind is asked for, not '/srv'"),
        ({"binds": ["/srv:/data"]}, "a Bind is asked for, not '/srv:/data'"),
        ({"ports": {"80/tcp": 8080}}, "a PublishedPort is asked for, not '80/tcp'"),
        ({"ports": PublishedPort(80)}, "a list of PublishedPort is asked for, not PublishedPort"),
        ({"environment": ["STAGE=test"]}, "a mapping of names to texts is asked for, not a list"),
        ({"labels": "app=shop"}, "a mapping of names to texts is asked for, not a str"),
        ({"command": "echo hello"}, "a command is a list of words, not 'echo hello'"),
    ],
)
def test_what_other_clients_take_is_refused(more: dict[str, Any], complaint: str) -> None:
    """What is spelled as for another client is a TypeError that says what is asked for, before anything is sent."""
    with pytest.raises(TypeError, match=complaint):
        ContainerConfig("shop:2", **more)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda client: client.containers.create("alpine"), r"such as ContainerConfig\('alpine'\), not 'alpine'"),
        (lambda client: client.containers.run("alpine"), r"such as ContainerConfig\('alpine'\), not 'alpine'"),
        (
            lambda client: client.containers.run(ContainerConfig("a"), input="text"),
            "a standard input is bytes, .* not str",
        ),
        (
            lambda client: client.containers.run_inside("a", ["b"], input="text"),
            "a standard input is bytes, .* not str",
        ),
        (lambda client: client.containers.list(filters="a=b"), "filters are a mapping, such as .*, not 'a=b'"),
    ],
)
def test_a_call_as_of_another_client(call: Callable[[EngineClient], Any], complaint: str) -> None:
    """What other clients take is a TypeError that says what is taken here, and nothing is sent."""
    bench = Bench()
    bench.engine.asked.clear()
    with pytest.raises(TypeError, match=complaint):
        bench.result(call(bench.client))
    assert not bench.engine.asked


def host_of(config: ContainerConfig) -> dict[str, Any]:
    """Answer what the engine is told of its own side."""
    return cast("dict[str, Any]", config.document()["HostConfig"])


def test_members_without_a_name_here_are_all_there() -> None:
    """Those of the engine's own side may be given in either place, and what is nearest to the wire decides."""
    config = ContainerConfig(
        "a",
        memory=1,
        network="none",
        extra={"Domainname": "b", "HostConfig": {"CapAdd": ["c"], "Memory": 2, "PidMode": "d"}},
        extra_host={"PidMode": "e"},
    )
    assert config.document()["Domainname"] == "b"
    assert host_of(config) == {"Memory": 2, "NetworkMode": "none", "CapAdd": ["c"], "PidMode": "e"}


def test_what_may_be_secret_is_not_shown() -> None:
    """Environments often hold passwords, and representations end up in logs."""
    assert "geheim" not in repr(ContainerConfig("a", environment={"PASSWORD": "geheim"}))
    document: Json = {"Id": "a", "Name": "b", "Image": "c", "Config": {"Env": ["PASSWORD=geheim"]}}
    container = read_container(Fields(document, "a container"))
    assert container.environment == ("PASSWORD=geheim",)
    assert "geheim" not in repr(container)
