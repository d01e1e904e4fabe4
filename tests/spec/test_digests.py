"""
Digests and the hashers behind them.
"""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oci_twisted.spec.digests import (
    ALGORITHMS,
    SHA256,
    SHA512,
    Digest,
    digest_of,
    hasher,
    parse_algorithm,
    parse_digest,
    parse_verifiable_digest,
)
from oci_twisted.spec.errors import DigestInvalid
from oci_twisted.testing.strategies import digest_texts, digests, verifiable_digest_texts
from tests.spec.grammar import DIGEST, HEX_DIGESTS, LINE_ENDS, any_text, damaged, monotonous

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
LONGEST = 512


def is_digest(text: str) -> bool:
    """Answer what the specification says, and our own bound on the length."""
    if len(text) > LONGEST or not DIGEST.fullmatch(text):
        return False
    algorithm, _, encoded = text.partition(":")
    return algorithm not in HEX_DIGESTS or HEX_DIGESTS[algorithm].fullmatch(encoded) is not None


@pytest.mark.parametrize(
    ("text", "algorithm", "verifiable"),
    [
        (EMPTY, "sha256", True),
        (f"sha512:{'0f' * 64}", "sha512", True),
        (f"blake3:{'0f' * 32}", "blake3", False),
        ("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8", "multihash+base58", False),
        ("sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564", "sha256+b64u", False),
        ("md5:x", "md5", False),
        ("a.b_c-d+e:=_-", "a.b_c-d+e", False),
        (f"a:{'0' * 510}", "a", False),
    ],
)
def test_a_digest_of_the_grammar_is_kept_as_it_is(text: str, algorithm: str, verifiable: bool) -> None:  # noqa: FBT001 - a column of the table
    """A digest is parsed also when its algorithm is unknown, and says whether content can be checked against it."""
    digest = parse_digest(text)
    assert str(digest) == text
    assert digest.algorithm == algorithm
    assert digest.verifiable is verifiable


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "sha256",
        "sha256:",
        ":abc",
        "SHA256:abc",
        "sha256:baddigeststring",
        f"sha256:{'A' * 64}",
        f"sha256:{'a' * 63}A",
        f"sha256:{'a' * 63}",
        f"sha256:{'a' * 65}",
        f"sha256:{'g' * 64}",
        f"sha256:{chr(0x0660) * 64}",
        f"sha512:{'a' * 64}",
        f"sha512:{'A' * 128}",
        f"sha512:{'a' * 129}",
        f"blake3:{'a' * 63}",
        f"blake3:{'A' * 64}",
        "a..b:c",
        "a.:c",
        ".a:c",
        "a:b:c",
        "a:b/c",
        "a:\u00e9",
        f"a:{'0' * 511}",
        *(EMPTY + end for end in LINE_ENDS),
    ],
)
def test_a_digest_outside_the_grammar_is_refused(text: str) -> None:
    """Upper-case hex, another length, an unknown shape, or more than 512 characters is a `DigestInvalid`."""
    with pytest.raises(DigestInvalid, match="is not a digest"):
        parse_digest(text)
    with pytest.raises(DigestInvalid, match="is not a digest"):
        parse_verifiable_digest(text)


def test_a_refusal_says_what_a_digest_of_the_algorithm_looks_like() -> None:
    """Who sent a short sha512 digest is told how long one is."""
    with pytest.raises(DigestInvalid, match="sha512 is written as 128 lower-case hexadecimal digits"):
        parse_digest("sha512:abc")


def test_a_refusal_repeats_what_was_sent_within_bounds() -> None:
    """What a client sent stands in the refusal, in ASCII and not at any length."""
    for parse in (parse_digest, parse_algorithm):
        with pytest.raises(DigestInvalid) as refusal:
            parse("\u00e4" * 100_000)
        assert refusal.value.message.isascii()
        assert len(refusal.value.message) < 4096


@settings(deadline=None)
@given(digest_texts())
def test_every_digest_comes_back(text: str) -> None:
    """Any digest built from the grammar is parsed and written as it was."""
    assert DIGEST.fullmatch(text)
    assert str(parse_digest(text)) == text


@settings(deadline=None)
@given(any_text() | damaged(digest_texts()) | st.from_regex(DIGEST, fullmatch=True))
def test_only_what_the_specification_matches_is_a_digest(text: str) -> None:
    """Any text is parsed if and only if the specification's grammar has it; otherwise it is a `DigestInvalid`."""
    if is_digest(text):
        assert str(parse_digest(text)) == text
    else:
        with pytest.raises(DigestInvalid):
            parse_digest(text)


@settings(deadline=None)
@given(verifiable_digest_texts())
def test_a_pushed_digest_is_of_an_algorithm_that_can_be_checked(text: str) -> None:
    """Digests of sha256 and sha512 may be pushed."""
    assert parse_verifiable_digest(text) == parse_digest(text)
    assert parse_digest(text).verifiable


@settings(deadline=None)
@given(digests().filter(lambda digest: not digest.verifiable))
def test_a_pushed_digest_of_another_algorithm_is_refused(digest: Digest) -> None:
    """A digest that nobody can check is well formed, and refused for a push with a word on what to use."""
    with pytest.raises(DigestInvalid, match="is not supported; use sha256 or sha512"):
        parse_verifiable_digest(str(digest))


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_an_algorithm_that_can_be_checked_is_kept(algorithm: str) -> None:
    """``digest-algorithm`` may be sha256 or sha512."""
    assert parse_algorithm(algorithm) == algorithm
    assert algorithm in ALGORITHMS


@settings(deadline=None)
@given(any_text() | st.sampled_from(("", "SHA256", "sha256 ", "sha384", "md5", "blake3")))
def test_any_other_algorithm_is_refused(text: str) -> None:
    """``digest-algorithm`` of anything else is a `DigestInvalid`."""
    with pytest.raises(DigestInvalid, match="is not supported"):
        parse_algorithm(text)


def test_the_digest_of_content_is_the_one_that_everybody_computes() -> None:
    """The empty blob has its well-known digest, and sha256 is what is used unless another algorithm is named."""
    assert str(digest_of(b"")) == EMPTY
    assert str(digest_of(b"abc", SHA512)) == f"sha512:{hashlib.sha512(b'abc').hexdigest()}"


@settings(deadline=None)
@given(st.binary(), st.sampled_from((SHA256, SHA512)))
def test_the_digest_of_content_is_well_formed(content: bytes, algorithm: str) -> None:
    """What is computed can be parsed, and says the algorithm that was asked for."""
    digest = digest_of(content, algorithm)
    assert parse_digest(str(digest)) == digest
    assert digest.algorithm == algorithm


@settings(deadline=None)
@given(st.lists(st.binary()), st.sampled_from((SHA256, SHA512)))
def test_any_split_of_the_content_gives_the_same_digest(pieces: list[bytes], algorithm: str) -> None:
    """A hasher that was fed in pieces, and copied on the way, ends where one that was fed at once does."""
    state = hasher(algorithm)
    for piece in pieces:
        before = state
        state = state.copy()
        state.update(memoryview(piece))
        before.update(b"something else")
    assert Digest(algorithm, state.hexdigest()) == digest_of(b"".join(pieces), algorithm)


@pytest.mark.parametrize("text", monotonous("a", "a+", "a.b", "+", "a:", "sha256:", "0", "="))
def test_a_long_text_is_refused_at_once(text: str) -> None:
    """However long and repetitive a text is, no expression tries it in many ways."""
    with pytest.raises(DigestInvalid):
        parse_digest(text)
    with pytest.raises(DigestInvalid):
        parse_digest(f"{text[: LONGEST - 1]}!")
