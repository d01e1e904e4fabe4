"""
Files that are open on the reactor thread.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from oci_twisted.interfaces import IBlockingPool


def close_file(descriptor: int, pool: IBlockingPool) -> None:
    """
    Close a file at once; but one that has no name any more on the pool, because its last descriptor frees its blocks.
    """
    if os.fstat(descriptor).st_nlink:
        os.close(descriptor)
    else:
        Deferred.fromCoroutine(pool.run(partial(os.close, descriptor)))
