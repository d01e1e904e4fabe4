"""
All of the contract.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from zope.interface.verify import verifyObject

from oci_twisted.interfaces import IBlobStore, IFileBacked
from oci_twisted.testing.blobs.concurrency import ConcurrencyContract
from oci_twisted.testing.blobs.examples import push, some_bytes
from oci_twisted.testing.blobs.reading import ReadingContract
from oci_twisted.testing.blobs.sessions import SessionContract
from oci_twisted.testing.blobs.storing import StoringContract
from oci_twisted.testing.waiting import waits

if TYPE_CHECKING:
    from collections.abc import Iterator


class BlobStoreContract(StoringContract, ReadingContract, SessionContract, ConcurrencyContract):
    """
    What every blob store does.  A subclass has a fixture ``store``.
    """

    @pytest.fixture(autouse=True)
    def _examples_of_each_class(self, request: pytest.FixtureRequest) -> Iterator[None]:
        # pytest-twisted puts a function of its own into a test that hypothesis runs, and leaves it there.  The next
        # subclass would run the store of the one before.
        examples: Any = getattr(request.function, "hypothesis", None)
        test = examples and examples.inner_test
        yield
        if examples:
            examples.inner_test = test


class FileBackedBlobStoreContract(BlobStoreContract):
    """
    What a store does besides whose readers are `IFileBacked`.
    """

    @waits
    async def test_descriptor_reads_the_blob(self, store: IBlobStore) -> None:
        """A reader's descriptor reads the blob at any offset, until the reader is closed, deleted or not."""
        content = some_bytes(1000)
        digest = await push(store, content)
        reader = await store.open(digest)
        assert verifyObject(IFileBacked, reader)
        backed = IFileBacked(reader)
        await store.delete(digest)
        assert os.pread(backed.fileno(), 500, 100) == content[100:600]
        assert os.fstat(backed.fileno()).st_size == reader.size
        reader.close()
