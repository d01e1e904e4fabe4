"""What has been pushed outlives the process that took it."""

import json
import signal
from pathlib import Path

import pytest

from tests.clients.engines import docker_engine
from tests.clients.images import archive, busybox, noise
from tests.clients.servers import StartRegistry
from tests.clients.tools import require, run

pytestmark = pytest.mark.clients


def test_what_oras_pushed_outlives_a_kill(start_registry: StartRegistry, tmp_path: Path) -> None:
    """Files that were pushed come back byte for byte after the registry was killed and started again."""
    oras = require("oras")
    content = noise(8 << 20)
    (tmp_path / "file").write_bytes(content)
    first = start_registry("--root", tmp_path / "root")
    run(oras, "push", "--plain-http", f"{first.host}/survival/oras:v1", "file", cwd=tmp_path)
    manifest = first.manifest("survival/oras", "v1")
    first.kill()
    second = start_registry("--root", tmp_path / "root")
    run(oras, "pull", "--plain-http", "--output", tmp_path / "back", f"{second.host}/survival/oras:v1")
    assert (tmp_path / "back" / "file").read_bytes() == content
    assert second.manifest("survival/oras", "v1") == manifest
    assert json.loads(second.ask("GET", "/v2/survival/oras/tags/list").body)["tags"] == ["v1"]


def test_what_docker_pushed_outlives_a_kill(start_registry: StartRegistry, tmp_path: Path) -> None:
    """An image that was pushed is pulled with the same id after the registry was killed and started again."""
    docker = require("docker")
    (tmp_path / "image.tar").write_bytes(archive({**busybox(), "noise": noise(8 << 20)}))
    with docker_engine() as address:
        command = (docker, "--host", address)
        first = start_registry("--root", tmp_path / "root")
        image = run(*command, "import", tmp_path / "image.tar").strip()
        run(*command, "tag", image, f"{first.host}/survival/docker:v1")
        run(*command, "push", f"{first.host}/survival/docker:v1")
        first.kill()
        run(*command, "image", "rm", "--force", image)
        second = start_registry("--root", tmp_path / "root")
        reference = f"{second.host}/survival/docker:v1"
        run(*command, "pull", reference)
        assert run(*command, "image", "inspect", "--format", "{{.Id}}", reference).strip() == image


def test_what_was_pushed_outlives_an_orderly_stop(start_registry: StartRegistry, tmp_path: Path) -> None:
    """A registry that is asked to end does so in order, and has everything when it starts again."""
    oras = require("oras")
    (tmp_path / "file").write_bytes(b"content")
    first = start_registry("--root", tmp_path / "root")
    run(oras, "push", "--plain-http", f"{first.host}/survival/stop:v1", "file", cwd=tmp_path)
    # Twisted shuts down, and then ends by the signal that asked it to.
    assert first.stop() in {0, -signal.SIGTERM}
    assert "Main loop terminated" in first.log_path.read_text()
    second = start_registry("--root", tmp_path / "root")
    run(oras, "pull", "--plain-http", "--output", tmp_path / "back", f"{second.host}/survival/stop:v1")
    assert (tmp_path / "back" / "file").read_bytes() == b"content"
