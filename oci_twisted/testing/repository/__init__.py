"""
The contract of `oci_twisted.interfaces.IRepository` and `IRegistry`, as tests.

Subclass the suite and give it a fixture::

    class TestMyRegistry(RepositoryContract):
        @pytest.fixture
        def registry(self) -> IRegistry:
            return MyRegistry()

The registry is a new one, and empty, for every test.  It insists on the content that manifests name, deletes whatever
it is asked to, and answers pages of a thousand items.  It may be at the other end of HTTP, so the suite asks for
nothing that HTTP cannot do: there, for instance, a session has a writer only while a request is in progress.

`TagRulesContract` is for registries that know who asks, and has a fixture of its own.

Needs ``pytest-twisted``, for the tests await on the reactor.
"""

from oci_twisted.testing.repository.contract import RepositoryContract
from oci_twisted.testing.repository.tagrules import TagRulesContract

__all__ = ["RepositoryContract", "TagRulesContract"]
