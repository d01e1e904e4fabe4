"""
A registry at the other end of HTTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from oci_twisted.client import listings
from oci_twisted.client.origin import Origin
from oci_twisted.client.repository import RemoteRepository
from oci_twisted.interfaces import IRegistry, IRepository

if TYPE_CHECKING:
    from treq.client import HTTPClient

    from oci_twisted.spec.names import RepositoryName
    from oci_twisted.spec.pages import Page, PageRequest

# What the specification asks a registry to take at least.
MANIFEST_LIMIT = 4 << 20


@implementer(IRegistry)
class RemoteRegistry:
    """
    A registry that is reached over HTTP.

    Calls wait as long as it takes: bound them as you like, for instance with `Deferred.addTimeout`.  A call that is
    cancelled ends its request.

    :param http: sends the requests.
    :param url: the registry's scheme, host and port, such as ``https://registry.example:5000``.
    :param manifest_limit: the longest manifest that is read, in bytes.
    :raise ValueError: when ``url`` is something else.
    """

    def __init__(self, http: HTTPClient, url: str, *, manifest_limit: int = MANIFEST_LIMIT) -> None:
        self._origin = Origin(http, url)
        self._manifest_limit = manifest_limit

    def repository(self, name: RepositoryName) -> IRepository:
        """Answer a repository, whether it exists or not."""
        return RemoteRepository(self._origin, name, self._manifest_limit)

    async def repositories(self, page: PageRequest) -> Page[RepositoryName]:
        """List the repositories that the registry shows, in byte order."""
        return await listings.repositories(self._origin, page)
