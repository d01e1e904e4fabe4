"""python-dxf, by its command."""

from pathlib import Path

import pytest
from attrs import frozen

from tests.clients.images import digest_of, noise
from tests.clients.servers import Registry
from tests.clients.tools import PYTHON, output, require_python_client

pytestmark = pytest.mark.clients


@frozen
class Dxf:
    """``dxf``, which talks to a registry without TLS."""

    host: str

    def __call__(self, *arguments: str | Path) -> bytes:
        """Run a command and return what it printed."""
        env = {"DXF_HOST": self.host, "DXF_INSECURE": "1"}
        return output(PYTHON, "-m", "dxf", *arguments, env=env)


@pytest.fixture
def dxf(registry: Registry) -> Dxf:
    """Find the client."""
    require_python_client("dxf")
    return Dxf(registry.host)


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    """Write a file of noise that is more than one chunk long."""
    path = tmp_path / "blob"
    path.write_bytes(noise((9 << 20) + 1))
    return path


def test_a_blob_comes_back_byte_for_byte(dxf: Dxf, name: str, blob: Path) -> None:
    """A file that is uploaded comes back with the same bytes, and its size is known."""
    digest = digest_of(blob.read_bytes())
    assert dxf("push-blob", name, blob).decode().strip() == digest
    assert dxf("pull-blob", name, digest) == blob.read_bytes()
    assert int(dxf("blob-size", name, digest)) == blob.stat().st_size


def test_an_alias_names_blobs(dxf: Dxf, registry: Registry, name: str, blob: Path) -> None:
    """A manifest that is made of blobs is found by its tag, listed, and deleted."""
    digest = dxf("push-blob", name, blob).decode().strip()
    dxf("set-alias", name, "v1", digest)
    assert dxf("get-alias", name, "v1").decode().split() == [digest]
    assert dxf("list-aliases", name).decode().split() == ["v1"]
    assert name in dxf("list-repos").decode().split()
    dxf("del-alias", name, "v1")
    assert registry.ask("HEAD", f"/v2/{name}/manifests/v1").status == 404


def test_a_deleted_blob_is_gone(dxf: Dxf, registry: Registry, name: str, blob: Path) -> None:
    """A blob that is deleted is no longer in the repository."""
    digest = dxf("push-blob", name, blob).decode().strip()
    dxf("del-blob", name, digest)
    assert registry.ask("HEAD", f"/v2/{name}/blobs/{digest}").status == 404
