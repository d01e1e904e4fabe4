"""The table of settings: what each key takes, and what it means to the registry."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from oci_twisted.app.settings import TABLE, SettingError, Settings, load_settings
from oci_twisted.http.access import AccessFormat
from oci_twisted.http.forwarded import ProxyHeaders
from oci_twisted.http.limits import Limits
from oci_twisted.registry.policy import Policy

if TYPE_CHECKING:
    from oci_twisted.app.settings import Setting

EXAMPLES: dict[str, tuple[object, object]] = {
    "port": (8080, "8080"),
    "host": ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - nothing listens
    "root": ("data", Path("data")),
    "storage": ("memory", "memory"),
    "durability": ("relaxed", "relaxed"),
    "read-only": (True, True),
    "completeness.images": ("accept", "accept"),
    "completeness.indexes": ("accept", "accept"),
    "delete.tags": (False, False),
    "delete.manifests": (False, False),
    "delete.blobs": (False, False),
    "auth.rule": ([{"allow": ["pull"]}], ({"allow": ["pull"]},)),
    "auth.test": ([{"who": "ada"}], ({"who": "ada"},)),
    "auth.groups": ({"builders": ["ada"]}, {"builders": ["ada"]}),
    "auth.issuer": ([{"kind": "oidc"}], ({"kind": "oidc"},)),
    "auth.htpasswd": ("users", Path("users")),
    "auth.challenge": ("basic", "basic"),
    "auth.realm": ("Example", "Example"),
    "auth.service": ("registry.example", "registry.example"),
    "auth.token-lifetime": ("1 m", 60.0),
    "auth.login-lifetime": ("1 d", 86400.0),
    "auth.signing-key": ("key.pem", Path("key.pem")),
    "auth.key-lifetime": ("30 d", 2592000.0),
    "uploads.lifetime": ("2 d", 172800.0),
    "limits.manifest-size": ("8 MiB", 8 << 20),
    "limits.page-size": (50, 50),
    "limits.head-size": (16384, 16384),
    "limits.head-time": ("10 s", 10.0),
    "limits.idle-time": (1.5, 1.5),
    "limits.stall-time": ("5 m", 300.0),
    "limits.drain-time": ("1 h", 3600.0),
    "log.access": ("json", AccessFormat.JSON),
    "tls.cert": ("cert.pem", Path("cert.pem")),
    "tls.key": ("key.pem", Path("key.pem")),
    "tls.client-ca": ("ca.pem", Path("ca.pem")),
    "proxy.trusted": (["10.0.0.0/8", "unix"], ("10.0.0.0/8", "unix")),
    "proxy.headers": ("forwarded", ProxyHeaders.FORWARDED),
}

KEYS = pytest.mark.parametrize("setting", TABLE, ids=lambda setting: str(setting.key))


def load(**flags: object) -> Settings:
    """Make settings of one source; a key's dashes are written as underscores, its dot as two."""
    return load_settings({key.replace("__", ".").replace("_", "-"): value for key, value in flags.items()}, {})


def refusal(**flags: object) -> str:
    """Answer the sentence with which a value is refused."""
    with pytest.raises(SettingError) as refused:
        load(**flags)
    return str(refused.value)


def test_every_key_has_an_example() -> None:
    """The examples below are of all keys that there are."""
    assert [setting.key for setting in TABLE] == list(EXAMPLES)


@KEYS
def test_every_key_is_read(setting: Setting) -> None:
    """Each key has its value, and no other, taken from where it stands."""
    written, meant = EXAMPLES[setting.key]
    settings = load_settings({setting.key: written}, {})
    assert getattr(settings, setting.name) == meant
    others = [other.name for other in TABLE if other is not setting]
    assert all(getattr(settings, other) == getattr(Settings(), other) for other in others)


@KEYS
def test_every_default_can_be_written(setting: Setting) -> None:
    """What the reference shows as a default means the default, if it is put into a file."""
    if setting.shown_default is not None:
        written = tomllib.loads(f"written = {setting.shown_default}")["written"]
        assert setting.kind.parse(written) == setting.default


@KEYS
@pytest.mark.parametrize("written", ["", [], {}, None, "\N{SNOWMAN}", -1, float("inf"), float("nan")])
def test_nonsense_is_refused(setting: Setting, written: object) -> None:
    """What no kind of value looks like is refused with a sentence that names the key and what would do."""
    if setting.kind.wanted.startswith(("a text", "the path")) and isinstance(written, str) and written:
        return
    if setting.kind.wanted.startswith("a list") and written == []:
        return
    with pytest.raises(SettingError) as refused:
        load_settings({setting.key: written}, {})
    assert str(refused.value) == f"--{setting.flag} is {written!r}, and must be {setting.kind.wanted}"


def test_the_defaults_are_those_of_what_is_configured() -> None:
    """Settings that nobody has touched are the registry's own defaults."""
    assert load().policy() == Policy()
    assert load().limits() == Limits()


def test_the_registry_learns_what_was_set() -> None:
    """Every setting of the policy and of the limits reaches them."""
    settings = load_settings({key: written for key, (written, _) in EXAMPLES.items()}, {})
    assert settings.policy() == Policy(
        incomplete_images=True,
        incomplete_indexes=True,
        manifest_limit=8 << 20,
        page_limit=50,
        delete_tags=False,
        delete_manifests=False,
        delete_blobs=False,
        upload_lifetime=172800.0,
        read_only=True,
    )
    assert settings.limits() == Limits(
        head_size=16384, head_time=10.0, idle_time=1.5, stall_time=300.0, drain_time=3600.0
    )


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (1, 1),
        ("1", 1),
        ("90", 90),
        (2.5, 2.5),
        ("2.5 m", 150),
        ("30s", 30),
        ("5 M", 300),
        ("12 h", 43200),
        (" 7 d ", 604800),
    ],
)
def test_times(written: object, seconds: float) -> None:
    """A time is a number of seconds, or has a unit behind it."""
    assert load(uploads__lifetime=written).upload_lifetime == seconds


@pytest.mark.parametrize("written", [0, "0", 0.5, "0.01 m", "7 w", "m", "1 2", "1e3", "-1 s", True])
def test_times_that_are_none(written: object) -> None:
    """What has another unit, or is shorter than a second, is no time."""
    assert "a number of seconds" in refusal(uploads__lifetime=written)


@pytest.mark.parametrize(
    ("written", "size"),
    [(5000000, 5000000), ("5000000 B", 5000000), ("512KiB", 512 << 10), ("1.5 mib", 3 << 19), ("1 GiB", 1 << 30)],
)
def test_sizes(written: object, size: int) -> None:
    """A size is a number of bytes, or has a unit behind it."""
    assert load(limits__manifest_size=written).manifest_size == size


@pytest.mark.parametrize("written", [0, 1023, "4 MB", "4M", "MiB", True, "0x1000"])
def test_sizes_that_are_none(written: object) -> None:
    """What has another unit, or is too small to be of use, is no size."""
    assert 'a number of bytes, or a text such as "512 KiB"' in refusal(limits__manifest_size=written)


@pytest.mark.parametrize("written", [0, "0", 100_001, "1.0", 1.0, "٣", True])
def test_counts_that_are_none(written: object) -> None:
    """A page has at least one item, and not so many that it fills the memory."""
    assert "a number from 1 to 100000" in refusal(limits__page_size=written)


@pytest.mark.parametrize(
    ("written", "on"), [("true", True), ("YES", True), ("1", True), ("false", False), ("no", False), ("0", False)]
)
def test_switches(written: str, on: bool) -> None:  # noqa: FBT001 - what a test is given
    """A switch can be written in the words that an environment is full of."""
    assert load(read_only=written).read_only is on


@pytest.mark.parametrize("written", ["on", "2", 1, 0])
def test_switches_that_are_none(written: object) -> None:
    """A switch is true or false, and nothing in between."""
    assert refusal(read_only=written) == f"--read-only is {written!r}, and must be true or false"


@pytest.mark.parametrize("written", ["0", 0, "65535", "tcp:5000:interface=::1", "unix:/run/registry.sock"])
def test_ports(written: object) -> None:
    """A port is a number, or a description that has a colon."""
    assert load(port=written).port == str(written)


@pytest.mark.parametrize("written", [65536, "70000", "http", "-1", 5000.0, True, "\N{FULLWIDTH DIGIT FIVE}"])
def test_ports_that_are_none(written: object) -> None:
    """What is neither a port nor a description is refused."""
    assert "a number up to 65535, or a Twisted endpoint description" in refusal(port=written)


@pytest.mark.parametrize(
    ("written", "addresses"),
    [
        ([], ()),
        (["127.0.0.1", "::1"], ("127.0.0.1", "::1")),
        ("127.0.0.1, 10.1.0.0/16,unix", ("127.0.0.1", "10.1.0.0/16", "unix")),
        ("2001:db8::/32", ("2001:db8::/32",)),
    ],
)
def test_proxies(written: object, addresses: tuple[str, ...]) -> None:
    """Proxies are a list in a file, and a text with commas anywhere else."""
    settings = load(proxy__trusted=written)
    assert settings.proxies == addresses
    trusted = settings.trusted_proxies()
    assert (trusted is None) == (not addresses)
    assert trusted is None or all(address.partition("/")[0] in trusted for address in addresses)


@pytest.mark.parametrize(
    "written", ["10.0.0.0/33", "10.0.0.1/8", "proxy.test", "10.0.0.1,", ",", "*", [1], [""], ["10.0.0.1,10.0.0.2"], 10]
)
def test_proxies_that_are_none(written: object) -> None:
    """A name, a network with bits of an address, and a list with a hole are refused."""
    assert "a list of addresses and networks" in refusal(proxy__trusted=written)


def test_a_host_goes_with_a_number() -> None:
    """A host beside an endpoint description, which has its own, is refused."""
    assert "put the address into the endpoint description" in refusal(port="tcp:5000", host="127.0.0.1")
    assert load(port="5000", host="127.0.0.1").host == "127.0.0.1"


def test_a_home_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A root may begin with a tilde, which no shell has read where it comes from a file."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load(root="~/registry").root == tmp_path / "registry"
