"""
Names of users and of groups, with claims of a token in them, such as ``ci:{repository}``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from oci_twisted.interfaces import WrongCredentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oci_twisted.spec.descriptors import Json

_CLAIM = re.compile(r"\{([^{}]+)\}")
_LONGEST = 255
# Of the groups of one template.
_MOST = 200


@frozen
class Template:
    """
    Made by `parse_template`.

    :ivar text: as the operator wrote it.
    :ivar parts: text and names of claims in turn, beginning and ending with text.
    """

    text: str
    parts: tuple[str, ...]

    @property
    def literal(self) -> str | None:
        """What this always gives; ``None`` when that depends on the token."""
        return self.text if len(self.parts) == 1 else None

    def may_give(self, name: str) -> bool:
        """Answer whether some token may make this name of it."""
        pattern = "(.+)".join(re.escape(text) for text in self.parts[::2])
        return re.fullmatch(pattern, name) is not None

    def one(self, claims: Mapping[str, Json]) -> str:
        """
        Answer what a token makes of this.

        :raise WrongCredentials: when a claim is missing, no text, or none that can stand in a name.
        """
        texts, names = self.parts[::2], self.parts[1::2]
        values = [_text(claims.get(name), name) for name in names]
        return "".join([text + value for text, value in zip(texts, [*values, ""], strict=True)])

    def several(self, claims: Mapping[str, Json]) -> Iterable[str]:
        """
        Answer everything that a token makes of this, where a claim may be a list of texts.

        :raise WrongCredentials: as `one`.
        """
        lists = {name: claims[name] for name in self.parts[1::2] if isinstance(claims.get(name), list)}
        if not lists:
            return [self.one(claims)]
        (name, values), *others = lists.items()
        if others or not isinstance(values, list):
            raise WrongCredentials(f"the token's claims {' and '.join(lists)} are lists, and one alone may be")
        if len(values) > _MOST:
            raise WrongCredentials(f"the token's claim {name} has {len(values)} values, and at most {_MOST} are taken")
        return [self.one({**claims, name: value}) for value in values]


def parse_template(text: str) -> Template:
    """
    Read a template.

    :raise ValueError: when its braces do not go together, or there is nothing in it.
    """
    parts = tuple(_CLAIM.split(text))
    if not text or any("{" in part or "}" in part for part in parts[::2]):
        raise ValueError(f"{text!r} is no name with claims in braces")
    return Template(text, parts)


def _text(value: Json, claim: str) -> str:
    if not isinstance(value, str) or not value:
        raise WrongCredentials(f"the token has no text for the claim {claim}, which says here who its bearer is")
    # An asterisk would be a pattern to whoever writes rules about names, and a line break another line in a log.
    if len(value) > _LONGEST or "*" in value or not value.isprintable():
        raise WrongCredentials(
            f"the token's claim {claim} cannot stand in a name: it is too long, or has odd characters"
        )
    return value
