"""
The fenced blocks of a document, and what is to be done with each.

The language says how a block is tried out:

- ``sh``: bash runs it, in a folder of its own, with a registry at ``127.0.0.1:5000``;
- ``python``: a process of its own runs it, and it has to end by itself;
- ``toml``: it is read as a configuration;
- ``text``: nothing, for it is a picture or a sample of what something prints.

A comment ``<!-- test: … -->`` on the line above says more, and does not show:

- ``needs docker``: a program without which the block is not tried out, if that is not plain from the block itself;
- ``pytest``: the block is a module of tests;
- ``engine``: ``DOCKER_HOST`` names a container engine, one in memory, then Docker and Podman where they are;
- ``issuers``: the block is the part of a configuration that says whose tokens are taken;
- ``rules``: the block is the part of a configuration that says who may do what, and is checked as an operator would;
- ``continues``: it goes on where the block before it has ended;
- ``output``: the block before it prints this, where ``…`` is whatever it is;
- ``checkout``: the block is run in a copy of the checkout;
- ``skip`` and a reason: it is not tried out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import Factory, define, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FENCE = re.compile(r"^(?P<fence>`{3,}|:{3,})(?P<language>\S*)\n(?P<text>.*?)^(?P=fence)\n", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- test: (.+) -->\n\Z")
_PROGRAM = re.compile(r"(?:^|[|;&(]|\$\()[ \t]*(docker|oras|curl)\b", re.MULTILINE)

LANGUAGES = frozenset({"sh", "python", "toml", "text"})
_WORDS = frozenset({"pytest", "engine", "issuers", "rules", "continues", "output", "checkout"})


class BlockUnclear(Exception):
    """A block that nobody could try out; the message says where it is and why."""


@frozen
class Block:
    """
    A fenced block.

    :ivar where: the document and the line.
    :ivar reason: why it is not tried out, or ``None``.
    """

    where: str
    language: str
    text: str
    words: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    reason: str | None = None

    @property
    def programs(self) -> frozenset[str]:
        """What has to be there for it."""
        return self.needs | (frozenset(_PROGRAM.findall(self.text)) if self.language == "sh" else frozenset())

    def is_printed(self, printed: str) -> bool:
        """Answer whether this sample is part of what was printed."""
        pattern = r"[^\n]*".join(map(re.escape, self.text.strip().split("…")))
        return re.search(pattern, printed) is not None


@define
class Trial:
    """
    Blocks that are tried out together, and what they should print.
    """

    blocks: list[Block]
    samples: list[Block] = Factory(list)

    @property
    def where(self) -> str:
        """Where the first one is."""
        return self.blocks[0].where

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(block.text for block in self.blocks)

    @property
    def programs(self) -> frozenset[str]:
        """What has to be there for it."""
        return frozenset().union(*(block.programs for block in self.blocks))


def find_blocks(name: str, document: str) -> Iterator[Block]:
    """
    Answer the blocks of a document, but for Sphinx's own directives, which the build tries out.

    :param name: of the document, to say where a block is.
    :raise BlockUnclear: when a block has no language, or one that is not known, or a mark that is not.
    """
    for found in _FENCE.finditer(document):
        where = f"{name}:{document.count(chr(10), 0, found.start()) + 1}"
        language = found["language"]
        if language.startswith("{") or found["fence"].startswith(":"):
            continue
        if language not in LANGUAGES:
            raise BlockUnclear(f"{where} has the language {language!r}, and must be one of {sorted(LANGUAGES)}")
        mark = _MARK.search(document, 0, found.start())
        words, needs, reason = _read_mark(where, mark[1] if mark else "")
        yield Block(where, language, found["text"], words, needs, reason)


def _read_mark(where: str, mark: str) -> tuple[frozenset[str], frozenset[str], str | None]:
    if mark.startswith("skip"):
        return frozenset(), frozenset(), mark.removeprefix("skip").strip()
    words, needs = set(), set()
    for part in filter(None, (part.strip() for part in mark.split(","))):
        word, _, rest = part.partition(" ")
        if word == "needs" and rest:
            needs.update(rest.split())
        elif part in _WORDS:
            words.add(part)
        else:
            raise BlockUnclear(f"{where} is marked {part!r}, which means nothing")
    return frozenset(words), frozenset(needs), None


def find_trials(blocks: list[Block]) -> list[Trial]:
    """
    Answer what is to be tried out, of the blocks of one document.

    :raise BlockUnclear: when a block goes on with nothing, or what is to be printed is printed by nothing.
    """
    trials: list[Trial] = []
    previous: Trial | None = None
    for block in blocks:
        if "output" in block.words or "continues" in block.words:
            if previous is None:
                raise BlockUnclear(f"{block.where} has no block before it that could be run")
            (previous.samples if "output" in block.words else previous.blocks).append(block)
        elif block.language != "text" and block.reason is None:
            previous = Trial([block])
            trials.append(previous)
        else:
            previous = None
    return trials


def find_in(path: Path) -> list[Block]:
    """Answer the blocks of a file."""
    return list(find_blocks(path.name, path.read_text("utf-8")))
