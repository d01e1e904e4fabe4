"""
Listings of names: tags (end-8) and the catalog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import quote

from attrs import frozen

from oci_twisted.client.errors import refusal
from oci_twisted.spec.errors import NameInvalid, NameUnknown, RegistryError, TagInvalid, Unavailable
from oci_twisted.spec.names import parse_name, parse_tag
from oci_twisted.spec.pages import Page, PageRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_twisted.client.origin import Origin
    from oci_twisted.spec.names import RepositoryName, Tag

T = TypeVar("T")

# A registry may answer a page of which it shows nothing, and say where the listing goes on.
_MOST_EMPTY = 100


async def tags(origin: Origin, name: RepositoryName, page: PageRequest) -> Page[Tag]:
    """
    List a repository's tags.

    :raise NameUnknown: when it does not exist.
    """
    listing = _Listing(origin, f"/v2/{name}/tags/list", "tags", parse_tag, NameUnknown.of(name))
    return await listing.page(page)


async def repositories(origin: Origin, page: PageRequest) -> Page[RepositoryName]:
    """List the repositories that the registry shows."""
    return await _Listing(origin, "/v2/_catalog", "repositories", parse_name).page(page)


def page_target(path: str, page: PageRequest, filters: list[tuple[str, str]] | None = None) -> str:
    """Answer the target that asks for a page of a listing."""
    last = [("last", page.last)] if page.last else []
    parameters = [("n", str(page.limit)), *last, *(filters or [])]
    return f"{path}?" + "&".join(f"{key}={quote(value, safe=':')}" for key, value in parameters)


@frozen
class _Listing(Generic[T]):
    """
    Names under one key of a JSON object.

    :ivar missing: what 404 means.
    """

    origin: Origin
    path: str
    key: str
    parse: Callable[[str], T]
    missing: RegistryError | None = None

    async def page(self, wanted: PageRequest) -> Page[T]:
        """Answer a page.  Its ``more`` is right, whether the registry sends ``Link`` or not."""
        target = page_target(self.path, wanted)
        for _ in range(_MOST_EMPTY):
            names, link = await self._names(target, wanted.last)
            if names or link is None:
                break
            target = link
        else:
            raise Unavailable(f"{self.path} goes on and on with nothing in it")
        kept = tuple(names[: wanted.limit])
        if not kept:
            return Page(())
        full = len(kept) == wanted.limit
        more = link is not None or len(names) > len(kept) or (full and await self._goes_on(str(kept[-1])))
        return Page(kept, more)

    async def _goes_on(self, last: str) -> bool:
        """Find out whether there are names behind ``last``, where a registry need not have said so."""
        names, _ = await self._names(page_target(self.path, PageRequest(1, last)), last)
        return bool(names)

    async def _names(self, target: str, last: str) -> tuple[list[T], str | None]:
        """Answer the names behind ``last`` at a target, and the target at which the listing goes on."""
        answer = await self.origin.ask("GET", target)
        if not answer.succeeded:
            raise refusal(answer, self.missing)
        listed = answer.document().get(self.key)
        # Some say null for none.
        texts = [] if listed is None else listed
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise answer.unusable(f"{self.key} that are no list of names")
        if last in texts:
            # Some know no pages, and always send everything.
            del texts[: texts.index(last) + 1]
        try:
            names = [self.parse(str(text)) for text in texts]
        except (NameInvalid, TagInvalid) as error:
            raise answer.unusable(f"{self.key} that cannot be read: {error.message}") from error
        link = answer.next_link()
        return names, None if link is None else self.origin.resolve(answer, link)
