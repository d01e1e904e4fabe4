"""
All of the contract.
"""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from oci_twisted.interfaces import IRegistry, IRepository
from oci_twisted.testing.repository.blobs import BlobContract
from oci_twisted.testing.repository.catalog import CatalogContract
from oci_twisted.testing.repository.completeness import CompletenessContract
from oci_twisted.testing.repository.examples import ALPINE
from oci_twisted.testing.repository.manifests import ManifestContract
from oci_twisted.testing.repository.membership import MembershipContract
from oci_twisted.testing.repository.preconditions import PreconditionContract
from oci_twisted.testing.repository.ranges import RangeContract
from oci_twisted.testing.repository.referrers import ReferrersContract
from oci_twisted.testing.repository.tags import TagContract
from oci_twisted.testing.repository.uploads import UploadContract


class RepositoryContract(
    BlobContract,
    RangeContract,
    MembershipContract,
    UploadContract,
    ManifestContract,
    CompletenessContract,
    TagContract,
    PreconditionContract,
    ReferrersContract,
    CatalogContract,
):
    """
    What every registry does.  A subclass has a fixture ``registry``: a registry that is new and empty.
    """

    @pytest.fixture
    def registry(self) -> IRegistry:
        """Give the registry that is to be tested."""
        raise NotImplementedError("give a registry in your subclass")

    def test_it_provides_the_interfaces(self, registry: IRegistry) -> None:
        """The registry and its repositories have every method of their interfaces, with its parameters."""
        assert verifyObject(IRegistry, registry)
        repository = registry.repository(ALPINE)
        assert verifyObject(IRepository, repository)
        assert repository.name == ALPINE
