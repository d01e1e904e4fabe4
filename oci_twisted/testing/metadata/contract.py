"""
All of the contract.
"""

from __future__ import annotations

from zope.interface.verify import verifyObject

from oci_twisted.interfaces import IMetadataStore
from oci_twisted.testing.metadata.blobs import BlobIndexContract
from oci_twisted.testing.metadata.completeness import CompletenessContract
from oci_twisted.testing.metadata.manifests import ManifestIndexContract
from oci_twisted.testing.metadata.preconditions import PreconditionContract
from oci_twisted.testing.metadata.referrers import ReferrersContract
from oci_twisted.testing.metadata.repositories import RepositoryContract
from oci_twisted.testing.metadata.tagrules import TagRulesContract
from oci_twisted.testing.metadata.tags import TagIndexContract
from oci_twisted.testing.metadata.uploads import UploadIndexContract


class MetadataStoreContract(
    BlobIndexContract,
    ManifestIndexContract,
    CompletenessContract,
    PreconditionContract,
    ReferrersContract,
    TagIndexContract,
    TagRulesContract,
    RepositoryContract,
    UploadIndexContract,
):
    """
    What every metadata store does.  A subclass has a fixture ``store``: a store that is new and empty.
    """

    def test_it_provides_the_interface(self, store: IMetadataStore) -> None:
        """The store has every method of the interface, with its parameters."""
        assert verifyObject(IMetadataStore, store)
