"""
Filters of lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def has_labels(labels: Mapping[str, str], filters: Mapping[str, list[str]]) -> bool:
    """Answer whether something with these labels is wanted."""
    wanted = [one.partition("=") for one in filters.get("label", [])]
    return all(name in labels and (not equals or labels[name] == value) for name, equals, value in wanted)
