"""An OCI registry and container clients for Twisted."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("oci-twisted")
