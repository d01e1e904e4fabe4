"""
What the tests of tokens share.
"""

from __future__ import annotations

import pytest

from tests.auth.tokens.makings import Makings


@pytest.fixture
def makings() -> Makings:
    """Make the parts of a token service."""
    return Makings()
