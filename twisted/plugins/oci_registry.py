"""The ``twist`` plugin.  Imported by every run of ``twist``, so it names the module and imports nothing of it."""

from twisted.application.service import ServiceMaker

registry = ServiceMaker(
    "OCI registry",
    "oci_twisted.app.command",
    "A registry for container images and other OCI artifacts.",
    "oci-registry",
)
