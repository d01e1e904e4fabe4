"""
The contract of `oci_twisted.interfaces.IAccessTokens`, as tests.

Subclass the suite and give it a fixture::

    class TestMyTokens(AccessTokensContract):
        @pytest.fixture
        def store(self) -> IAccessTokens:
            return MyTokens()

The store is a new one, and empty, for every test.  Needs ``pytest-twisted``, for the tests await on the reactor.
"""

from oci_twisted.testing.tokens.contract import AccessTokensContract

__all__ = ["AccessTokensContract"]
