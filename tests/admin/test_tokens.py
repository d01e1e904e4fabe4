"""
``oci-registry token``.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from twisted.internet.task import Clock

from oci_twisted.admin.command import main
from oci_twisted.auth.tokens.access import AccessTokens
from oci_twisted.interfaces import Principal, TokenKind, WrongCredentials
from oci_twisted.spec.scopes import parse_scopes
from oci_twisted.storage.disk.blobs import DiskBlobs
from oci_twisted.storage.disk.tokens import SqliteTokens
from oci_twisted.stream.pools import InlinePool
from tests.http.stacks import at_once

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

DAY = 24 * 60 * 60


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make the folder of a registry, as the first start of one does."""
    DiskBlobs(tmp_path / "root", InlinePool(), durability="relaxed")
    return tmp_path / "root"


@pytest.fixture
def server(root: Path) -> Iterator[AccessTokens]:
    """Open the store as a server does that is running meanwhile."""
    store = SqliteTokens(root / "tokens.sqlite", InlinePool(), durability="relaxed")
    yield AccessTokens(store, Clock())
    at_once(store.close())


def run(*arguments: object, environment: dict[str, str] | None = None) -> Result:
    """Run the command."""
    variables = {name: None for name in os.environ if name.startswith("OCI_REGISTRY_")} | (environment or {})
    return CliRunner().invoke(main, ["token", *map(str, arguments)], env=variables)


def create(root: Path, *arguments: object) -> tuple[str, str]:
    """Make a token; answer its text and its id."""
    outcome = run("create", "--root", root, *arguments)
    assert outcome.exit_code == 0, outcome.output
    match = re.match(r"This is the token ([0-9a-f]{16}) of ", outcome.stderr)
    assert match is not None
    return outcome.stdout.removesuffix("\n"), match[1]


def listed(root: Path, *arguments: object) -> list[list[str]]:
    """List tokens; answer the cells of every line but the first."""
    outcome = run("list", "--root", root, *arguments)
    assert outcome.exit_code == 0, outcome.output
    return [re.split(r" {2,}", line) for line in outcome.stdout.splitlines()[1:]]


def test_a_token_is_made_while_the_server_runs(root: Path, server: AccessTokens) -> None:
    """Its text alone is printed on standard output, and the server knows it at once."""
    text, token_id = create(root, "ada", "my laptop")
    assert server.recognises(text)
    assert at_once(server.verify(text)) == Principal("ada", token_id=token_id)
    kept = at_once(server.current(token_id))
    assert (kept.name, kept.kind, kept.limits) == ("my laptop", TokenKind.PERSONAL, None)
    assert kept.expires == kept.created + 90 * DAY


def test_what_a_token_may_is_said_in_words(root: Path, server: AccessTokens) -> None:
    """Actions and a pattern, as often as wanted, or the catalog."""
    wishes = ["--may", "pull,push team/*", "--may", "* mine/**", "--may", "catalog"]
    text, token_id = create(root, "ada", "ci", *wishes, "--expires", "12 h")
    scopes = ["repository:team/*:pull,push", "repository:mine/**:*", "registry:catalog:*"]
    assert at_once(server.verify(text)).limits == parse_scopes(scopes)
    kept = at_once(server.current(token_id))
    assert kept.expires == kept.created + 12 * 60 * 60
    assert listed(root)[0][6] == "pull,push team/*; * mine/**; catalog"


def test_a_robot_is_a_user_by_itself(root: Path, server: AccessTokens) -> None:
    """Its name says so, and rules can name it."""
    text, token_id = create(root, "robot+ci", "deploy", "--expires", "never")
    assert at_once(server.verify(text)).name == "robot+ci"
    kept = at_once(server.current(token_id))
    assert (kept.kind, kept.expires) == (TokenKind.ROBOT, None)


def test_tokens_are_listed(root: Path, server: AccessTokens) -> None:
    """All or one user's, with all that is known of them; their texts are not known."""
    assert listed(root) == []
    text, ada = create(root, "ada", "laptop")
    create(root, "bob", "laptop", "--expires", "never", "--may", "pull team/*")
    assert [row[1] for row in listed(root)].count("bob") == 1
    [[token_id, owner, kind, created, expires, used, may, name]] = listed(root, "ada")
    assert (token_id, owner, kind, used, may, name) == (ada, "ada", "personal", "never", "all", "laptop")
    assert created < expires
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", moment) for moment in (created, expires))
    at_once(server.verify(text))
    assert listed(root, "ada")[0][5] == "1970-01-01 00:00"
    assert listed(root, "eve") == []
    assert text[5:] not in run("list", "--root", root).output


def test_a_client_s_name_breaks_no_terminal(root: Path, server: AccessTokens) -> None:
    """What others have chosen is printed with question marks for what cannot be."""
    at_once(server.create("ada\x1b[2J", "a\nb", TokenKind.REFRESH, (), None))
    [row] = listed(root)
    assert (row[1], row[2], row[6], row[7]) == ("ada?[2J", "refresh", "nothing", "a?b")


def test_many_tokens_are_listed(root: Path, server: AccessTokens) -> None:
    """However many there are."""
    for _ in range(1005):
        at_once(server.create("ada", "x", TokenKind.PERSONAL, None, None))
    assert len({row[0] for row in listed(root)}) == 1005


def test_a_revoked_token_is_refused_by_the_server(root: Path, server: AccessTokens) -> None:
    """At its next request; one that is unknown is an error, and those beside it are revoked all the same."""
    (first, first_id), (second, second_id) = create(root, "ada", "a"), create(root, "ada", "b")
    outcome = run("revoke", "--root", root, first_id, "nonsense", second_id)
    assert (outcome.exit_code, "there is no token nonsense" in outcome.output) == (1, True)
    for text in (first, second):
        with pytest.raises(WrongCredentials):
            at_once(server.verify(text))
    assert run("revoke", "--root", root, first_id).exit_code == 1


def test_a_token_is_not_repeated_in_the_place_of_its_id(root: Path, server: AccessTokens) -> None:
    """Whoever names the token itself is told that this is no ID, in a sentence that may be kept; it goes on."""
    text, _ = create(root, "ada", "a")
    outcome = run("revoke", "--root", root, text)
    assert (outcome.exit_code, "that is a token, and not its ID" in outcome.output) == (1, True)
    assert text not in outcome.output
    assert at_once(server.verify(text)).name == "ada"


def test_all_of_a_user_s_tokens_are_revoked(root: Path, server: AccessTokens) -> None:
    """For somebody who has left; others go on."""
    create(root, "ada", "a")
    at_once(server.create("ada", "docker", TokenKind.REFRESH, None, None))
    text, _ = create(root, "bob", "b")
    assert run("revoke", "--root", root, "--owner", "ada").exit_code == 0
    assert [row[1] for row in listed(root)] == ["bob"]
    assert at_once(server.verify(text)).name == "bob"
    assert run("revoke", "--root", root, "--owner", "ada").exit_code == 0
    assert run("revoke", "--root", root).exit_code == 2


def test_the_folder_is_found_as_the_server_finds_it(root: Path, tmp_path: Path) -> None:
    """By the configuration or the environment; what is said on the command line goes before them."""
    config = tmp_path / "registry.toml"
    config.write_text(f'root = "{root}"\n')
    assert run("create", "--config", config, "ada", "a").exit_code == 0
    assert run("create", "ada", "b", environment={"OCI_REGISTRY_ROOT": str(root)}).exit_code == 0
    assert len(listed(root)) == 2
    config.write_text('root = "elsewhere"\n')
    assert run("list", "--config", config, "--root", root).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["create", "a b", "x"], "'a b' cannot be a user's name"),
        (["create", "a:b", "x"], "colons"),
        (["create", "team/*", "x"], "asterisks"),
        (["create", "robot+", "x"], "cannot be a user's name"),
        (["create", "", "x"], "cannot be a user's name"),
        (["create", "ada", ""], "a text that can be printed"),
        (["create", "ada", "a\x1b"], "a text that can be printed"),
        (["create", "ada", "x", "--expires", "soon"], "--expires is 'soon', and must be never, or a number of seconds"),
        (["create", "ada", "x", "--expires", "0"], "must be never, or"),
        (["create", "ada", "x", "--may", "pull"], "'pull' says not what a token may: write"),
        (["create", "ada", "x", "--may", "fly team/*"], "says not what a token may"),
        (["create", "ada", "x", "--may", "pull Team"], "says not what a token may"),
        (["create", "ada", "x", "--may", "pull a b"], "says not what a token may"),
    ],
)
def test_what_makes_no_sense_is_refused(root: Path, arguments: list[str], reason: str) -> None:
    """The sentence says what to write, and nothing is made."""
    outcome = run(*arguments, "--root", root)
    assert (outcome.exit_code, outcome.stdout) == (1, "")
    assert reason in outcome.stderr
    assert listed(root) == []


def test_a_place_without_a_registry_is_refused(tmp_path: Path, root: Path) -> None:
    """A mistyped folder gets no tokens that no server would know; nor does one whose file is something else."""
    outcome = run("create", "--root", tmp_path, "ada", "x")
    assert (outcome.exit_code, list(tmp_path.iterdir())) == (1, [root])
    assert f"there is no registry in {tmp_path}: start it once" in outcome.stderr
    (root / "tokens.sqlite").write_text("x" * 5000)
    outcome = run("list", "--root", root)
    assert (outcome.exit_code, "file is not a database" in outcome.stderr) == (1, True)
    outcome = run("list", "--config", tmp_path / "nowhere.toml")
    assert (outcome.exit_code, "cannot read the configuration" in outcome.stderr) == (1, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to give a folder to somebody else")
def test_the_folder_of_another_user_is_let_be(root: Path) -> None:
    """A file that the server could not read would keep it from starting."""
    os.chown(root, 65534, 65534)
    outcome = run("create", "--root", root, "ada", "x")
    assert (outcome.exit_code, "run this as the user that runs the registry" in outcome.stderr) == (1, True)
    assert not (root / "tokens.sqlite").exists()


def test_nothing_but_the_text_is_a_secret(root: Path) -> None:
    """It is in no file of the registry, and printed once only."""
    text, token_id = create(root, "ada", "laptop")
    files = [path.read_bytes() for path in root.rglob("*") if path.is_file()]
    assert not any(text[5:20].encode() in content for content in files)
    outputs = [run("list", "--root", root), run("revoke", "--root", root, token_id, "unknown")]
    assert not any(text[5:20] in outcome.output for outcome in outputs)
