"""Metadata in one SQLite file."""

from oci_twisted.storage.disk.metadata.connections import Durability
from oci_twisted.storage.disk.metadata.migrations import DatabaseUnusable, NewerSchema
from oci_twisted.storage.disk.metadata.store import SqliteMetadata

__all__ = ["DatabaseUnusable", "Durability", "NewerSchema", "SqliteMetadata"]
