"""
The specification's regular expressions, word for word, and texts that are nearly right.

`oci_twisted.spec` has its own; these are the judges.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

# distribution-spec, "Pulling manifests".
NAME = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
# image-spec, "Digests", put together from its EBNF.
DIGEST = re.compile(r"[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
HEX_DIGESTS = {
    "sha256": re.compile("[a-f0-9]{64}"),
    "sha512": re.compile("[a-f0-9]{128}"),
    "blake3": re.compile("[a-f0-9]{64}"),
}
# RFC 6838, section 4.2.
MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
# distribution-spec, "Pushing a blob in chunks".
CHUNK_RANGE = re.compile(r"[0-9]+-[0-9]+")

LINE_ENDS = ("\n", "\r\n", "\x00", "\u2028")


def any_text() -> SearchStrategy[str]:
    """Give any text at all, with halves of surrogate pairs, which a decoder may leave in it."""
    return st.text(st.characters(exclude_categories=()))


def damaged(valid: SearchStrategy[str]) -> SearchStrategy[str]:
    """Give valid texts in which one place was changed; some are valid still."""
    piece = st.sampled_from(("", ".", "_", "-", "/", ":", "+", "=", '"', ",", " ", "A", "\n", "\u0660", "\ud800"))

    @st.composite
    def change(draw: st.DrawFn) -> str:
        text = draw(valid)
        start = draw(st.integers(0, len(text)))
        stop = draw(st.integers(start, min(len(text), start + 2)))
        return text[:start] + draw(piece | any_text()) + text[stop:]

    return change()


def monotonous(*pieces: str, length: int = 20_000) -> tuple[str, ...]:
    """
    Answer long texts that repeat one piece and then break the rule.

    A pattern that could match one text in two ways would try 2**n of them before it gave up, and such a test would
    not end.  None of ours can: what may follow a repetition never begins with what is repeated.
    """
    return tuple(piece * (length // len(piece)) + end for piece in pieces for end in ("", "!", "\n"))
