"""
The contract of `oci_twisted.interfaces.IBlobStore`, as tests.

Subclass `BlobStoreContract`, or `FileBackedBlobStoreContract` where readers are `oci_twisted.interfaces.IFileBacked`,
and give it a fixture::

    class TestMyBlobs(BlobStoreContract):
        @pytest.fixture
        def store(self) -> IBlobStore:
            return MyBlobs()

The store need not be empty, and the tests leave blobs behind.  They run in pytest-twisted's reactor, so a store may
wait for whatever it likes.
"""

from oci_twisted.testing.blobs.contract import BlobStoreContract, FileBackedBlobStoreContract
from oci_twisted.testing.blobs.examples import new_session_id, pull, push, walk

__all__ = ["BlobStoreContract", "FileBackedBlobStoreContract", "new_session_id", "pull", "push", "walk"]
