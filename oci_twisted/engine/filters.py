"""
Filters of lists, as engines take them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Filters: TypeAlias = Mapping[str, str | bool | Sequence[str]]
"""By the engine's names: ``{"label": ["a=b", "c"], "status": "running", "dangling": True}``; all must hold."""


def encode_filters(filters: Filters | None) -> Mapping[str, list[str]] | None:
    """
    Answer filters as the API has them: lists of texts; none at all as ``None``.

    :raise TypeError: when they are something else.
    """
    if not filters:
        return None
    if not isinstance(filters, Mapping):
        raise TypeError(f'filters are a mapping, such as {{"label": "a=b"}}, not {filters!r}')
    return {name: _texts(value) for name, value in filters.items()}


def _texts(value: str | bool | Sequence[str]) -> list[str]:  # noqa: FBT001 - a filter's value
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [value] if isinstance(value, str) else list(value)
