"""What of a folder is not for a build."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_twisted.engine.dockerignore import DockerIgnore, InvalidPattern

# A file, one of its paths, and whether that is for the build.  The first are Docker's own examples.
CASES = [
    ("# comment\n*/temp*\n*/*/temp*\ntemp?\n", {
        "somedir/temporary.txt": False, "somedir/temp/file": False, "somedir/subdir/temporary.txt": False,
        "tempa": False, "tempb/file": False, "temp": True, "temporary.txt": True, "a/b/c/temp": True,
    }),
    ("**/*.go", {"main.go": False, "a/main.go": False, "a/b/main.go": False, "main.got": True}),
    ("*.md\n!README.md", {"a.md": False, "README.md": True, "docs/a.md": True}),
    ("*.md\n!README*.md\nREADME-secret.md", {"README.md": True, "README-1.md": True, "README-secret.md": False}),
    ("*.md\nREADME-secret.md\n!README*.md", {"README-secret.md": True, "a.md": False}),
    ("/foo/bar", {"foo/bar": False, "foo/bar/a": False, "foo": True, "a/foo/bar": True}),
    ("foo/bar/", {"foo/bar": False, "foo/bar/a": False}),
    ("./foo/../bar", {"bar": False, "foo": True}),
    (".", {"a": True, "a/b": True}),
    ("  a  \n\n\t!  a/b \n", {"a": False, "a/b": True, "a/c": False, "a/b/c": True}),
    (" # not a comment", {"# not a comment": False, "a": True}),
    ("#a\n\\#a", {"#a": False}),
    ("\ufeffa", {"a": False}),
    ("a\r\nb\r\n", {"a": False, "b": False}),
    ("docs", {"docs": False, "docs/a": False, "docs/a/b": False, "src/docs": True, "docs2": True}),
    ("**/docs", {"docs": False, "src/docs/a": False, "mydocs": True}),
    ("docs/**", {"docs": True, "docs/a": False, "docs/a/b": False}),
    ("**/docs/**", {"docs": True, "docs/a": False, "src/docs/a": False}),
    ("**", {"a": False, "a/b": False}),
    ("**\n!src", {"a": False, "src": True, "src/a": True, "src/a/b": True}),
    ("**/**/*.txt", {"a.txt": False, "a/b/c.txt": False, "a/b/c.txt2": True}),
    ("a**/*.txt", {"a/b.txt": False, "a/b/c.txt": False, "b/a.txt": True}),
    ("**file", {"file": False, "a/file": False, "myfile": False, "files": True}),
    ("a/*.txt**", {"a/b.txt": False, "a/b/c.txt": True}),
    ("a*b", {"ab": False, "axxb": False, "a/b": True}),
    ("a?b", {"axb": False, "a☺b": False, "ab": True, "a/b": True}),
    ("a[b-d]e", {"ace": False, "aae": True, "ae": True}),
    ("a[^b-d]e", {"ace": True, "aze": False}),
    ("[\\]a]", {"]": False, "a": False, "b": True}),
    ("[x\\-]", {"-": False, "x": False, "y": True}),
    ("a\\*b", {"a*b": False, "axb": True}),
    ("a.|)$(}+{bc", {"a.|)$(}+{bc": False}),
    (".*", {".git": False, ".git/config": False, "a": True}),
    # What changes nothing for a folder does not count for what is in it.
    ("x\n!x/y\nx", {"x": False, "x/y": True, "x/z": False, "x/y/z": True}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "path", "expected"), [(t, p, e) for t, paths in CASES for p, e in paths.items()])
def test_a_path_is_for_the_build_or_not(text: str, path: str, expected: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    """The last pattern decides that matches it, or a folder that it is in."""
    assert DockerIgnore.parse(text).includes(path) is expected


@pytest.mark.parametrize("pattern", ["!", "! ", "[", "a[", "[]a]", "[-]", "[x-]", "[-x]", "[^", "[^bc", "[z-a]", "a\\"])
def test_what_is_no_pattern_is_said(pattern: str) -> None:
    """So are patterns that nobody could understand."""
    with pytest.raises(InvalidPattern):
        DockerIgnore.parse(f"a\n{pattern}\n")


def test_what_is_kept_is_for_the_build() -> None:
    """Whatever the patterns say, and whatever is in its name."""
    ignore = DockerIgnore.parse("*", keep=("build/Docker[file]*", ".dockerignore"))
    assert ignore.includes(".dockerignore")
    assert ignore.includes("build/Docker[file]*")
    assert not ignore.includes("build/Dockerf")
    assert ignore.may_include_below("build")
    assert not ignore.may_include_below("src")


@pytest.mark.parametrize(
    ("exception", "entered", "passed"),
    [
        ("!a/b/c", ["a", "a/b", "a/b/c"], ["b", "a/c", "a/b/d"]),
        ("!a/*/c", ["a", "a/b", "a/b/c/d"], ["b", "b/a"]),
        ("!**/c", ["a", "a/b"], []),
        ("c", [], ["a", "c"]),
    ],
)
def test_folders_are_entered_for_exceptions(exception: str, entered: list[str], passed: list[str]) -> None:
    """Only where an exception may match something."""
    ignore = DockerIgnore.parse(f"*\n{exception}")
    assert all(ignore.may_include_below(folder) for folder in entered)
    assert not any(ignore.may_include_below(folder) for folder in passed)


_WORD = st.text("ab*?/", min_size=1, max_size=5)


@given(st.lists(st.tuples(st.booleans(), _WORD), max_size=5), st.lists(st.sampled_from("ab"), min_size=1, max_size=4))
def test_whatever_is_included_is_found(rules: list[tuple[bool, str]], parts: list[str]) -> None:
    """No folder is passed over in which there is something for the build."""
    ignore = DockerIgnore.parse("\n".join("!" * exception + pattern for exception, pattern in rules))
    folders = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
    if ignore.includes("/".join(parts)):
        assert all(ignore.includes(folder) or ignore.may_include_below(folder) for folder in folders)
