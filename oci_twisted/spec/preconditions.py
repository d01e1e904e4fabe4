"""
Conditions on a tag, for a compare-and-swap (RFC 9110, sections 13.1.1 and 13.1.2).
"""

from __future__ import annotations

from attrs import frozen

from oci_twisted.spec.digests import Digest, parse_digest
from oci_twisted.spec.errors import DigestInvalid, ReferenceChanged


@frozen
class Precondition:
    """
    What has to be true of a tag for a change of it to happen.

    :ivar digests: the tag points to one of these; ``None`` for any manifest at all.
    :ivar absent: the tag does not exist; ``digests`` is then of no account.
    """

    digests: frozenset[Digest] | None
    absent: bool = False

    def check(self, current: Digest | None) -> None:
        """
        Compare with what the tag points to now; ``None`` for a tag that does not exist.

        :raise ReferenceChanged: when it is not as expected.
        """
        if self.absent:
            holds = current is None
        elif self.digests is None:
            holds = current is not None
        else:
            holds = current in self.digests
        if not holds:
            raise ReferenceChanged(
                "the tag does not exist" if current is None else f"the tag points to {current}",
                None if current is None else {"digest": str(current)},
            )


def parse_precondition(if_match: str | None, if_none_match: str | None) -> Precondition | None:
    """
    Read the headers of a PUT or a DELETE; ``None`` when they ask for nothing.

    ``If-None-Match`` is understood as ``*`` only: this tag must be new.

    :raise DigestInvalid: when an entity tag is not a digest in quotes, so that it could never match.
    """
    if if_match is not None:
        if if_match.strip() == "*":
            return Precondition(None)
        return Precondition(frozenset(parse_entity_tags(if_match)))
    if if_none_match is not None and if_none_match.strip() == "*":
        return Precondition(None, absent=True)
    return None


def parse_entity_tags(header: str) -> tuple[Digest, ...]:
    """
    Read a list of entity tags, which are digests in quotes here; a weak one counts as a strong one.

    :raise DigestInvalid: when one is anything else.
    """
    # RFC 9110, section 5.6.1.2: an empty element of a list is no element.
    parts = [part.strip() for part in header.split(",") if part.strip()]
    return tuple(parse_digest(_unquoted(part)) for part in parts or [header])


def _unquoted(text: str) -> str:
    tag = text.removeprefix("W/")
    if len(tag) < 2 or tag[0] != '"' or tag[-1] != '"':  # noqa: PLR2004 - an opening and a closing quote
        raise DigestInvalid(f'{text[:255]!a} is not an entity tag: write "<digest>", in quotes')
    return tag[1:-1]
