"""
``oci-registry auth``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from oci_twisted.admin.command import main

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
[auth]
realm = "example"

[auth.groups]
builders = ["ada"]

[[auth.rule]]
repositories = ["library/**"]
allow = ["pull"]
to = ["anonymous"]

[[auth.rule]]
repositories = ["shared/*"]
allow = ["push"]
to = ["group:builders"]

[[auth.test]]
who = "anonymous"
may = "pull library/alpine"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write a configuration."""
    path = tmp_path / "registry.toml"
    path.write_text(CONFIG)
    return path


def run(*arguments: object) -> tuple[int, str, str]:
    """Run the command, and answer its status, its output and its errors."""
    outcome = CliRunner().invoke(main, ["auth", *map(str, arguments)])
    return outcome.exit_code, outcome.stdout, outcome.stderr


def test_rules_that_are_right(config: Path) -> None:
    """It says how much it has looked at."""
    assert run("check", config) == (0, f"{config}: 2 rules, 1 test passed\n", "")


def test_rules_that_are_wrong(config: Path) -> None:
    """Mistakes and failed tests are all said, and the status is 1."""
    more = '[[auth.rule]]\nrepositories="A"\nallow="pull"\nto="group:x"\n[[auth.test]]\nwho="ada"\nmay="pull b"\n'
    config.write_text(CONFIG + more)
    status, output, errors = run("check", config)
    assert (status, output) == (1, "")
    assert [line.removeprefix(f"{config}: ").split(":")[0] for line in errors.splitlines()] == [
        "rule 3",
        "rule 3",
        "test 2",
    ]


ISSUER = """
[[auth.issuer]]
kind = "oidc"
issuer = "https://ci.example"
audience = "registry.example"
require = {}
user = "ci:{sub}"
groups = ["ci", "team:{team}"]
"""


@pytest.mark.parametrize(("group", "status"), [("ci", 0), ("team:web", 0), ("cd", 1)])
def test_groups_of_other_issuers(config: Path, group: str, status: int) -> None:
    """Somebody is in a group when the tokens of an issuer in the same file may say so."""
    config.write_text(CONFIG.replace("group:builders", f"group:{group}") + ISSUER)
    assert run("check", config)[0] == status


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (ISSUER.replace("require = {}", ""), "issuer 1 has no require"),
        ("[auth.issuer]\nkind = 1\n", "auth: issuer must be tables; write [[auth.issuer]] above each"),
    ],
)
def test_issuers_that_cannot_be_used(config: Path, more: str, sentence: str) -> None:
    """They are complained of too, because rules cannot be looked through without them."""
    config.write_text(CONFIG + more)
    status, _, errors = run("check", config)
    assert (status, errors.startswith(f"{config}: {sentence}")) == (1, True)


@pytest.mark.parametrize("command", [("check",), ("explain", "ada", "pull", "a")])
def test_a_configuration_that_cannot_be_used(config: Path, command: tuple[str, ...]) -> None:
    """A file that is not there, not TOML, or without rules, ends the command with a sentence."""
    name, *rest = command
    for text, sentence in (
        ("[", f"the configuration {config} is not TOML: "),
        ("port = 1", f"{config}: there is no table [auth], so nobody is asked who they are"),
        ("auth = 1", f"{config}: there is no table [auth]"),
        ("[[auth.rule]]\nto='x'", f"{config}: rule 1: it does not have repositories"),
    ):
        config.write_text(text)
        status, _, errors = run(name, config, *rest)
        assert (status, errors.startswith(sentence)) == (1, True)
    config.unlink()
    assert run(name, config, *rest) == (1, "", f"cannot read the configuration {config}: No such file or directory\n")


def test_a_decision_is_explained(config: Path) -> None:
    """The first line says what is decided, the others which rules were looked at."""
    expected = (
        "ada may push shared/app\n"
        "- rule 1 does not decide: it is about pull\n"
        "- rule 2 allows it: group:builders means ada, and shared/* means shared/app\n"
    )
    assert run("explain", config, "ada", "push", "shared/app") == (0, expected, "")
    assert run("explain", config, "ci", "push", "shared/app")[1].startswith("ci may not push shared/app\n")
    assert run("explain", config, "ci", "push", "shared/app", "--in", "builders")[1].startswith(
        "ci in builders may push shared/app\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("everyone", "pull", "a"), "WHO is 'everyone', who is nobody in particular"),
        (("ada", "fetch", "a"), "ACTION is 'fetch', and there is only pull, push and delete"),
        (("ada", "pull", "A"), "'A' is not a repository name"),
    ],
)
def test_a_question_that_means_nothing(config: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """It is answered with a sentence, and with the status 1."""
    status, output, errors = run("explain", config, *arguments)
    assert (status, output, errors.startswith(sentence)) == (1, "", True)
