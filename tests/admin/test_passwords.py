"""
``oci-registry auth hash``.
"""

from __future__ import annotations

import bcrypt
import pytest
from click.testing import CliRunner

from oci_twisted.admin.command import main
from oci_twisted.auth.passwords.htpasswd import parse_htpasswd


def hashed(user: str, typed: str, *more: str) -> tuple[int, str, str]:
    """Make a line, and answer the status, the output and the errors."""
    outcome = CliRunner().invoke(main, ["auth", "hash", user, *more, "--cost", "4"], input=typed)
    return outcome.exit_code, outcome.stdout, outcome.stderr


@pytest.mark.parametrize(
    ("typed", "more"),
    [
        ("correct horse\n", ("-",)),
        ("correct horse", ("-",)),
        ("correct horse\r\nmore", ("-",)),
        ("correct horse\n" * 2, ()),
    ],
)
def test_a_hash_is_of_the_password(typed: str, more: tuple[str, ...]) -> None:
    """The line lets in who knows the password, and is all that is printed; what is typed at a prompt is not shown."""
    status, output, errors = hashed("ada", typed, *more)
    ((name, found),) = parse_htpasswd(output.encode()).items()
    assert (status, name, found.cost, output.count("\n")) == (0, b"ada", 4, 1)
    assert bcrypt.checkpw(b"correct horse", found.text)
    assert "horse" not in errors


def test_a_password_has_to_be_typed_twice() -> None:
    """A prompt that shows nothing asks again until both are alike."""
    _, output, errors = hashed("ada", "one\nanother\none\none\n")
    ((_, found),) = parse_htpasswd(output.encode()).items()
    assert bcrypt.checkpw(b"one", found.text)
    assert "another" not in errors


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "the password is empty"),
        ("x" * 73, "the password must be at most 72 bytes"),
        ("ä" * 37, "the password must be at most 72 bytes"),
        ("a\0b", "the password has a control character in it"),
        ("a\x85b", "the password has a control character in it"),
    ],
)
def test_a_password_that_cannot_be_kept(typed: str, sentence: str) -> None:
    """It is refused with a sentence that does not repeat it."""
    status, output, errors = hashed("ada", typed, "-")
    assert (status, output) == (1, "")
    assert errors.startswith(sentence)
    assert not typed or typed not in errors


def test_a_password_that_is_not_utf_8() -> None:
    """Bytes that mean no text are refused with a sentence."""
    outcome = CliRunner().invoke(main, ["auth", "hash", "ada", "-"], input=b"\xff\n")
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("the password is not UTF-8")


@pytest.mark.parametrize("user", ["", "a:b", "#ada", " ada", "a\nb"])
def test_a_name_that_cannot_stand_in_the_file(user: str) -> None:
    """No line is printed that would be read as something else."""
    status, output, errors = hashed(user, "secret\n", "-")
    assert (status, output) == (1, "")
    assert "is no name of a user" in errors
