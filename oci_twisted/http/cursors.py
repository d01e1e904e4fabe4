"""
Places in a listing that the client may come back to, and not read.
"""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken

from oci_twisted.spec.errors import PageInvalid

# No name begins with it.
_MARK = "~"
# So that a seal does not tell how long a name is.
_LENGTH = 255


class Cursors:
    """
    Seals ``last`` where it is the name of something that the client may not know.

    The key is this process's: behind a restart the client is told to begin its listing anew.
    """

    def __init__(self) -> None:
        self._fernet = Fernet(Fernet.generate_key())

    def seal(self, last: str) -> str:
        """Answer what to write in the place of ``last``."""
        return _MARK + self._fernet.encrypt(last.ljust(_LENGTH).encode()).decode()

    def open(self, last: str) -> str:
        """
        Answer what was sealed; what was not is answered as it is.

        :raise PageInvalid: when it was not sealed here.
        """
        if not last.startswith(_MARK):
            return last
        try:
            return self._fernet.decrypt(last.removeprefix(_MARK)).decode().rstrip()
        except (InvalidToken, ValueError) as error:
            raise PageInvalid("this link is good no more; begin the listing anew, without last=") from error
