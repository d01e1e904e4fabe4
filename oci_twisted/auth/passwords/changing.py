"""
Checkers that can say when they know something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from collections.abc import Hashable


class IChanging(Interface):
    """
    An `ICredentialsChecker` that can say whether what it knew before still holds.

    Successes are remembered for a short time; with this they are forgotten as soon as a password changes.
    """

    generation: Hashable = Attribute("Another value whenever a user may have been removed or a password changed.")
