"""
Where settings come from: flags beat the environment, which beats the file.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oci_twisted.app.settings.table import ENVIRONMENT, TABLE, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_CONFIG = f"{ENVIRONMENT}CONFIG"
_BY_KEY = {setting.key: setting for setting in TABLE}
_BY_VARIABLE = {setting.variable: setting for setting in TABLE}
# The tables of a file, which may also be there and empty.
_SECTIONS = frozenset(key.partition(".")[0] for key in _BY_KEY if "." in key)
# These are values, though they are tables.
_TABLES = frozenset(key for key, setting in _BY_KEY.items() if not setting.kind.is_text)


class SettingError(ValueError):
    """A setting that cannot be used; the message is a sentence for the operator."""


def load_settings(flags: Mapping[str, object], environment: Mapping[str, str], config: Path | None = None) -> Settings:
    """
    Put the settings together.

    :param flags: by key, those that were given.
    :param environment: its ``OCI_REGISTRY_…`` variables count; one that is empty is as good as none.
    :param config: a TOML file; ``None`` for the one that ``OCI_REGISTRY_CONFIG`` names, if it does.
    :raise SettingError: for a value that cannot be used, a key that does not exist, a file that cannot be read.
    """
    named = environment.get(_CONFIG)
    if config is None and named:
        config = Path(named).expanduser()
    values: dict[str, Any] = {}
    if config is not None:
        for key, written in _flatten(_read(config)):
            values.update(_take(key, key, written, f"{config}: {key}"))
    for variable, text in environment.items():
        if variable.startswith(ENVIRONMENT) and variable != _CONFIG and text:
            setting = _BY_VARIABLE.get(variable)
            if setting is None:
                raise SettingError(f"{variable}: there is no such setting; {_nearest(variable, _BY_VARIABLE)}")
            values.update(_take(setting.key, variable, text, variable))
    for key, written in flags.items():
        shown = f"--{key.replace('.', '-')}"
        values.update(_take(key, shown, written, shown))
    settings = Settings(**values)
    if settings.host is not None and not settings.port.isdigit():
        raise SettingError("host goes with a port that is a number; put the address into the endpoint description")
    return settings


def _take(key: str, shown: str, written: object, where: str) -> dict[str, Any]:
    if key in _SECTIONS:
        raise SettingError(f"{where} is {written!r}, and must be a table, such as [{key}]")
    setting = _BY_KEY.get(key)
    if setting is None:
        raise SettingError(f"{where}: there is no such setting; {_nearest(shown, _BY_KEY)}")
    try:
        return {setting.name: setting.kind.parse(written)}
    except ValueError as error:
        raise SettingError(f"{where} is {written!r}, and must be {setting.kind.wanted}") from error


def _nearest(key: str, known: Iterable[str]) -> str:
    """Name the key that was most likely meant, with its table or without."""

    def likeness(candidate: str) -> float:
        return max(
            difflib.SequenceMatcher(None, key.lower().replace("_", "-"), other.lower().replace("_", "-")).ratio()
            for other in (candidate, candidate.rpartition(".")[2])
        )

    return f"did you mean {max(sorted(known), key=likeness)}?"


def _read(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text("utf-8"))
    except OSError as error:
        raise SettingError(f"cannot read the configuration {config}: {error.strerror}") from error
    except ValueError as error:
        raise SettingError(f"the configuration {config} is not TOML: {error}") from error


def _flatten(document: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, object]]:
    for name, written in document.items():
        key = f"{above}{name}"
        if isinstance(written, dict) and key not in _TABLES and (written or key in _SECTIONS):
            yield from _flatten(written, f"{key}.")
        else:
            yield key, written
