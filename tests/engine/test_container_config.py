"""What a container is to be, as programs write it down."""

from __future__ import annotations

from typing import Any

import pytest

from oci_twisted.engine.container_config import Bind, ContainerConfig, PublishedPort


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
        ({"environment": ["STAGE=test"]}, "a mapping of names to texts is asked for, not \\['STAGE=test'\\]"),
        ({"labels": "app=shop"}, "a mapping of names to texts is asked for, not 'app=shop'"),
        ({"command": "echo hello"}, "a command is a list of words, not 'echo hello'"),
    ],
)
def test_what_other_clients_take_is_refused(more: dict[str, Any], complaint: str) -> None:
    """What is spelled as for another client is a TypeError that says what is asked for, before anything is sent."""
    with pytest.raises(TypeError, match=complaint):
        ContainerConfig("shop:2", **more)
