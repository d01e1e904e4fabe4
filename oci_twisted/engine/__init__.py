"""
Container engines: Docker, Podman, and whatever else has a driver, behind one interface.
"""

from oci_twisted.engine.client import EngineClient

__all__ = ["EngineClient"]
