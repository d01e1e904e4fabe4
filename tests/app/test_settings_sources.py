"""Where settings come from: flags, environment, file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.app.settings import TABLE, Setting, SettingError, Settings, load_settings
from tests.app.test_settings import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from oci_twisted.app.settings import Setting


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Name a file that is not there yet."""
    return tmp_path / "registry.toml"


def load(config: Path, text: str, environment: Mapping[str, str] | None = None, **flags: object) -> Settings:
    """Write a file and read the settings."""
    config.write_text(text, "utf-8")
    return load_settings(flags, environment or {}, config)


def refusal(config: Path, text: str, environment: Mapping[str, str] | None = None) -> str:
    """Answer the sentence with which a file or an environment is refused."""
    with pytest.raises(SettingError) as refused:
        load(config, text, environment)
    return str(refused.value)


def test_nothing_needs_to_be_set() -> None:
    """Without any source, the defaults hold."""
    assert load_settings({}, {}) == Settings()


def test_flags_beat_the_environment_which_beats_the_file(config: Path) -> None:
    """Of a setting in three places, the nearest to the command wins; the others' other settings hold."""
    text = 'port = 1\nroot = "file"\nstorage = "memory"'
    environment = {"OCI_REGISTRY_PORT": "2", "OCI_REGISTRY_ROOT": "environment"}
    settings = load(config, text, environment, port="3")
    assert (settings.port, settings.root.name, settings.storage) == ("3", "environment", "memory")


def test_a_table_holds_the_keys_behind_its_name(config: Path) -> None:
    """In a file, the part of a key before its dot is a table, which may also be empty."""
    settings = load(config, '[limits]\nidle-time = "3 s"\npage-size = 7\n[delete]\ntags = false\n[log]\n')
    assert (settings.idle_time, settings.page_size, settings.delete_tags) == (3, 7, False)


TEXTS = [setting for setting in TABLE if setting.kind.is_text]
TABLES = [setting for setting in TABLE if not setting.kind.is_text]


@pytest.mark.parametrize("setting", TEXTS, ids=lambda setting: str(setting.key))
def test_every_setting_has_a_variable(setting: Setting) -> None:
    """Each key is read from its own variable of the environment."""
    written, meant = EXAMPLES[setting.key]
    text = ",".join(written) if isinstance(written, list) else str(written)
    assert setting.variable.startswith("OCI_REGISTRY_")
    assert getattr(load_settings({}, {setting.variable: text}), setting.name) == meant


@pytest.mark.parametrize("setting", TABLES, ids=lambda setting: str(setting.key))
def test_tables_stand_in_a_file(setting: Setting) -> None:
    """What is a table, or several, cannot be written into a variable, and the refusal says where it can."""
    with pytest.raises(SettingError, match=r"in a file"):
        load_settings({}, {setting.variable: "x"})


def test_the_inside_of_a_table_is_not_a_setting(config: Path) -> None:
    """Rules and groups have keys of their own, which are read by others."""
    text = '[[auth.rule]]\nallow = ["pull"]\n[[auth.rule]]\nto = []\n[auth.groups]\nbuilders = ["ada"]\n'
    settings = load(config, text)
    assert settings.rules == ({"allow": ["pull"]}, {"to": []})
    assert settings.groups == {"builders": ["ada"]}


def test_the_environment_names_the_file(config: Path) -> None:
    """OCI_REGISTRY_CONFIG is the file, unless a flag names another."""
    config.write_text("port = 1")
    other = config.with_name("other.toml")
    other.write_text("port = 2")
    environment = {"OCI_REGISTRY_CONFIG": str(config)}
    assert load_settings({}, environment).port == "1"
    assert load_settings({}, environment, other).port == "2"


def test_an_empty_variable_is_none() -> None:
    """A variable without a value sets nothing, whatever its name."""
    assert load_settings({}, {"OCI_REGISTRY_PORT": "", "OCI_REGISTRY_CONFIG": "", "OCI_REGISTRY_X": ""}) == Settings()


def test_the_environment_of_others_is_let_be() -> None:
    """Variables without our prefix are no settings."""
    assert load_settings({}, {"PORT": "1", "OCI_PORT": "2", "REGISTRY_PORT": "3"}) == Settings()


@pytest.mark.parametrize(
    ("text", "key", "nearest"),
    [
        ("prot = 5000", "prot", "port"),
        ("read_only = true", "read_only", "read-only"),
        ('images = "accept"', "images", "completeness.images"),
        ('[completeness]\nimage = "accept"', "completeness.image", "completeness.images"),
        ("[limits]\nmanifest_limit = 1", "limits.manifest_limit", "limits.manifest-size"),
        ('[log]\nformat = "json"', "log.format", "log.access"),
        ("[uploads.lifetime]\ndays = 7", "uploads.lifetime.days", "uploads.lifetime"),
        ("[upload]", "upload", "uploads.lifetime"),
        ('HOST = "::1"', "HOST", "host"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(config: Path, text: str, key: str, nearest: str) -> None:
    """A key that does not exist is an error, which names the one that was most likely meant."""
    assert refusal(config, text) == f"{config}: {key}: there is no such setting; did you mean {nearest}?"


@pytest.mark.parametrize(("text", "key"), [("limits = 5", "limits"), ("[[delete]]\ntags = false", "delete")])
def test_a_table_is_a_table(config: Path, text: str, key: str) -> None:
    """What has to be a table, and is none, is refused."""
    assert refusal(config, text).endswith(f", and must be a table, such as [{key}]")


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("OCI_REGISTRY_PROT", "OCI_REGISTRY_PORT"),
        ("OCI_REGISTRY_READONLY", "OCI_REGISTRY_READ_ONLY"),
        ("OCI_REGISTRY_PAGE_SIZE", "OCI_REGISTRY_LIMITS_PAGE_SIZE"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest(config: Path, variable: str, nearest: str) -> None:
    """A variable with our prefix that does not exist is an error too."""
    sentence = f"{variable}: there is no such setting; did you mean {nearest}?"
    assert refusal(config, "", {variable: "1"}) == sentence


def test_an_unknown_flag_is_refused_with_the_nearest() -> None:
    """So is a flag, for whoever makes settings without the command."""
    with pytest.raises(SettingError, match=r"--prot: there is no such setting; did you mean port\?"):
        load_settings({"prot": "1"}, {})


def test_a_bad_value_is_named_where_it_stands(config: Path) -> None:
    """The sentence says which file or variable has the value, what it is, and what it must be."""
    assert refusal(config, 'storage = "tape"') == f'{config}: storage is \'tape\', and must be "disk" or "memory"'
    sentence = refusal(config, "", {"OCI_REGISTRY_STORAGE": "tape"})
    assert sentence == 'OCI_REGISTRY_STORAGE is \'tape\', and must be "disk" or "memory"'


def test_a_file_that_is_no_toml_is_refused(config: Path) -> None:
    """The sentence says which file it is, and which line."""
    sentence = refusal(config, "port = 5000\nroot = registry-data")
    assert sentence.startswith(f"the configuration {config} is not TOML: ")
    assert "line 2" in sentence


def test_a_file_that_is_no_text_is_refused(config: Path) -> None:
    """TOML is UTF-8."""
    config.write_bytes(b'root = "\xff"')
    with pytest.raises(SettingError, match="is not TOML"):
        load_settings({}, {}, config)


def test_a_file_that_is_not_there_is_refused(config: Path) -> None:
    """The sentence says which file was looked for."""
    with pytest.raises(SettingError) as refused:
        load_settings({}, {}, config)
    assert str(refused.value) == f"cannot read the configuration {config}: No such file or directory"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """A folder in place of the file is refused."""
    with pytest.raises(SettingError, match=r"cannot read the configuration .*: Is a directory"):
        load_settings({}, {}, tmp_path)
