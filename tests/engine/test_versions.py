"""Which version of the API is spoken."""

from __future__ import annotations

import pytest

from oci_twisted.engine.containers.config import ContainerConfig
from oci_twisted.engine.errors import EngineError, StreamCorrupt, TimedOut, Unsupported
from oci_twisted.engine.transport.limits import Timeouts
from oci_twisted.testing.engine.memory import html, silence
from tests.engine.memory import Bench


def pings(bench: Bench) -> int:
    """Answer how often the engine was asked for its version."""
    return bench.engine.asked.count("system.ping")


def test_the_version_is_asked_for_once() -> None:
    """Calls that begin together ask once, and those after them not again."""
    bench = Bench()
    calls = [bench.begin(bench.client.images.list()) for _ in range(5)]
    assert [bench.result(call) for call in calls] == [()] * 5
    bench.result(bench.client.images.list())
    assert pings(bench) == 1


def test_the_version_is_asked_for_again_after_a_restart() -> None:
    """A daemon that was restarted may be another one: what is spoken is agreed upon again."""
    bench = Bench()
    bench.result(bench.client.images.list())
    bench.engine.restart(api_version="1.40")
    bench.turn()
    bench.result(bench.client.images.list())
    assert pings(bench) == 2


def test_the_version_is_asked_for_again_after_a_pause() -> None:
    """When no connection was needed for a while, nobody has seen whether the daemon was replaced."""
    bench = Bench()
    bench.result(bench.client.images.list())
    bench.pass_time(1000)
    bench.engine.api_version = "1.40"
    bench.result(bench.client.images.list())
    assert pings(bench) == 2


def test_the_version_is_asked_for_again_when_the_last_connection_was_a_stream() -> None:
    """Whoever closes the only connection does not see either whether the daemon is replaced afterwards."""
    bench = Bench()
    events = bench.result(bench.client.events())
    bench.pass_time(1000)
    events.close()
    bench.turn()
    bench.engine.api_version = "1.40"
    bench.result(bench.client.images.list())
    assert pings(bench) == 2


def test_the_version_is_not_asked_for_again_while_there_is_a_connection() -> None:
    """By any that is open it would be seen that the daemon ends."""
    bench = Bench()
    events = bench.result(bench.client.events())
    for _ in range(3):
        bench.pass_time(1000)
        bench.result(bench.client.images.list())
    events.close()
    bench.turn()
    bench.result(bench.client.images.list())
    assert pings(bench) == 1


@pytest.mark.parametrize("version", ["1.12", "1.38"])
def test_an_engine_that_has_become_too_old_is_refused(version: str) -> None:
    """After a restart, an older one is told from the newer one before anything is sent to it."""
    bench = Bench()
    bench.result(bench.client.images.list())
    bench.engine.restart(api_version=version)
    bench.turn()
    with pytest.raises(Unsupported, match=r"and 1\.39 is needed"):
        bench.result(bench.client.containers.list())
    assert bench.engine.asked == ["system.ping", "image.list", "system.ping"]
    bench.engine.restart(api_version="1.41")
    bench.turn()
    assert bench.result(bench.client.containers.list()) == ()


def test_an_engine_that_is_too_old_is_refused_before_anything_is_sent() -> None:
    """Nothing but the question for the version reaches an engine that is too old."""
    bench = Bench()
    bench.engine.api_version = "1.12"
    with pytest.raises(Unsupported, match=r"1\.12.*1\.39"):
        bench.result(bench.client.images.list())
    assert bench.engine.asked == ["system.ping"]


def test_a_parameter_that_is_too_new_is_refused_before_anything_is_sent() -> None:
    """An operation that the engine has, with a parameter that it lacks, is not sent."""
    bench = Bench()
    bench.engine.api_version = "1.40"
    with pytest.raises(Unsupported, match=r"platform of container.create needs version 1\.41"):
        bench.result(bench.client.containers.create(ContainerConfig("a"), platform="linux/arm64"))
    assert bench.engine.asked == ["system.ping"]


def test_a_version_that_is_none_is_said() -> None:
    """What answers the ping with nonsense is no engine."""
    bench = Bench()
    bench.engine.api_version = "latest"
    with pytest.raises(StreamCorrupt, match="'latest' is no version"):
        bench.result(bench.client.images.list())


def test_who_waits_for_the_version_tries_again_where_another_failed() -> None:
    """That the question failed for one call says nothing about the next."""
    bench = Bench()
    bench.engine.fail_next("system.ping", html())
    calls = [bench.begin(bench.client.images.list()) for _ in range(3)]
    failed = 0
    for call in calls:
        try:
            assert bench.result(call) == ()
        except EngineError:
            failed += 1
    assert failed == 1
    assert pings(bench) == 2


def test_who_waits_for_the_version_waits_no_longer_than_who_asked() -> None:
    """Where the engine does not answer in time, nobody who waited too waits for as long again, one after the other."""
    bench = Bench(Timeouts(first_byte=10))
    for _ in range(5):
        bench.engine.fail_next("system.ping", silence())
    calls = [bench.begin(bench.client.images.list()) for _ in range(5)]
    bench.pass_time(10)
    errors = []
    for call in calls:
        with pytest.raises(TimedOut, match="did not begin to answer for 10 s") as caught:
            bench.result(call)
        errors.append(caught.value)
    assert len(set(errors)) == 5, "each has its own, for it says what was asked for"
    assert pings(bench) == 1
