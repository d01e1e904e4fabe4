"""
Kinds of values: what stands in a file, in the environment or behind a flag, and what it means.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from oci_twisted.http.access import AccessFormat
from oci_twisted.http.forwarded import ProxyHeaders, TrustedProxies
from oci_twisted.registry.policy import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LARGEST_PORT = 65535
# A page is made in memory, and one of none would never end a walk.
_LARGEST_PAGE = 100_000

_SWITCH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_TIMES = {"s": 1, "m": 60, "h": 60 * 60, "d": DAY}
_QUANTITY = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)\s*([a-zA-Z]*)")


@frozen
class Kind:
    """
    A kind of value.

    :ivar wanted: what a value has to be, as the end of a sentence.
    :ivar parse: makes a value of what was written, which in a file need not be text; raises `ValueError`.
    :ivar show: writes a value as a file has it.
    :ivar is_text: whether a text can be such a value; else it stands in a file and nowhere else.
    """

    wanted: str
    parse: Callable[[object], Any]
    show: Callable[[Any], str] = repr
    is_text: bool = True


def _text(written: object) -> str:
    if not isinstance(written, str) or not written:
        raise ValueError
    return written


def _quoted(text: object) -> str:
    return f'"{text}"'


def _port(written: object) -> str:
    text = str(written) if isinstance(written, int) and not isinstance(written, bool) else _text(written)
    is_number = text.isascii() and text.isdigit()
    if (is_number and int(text) > _LARGEST_PORT) or not (is_number or ":" in text):
        raise ValueError
    return text


def _proxies(written: object) -> tuple[str, ...]:
    addresses = written.split(",") if isinstance(written, str) else written
    if not isinstance(addresses, list) or (isinstance(written, str) and not written):
        raise ValueError
    texts = tuple(_text(address).strip() for address in addresses)
    TrustedProxies(texts)
    return texts


def _listed(texts: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _switch(written: object) -> bool:
    switched = _SWITCH.get(written.lower()) if isinstance(written, str) else written
    if not isinstance(switched, bool):
        raise ValueError  # noqa: TRY004 - one kind of error for one kind of fault
    return switched


def _count(written: object) -> int:
    text = str(written)
    if isinstance(written, bool) or not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= _LARGEST_PAGE:
        raise ValueError
    return int(text)


def _quantity(units: Mapping[str, int], least: float) -> Callable[[object], float]:
    factors = {"": 1, **{unit.lower(): factor for unit, factor in units.items()}}

    def parse(written: object) -> float:
        match = None if isinstance(written, bool) else _QUANTITY.fullmatch(str(written).strip())
        factor = None if match is None else factors.get(match.group(2).lower())
        if match is None or factor is None or float(match.group(1)) * factor < least:
            raise ValueError
        return float(match.group(1)) * factor

    return parse


def _in_largest(units: Mapping[str, int]) -> Callable[[float], str]:
    def show(quantity: float) -> str:
        unit, factor = max(
            ((unit, factor) for unit, factor in units.items() if quantity % factor == 0),
            key=lambda one: one[1],
            default=("", 1),
        )
        return _quoted(f"{quantity / factor:g} {unit}".strip())

    return show


def one_of(*choices: str) -> Kind:
    """Answer the kind whose values are ``choices``, and no others."""

    def parse(written: object) -> str:
        if written not in choices:
            raise ValueError
        return str(written)

    return Kind(" or ".join(map(_quoted, choices)), parse, _quoted)


def _tables(written: object) -> tuple[Mapping[str, object], ...]:
    if not isinstance(written, list) or not written or not all(isinstance(table, dict) for table in written):
        raise ValueError
    return tuple(written)


def _table(written: object) -> Mapping[str, object]:
    if not isinstance(written, dict) or not written:
        raise ValueError
    return written


def tables(key: str) -> Kind:
    """Answer the kind of a setting that is a list of tables, whose inside is read by others."""
    return Kind(f"tables in a file, each under [[{key}]]", _tables, is_text=False)


def table(key: str) -> Kind:
    """Answer the kind of a setting that is one table, whose keys are the operator's own."""
    return Kind(f"a table in a file, [{key}]", _table, is_text=False)


def size(least: int) -> Kind:
    """
    Answer a number of bytes.

    :param least: as an operator would write it.
    """
    parse = _quantity(_SIZES, least)
    show = _in_largest(_SIZES)
    wanted = f'a number of bytes, or a text such as "512 KiB", "4 MiB" or "1 GiB"; {show(least)} or more'
    return Kind(wanted, lambda written: int(parse(written)), show)


TEXT = Kind("a text that is not empty", _text, _quoted)
FILE = Kind("the path of a file", lambda written: Path(_text(written)).expanduser(), _quoted)
FOLDER = Kind("the path of a folder", lambda written: Path(_text(written)).expanduser(), _quoted)
PORT = Kind(
    f"a number up to {_LARGEST_PORT}, or a Twisted endpoint description such as unix:/run/registry.sock", _port, str
)
FILE = Kind("the path of a file", lambda written: Path(_text(written)).expanduser(), _quoted)
SWITCH = Kind("true or false", _switch, lambda switched: str(switched).lower())
COUNT = Kind(f"a number from 1 to {_LARGEST_PAGE}", _count)
TIME = Kind(
    'a number of seconds, or a text such as "30 s", "5 m", "12 h" or "7 d"; a second or more',
    _quantity(_TIMES, 1),
    _in_largest(_TIMES),
)

PROXIES = Kind(
    'a list of addresses and networks such as ["127.0.0.1", "10.1.2.0/24"], in which "unix" stands for a socket in '
    "the file system; in the environment with commas between them",
    _proxies,
    _listed,
)

_ACCESS = one_of(*(form.value for form in AccessFormat))
ACCESS = Kind(_ACCESS.wanted, lambda written: AccessFormat(_ACCESS.parse(written)), lambda form: _quoted(form.value))
_HEADERS = one_of(*(kind.value for kind in ProxyHeaders))
HEADERS = Kind(_HEADERS.wanted, lambda written: ProxyHeaders(_HEADERS.parse(written)), lambda kind: _quoted(kind.value))
