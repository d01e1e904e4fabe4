"""
Pages of listings, and the link to the next one.
"""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oci_twisted.spec.errors import PageInvalid
from oci_twisted.spec.pages import Page, PageRequest, next_link, parse_page
from oci_twisted.testing.strategies import digest_texts, media_type_texts, name_texts, tag_texts
from tests.spec.grammar import any_text

MOST = 1000


@pytest.mark.parametrize(
    ("n", "limit"),
    [
        (None, MOST),
        ("0", 0),
        ("1", 1),
        ("007", 7),
        ("1000", MOST),
        ("1001", MOST),
        ("9" * 18, MOST),
        ("0" * 18, 0),
        ("9" * 100_000, MOST),
    ],
)
def test_n_is_capped(n: str | None, limit: int) -> None:
    """``n`` is how many items are wanted, none being a number too; without it, or above the cap, it is the cap."""
    assert parse_page(n, None, MOST) == PageRequest(limit, "")


@pytest.mark.parametrize(
    "n",
    [
        "",
        "-1",
        "-0",
        "+1",
        "1.0",
        "1e3",
        "0x10",
        "1_000",
        " 1",
        "1\n",
        "ten",
        "\u0661",
        "\u00b2",
    ],
)
def test_what_is_no_number_of_items_is_refused(n: str) -> None:
    """A sign, another base, or another script's digits is a `PageInvalid`."""
    with pytest.raises(PageInvalid, match="is not a number of items") as refusal:
        parse_page(n, None, MOST)
    assert len(refusal.value.message) < 512


@pytest.mark.parametrize(("last", "cursor"), [(None, ""), ("", ""), ("v1.0", "v1.0"), ("no such tag!", "no such tag!")])
def test_last_need_not_exist(last: str | None, cursor: str) -> None:
    """``last`` is where the page before ended; it need not be an item, and without it the listing begins."""
    assert parse_page("5", last, MOST) == PageRequest(5, cursor)


def test_last_is_no_longer_than_any_item() -> None:
    """A ``last`` that is longer than the longest digest cannot come from a listing and is a `PageInvalid`."""
    assert parse_page(None, "a" * 512, MOST).last == "a" * 512
    with pytest.raises(PageInvalid, match="last= is longer than any item"):
        parse_page(None, "a" * 513, MOST)


@settings(deadline=None)
@given(name_texts() | tag_texts() | digest_texts(), st.integers(0, 10**18 - 1), st.integers(0, 2000))
def test_every_item_can_be_the_last(item: str, n: int, most: int) -> None:
    """Any name, tag or digest, and any number, asks for the page behind it."""
    assert parse_page(str(n), item, most) == PageRequest(min(n, most), item)


@settings(deadline=None)
@given(st.none() | any_text() | st.text("0123456789-+ \u0661"), st.none() | any_text(), st.integers(0, 2000))
def test_any_query_is_read_or_refused(n: str | None, last: str | None, most: int) -> None:
    """Any ``n`` and ``last`` ask for a page within the cap or are a `PageInvalid`, and never anything else."""
    with suppress(PageInvalid):
        page = parse_page(n, last, most)
        assert 0 <= page.limit <= most
        assert page.last == (last or "")


def test_a_page_is_the_end_unless_it_says_otherwise() -> None:
    """A page of items has nothing behind it by default."""
    assert Page(("a", "b")) == Page(items=("a", "b"), more=False)


def test_the_next_page_is_a_path() -> None:
    """The link names neither scheme nor host, and nothing in it needs a guess about encoding."""
    link = next_link("/v2/a/b/tags/list", [("n", "5"), ("last", 'v1 "&=>;%+/')])
    assert link == '</v2/a/b/tags/list?n=5&last=v1%20%22%26%3D%3E%3B%25%2B%2F>; rel="next"'


@settings(deadline=None)
@given(name_texts(), st.text(), st.lists(media_type_texts(), max_size=3))
def test_the_next_page_is_the_one_that_was_meant(name: str, last: str, media_types: list[str]) -> None:
    """Whatever the parameters are, a client that follows the link sends them as they were."""
    parameters = [("last", last), *(("artifactType", media_type) for media_type in media_types)]
    link = next_link(f"/v2/{name}/referrers/sha256:abc", parameters)
    target, relation = link.removeprefix("<").split(">")
    assert relation == '; rel="next"'
    assert link.isascii()
    assert link.isprintable()
    parts = urlsplit(target)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("", "", "")
    assert target.startswith("/v2/")
    assert unquote(parts.path) == f"/v2/{name}/referrers/sha256:abc"
    assert parse_qsl(parts.query, keep_blank_values=True) == parameters
