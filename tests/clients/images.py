"""Images made without a network, as OCI image layouts."""

import gzip
import io
import json
import os
import tarfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from attrs import field, frozen

from tests.clients.tools import require

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

Files = Mapping[str, bytes]
"""What a layer holds: paths and contents, all of them executable."""


@frozen
class Descriptor:
    """What a manifest or an index says of another piece of content."""

    media_type: str
    digest: str
    size: int
    extra: Mapping[str, Any] = field(factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the descriptor as it stands in JSON."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size, **self.extra}


def digest_of(content: bytes) -> str:
    """Return the digest of ``content``."""
    return f"sha256:{sha256(content).hexdigest()}"


def file_digest(path: Path) -> str:
    """Return the digest of a file of any size."""
    with path.open("rb") as file:
        hasher = sha256()
        while block := file.read(1 << 20):
            hasher.update(block)
    return f"sha256:{hasher.hexdigest()}"


def noise(size: int) -> bytes:
    """Return bytes that no compression makes smaller."""
    return os.urandom(size)


def write_noise(path: Path, size: int) -> Path:
    """Write a file that no compression makes smaller, quickly: gzip does not look back 4 MiB."""
    block = noise(4 << 20)
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write(block[: size - start])
    return path


def busybox() -> Files:
    """Return the files of an image that can be run: one static program."""
    program = Path(require("busybox")).read_bytes()
    return {"bin/busybox": program}


def archive(files: Files) -> bytes:
    """Return a tar archive of ``files``, the same bytes each time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in sorted(files.items()):
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


class Layout:
    """An OCI image layout, the folder that most clients read and write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tagged: list[Descriptor] = []
        (path / "blobs" / "sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self._write_index()

    def add(self, content: bytes, media_type: str, **extra: Any) -> Descriptor:  # noqa: ANN401 - JSON
        """Store ``content`` and return its descriptor, with ``extra`` members."""
        descriptor = Descriptor(media_type, digest_of(content), len(content), extra)
        self._blob(descriptor.digest).write_bytes(content)
        return descriptor

    def add_json(self, content: object, media_type: str, **extra: Any) -> Descriptor:  # noqa: ANN401 - JSON
        """Store ``content`` as JSON and return its descriptor."""
        return self.add(json.dumps(content).encode(), media_type, **extra)

    def add_image(
        self, *layers: Files, architecture: str = "amd64", entrypoint: Sequence[str] = ("/bin/busybox",)
    ) -> Descriptor:
        """Store an image with a layer for each of ``layers`` and return its manifest's descriptor."""
        archives = [archive(files) for files in layers]
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": list(entrypoint)},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in archives]},
            "history": [{"created_by": "oci-twisted's tests"} for _ in archives],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.add_json(config, CONFIG).as_json(),
            "layers": [self.add(gzip.compress(tar, mtime=0), LAYER).as_json() for tar in archives],
        }
        return self.add_json(manifest, MANIFEST, platform={"architecture": architecture, "os": "linux"})

    def add_index(self, *manifests: Descriptor) -> Descriptor:
        """Store an index of ``manifests`` and return its descriptor."""
        index = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [manifest.as_json() for manifest in manifests],
        }
        return self.add_json(index, INDEX)

    def tag(self, manifest: Descriptor, tag: str) -> None:
        """Give ``manifest`` a name in this layout."""
        annotations = {"org.opencontainers.image.ref.name": tag}
        named = Descriptor(manifest.media_type, manifest.digest, manifest.size, {"annotations": annotations})
        self._tagged.append(named)
        self._write_index()

    def pack(self, path: Path) -> Path:
        """Write the whole layout as a tar archive, as ``load`` and ``import`` commands read it."""
        with tarfile.open(path, "w") as tar:
            tar.add(self.path, arcname=".")
        return path

    def _blob(self, digest: str) -> Path:
        return blob_path(self.path, digest)

    def _write_index(self) -> None:
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [one.as_json() for one in self._tagged]}
        (self.path / "index.json").write_text(json.dumps(index))


def blob_path(layout: Path, digest: str) -> Path:
    """Return where a layout keeps the blob of that digest."""
    return layout / "blobs" / digest.replace(":", "/")


def blobs(layout: Path) -> set[str]:
    """Return the digests of everything in a layout, each of them checked against its bytes."""
    stored = {path: f"{path.parent.name}:{path.name}" for path in (layout / "blobs").glob("*/*")}
    for path, digest in stored.items():
        assert file_digest(path) == digest
    return set(stored.values())


def everything(layout: Path) -> dict[str, bytes]:
    """Return the contents of a small layout by their digests."""
    return {digest: blob_path(layout, digest).read_bytes() for digest in blobs(layout)}
