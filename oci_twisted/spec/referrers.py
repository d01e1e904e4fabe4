"""
The list of referrers (distribution-spec, "Listing Referrers", "Referrers Tag Schema").
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from oci_twisted.spec.mediatypes import OCI_INDEX
from oci_twisted.spec.names import Tag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oci_twisted.spec.descriptors import Descriptor
    from oci_twisted.spec.digests import Digest

# Clients refuse an answer of more than 4 MiB.  A page ends before the descriptor with which it would have more than
# this many bytes of annotations; one that has more by itself is alone on its page.
PAGE_BYTES = 1 << 20

_ALGORITHM_LENGTH = 32
_ENCODED_LENGTH = 64
_ILLEGAL = re.compile(r"[^a-zA-Z0-9._-]")


def referrers_document(descriptors: Iterable[Descriptor]) -> bytes:
    """Answer the index that lists ``descriptors``."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [descriptor.document() for descriptor in descriptors],
        },
        # An escape is up to six times as long as the text, and the answer has to stay small.
        ensure_ascii=False,
    ).encode()


def fallback_tag(subject: Digest) -> Tag:
    """Answer the tag under which clients keep referrers where a registry has no referrers API."""
    algorithm = subject.algorithm[:_ALGORITHM_LENGTH]
    encoded = subject.encoded[:_ENCODED_LENGTH]
    return Tag(_ILLEGAL.sub("-", f"{algorithm}-{encoded}"))
