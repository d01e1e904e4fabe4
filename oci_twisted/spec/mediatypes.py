"""
Media types of manifests (image-spec, "Media Types"; Docker image manifest version 2, schema 2).
"""

from __future__ import annotations

import re

from oci_twisted.spec.errors import ManifestInvalid

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
OCTETS = "application/octet-stream"
JSON = "application/json"

IMAGES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
# The types that the registry reads; the body of any other manifest is bytes.
KNOWN = IMAGES | INDEXES | {OCI_ARTIFACT}

# Two restricted names and the slash.
MEDIA_TYPE_LENGTH = 255

# RFC 6838, section 4.2.
_RESTRICTED = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(rf"{_RESTRICTED}/{_RESTRICTED}")
# The same by name, for layers that are fetched from elsewhere and are not pushed.
_NOT_DISTRIBUTED = (
    "application/vnd.oci.image.layer.nondistributable.",
    "application/vnd.docker.image.rootfs.foreign.",
)


def parse_media_type(text: str) -> str:
    """
    Read a media type; its parameters are dropped, as the specification asks.

    Case does not matter (RFC 9110, section 8.3.1), so one of `KNOWN` is answered as it is spelled there.

    :raise ManifestInvalid: when it is none.
    """
    media_type = text.partition(";")[0].strip()
    if _MEDIA_TYPE.fullmatch(media_type) is None:
        raise ManifestInvalid(f"{text[:255]!a} is not a media type (RFC 6838)")
    lower = media_type.lower()
    return lower if lower in KNOWN else media_type


def is_distributable(media_type: str) -> bool:
    """Answer whether content of this type is pushed to registries at all."""
    return not media_type.startswith(_NOT_DISTRIBUTED)
