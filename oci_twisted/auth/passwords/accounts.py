"""
Users with their hashes, and a comparison that takes as long for everyone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import bcrypt

from oci_twisted.auth.passwords.hashes import dummy, is_comparable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_twisted.auth.passwords.hashes import BcryptHash, Compare


class Accounts:
    """
    Users with their hashes; it does not change.

    :param compare: compares a password with a hash, as `bcrypt.checkpw`.
    """

    def __init__(self, hashes: Mapping[bytes, BcryptHash], compare: Compare = bcrypt.checkpw) -> None:
        self._hashes = dict(hashes)
        self._compare = compare
        self._highest = max((one.cost for one in self._hashes.values()), default=None)

    def __len__(self) -> int:
        return len(self._hashes)

    def admit(self, user: bytes, password: bytes) -> bool:
        """
        Answer whether this is the user's password.  It blocks.

        Whatever is wrong takes the same work: as many rounds as the dearest hash here, for a user with a cheaper one,
        for a name that is nobody's, and for a password that bcrypt would see only a part of.
        """
        if self._highest is None:
            return False
        kept = self._hashes.get(user)
        if kept is None:
            self._compare(b"", dummy(self._highest))
            return False
        comparable = is_comparable(password)
        matches = self._compare(password if comparable else b"", kept.text)
        if matches and comparable:
            return True
        # Twice a hash's rounds are those of the next cost, and so on up to the highest.
        for cost in range(kept.cost, self._highest):
            self._compare(b"", dummy(cost))
        return False
