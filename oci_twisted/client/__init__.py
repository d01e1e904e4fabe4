"""A registry that is reached over HTTP, with the interface of one that is here."""

from oci_twisted.client.registry import RemoteRegistry
from oci_twisted.client.repository import RemoteRepository

__all__ = ["RemoteRegistry", "RemoteRepository"]
