"""
Listings of registries that page in their own way, or not at all.
"""

from __future__ import annotations

import pytest

from oci_twisted.spec.errors import Denied, NameUnknown, Unavailable
from oci_twisted.spec.names import parse_name, parse_tag
from oci_twisted.spec.pages import Page, PageRequest
from oci_twisted.testing.waiting import waits
from tests.client.scripts import Said, said_error, said_json, scripted

NAME = parse_name("a/b")
LIST = "GET /v2/a/b/tags/list"


def said_tags(*tags: str, link: str | None = None) -> Said:
    """Answer some tags."""
    return said_json({"name": "a/b", "tags": tags}, 200, *([] if link is None else [("Link", link)]))


def page(*tags: str, more: bool = False) -> Page[object]:
    """Answer a page of tags."""
    return Page(tuple(parse_tag(tag) for tag in tags), more)


@waits
async def test_a_page_is_asked_for_by_its_length_and_the_last_item() -> None:
    """``n`` and ``last`` go as they are, quoted where they have to be."""
    registry, script = scripted(said_tags("a"), said_tags(), said_tags(), said_json({"repositories": ["a/b", "c"]}))
    repository = registry.repository(NAME)
    assert await repository.tags(PageRequest(7)) == page("a")
    assert await repository.tags(PageRequest(7, "v1")) == page()
    assert await repository.tags(PageRequest(0, "a/b&c d")) == page()
    assert await registry.repositories(PageRequest(3, "a/a")) == Page((NAME, parse_name("c")))
    script.check_over(
        f"{LIST}?n=7", f"{LIST}?n=7&last=v1", f"{LIST}?n=0&last=a%2Fb%26c%20d", "GET /v2/_catalog?n=3&last=a%2Fa"
    )


@pytest.mark.parametrize(
    "link",
    [
        '</v2/a/b/tags/list?n=2&last=b>; rel="next"',
        "</v2/a/b/tags/list?n=2&last=b>;rel=next",
        '<http://registry.example/v2/a/b/tags/list?token=x,y;z>; title="a, b"; REL="last Next"',
        '<?first>; rel="first", <?next>; type="x"; rel="next"',
        '<?prev>; rel="prev"; x=y,<?token>; rel=next',
    ],
)
@waits
async def test_a_link_says_that_there_is_more(link: str) -> None:
    """However the registry writes where the listing goes on, it goes on."""
    registry, script = scripted(said_tags("a", link=link))
    assert await registry.repository(NAME).tags(PageRequest(2)) == page("a", more=True)
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    "link", ['<?x>; rel="prev"', "<?x>", "nonsense", '<?x>; title="rel=next"', '<?x>; rel="nextish"']
)
@waits
async def test_another_link_says_nothing(link: str) -> None:
    """A link that leads elsewhere than to the next page is no sign of one."""
    registry, _ = scripted(said_tags("a", link=link))
    assert await registry.repository(NAME).tags(PageRequest(2)) == page("a")


@waits
async def test_a_registry_need_not_say_whether_there_is_more() -> None:
    """Behind a full page without a link the client looks for one more item."""
    registry, script = scripted(said_tags("a", "b"), said_tags("c"), said_tags("a", "b"), said_tags())
    repository = registry.repository(NAME)
    assert await repository.tags(PageRequest(2)) == page("a", "b", more=True)
    assert await repository.tags(PageRequest(2)) == page("a", "b")
    script.check_over(f"{LIST}?n=2", f"{LIST}?n=1&last=b", f"{LIST}?n=2", f"{LIST}?n=1&last=b")


@waits
async def test_a_registry_need_not_know_pages() -> None:
    """A registry that always sends everything is walked through all the same, page by page."""
    everything = said_tags("a", "b", "c", "d", "e")
    registry, script = scripted(*[everything] * 4)
    repository = registry.repository(NAME)
    assert await repository.tags(PageRequest(2)) == page("a", "b", more=True)
    assert await repository.tags(PageRequest(2, "b")) == page("c", "d", more=True)
    assert await repository.tags(PageRequest(2, "d")) == page("e")
    assert await repository.tags(PageRequest(0)) == page()
    assert len(script.asked) == 4


@waits
async def test_a_page_may_show_nothing() -> None:
    """A page without an item that says where the listing goes on is passed over."""
    registry, script = scripted(said_tags(link='<?token=1>; rel="next"'), said_tags("a", link="</x>; rel=next"))
    assert await registry.repository(NAME).tags(PageRequest(2, "0")) == page("a", more=True)
    script.check_over(f"{LIST}?n=2&last=0", f"{LIST}?token=1")


@waits
async def test_a_listing_comes_to_an_end() -> None:
    """A registry that shows nothing, and goes on for ever, is given up."""
    registry, script = scripted(*[said_tags(link='<?token>; rel="next"')] * 100)
    with pytest.raises(Unavailable, match="goes on and on with nothing in it"):
        await registry.repository(NAME).tags(PageRequest(2))
    assert len(script.asked) == 100


@waits
async def test_a_listing_stays_on_its_host() -> None:
    """No link leads the client to another host."""
    registry, script = scripted(said_tags(link='<http://elsewhere.example/>; rel="next"'))
    with pytest.raises(Unavailable, match="on another host, which was refused"):
        await registry.repository(NAME).tags(PageRequest(2))
    assert len(script.asked) == 1


@pytest.mark.parametrize("document", [{"tags": None}, {"tags": []}, {}])
@waits
async def test_no_tags_are_said_in_many_ways(document: object) -> None:
    """Some registries say null for none."""
    registry, _ = scripted(said_json(document))
    assert await registry.repository(NAME).tags(PageRequest(2)) == page()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Said(200, (("Content-Type", "text/html"),), b"<html>"), "with what is not JSON"),
        (Said(200, (), b"[" * 100_000), "with what is not JSON"),
        (Said(200, (), b"\xff\xff"), "with what is not JSON"),
        (said_json(["a"]), "with JSON that is not an object"),
        (said_json({"tags": {"a": 1}}), "with tags that are no list of names"),
        (said_tags("a", "no tag"), "with tags that cannot be read: 'no tag' is not a tag"),
        (said_json({"tags": ["a", None]}), "with tags that are no list of names"),
    ],
)
@waits
async def test_what_is_no_listing_is_refused(said: Said, why: str) -> None:
    """An answer that is not what was asked for is told, with its status."""
    registry, _ = scripted(said)
    with pytest.raises(Unavailable, match=f"tags/list was answered 200 {why}") as refused:
        await registry.repository(NAME).tags(PageRequest(2))
    assert refused.value.detail == {"status": 200}


@pytest.mark.parametrize("said", [Said(404), said_error(404, "NAME_UNKNOWN"), said_error(404, "MANIFEST_UNKNOWN")])
@waits
async def test_a_repository_that_does_not_exist_is_unknown(said: Said) -> None:
    """However the registry says that there is no repository, it is named."""
    registry, _ = scripted(said)
    with pytest.raises(NameUnknown):
        await registry.repository(NAME).tags(PageRequest(2))


@waits
async def test_a_registry_need_not_show_its_repositories() -> None:
    """Not every registry has a catalog, and not for everybody."""
    registry, _ = scripted(Said(404), said_error(403, "DENIED"), said_json({"repositories": ["A"]}))
    with pytest.raises(Unavailable, match="_catalog was answered 404"):
        await registry.repositories(PageRequest(2))
    with pytest.raises(Denied):
        await registry.repositories(PageRequest(2))
    with pytest.raises(Unavailable, match="repositories that cannot be read"):
        await registry.repositories(PageRequest(2))
