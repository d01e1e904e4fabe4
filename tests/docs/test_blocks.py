"""How the documents' blocks are found."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.docs.blocks import Block, BlockUnclear, Trial, find_blocks, find_trials


def blocks_of(document: str) -> list[Block]:
    """Find the blocks of a document."""
    return list(find_blocks("README.md", dedent(document)))


def trials_of(document: str) -> list[Trial]:
    """Find what is to be tried out."""
    return find_trials(blocks_of(document))


def test_a_block_has_a_place_a_language_and_a_text() -> None:
    """A block is found with the line on which it begins."""
    [block] = blocks_of(
        """\
        # Title

        ```sh
        true
        ```
        """
    )
    assert (block.where, block.language, block.text) == ("README.md:3", "sh", "true\n")


def test_a_mark_says_more() -> None:
    """A comment directly above a block is about it; one further up is not."""
    first, second = blocks_of(
        """\
        <!-- test: needs docker oras, continues -->
        ```sh
        true
        ```

        <!-- test: pytest -->

        ```sh
        true
        ```
        """
    )
    assert (first.words, first.needs) == (frozenset({"continues"}), frozenset({"docker", "oras"}))
    assert (second.words, second.needs) == (frozenset(), frozenset())


def test_programs_are_seen() -> None:
    """What a block runs is plain from it: at the beginning of a line, behind a pipe, in a substitution."""
    [block] = blocks_of("```sh\ntar -c x | docker import - x\ntest $(curl -s x) = oras\n```\n")
    assert block.programs == {"docker", "curl"}


def test_directives_are_sphinxs() -> None:
    """Blocks that are directives are left to Sphinx."""
    assert blocks_of("```{toctree}\nquickstart\n```\n:::{note}\nx\n:::\n") == []


@pytest.mark.parametrize("language", ["", "bash", "json", "console", "ini"])
def test_a_language_that_nobody_tries_out_is_an_error(language: str) -> None:
    """A block that no test would run is refused, and so it cannot be overlooked."""
    with pytest.raises(BlockUnclear, match=r"README\.md:1 has the language"):
        blocks_of(f"```{language}\nx\n```\n")


@pytest.mark.parametrize("mark", ["sikp no time", "needs", "continues output"])
def test_a_mark_that_means_nothing_is_an_error(mark: str) -> None:
    """A mark with a typing error is refused."""
    with pytest.raises(BlockUnclear, match=r"README\.md:2 is marked"):
        blocks_of(f"<!-- test: {mark} -->\n```sh\nx\n```\n")


def test_blocks_may_go_on() -> None:
    """A block that continues is run behind the one before it; what it prints is compared with the sample behind it."""
    [trial, other] = trials_of(
        """\
        ```sh
        x=1
        ```
        <!-- test: continues -->
        ```sh
        echo $x
        ```
        <!-- test: output -->
        ```text
        1
        ```
        ```sh
        true
        ```
        """
    )
    assert trial.text == "x=1\necho $x\n"
    assert [sample.text for sample in trial.samples] == ["1\n"]
    assert other.samples == []


@pytest.mark.parametrize("before", ["", "```text\nx\n```\n", "<!-- test: skip it is far -->\n```sh\nx\n```\n"])
def test_there_must_be_something_to_go_on_with(before: str) -> None:
    """A block that continues what is not run is refused."""
    with pytest.raises(BlockUnclear, match="no block before it"):
        trials_of(f"{before}<!-- test: continues -->\n```sh\nx\n```\n")


def test_what_is_not_tried_out() -> None:
    """Samples, and what is skipped with a reason, are not tried out."""
    document = "```text\nx\n```\n<!-- test: skip it takes a day -->\n```sh\nsleep 86400\n```\n"
    assert trials_of(document) == []
    assert [block.reason for block in blocks_of(document)] == [None, "it takes a day"]


@pytest.mark.parametrize(
    ("sample", "printed", "is_printed"),
    [
        ("a\nb\n", "x\na\nb\ny\n", True),
        ("a … c\n", "a b c", True),
        ("a … c\n", "a\nb c", False),
        ("a.c", "abc", False),
    ],
)
def test_samples(sample: str, printed: str, is_printed: bool) -> None:  # noqa: FBT001 - what a test is given
    """A sample is part of what is printed, where an ellipsis stands for anything on one line."""
    assert Block("here", "text", sample).is_printed(printed) is is_printed
