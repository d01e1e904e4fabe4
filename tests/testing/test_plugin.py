"""The fixture ``oci_registry`` in projects of other people."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from attrs import frozen

if TYPE_CHECKING:
    from pathlib import Path

    from oci_twisted.testing.process import ServedRegistry


@frozen
class Project:
    """Somebody's project: a folder of tests."""

    folder: Path

    def run(self, tests: str, *options: str) -> tuple[int, str]:
        """Write a module of tests, run pytest on it, and answer the status and what it printed."""
        (self.folder / "test_theirs.py").write_text(dedent(tests))
        command = [sys.executable, "-W", "error", "-m", "pytest", "-p", "no:cacheprovider", *options]
        outcome = subprocess.run(  # noqa: S603 - our own command
            command, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )
        return outcome.returncode, outcome.stdout + outcome.stderr

    def passes(self, tests: str, *options: str) -> None:
        """Run tests that must pass."""
        status, printed = self.run(tests, *options)
        assert status == 0, printed


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a project that has nothing to do with ours."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return Project(tmp_path)


def test_it_is_declared() -> None:
    """Pytest finds the plugin by itself, under our name."""
    [found] = entry_points(group="pytest11", name="oci_twisted")
    assert found.value == "oci_twisted.testing.plugin"


def test_it_is_here_too(oci_registry: ServedRegistry) -> None:
    """The fixture is there in our own tests, where pytest-twisted has a reactor running."""
    assert oci_registry.url == f"http://{oci_registry.host}"


def test_tests_that_block(project: Project) -> None:
    """Tests that block and know nothing of Twisted have a registry each, which is empty."""
    project.passes(
        """
        import json, subprocess, sys
        from urllib.request import Request, urlopen
        import pytest

        @pytest.mark.parametrize("number", range(3))
        def test_it_is_empty(oci_registry, number):
            with urlopen(f"{oci_registry.url}/v2/_catalog") as answer:
                assert json.load(answer) == {"repositories": []}
            with urlopen(Request(
                f"{oci_registry.url}/v2/some/thing/manifests/latest",
                method="PUT",
                data=b'{"schemaVersion": 2, "manifests": []}',
                headers={"Content-Type": "application/vnd.oci.image.index.v1+json"},
            )) as answer:
                assert answer.status == 201

        def test_a_client_that_is_a_process(oci_registry):
            code = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).status)"
            command = [sys.executable, "-c", code, f"http://{oci_registry.host}/v2/"]
            assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "200\\n"
        """,
        "-p",
        "no:twisted",
    )


@pytest.mark.parametrize("reactor", ["default", "asyncio"])
def test_tests_that_run_a_reactor(project: Project, reactor: str) -> None:
    """Tests that pytest-twisted runs have one too, beside those that block, whichever reactor it is."""
    project.passes(
        """
        from urllib.request import urlopen
        from pytest_twisted import ensureDeferred
        from twisted.web.client import Agent

        def test_it_blocks(oci_registry):
            with urlopen(f"{oci_registry.url}/v2/") as answer:
                assert answer.status == 200

        @ensureDeferred
        async def test_it_does_not(oci_registry):
            from twisted.internet import reactor
            answer = await Agent(reactor).request(b"GET", f"{oci_registry.url}/v2/".encode())
            assert answer.code == 200
        """,
        f"--reactor={reactor}",
        # Twisted's own connection is still about to close when the test is over.
        "-W",
        "ignore::ResourceWarning",
    )


def test_runs_that_have_no_use_for_it(project: Project) -> None:
    """A run in which no test asks for a registry imports nothing but the plugin, and starts nothing."""
    project.passes(
        """
        import sys
        from pathlib import Path

        def test_nothing_was_imported():
            ours = {name for name in sys.modules if name.startswith("oci_twisted")}
            assert ours == {"oci_twisted", "oci_twisted.testing", "oci_twisted.testing.plugin"}
            assert not {"twisted", "klein", "attr"} & set(sys.modules)
            assert "subprocess" not in sys.modules or not sys.modules["subprocess"]._active
        """,
        "-p",
        "no:twisted",
        "-p",
        "no:cov",
    )


def test_it_is_explained(project: Project) -> None:
    """``pytest --fixtures`` says in a sentence what a test gets."""
    _, printed = project.run("", "--fixtures")
    assert re.search(r"oci_registry\b.*\n +A registry of the test's own: empty, in memory", printed)


def test_a_test_that_fails_shows_what_was_asked(project: Project) -> None:
    """Beside a test that failed, pytest shows what its registry was asked."""
    status, printed = project.run(
        """
        from urllib.request import urlopen

        def test_it_fails(oci_registry):
            urlopen(f"{oci_registry.url}/v2/some/thing/tags/list")
        """
    )
    assert status == 1
    assert re.search(r'127\.0\.0\.1 - "GET /v2/some/thing/tags/list" 404 ', printed)


def test_other_fixtures_can_be_made_of_it(project: Project) -> None:
    """A project makes fixtures of its own, such as one that is shared, or has another policy."""
    project.passes(
        """
        from urllib.error import HTTPError
        from urllib.request import Request, urlopen
        import pytest

        @pytest.fixture(scope="module")
        def archive(oci_registry_process):
            with oci_registry_process.registry(read_only=True) as registry:
                yield registry

        @pytest.mark.parametrize("number", range(2))
        def test_it_takes_nothing(archive, number):
            with pytest.raises(HTTPError, match="405") as refused:
                urlopen(Request(f"{archive.url}/v2/some/thing/blobs/uploads/", method="POST"))
            refused.value.close()
        """
    )


@pytest.mark.parametrize("reactor", ["default", "asyncio"])
def test_an_engine_for_every_test(project: Project, reactor: str) -> None:
    """Each test has an engine of its own, which fails on demand, and a client of it; nothing is left in the reactor."""
    project.passes(
        """
        import pytest
        from pytest_twisted import ensureDeferred
        from oci_twisted.engine import EngineClient
        from oci_twisted.engine.errors import EngineError, StreamCorrupt
        from oci_twisted.testing.engine.memory import break_after, html

        @ensureDeferred
        @pytest.mark.parametrize("number", range(2))
        async def test_it_is_empty(oci_engine, oci_engine_client, number):
            assert await oci_engine_client.images.list() == ()
            id_ = oci_engine.add_image("app:1", config={"Cmd": ["run"]})
            [image] = await oci_engine_client.images.list()
            assert (image.id, image.tags) == (id_, ("app:1",))
            assert (await oci_engine_client.images.inspect("app:1")).command == ("run",)

        @ensureDeferred
        async def test_it_fails_on_demand(oci_engine, oci_engine_client):
            oci_engine.fail_next("image.list", html(502))
            oci_engine.fail_next("image.list", break_after(1))
            with pytest.raises(EngineError) as caught:
                await oci_engine_client.images.list()
            assert caught.value.status == 502
            with pytest.raises(StreamCorrupt):
                await oci_engine_client.images.list()
            assert await oci_engine_client.images.list() == ()
            assert oci_engine.asked == ["system.ping"] + ["image.list"] * 3

        @ensureDeferred
        async def test_a_program_may_connect_itself(oci_engine):
            from twisted.internet import reactor
            async with await EngineClient.connect("memory://", reactor=reactor, driver=oci_engine.driver()) as client:
                assert (await client.system.version()).version == "memory"

        def test_nothing_is_left(oci_engine):
            from twisted.internet import reactor
            assert not oci_engine.server.servers
            assert not reactor.getDelayedCalls()
        """,
        f"--reactor={reactor}",
    )


def test_an_image_of_busybox_skips_without_busybox(project: Project) -> None:
    """A test that makes its image of the machine's Busybox is skipped with the reason where there is none."""
    status, printed = project.run(
        """
        import os

        from oci_twisted.testing.engine.examples import busybox_archive

        def test_it():
            os.environ["PATH"] = ""
            busybox_archive()
        """,
        "-rs",
    )
    assert status == 0, printed
    assert "there is no busybox here; Debian has it as busybox-static" in printed


def test_a_client_says_that_it_needs_pytest_twisted(project: Project) -> None:
    """Without pytest-twisted the engine can be had, and its client says what to install."""
    status, printed = project.run(
        """
        import sys

        sys.modules["pytest_twisted"] = None  # as if it were not installed

        def test_engine(oci_engine):
            oci_engine.add_image("tools:1")

        def test_client(oci_engine_client):
            pass
        """,
        *("-p", "no:twisted"),
    )
    assert status == 1
    assert "needs: pip install pytest-twisted" in printed
    assert "1 passed, 1 error" in printed
