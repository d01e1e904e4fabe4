"""
Referrers of registries that list them in their own way, or not at all.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from oci_twisted.spec.descriptors import parse_descriptor
from oci_twisted.spec.digests import SHA512, digest_of
from oci_twisted.spec.errors import Denied, Unavailable
from oci_twisted.spec.mediatypes import OCI_INDEX
from oci_twisted.spec.names import parse_name
from oci_twisted.spec.pages import Page, PageRequest
from oci_twisted.spec.referrers import fallback_tag
from oci_twisted.testing.repository.examples import describe
from oci_twisted.testing.waiting import waits
from tests.client.scripts import Said, said_error, said_json, scripted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_twisted.interfaces import IRepository
    from oci_twisted.spec.descriptors import Descriptor

NAME = parse_name("a/b")
SUBJECT = digest_of(b"subject", SHA512)
LIST = f"GET /v2/a/b/referrers/{SUBJECT}"
FALLBACK = f"GET /v2/a/b/manifests/{fallback_tag(SUBJECT)}"
SIGNATURE = "application/vnd.example.signature"
BILL = "application/vnd.example.bill+json"

# In the order of their digests.
ONE, TWO, THREE, FOUR = sorted(
    (
        describe(bytes([number]), artifactType=artifact_type)
        for number, artifact_type in enumerate((SIGNATURE, BILL, SIGNATURE, BILL))
    ),
    key=lambda document: str(document["digest"]),
)
OBEYED = ("OCI-Filters-Applied", "artifactType")


def said_index(*documents: object, link: str | None = None, headers: Sequence[tuple[str, str]] = ()) -> Said:
    """Answer an index."""
    links = [] if link is None else [("Link", f'<{link}>; rel="next"')]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": documents}
    return Said(200, (("Content-Type", OCI_INDEX), *links, *headers), json.dumps(index).encode())


def listed(*documents: object, more: bool = False) -> Page[Descriptor]:
    """Answer a page of referrers."""
    return Page(tuple(parse_descriptor(document, "one") for document in documents), more)  # type: ignore[arg-type]


def last(document: dict[str, object]) -> str:
    """Answer what the next page begins behind."""
    return str(document["digest"])


async def check_walk(repository: IRepository) -> None:
    """Check that all four are listed, in pages of two."""
    assert await repository.referrers(SUBJECT, (), PageRequest(2)) == listed(ONE, TWO, more=True)
    assert await repository.referrers(SUBJECT, (), PageRequest(2, last(TWO))) == listed(THREE, FOUR)
    assert await repository.referrers(SUBJECT, (), PageRequest(2, last(FOUR))) == listed()


@waits
async def test_a_registry_that_pages_as_we_ask_is_asked_for_one_page() -> None:
    """Where ``n`` and ``last`` are obeyed, nothing is read that was not wanted."""
    registry, script = scripted(
        said_index(ONE, TWO, link=f"?n=2&last={last(TWO)}"), said_index(THREE, FOUR), said_index()
    )
    await check_walk(registry.repository(NAME))
    script.check_over(f"{LIST}?n=2", f"{LIST}?n=2&last={last(TWO)}", f"{LIST}?n=2&last={last(FOUR)}")


@waits
async def test_a_registry_need_not_know_pages() -> None:
    """A list that comes whole, in any order, is put in ours and cut up here."""
    registry, script = scripted(*[said_index(THREE, ONE, FOUR, TWO, ONE)] * 3)
    await check_walk(registry.repository(NAME))
    assert len(script.asked) == 3


@waits
async def test_a_registry_may_page_in_its_own_way() -> None:
    """A list in pages that only the registry knows how to follow is read to its end."""
    registry, script = scripted(
        *[
            said_index(FOUR, link="/v2/a/b/more?token=1"),
            said_index(ONE, THREE, link="?token=2"),
            said_index(TWO),
        ]
        * 3
    )
    await check_walk(registry.repository(NAME))
    assert [str(asked) for asked in script.asked[:3]] == [
        f"{LIST}?n=2",
        "GET /v2/a/b/more?token=1",
        "GET /v2/a/b/more?token=2",
    ]


@waits
async def test_nothing_is_a_page() -> None:
    """A page of no items has none, whatever the registry sends."""
    registry, _ = scripted(said_index(), said_index(ONE, TWO))
    for _ in range(2):
        assert await registry.repository(NAME).referrers(SUBJECT, (), PageRequest(0)) == listed()


@waits
async def test_a_filter_is_asked_for() -> None:
    """The types go with the request, and a registry that has applied them is believed."""
    registry, script = scripted(said_index(TWO, headers=[OBEYED]))
    page = await registry.repository(NAME).referrers(SUBJECT, (SIGNATURE, BILL, SIGNATURE), PageRequest(5))
    assert page == listed(TWO)
    filters = f"artifactType={quote(SIGNATURE, safe='')}&artifactType={quote(BILL, safe='')}"
    script.check_over(f"{LIST}?n=5&{filters}")


@waits
async def test_a_registry_need_not_filter() -> None:
    """Where the registry sends all types, the others are left out here."""
    signatures = [one for one in (ONE, TWO, THREE, FOUR) if one["artifactType"] == SIGNATURE]
    registry, _ = scripted(said_index(ONE, TWO, link="?x"), said_index(THREE, FOUR), said_index(ONE, TWO, THREE, FOUR))
    repository = registry.repository(NAME)
    assert await repository.referrers(SUBJECT, (SIGNATURE,), PageRequest(5)) == listed(*signatures)
    assert await repository.referrers(SUBJECT, (SIGNATURE,), PageRequest(1)) == listed(signatures[0], more=True)


@waits
async def test_a_list_has_a_limit() -> None:
    """A registry whose list does not end is given up."""
    long = said_index(ONE, link="?more", headers=[("X", "Y")])
    long = Said(200, long.headers, long.body + b" " * (4_000_000 - len(long.body)))
    registry, script = scripted(*[long] * 5)
    with pytest.raises(Unavailable, match="with more than 16777216 bytes of referrers in all"):
        await registry.repository(NAME).referrers(SUBJECT, (), PageRequest(5))
    assert len(script.asked) == 5


@pytest.mark.parametrize(
    "missing", [Said(404), Said(404, (), b"404 page not found"), said_error(404, "MANIFEST_UNKNOWN")]
)
@waits
async def test_a_tag_stands_in_for_the_list(missing: Said) -> None:
    """Where a registry has no referrers, the index under the fallback tag is read, filtered and cut up here."""
    fallback = said_index(THREE, ONE, FOUR, TWO)
    registry, script = scripted(*[missing, fallback] * 4)
    repository = registry.repository(NAME)
    await check_walk(repository)
    bills = [one for one in (ONE, TWO, THREE, FOUR) if one["artifactType"] == BILL]
    assert await repository.referrers(SUBJECT, (BILL,), PageRequest(5)) == listed(*bills)
    assert [str(asked) for asked in script.asked[:2]] == [f"{LIST}?n=2", FALLBACK]


@waits
async def test_nothing_refers_where_no_tag_says_so() -> None:
    """Where there is neither a list nor a tag nor a repository, nothing refers."""
    registry, script = scripted(Said(404), Said(404), said_error(404, "NAME_UNKNOWN"))
    for _ in range(2):
        assert await registry.repository(NAME).referrers(SUBJECT, (), PageRequest(5)) == listed()
    script.check_over(f"{LIST}?n=5", FALLBACK, f"{LIST}?n=5")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"not JSON", "Expecting value"),
        (b"[]", "manifests must be a list"),
        (b"{}", "manifests must be a list"),
        (b'{"manifests": [{}]}', "must have mediaType, digest and size"),
        (b"[" * 100_000, "recursion"),
    ],
)
@waits
async def test_a_tag_that_is_no_index_is_refused(content: bytes, why: str) -> None:
    """What is under the fallback tag has to be what it stands for."""
    registry, _ = scripted(Said(404), Said(200, (("Content-Type", OCI_INDEX),), content))
    with pytest.raises(Unavailable, match=f"{fallback_tag(SUBJECT)} in a/b, .*, is no index: .*{why}"):
        await registry.repository(NAME).referrers(SUBJECT, (), PageRequest(5))


@pytest.mark.parametrize(
    "said",
    [
        said_json({}),
        said_json([]),
        said_json({"manifests": {}}),
        said_index({"digest": "x"}),
        said_index("text"),
        Said(200, (), b"<html>"),
    ],
)
@waits
async def test_what_is_no_list_is_refused(said: Said) -> None:
    """An answer that is no index is told as what it is."""
    registry, _ = scripted(said)
    with pytest.raises(Unavailable, match="was answered 200 with"):
        await registry.repository(NAME).referrers(SUBJECT, (), PageRequest(5))


@waits
async def test_a_list_may_be_refused() -> None:
    """What the registry says instead of a list, or of more of it, is raised."""
    registry, _ = scripted(said_error(403, "DENIED"), said_index(ONE, link="?x"), said_error(403, "DENIED"))
    for _ in range(2):
        with pytest.raises(Denied):
            await registry.repository(NAME).referrers(SUBJECT, (), PageRequest(5))


@waits
async def test_a_list_stays_on_its_host() -> None:
    """No link leads the client to another host."""
    registry, _ = scripted(said_index(ONE, link="http://elsewhere.example/"))
    with pytest.raises(Unavailable, match="on another host, which was refused"):
        await registry.repository(NAME).referrers(SUBJECT, (), PageRequest(5))
