"""
As whom an engine speaks to a registry.

- `keychains`: what ``docker login`` and ``podman login`` have left behind
- `programs`: those that keep it, which are called credential helpers
"""

from oci_twisted.engine.credentials.keychains import ANONYMOUS, Credentials, NoKeychain, UserKeychain

__all__ = [
    "ANONYMOUS",
    "Credentials",
    "NoKeychain",
    "UserKeychain",
]
