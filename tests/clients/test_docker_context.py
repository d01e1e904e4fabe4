"""What Docker's own command gives to a build, beside what we give."""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest
import pytest_twisted  # type: ignore[import-untyped]
from twisted.internet.endpoints import UNIXServerEndpoint
from twisted.internet.utils import getProcessOutputAndValue
from twisted.web.resource import Resource
from twisted.web.server import Site

from oci_twisted.engine.files import pieces_of_context
from oci_twisted.testing.waiting import waits
from tests.clients.engines import short_folder
from tests.clients.tools import require

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from twisted.web.server import Request

pytestmark = pytest.mark.clients

FILES = (
    "Dockerfile", "README.md", "notes.md", "a.txt", "b.txt", "temp", "tempa", "[x]", "#a", ".git/config",
    ".git/refs/main", "docs/README.md", "docs/a.txt", "docs/deep/a.txt", "docs/deep/b.md", "src/main.go",
    "src/a/main.go", "src/a/temp1", "src/a/b/c/main.py", "src/a/b/c/main.pyc", "build/Dockerfile", "x/y/z", "x/w",
)  # fmt: skip
# Exceptions have no patterns in their folders here: the command does not look into a folder that is ignored for such a
# one, and BuildKit does, as we do.
PATTERNS = [
    "",
    "# comment\n*/temp*\n*/*/temp*\ntemp?",
    "*.md\n!README.md",
    "*\n!src/main.go\n!docs/deep",
    "**\n!src\nsrc/a/b",
    "**/*.md\n!docs/README.md",
    "**/main.*\n!src/a/b/c/main.py",
    "docs\n!docs/deep/a.txt",
    "docs/**\n!docs/deep/a.txt",
    "**/a\n**/deep/**",
    ".git\nDockerfile\n.dockerignore",
    "/src/a/../main.go\n./docs/",
    "x\n!x/y\nx",
    "x\n!x/y\nx/y/z",
    "\\[x]\n\\#a\n[ab].txt",
    "[^a].txt\n?emp",
    "**txt",
    "s**/main.go",
    ".",
]


class _Daemon(Resource):
    """
    Takes builds, and notes their contexts.

    :ivar contexts: the archives that came.
    """

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's is not annotated
        self.contexts: list[bytes] = []

    def render(self, request: Request) -> bytes:
        """Answer as little as the command is content with."""
        request.setHeader("Api-Version", "1.41")
        request.setHeader("Content-Type", "application/json")
        if request.path.endswith(b"/build"):
            assert request.content is not None
            self.contexts.append(request.content.read())
            return b'{"stream": "Successfully built 0123456789ab\\n"}\n'
        return b"{}"


@pytest_twisted.async_yield_fixture(scope="module")  # type: ignore[untyped-decorator]
async def daemon() -> AsyncIterator[tuple[_Daemon, str]]:
    """Lend a daemon that only listens, and its address."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    resource = _Daemon()
    with short_folder() as folder:
        listening = await UNIXServerEndpoint(reactor, str(folder / "sock")).listen(Site(resource))
        yield resource, f"unix://{folder / 'sock'}"
        await listening.stopListening()


def files_in(archive: bytes) -> set[str]:
    """Answer what is in an archive, but for folders: of those the command leaves out some, which engines make."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name for member in tar if not member.isdir()}


@pytest.mark.parametrize("patterns", PATTERNS)
@waits
async def test_a_context_is_that_of_dockers_own_command(
    daemon: tuple[_Daemon, str], tmp_path: Path, patterns: str
) -> None:
    """The files that are packed are those that the command packs."""
    from twisted.internet import reactor  # noqa: PLC0415 - pytest-twisted installs it

    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("FROM scratch\n")
    (tmp_path / ".dockerignore").write_text(patterns)
    resource, address = daemon
    resource.contexts.clear()
    output, errors, code = await getProcessOutputAndValue(
        require("docker"),
        ("--host", address, "build", str(tmp_path)),
        env={**os.environ, "DOCKER_BUILDKIT": "0", "DOCKER_CONFIG": str(tmp_path.parent)},
        reactor=reactor,
    )
    assert code == 0, output + errors
    (theirs,) = resource.contexts
    ours = b"".join([piece async for piece in pieces_of_context(reactor, tmp_path)])
    assert files_in(ours) == files_in(theirs)
