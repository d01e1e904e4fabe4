"""What an engine in memory makes of filters."""

from __future__ import annotations

import pytest

from oci_twisted.engine.containers.config import ContainerConfig
from oci_twisted.engine.errors import Invalid
from tests.engine.memory import Bench


def test_a_filter_that_it_does_not_know_is_refused() -> None:
    """It never answers, or removes, more than was asked for."""
    bench = Bench()
    bench.engine.add_image("a")
    client, strange = bench.client, {"strange": "b"}
    bench.result(client.containers.create(ContainerConfig("a", ("true",))))
    bench.result(client.networks.create("n"))
    bench.result(client.volumes.create("v"))
    for work in (
        client.images.list(filters=strange),
        client.images.prune(all=True, filters={"until": "24h"}),
        client.containers.list(all=True, filters=strange),
        client.networks.list(filters=strange),
        client.networks.prune(filters=strange),
        client.volumes.list(filters=strange),
        client.volumes.prune(all=True, filters=strange),
        client.events(filters=strange),
        client.calls.ask("container.prune", filters={"until": ["24h"]}),
    ):
        with pytest.raises(Invalid, match=r"invalid filter '(strange|until)'"):
            bench.result(work)
    assert len(bench.engine.images) == len(bench.engine.containers) == len(bench.engine.volumes) == 1


def test_images_are_chosen() -> None:
    """By their labels, and by whether they have a name."""
    bench = Bench()
    named = bench.engine.add_image("a", config={"Labels": {"colour": "red"}})
    nameless = bench.engine.add_image("b", config={"Labels": {"colour": "blue"}})
    bench.engine.add_image("b")
    list_ = bench.client.images.list
    assert [one.id for one in bench.result(list_(filters={"label": "colour=red"}))] == [named]
    assert [one.id for one in bench.result(list_(filters={"dangling": True}))] == [nameless]
    assert nameless not in [one.id for one in bench.result(list_(filters={"dangling": False}))]
    pruned = bench.result(bench.client.images.prune(all=True, filters={"label": "colour=blue"}))
    assert pruned.deleted == (nameless,)


def test_an_image_without_layers_has_a_history() -> None:
    """It is that of its configuration."""
    bench = Bench()
    id_ = bench.engine.add_image("a")
    (step,) = bench.result(bench.client.images.history("a"))
    assert (step.id, step.size, step.tags) == (id_, 0, ("a:latest",))
