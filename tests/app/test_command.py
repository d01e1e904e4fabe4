"""``twist oci-registry``, inside this process: its flags, and the service that comes of them."""

from __future__ import annotations

import re
import signal
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.python.usage import UsageError

from oci_twisted import __version__
from oci_twisted.app import Registry
from oci_twisted.app.command import CommandService, Options, endpoint_description, makeService
from oci_twisted.app.settings import TABLE, Settings
from oci_twisted.testing.waiting import waits
from tests.app.reactors import FakeEndpoint, FakePort, StillReactor, begun
from tests.wire.certificates import certify

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = IPv4Address("TCP", "127.0.0.1", 5000)


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the user's settings away, and whatever is made in the current folder."""
    monkeypatch.chdir(tmp_path)
    for setting in TABLE:
        monkeypatch.delenv(setting.variable, raising=False)
    monkeypatch.delenv("OCI_REGISTRY_CONFIG", raising=False)


@pytest.fixture
def logged() -> Iterator[EventLoggingObserver]:
    """Collect what is logged."""
    observer = EventLoggingObserver()
    globalLogPublisher.addObserver(observer)
    yield observer
    globalLogPublisher.removeObserver(observer)


def parsed(*arguments: str) -> Options:
    """Read a command line."""
    options = Options()  # type: ignore[no-untyped-call]  # Twisted's
    options.parseOptions(arguments)  # type: ignore[no-untyped-call]  # Twisted's
    return options


def refusal(*arguments: str) -> str:
    """Answer the sentence with which the command ends."""
    with pytest.raises(SystemExit) as ended:
        makeService(parsed(*arguments))
    sentence = ended.value.code
    assert isinstance(sentence, str)
    assert "\n" not in sentence
    return sentence


def test_only_what_was_given_is_a_flag() -> None:
    """A flag that was not given leaves the setting to the environment and the file."""
    assert parsed().flags() == {}
    assert parsed("--port", "0", "--read-only", "--config", "file").flags() == {"port": "0", "read-only": True}


def test_every_flag_is_a_setting() -> None:
    """What can be given as a flag can be given in the file, by the same name."""
    flags = {name for name, *_ in Options.optParameters} | {name for name, *_ in Options.optFlags}
    assert flags - {"config"} <= {setting.flag for setting in TABLE}
    assert parsed("--tls-cert", "a", "--tls-key", "b").flags() == {"tls.cert": "a", "tls.key": "b"}


def test_the_help_tells_the_defaults() -> None:
    """The default that a flag's help tells is the setting's."""
    meanings = {name: meaning for name, _, _, meaning in Options.optParameters}
    for setting in TABLE:
        told = re.search(r"\[default: (.+)\]", meanings.get(setting.key) or "")
        if told is not None and setting.shown_default is not None:
            assert told[1] == setting.shown_default.strip('"')


def test_the_help_reads_well() -> None:
    """The help fits on a screen, says how the command is called, and where twist's own options stand."""
    text = str(parsed())
    assert text.startswith("Usage: twist [options of twist] oci-registry [options]\n")
    assert "twist --log-format=text oci-registry" in re.sub(r"\s+", " ", text)
    assert len(text.splitlines()) < 25
    assert max(map(len, text.splitlines())) <= 80


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """--version names oci-twisted's version as well as Twisted's."""
    with pytest.raises(SystemExit) as ended:
        parsed("--version")
    assert not ended.value.code
    assert capsys.readouterr().out.startswith(f"oci-twisted {__version__}, Twisted ")


def test_what_is_no_option_is_refused() -> None:
    """A word that is no option, and an option that is none, are errors of usage."""
    for arguments in (["serve"], ["--prot", "5000"]):
        with pytest.raises(UsageError):
            parsed(*arguments)


@pytest.mark.parametrize(
    ("settings", "description"),
    [
        (Settings(), "tcp:5000:interface=127.0.0.1"),
        (Settings(port="0"), "tcp:0:interface=127.0.0.1"),
        (Settings(host="0.0.0.0"), "tcp:5000:interface=0.0.0.0"),  # noqa: S104 - nothing listens
        (Settings(host="::1"), r"tcp:5000:interface=\:\:1"),
        (Settings(port="unix:/run/registry.sock"), "unix:/run/registry.sock"),
    ],
)
def test_a_bare_port_is_this_machines_alone(settings: Settings, description: str) -> None:
    """Without a host only this machine can connect; an endpoint description is taken as it is."""
    assert endpoint_description(settings) == description


def test_a_service_is_made_of_the_settings(tmp_path: Path) -> None:
    """The command makes a service in memory or in the folder, and touches no folder for the former."""
    begun(makeService(parsed("--storage", "memory", "--port", "0")).stopService())
    assert list(tmp_path.iterdir()) == []
    begun(makeService(parsed("--root", "data", "--port", "0")).stopService())
    assert {path.name for path in (tmp_path / "data").iterdir()} >= {"blobs", "layout", "registry.sqlite", "uploads"}


def test_the_file_and_the_environment_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command reads the file that a flag names, and the environment."""
    (tmp_path / "registry.toml").write_text('root = "from-the-file"\ndurability = "relaxed"')
    monkeypatch.setenv("OCI_REGISTRY_PORT", "0")
    begun(makeService(parsed("--config", "registry.toml")).stopService())
    assert (tmp_path / "from-the-file" / "layout").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--storage", "tape"], '--storage is \'tape\', and must be "disk" or "memory"'),
        (["--config", "absent.toml"], "cannot read the configuration absent.toml: No such file or directory"),
        (["--port", "tcp:5000", "--host", "::1"], "host goes with a port that is a number"),
        (["--port", "carrier:pigeon"], "port is 'carrier:pigeon', on which Twisted cannot listen"),
        (["--port", "tcp:x"], "write a number such as 5000, or an endpoint description such as tcp:5000"),
        (["--port", "tcp"], "a number up to 65535, or a Twisted endpoint description"),
    ],
)
def test_a_bad_setting_ends_the_command(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    """What cannot be used is refused with a sentence, before anything is made in the folder."""
    assert sentence in refusal(*arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--tls-cert", "pair.pem"], "tls.cert is set and tls.key is not; TLS takes both, which may be one file"),
        (["--tls-key", "pair.pem"], "tls.key is set and tls.cert is not; TLS takes both, which may be one file"),
        (
            ["--tls-cert", "absent", "--tls-key", "pair.pem"],
            "cannot read the certificate absent: No such file or directory",
        ),
        (["--tls-cert", "pair.pem", "--tls-key", "absent"], "cannot read the key absent: No such file or directory"),
        (
            ["--tls-cert", "pair.pem", "--tls-key", "other.pem"],
            "the key other.pem does not belong to the first certificate",
        ),
        (
            ["--port", "ssl:0:privateKey=pair.pem", "--tls-cert", "pair.pem", "--tls-key", "pair.pem"],
            "tls.cert goes with a port that is a number",
        ),
        (["--config", "clients.toml"], "tls.client-ca is for a registry that speaks TLS; set tls.cert and tls.key"),
    ],
)
def test_a_certificate_that_cannot_be_used_ends_the_command(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    """So are certificates that are half there, or do not belong together."""
    certify("registry.test").write(tmp_path / "pair.pem")
    certify("registry.test").write(tmp_path / "other.pem")
    (tmp_path / "clients.toml").write_text('[tls]\nclient-ca = "pair.pem"')
    assert refusal(*arguments).startswith(f"oci-registry: {sentence}")
    assert not (tmp_path / "registry-data").exists()


@waits
async def test_a_watch_lasts_as_long_as_the_service(tmp_path: Path) -> None:
    """Certificates are watched from the start to the end, when all is closed and SIGHUP is what it was."""
    certify("registry.test").write(tmp_path / "pair.pem")
    before = signal.getsignal(signal.SIGHUP)
    pair = ["--tls-cert", "pair.pem", "--tls-key", "pair.pem"]
    service = makeService(parsed("--port", "0", "--storage", "memory", *pair))
    assert signal.getsignal(signal.SIGHUP) is before
    service.startService()
    assert signal.getsignal(signal.SIGHUP) is not before
    await service.stopService()
    assert signal.getsignal(signal.SIGHUP) is before


def test_a_root_that_cannot_be_one_ends_the_command(tmp_path: Path) -> None:
    """A folder that cannot be made or written is refused, and the sentence says how to name another."""
    (tmp_path / "file").write_text("")
    for root in ("file", "file/below", "/proc/registry"):
        sentence = refusal("--root", root)
        assert sentence.startswith("oci-registry: cannot store in ")
        assert sentence.endswith("; choose another folder with --root, or mend this one")


def test_a_root_of_a_newer_version_ends_the_command(tmp_path: Path) -> None:
    """A folder whose layout is not known yet is refused, and left as it is."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "layout").write_text("2\n")
    assert "made by a newer version of oci-twisted" in refusal("--root", "root")
    assert [path.name for path in root.iterdir()] == ["layout"]


def test_a_database_of_a_newer_version_ends_the_command() -> None:
    """A folder whose metadata have a schema that is not known yet is refused."""
    begun(makeService(parsed("--root", "root")).stopService())
    with sqlite3.connect("root/registry.sqlite") as connection:
        connection.execute("PRAGMA user_version = 1000")
    connection.close()
    assert refusal("--root", "root").endswith("upgrade oci-twisted")


def test_a_database_of_somebody_else_ends_the_command() -> None:
    """A file that is no database of ours is refused, and the sentence says how to name another folder."""
    root = Path("root")
    root.mkdir()
    (root / "registry.sqlite").write_text("somebody's poem" * 100)
    assert refusal("--root", "root").endswith("; choose another folder with --root, or mend this one")


class Commanded:
    """The command's service, on an endpoint whose outcome a test decides."""

    def __init__(self, listening: Deferred[FakePort]) -> None:
        self.gave_up: list[str] = []
        self.service = CommandService(
            Registry.in_memory(StillReactor()),
            FakeEndpoint(listening),
            Settings(storage="memory"),
            lambda: self.gave_up.append("gave up"),
        )


def taken() -> CannotListenError:
    """Make the error of a port that another process has."""
    return CannotListenError("127.0.0.1", 5000, OSError(98, "Address already in use"))


def test_it_says_where_it_listens(logged: EventLoggingObserver) -> None:
    """One event, at the level that is shown by default, has the start line, and the facts for a program."""
    Commanded(succeed(FakePort([], LOOPBACK))).service.startService()
    [event] = [event for event in logged if event["log_namespace"] == "oci_twisted"]
    assert event["line"].startswith(f"oci-twisted {__version__} listening on http://127.0.0.1:5000 (this machine only")
    assert (event["storage"], event["durability"], event["log_level"].name) == ("memory", "full", "info")


def test_a_port_in_use_ends_the_command() -> None:
    """A port that another process has is refused with a sentence that says what to do."""
    with pytest.raises(SystemExit) as ended:
        Commanded(fail(taken())).service.startService()
    assert ended.value.code == (
        "oci-registry: cannot listen on tcp:5000:interface=127.0.0.1: Address already in use; "
        "choose another --port or --host, or stop what uses this one"
    )


def test_an_endpoint_that_fails_late_ends_the_process(logged: EventLoggingObserver) -> None:
    """When an endpoint finds out later that it cannot listen, the log says so, and the process ends."""
    listening: Deferred[FakePort] = Deferred()
    commanded = Commanded(listening)
    commanded.service.startService()
    listening.errback(Failure(ValueError("no such carrier")))
    [event] = logged
    assert event["log_level"].name == "critical"
    assert "cannot listen on tcp:5000:interface=127.0.0.1: no such carrier; " in event["sentence"]
    assert commanded.gave_up == ["gave up"]
