"""
The contract of `oci_twisted.interfaces.IMetadataStore`, as tests.

Subclass the suite and give it a fixture::

    class TestMyMetadata(MetadataStoreContract):
        @pytest.fixture
        def store(self) -> IMetadataStore:
            return MyMetadata()

The store is a new one, and empty, for every test.  Needs ``pytest-twisted``, for the tests await on the reactor.
"""

from oci_twisted.testing.metadata.contract import MetadataStoreContract

__all__ = ["MetadataStoreContract"]
