"""The documentation, built."""

from __future__ import annotations

import html
import importlib.util
import re
import sys
from typing import TYPE_CHECKING

import pytest

from oci_twisted.app.settings import TABLE
from oci_twisted.spec.errors import TABLE as ERRORS
from tests.app.checkouts import ROOT, run
from tests.clients.tools import absent

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the documentation; a warning is a failure."""
    for module in ("sphinx", "furo", "myst_parser"):
        if importlib.util.find_spec(module) is None:
            absent(module)
    folder = tmp_path_factory.mktemp("docs")
    options = ("-q", "-W", "--keep-going", "-n", "-b", "html", "-d", folder / "doctrees")
    run(sys.executable, "-m", "sphinx", *options, ROOT / "docs", folder / "html", cwd=ROOT)
    return folder / "html"


def test_every_page_is_built(built: Path) -> None:
    """Every page is built without a warning, and can be reached from the first."""
    first = (built / "index.html").read_text()
    for page in (ROOT / "docs").glob("**/*.md"):
        name = page.relative_to(ROOT / "docs").with_suffix("").as_posix()
        assert (built / f"{name}.html").exists()
        assert name == "index" or f'href="{name}.html' in first


def test_the_reference_has_every_setting(built: Path) -> None:
    """The configuration's reference has each setting's variable, default and meaning, as the table has them."""
    text = _text(built / "configuration.html")
    for setting in TABLE:
        assert f"{setting.key.rpartition('.')[2]} {setting.variable} " in text
        assert re.sub(r"\s+", " ", setting.meaning.replace("`", "")) in text
        assert setting.shown_default is None or setting.shown_default in text


def test_the_reference_has_every_error(built: Path) -> None:
    """The API's reference has each error's status and code, as the table has them."""
    text = _text(built / "api.html")
    for row in ERRORS.values():
        assert f"{row.status} {row.code} " in text


def _text(page: Path) -> str:
    plain = html.unescape(re.sub(r"<[^>]+>", " ", page.read_text()))
    # Sphinx writes quotes as a printer would.
    plain = plain.translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'})
    return re.sub(r"\s+([.,;:])", r"\1", re.sub(r"\s+", " ", plain))
