"""
What SQLite's failures mean to a client.
"""

from __future__ import annotations

import sqlite3

from twisted.logger import Logger

from oci_twisted.spec.errors import RegistryError, StorageFull, Unavailable

_log = Logger()

# A disk that is full shows as the first; a quota, or a file system of another machine, as one of the others.
_FULL = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_SHMSIZE,
}


def refusal(error: sqlite3.OperationalError) -> RegistryError:
    """Answer what to raise instead of ``error``, which is logged."""
    code = error.sqlite_errorname
    if error.sqlite_errorcode in _FULL:
        _log.error("no room for metadata: {reason} ({code})", reason=str(error), code=code)
        return StorageFull("the registry's disk is full; nothing that it holds is lost")
    _log.error("the metadata cannot be reached: {reason} ({code})", reason=str(error), code=code)
    return Unavailable("the registry's metadata cannot be reached just now; try again")
