"""
The import rule and the layout, held.

Imports point inward only.  Imports for types count as well: what a module names in its annotations it depends on.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parent.parent
OURS = "oci_twisted"
PLUGINS = ROOT / "twisted" / "plugins"

INNER = frozenset({"spec", "interfaces", "stream"})
VERSION = "__version__"

# What each package may import of ours, besides itself.  "" is the package at the top.
TABLE: dict[str, frozenset[str]] = {
    "": frozenset(),
    "spec": frozenset(),
    "interfaces": frozenset({"spec"}),
    "stream": frozenset({"spec", "interfaces"}),
    # The providers: they never import each other.
    "storage": frozenset(),
    "storage.memory": INNER,
    "storage.disk": INNER,
    "auth": INNER,
    "client": INNER,
    "registry": INNER,
    "http": INNER | {"registry", VERSION},
    "proxy": INNER | {"registry"},
    "engine": frozenset(),
    "admin": INNER | {"app.settings", "auth", "registry", "storage.disk", VERSION},
    "plugin": frozenset({"app"}),
}
# What runs in production needs nothing that is there for tests.
TABLE["app"] = frozenset(TABLE) | {VERSION}
TABLE["testing"] = frozenset(TABLE) | {VERSION}

# What only some packages may import of others.
ONLY_IN: dict[str, frozenset[str]] = {
    "bcrypt": frozenset({"auth"}),
    "click": frozenset({"admin"}),
    "jwt": frozenset({"auth"}),
    "klein": frozenset({"http"}),
    "werkzeug": frozenset({"http"}),
    # The engine client takes connections over in the middle of an exchange, which no HTTP client of Twisted's does.
    "httptools": frozenset({"http", "engine", "testing"}),
    "twisted.web": frozenset({"http", "client", "engine", "app", "testing"}),
    "hypothesis": frozenset({"testing"}),
    "pytest": frozenset({"testing"}),
    "pytest_twisted": frozenset({"testing"}),
}
# What the packages without behaviour may import besides the standard library; nothing else.
PURE: dict[str, frozenset[str]] = {
    "": frozenset(),
    "spec": frozenset({"attrs"}),
    "interfaces": frozenset({"attrs", "zope.interface"}),
}
FOR_TYPES: dict[str, frozenset[str]] = {"interfaces": frozenset({"twisted.internet.interfaces"})}

# Names that say nothing, that sort by Python kind, or that Twisted's standard bans.
BANNED = frozenset(
    {
        "base",
        "common",
        "constants",
        "core",
        "exceptions",
        "handlers",
        "helpers",
        "managers",
        "models",
        "services",
        "types",
        "utils",
        "v2",
    }
)
MOST_LINES = 500

# Folders of tests that belong to no one package, and packages that are tested through the others.
ACROSS = frozenset({"bench", "clients", "conformance", "docs", "wire"})
UNTESTED = frozenset({"", "interfaces", "plugin", "storage", "testing"})

DYNAMIC_IMPORTS = frozenset({"__import__", "import_module", "namedAny", "namedModule", "namedObject"})


@frozen
class Import:
    """
    One name that a module imports.

    :ivar target: dotted and absolute; what was imported is the last part of it.
    :ivar for_types: whether it is there for type checkers only.
    """

    target: str
    line: int
    for_types: bool


def is_for_types(node: ast.AST) -> bool:
    """Answer whether a node is an ``if TYPE_CHECKING:``."""
    if not isinstance(node, ast.If):
        return False
    return ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def find_imports(node: ast.AST, *, for_types: bool = False) -> Iterator[Import]:
    """Answer every import below a node, wherever it stands; a relative one begins with its dots."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, node.lineno, for_types)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield Import(f"{'.' * node.level}{node.module or ''}.{alias.name}", node.lineno, for_types)
    elif isinstance(node, ast.Call) and node.args:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        named = node.args[0]
        if called in DYNAMIC_IMPORTS and isinstance(named, ast.Constant) and isinstance(named.value, str):
            yield Import(named.value, node.lineno, for_types)
    body = node.body if isinstance(node, ast.If) and is_for_types(node) else ()
    for child in ast.iter_child_nodes(node):
        yield from find_imports(child, for_types=for_types or child in body)


def is_below(name: str, packages: Iterable[str]) -> bool:
    """Answer whether a dotted name is one of ``packages`` or something inside one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def row_of(module: str) -> str:
    """Answer the innermost row of the table that a module of ours is in."""
    return max((row for row in TABLE if is_below(module, (row,))), key=len, default="")


def import_complaints(module: str, source: str) -> Iterator[str]:
    """
    Answer what is wrong with the imports of a module.

    :param module: dotted, without ``oci_twisted``.
    """
    row = row_of(module)
    if row != module and any(other.startswith(f"{row}." if row else "") for other in TABLE if other != row):
        # Only its parts have modules.
        yield f"{module} is in no package of the table"
        return
    for one in find_imports(ast.parse(source)):
        where = f"{module or OURS}:{one.line}"
        target = one.target
        if target.startswith("."):
            yield f"{where} imports {target}, relative"
        elif is_below(target, (OURS,)):
            inside = target.removeprefix(OURS).removeprefix(".")
            if not is_below(inside, TABLE[row]) and (not row or row_of(inside) != row):
                yield f"{where} imports {target}, outward"
        elif not is_allowed_outside(row, one):
            yield f"{where} imports {target}, which is not for {row or OURS}"


def is_allowed_outside(row: str, one: Import) -> bool:
    """Answer whether a package may import something that is not ours."""
    if any(is_below(one.target, (name,)) and row not in rows for name, rows in ONLY_IN.items()):
        return False
    if row not in PURE or one.target.partition(".")[0] in sys.stdlib_module_names:
        return True
    return is_below(one.target, PURE[row]) or (one.for_types and is_below(one.target, FOR_TYPES.get(row, ())))


def file_complaints(path: Path, source: str) -> Iterator[str]:
    """
    Answer what is wrong with a module, apart from its imports.

    :param path: below the project's folder.
    """
    lines = source.count("\n")
    if lines > MOST_LINES:
        yield f"{path} has {lines} lines, more than {MOST_LINES}"
    if ast.get_docstring(ast.parse(source)) is None and not (path.parts[0] == "tests" and path.name == "__init__.py"):
        yield f"{path} has no docstring"
    for part in (*path.parts[:-1], path.stem):
        if part.removeprefix("test_") in BANNED:
            yield f"{path} is called {part}, which says nothing"
    if path.parts[0] == "twisted" and path.name == "__init__.py":
        yield f"{path} would make Twisted's own package ours"


def module_of(path: Path) -> str:
    """Answer a file's row-like name: dotted, without ``oci_twisted``."""
    if path.is_relative_to(PLUGINS):
        return "plugin"
    parts = path.relative_to(ROOT / OURS).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def our_modules() -> list[Path]:
    """Answer the files of the package and the plugin."""
    return sorted([*(ROOT / OURS).rglob("*.py"), *(ROOT / "twisted").rglob("*.py")])


def packages() -> list[str]:
    """Answer the rows of the table that exist."""
    return [row for row in TABLE if (ROOT / OURS / row.replace(".", "/")).is_dir()]


def test_imports_point_inward() -> None:
    """No module imports what the table does not give its package, for types or otherwise, and none is relative."""
    assert [
        complaint for path in our_modules() for complaint in import_complaints(module_of(path), path.read_text())
    ] == []


def test_every_file_is_where_and_what_it_should_be() -> None:
    """Every module has a docstring, a telling name and at most 500 lines, and Twisted's package stays its own."""
    tests = sorted((ROOT / "tests").rglob("*.py"))
    assert [
        complaint
        for path in (*our_modules(), *tests)
        for complaint in file_complaints(path.relative_to(ROOT), path.read_text())
    ] == []


def test_every_folder_is_a_package() -> None:
    """A package of the table is missing altogether or has modules; an empty folder would pass every other test."""
    empty = [row for row in packages() if not (ROOT / OURS / row.replace(".", "/") / "__init__.py").is_file()]
    assert empty == []


def test_tests_mirror_packages() -> None:
    """Every folder of tests is that of a package or known to go across them, and every package has tests."""
    folders = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    strange = [
        str(folder)
        for folder in folders
        if folder.parts and folder.parts[0] not in ACROSS and not (ROOT / OURS / folder).is_dir()
    ]
    assert strange == []
    assert [row for row in packages() if row not in UNTESTED and not has_tests(row)] == []


def has_tests(row: str) -> bool:
    """Answer whether a package has a folder of tests, or a module named for it beside its siblings'."""
    folder = ROOT / "tests" / row.replace(".", "/")
    return any(folder.rglob("test_*.py")) or any(folder.parent.glob(f"test_{folder.name}*.py"))


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("spec.digests", "from oci_twisted.interfaces import IBlobStore", "outward"),
        ("spec.digests", "from oci_twisted import interfaces", "outward"),
        ("spec.digests", "from oci_twisted import __version__", "outward"),
        ("spec.digests", "import oci_twisted", "outward"),
        ("spec.digests", "import oci_twisted.http.calls as calls", "outward"),
        ("spec.digests", "from twisted.python import log", "which is not for spec"),
        ("spec.digests", "import zope.interface", "which is not for spec"),
        ("spec.digests", "from . import errors", "relative"),
        ("spec.digests", "from .errors import DigestInvalid", "relative"),
        ("spec.digests", "from ..stream import pools", "relative"),
        ("interfaces.blobs", "from oci_twisted.stream import pools", "outward"),
        ("interfaces.blobs", "from twisted.internet.interfaces import IConsumer", "which is not for interfaces"),
        ("interfaces.blobs", "if TYPE_CHECKING:\n from twisted.internet import defer", "which is not for interfaces"),
        ("interfaces.blobs", "if TYPE_CHECKING:\n from oci_twisted.http import calls", "outward"),
        ("stream.pools", "from oci_twisted.registry.registry import Registry", "outward"),
        ("stream.pools", "from twisted.web.server import Site", "which is not for stream"),
        ("storage", "from oci_twisted.storage.memory import MemoryBlobs", "outward"),
        ("storage.memory.blobs", "from oci_twisted.storage.disk.layout import Layout", "outward"),
        ("storage.memory.blobs", "from oci_twisted.storage import disk", "outward"),
        ("storage.disk.blobs", "def f():\n from oci_twisted.storage.memory import MemoryBlobs", "outward"),
        ("storage.disk.blobs", "import_module('oci_twisted.client')", "outward"),
        ("storage.disk.blobs", "importlib.import_module('oci_twisted.client')", "outward"),
        ("auth.open", "from oci_twisted.registry.policy import Policy", "outward"),
        ("client.pull", "try:\n from oci_twisted.auth.open import Open\nexcept ImportError: pass", "outward"),
        ("registry.registry", "from oci_twisted.storage.memory import MemoryBlobs", "outward"),
        ("registry.registry", "if typing.TYPE_CHECKING:\n from oci_twisted.http.calls import Call", "outward"),
        ("registry.registry", "from klein import Klein", "which is not for registry"),
        ("app.service", "import werkzeug.routing", "which is not for app"),
        ("app.service", "from oci_twisted.testing import pipes", "outward"),
        ("app.service", "import hypothesis", "which is not for app"),
        ("http.routes", "from oci_twisted.app.settings import Settings", "outward"),
        ("http.routes", "from oci_twisted.storage.memory import MemoryBlobs", "outward"),
        ("proxy.remote", "from oci_twisted.client import Client", "outward"),
        ("engine.drivers.docker", "from oci_twisted.spec.names import RepositoryName", "outward"),
        ("admin.collect", "from oci_twisted.app.service import Service", "outward"),
        ("admin.collect", "from oci_twisted.app import Service", "outward"),
        ("plugin", "from oci_twisted.http.routes import routes", "outward"),
        ("", "from oci_twisted.app.service import Service", "outward"),
        ("storage.surprise", "", "is in no package of the table"),
        ("surprise", "", "is in no package of the table"),
        ("surprise.more", "import this", "is in no package of the table"),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str, complaint: str) -> None:
    """The checker sees every way to break the rule."""
    (found,) = import_complaints(module, source)
    assert complaint in found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("", "from importlib.metadata import version"),
        ("spec.names", "import re\nfrom attrs import frozen\nfrom oci_twisted.spec.digests import Digest"),
        ("spec.names", "if TYPE_CHECKING:\n from oci_twisted.spec.descriptors import Descriptor"),
        ("interfaces", "from zope.interface import Interface\nfrom oci_twisted.interfaces.blobs import IBlobStore"),
        ("interfaces.blobs", "if TYPE_CHECKING:\n from twisted.internet.interfaces import IConsumer"),
        ("stream.pools", "from twisted.internet import defer\nfrom oci_twisted.spec.names import Tag"),
        ("storage.disk.blobs", "import sqlite3\nfrom oci_twisted.storage.disk.layout import Layout"),
        ("http.routes", "from klein import Klein\nimport httptools\nfrom werkzeug.routing import Map"),
        ("http.routes", "from oci_twisted import __version__\nfrom oci_twisted.registry import registry"),
        ("admin.collect", "from oci_twisted.app import settings\nfrom oci_twisted.app.settings import Settings"),
        ("app.service", "from oci_twisted.storage import memory\nimport oci_twisted.http.routes"),
        ("testing.plugin", "import pytest\nfrom oci_twisted.app.service import Service"),
        ("plugin", "from oci_twisted.app.service import maker\nfrom twisted.application.service import Service"),
    ],
)
def test_a_right_import_is_let_be(module: str, source: str) -> None:
    """The checker has nothing to say of what the table allows."""
    assert list(import_complaints(module, source)) == []


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        ("oci_twisted/spec/names.py", "import re", "has no docstring"),
        ("tests/spec/test_names.py", "import re", "has no docstring"),
        ("oci_twisted/spec/__init__.py", "", "has no docstring"),
        ("oci_twisted/spec/names.py", '"""Names."""\n' + "\n" * 500, "has 501 lines"),
        ("oci_twisted/utils/names.py", '"""Names."""', "is called utils"),
        ("oci_twisted/http/handlers.py", '"""Names."""', "is called handlers"),
        ("tests/http/test_handlers.py", '"""Names."""', "is called test_handlers"),
        ("twisted/__init__.py", '"""Ours."""', "Twisted's own package"),
        ("twisted/plugins/__init__.py", '"""Ours."""', "Twisted's own package"),
    ],
)
def test_a_wrong_file_is_found(path: str, source: str, complaint: str) -> None:
    """The checker sees every way to break the layout."""
    (found,) = file_complaints(Path(path), source)
    assert complaint in found


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("oci_twisted/spec/names.py", '"""Names."""\n' + "\n" * 499),
        ("oci_twisted/spec/__init__.py", '"""Words."""'),
        ("tests/spec/__init__.py", ""),
        ("twisted/plugins/oci_registry.py", '"""The plugin."""'),
    ],
)
def test_a_right_file_is_let_be(path: str, source: str) -> None:
    """The checker has nothing to say of a module that is short, documented and well named."""
    assert list(file_complaints(Path(path), source)) == []
