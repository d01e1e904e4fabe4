"""Where everything is put together: an embeddable registry, its settings, and the ``twist`` command."""

from oci_twisted.app.auth import Auth
from oci_twisted.app.registry import Registry

__all__ = ["Auth", "Registry"]
