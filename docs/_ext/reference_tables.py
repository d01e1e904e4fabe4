"""
Two directives that write reference tables from the code, so that the tables cannot drift from it.

- ``settings-reference``: every setting, a table for each table of the configuration file.
- ``errors-reference``: every refusal, with its code and status.
"""

# Sphinx imports it from the folder, which is no package.
# ruff: noqa: INP001

from __future__ import annotations

import inspect
import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from oci_twisted.app.settings import TABLE as SETTINGS
from oci_twisted.spec.errors import TABLE as ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sphinx.application import Sphinx

_CODE = re.compile(r"(`+)(.+?)\1")
_SENTENCE_END = re.compile(r"(?<=\.)\s")


def _text(text: str) -> list[nodes.Node]:
    """Answer the nodes of a text some of which stands in backquotes, single ones or double ones."""
    pieces: list[nodes.Node] = []
    end = 0
    for match in _CODE.finditer(text):
        pieces += [nodes.Text(text[end : match.start()]), nodes.literal("", match.group(2))]
        end = match.end()
    return [*pieces, nodes.Text(text[end:])]


def _row(cells: Iterable[str]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *_text(cell))) for cell in cells))


def _table(titles: Sequence[str], widths: Sequence[int], rows: Iterable[nodes.row]) -> nodes.table:
    columns = [nodes.colspec(colwidth=width) for width in widths]
    head = nodes.thead("", _row(titles))
    body = nodes.tbody("", *rows)
    table = nodes.table("", nodes.tgroup("", *columns, head, body, cols=len(titles)))
    table["classes"].append("colwidths-given")
    return table


class SettingsReference(SphinxDirective):
    """Writes every setting."""

    def run(self) -> list[nodes.Node]:
        """Answer a section of nodes for each table of the file."""
        found: list[nodes.Node] = []
        for name, settings in groupby(SETTINGS, key=lambda setting: setting.key.rpartition(".")[0]):
            title = f"The table ``[{name}]``" if name else "At the top of the file"
            rows = map(self._row, settings)
            found += [
                nodes.rubric("", "", *_text(title)),
                _table(("Setting", "Default", "Meaning"), (30, 15, 55), rows),
            ]
        return found

    def _row(self, setting: Any) -> nodes.row:  # noqa: ANN401 - a Setting, whose kind of default is anything
        key = setting.key.rpartition(".")[2]
        names = nodes.entry(
            "",
            nodes.paragraph("", "", nodes.literal("", key)),
            nodes.paragraph("", "", nodes.literal("", setting.variable)),
        )
        default = setting.shown_default
        shown = nodes.literal("", default) if default is not None else nodes.emphasis("", "not set")
        meaning = nodes.entry(
            "",
            nodes.paragraph("", "", *_text(setting.meaning)),
            nodes.paragraph("", "", *_text(f"A value is {setting.kind.wanted}.")),
        )
        return nodes.row("", names, nodes.entry("", nodes.paragraph("", "", shown)), meaning)


class ErrorsReference(SphinxDirective):
    """Writes every refusal."""

    def run(self) -> list[nodes.Node]:
        """Answer the table, in the order of the status."""
        ordered = sorted(ERRORS.items(), key=lambda item: (item[1].status, item[1].code))
        rows = (_row((str(row.status), f"`{row.code}`", _first_sentence(error))) for error, row in ordered)
        return [_table(("Status", "Code", "When"), (10, 30, 60), rows)]


def _first_sentence(error: type[Exception]) -> str:
    paragraph = (inspect.getdoc(error) or "").partition("\n\n")[0]
    return _SENTENCE_END.split(" ".join(paragraph.split()))[0]


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directives."""
    app.add_directive("settings-reference", SettingsReference)
    app.add_directive("errors-reference", ErrorsReference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
