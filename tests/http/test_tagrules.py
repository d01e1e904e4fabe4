"""
Tags that stay, on the wire.
"""

from __future__ import annotations

import json

from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.mediatypes import OCI_INDEX
from oci_twisted.spec.tagrules import TagRules
from tests.http.corpus import NAME
from tests.http.fronts import normal
from tests.http.people import ALL_RIGHTS, Rights, fronts, login
from tests.http.stacks import index
from tests.wire.messages import message

RIGHTS = Rights({"ada": {NAME: ALL_RIGHTS}}, TagRules(immutable=("v*",), protected=("stable",)))
ONE, TWO = (json.dumps(index(number=number)).encode() for number in "12")
KEY = digest_of(ONE)
ADA = f"Authorization: {login('ada')}"
INDEX = f"Content-Type: {OCI_INDEX}"


def test_refusals_are_documents_that_say_what_stays() -> None:
    """A move is a 409, a deletion a 403, each with the tag and, for a move, the digest; both fronts say the same."""
    base = f"/v2/{NAME}/manifests"
    steps = [
        (message("PUT", f"{base}/v1", ADA, INDEX, body=ONE), 201, None),
        (message("PUT", f"{base}/v1", ADA, INDEX, body=ONE), 201, None),
        (message("PUT", f"{base}/{KEY}?tag=v1&tag=stable", ADA, INDEX, body=ONE), 201, None),
        (message("PUT", f"{base}/v1", ADA, INDEX, body=TWO), 409, {"tag": "v1", "digest": str(KEY)}),
        (
            message("PUT", f"{base}/v1", ADA, INDEX, f'If-Match: "{KEY}"', body=TWO),
            409,
            {"tag": "v1", "digest": str(KEY)},
        ),
        (
            message("PUT", f"{base}/{digest_of(TWO)}?tag=x&tag=v1", ADA, INDEX, body=TWO),
            409,
            {"tag": "v1", "digest": str(KEY)},
        ),
        (message("PUT", f"{base}/v1", ADA, INDEX, "If-None-Match: *", body=ONE), 412, {"digest": str(KEY)}),
        (message("DELETE", f"{base}/v1", ADA), 403, {"tag": "v1"}),
        (message("DELETE", f"{base}/stable", ADA, 'If-Match: "sha256:' + "0" * 64 + '"'), 403, {"tag": "stable"}),
        (message("DELETE", f"{base}/{KEY}", ADA), 403, {"tag": "stable"}),
        (message("DELETE", f"{base}/v2", ADA), 404, {"reference": "v2"}),
        (message("PUT", f"{base}/stable", ADA, INDEX, body=TWO), 201, None),
        (message("DELETE", f"{base}/{KEY}", ADA), 403, {"tag": "v1"}),
    ]
    found = []
    for front in fronts(RIGHTS):
        for request, status, detail in steps:
            answer = front.send(request).answer(request.partition(b" ")[0].decode())
            found.append(normal(answer))
            assert (request, answer.status) == (request, status)
            if detail is not None:
                (error,) = answer.json()["errors"]
                assert (error["code"], error["detail"]) == ("MANIFEST_UNKNOWN" if status == 404 else "DENIED", detail)
                assert answer.header("WWW-Authenticate") is None
        tags = front.send(message("GET", f"/v2/{NAME}/tags/list", ADA)).answer().json()["tags"]
        assert tags == ["stable", "v1"]
    assert found[: len(steps)] == found[len(steps) :]
