"""Why transfers fail, read from what engines say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from oci_twisted.engine.errors import (
    ConnectionFailed,
    EngineError,
    Invalid,
    PullCause,
    PullFailed,
    PushFailed,
    StreamCorrupt,
)
from oci_twisted.engine.images.causes import cause_of, complaint_of, delay_in
from oci_twisted.testing.engine.memory import break_after, complain, garbage, refuse
from oci_twisted.testing.engine.transfers import archive_of
from tests.engine.memory import Bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_twisted.testing.engine.memory import Fault

CAUSES = PullCause


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        # dockerd 20.10
        ("toomanyrequests: you have reached your pull rate limit", CAUSES.RATE_LIMITED),
        ("unauthorized", CAUSES.AUTHENTICATION_REQUIRED),
        ("unauthorized: authentication required", CAUSES.AUTHENTICATION_REQUIRED),
        ("denied", CAUSES.AUTHENTICATION_REQUIRED),
        ("no basic auth credentials", CAUSES.AUTHENTICATION_REQUIRED),
        ("pull access denied: denied: requested access to the resource is denied", CAUSES.AUTHENTICATION_REQUIRED),
        ("manifest unknown", CAUSES.NOT_FOUND),
        ("manifest for a:b not found: manifest unknown: manifest unknown", CAUSES.NOT_FOUND),
        ("name unknown", CAUSES.NOT_FOUND),
        ("unknown blob", CAUSES.NOT_FOUND),
        ("error parsing HTTP 404 response body: invalid character '<'", CAUSES.NOT_FOUND),
        ("An image does not exist locally with the tag: a/b", CAUSES.NOT_FOUND),
        ("no matching manifest for linux/amd64 in the manifest list entries", CAUSES.PLATFORM_MISMATCH),
        ("image with reference a was found but does not match the specified platform: wanted linux/arm64",
         CAUSES.PLATFORM_MISMATCH),
        ('Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused', CAUSES.UNREACHABLE),
        ('Get "https://a.invalid/v2/": dial tcp: lookup a.invalid: no such host', CAUSES.UNREACHABLE),
        ('Get "https://a.test/v2/": x509: certificate signed by unknown authority', CAUSES.UNREACHABLE),
        ('Get "https://a.test/v2/": net/http: request canceled while waiting for connection', CAUSES.UNREACHABLE),
        ("unexpected EOF", CAUSES.UNREACHABLE),
        ("write /data/tmp/GetImageBlob1: no space left on device", CAUSES.DISK_FULL),
        ("received unexpected HTTP status: 500 Internal Server Error", CAUSES.OTHER),
        ("filesystem layer verification failed for digest sha256:4cd4", CAUSES.OTHER),
        # Docker 29, which speaks by containerd
        ("unexpected status from HEAD request to http://h/v2/a/manifests/v1: 429 Unknown Status", CAUSES.RATE_LIMITED),
        ("unexpected status from GET request to http://h/token?a=b: 401 Unauthorized", CAUSES.AUTHENTICATION_REQUIRED),
        ("unexpected status from HEAD request to http://h/v2/a/blobs/b: 500 Internal Server Error", CAUSES.OTHER),
        ("failed open: could not fetch content descriptor sha256:1a (a/b) from remote: not found", CAUSES.NOT_FOUND),
        ("server message: insufficient_scope: authorization failed", CAUSES.AUTHENTICATION_REQUIRED),
        ("error from registry: ada may not push team/tool", CAUSES.AUTHENTICATION_REQUIRED),
        ("push access denied, repository does not exist or may require authorization", CAUSES.AUTHENTICATION_REQUIRED),
        ('failed to pull and unpack image "h/a:v1": no match for platform in manifest: not found',
         CAUSES.PLATFORM_MISMATCH),
        # Podman 4.3
        ("initializing source docker://h/a:v1: reading manifest v1: unauthorized", CAUSES.AUTHENTICATION_REQUIRED),
        ("initializing source docker://h/a:v1: reading manifest v1 in h/a: denied", CAUSES.AUTHENTICATION_REQUIRED),
        ("writing blob: initiating layer upload to /v2/a/ in h: denied", CAUSES.AUTHENTICATION_REQUIRED),
        ("initializing source docker://h/a:v1: reading manifest v1 in h/a: StatusCode: 404, <html>", CAUSES.NOT_FOUND),
        ("reading blob sha256:4c: Error fetching blob: invalid status code from registry 404 (Not Found)",
         CAUSES.NOT_FOUND),
        ("choosing an image from manifest list docker://h/a:v1: no image found in manifest list for architecture amd64",
         CAUSES.PLATFORM_MISMATCH),
        ('pinging container registry h: Get "https://h/v2/": EOF', CAUSES.UNREACHABLE),
        ('Get "https://h/v2/": http: server gave HTTP response to HTTPS client', CAUSES.UNREACHABLE),
        ("writing blob: received unexpected HTTP status: 507 Insufficient Storage", CAUSES.DISK_FULL),
        ("Digest did not match, expected sha256:4c, got sha256:3a", CAUSES.OTHER),
    ],
)  # fmt: skip
def test_a_sentence_has_its_cause(message: str, cause: PullCause) -> None:
    """What engines were seen to say has the cause that it speaks of."""
    assert cause_of(message) is cause


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("toomanyrequests: retry-after: 7", 7),
        ("toomanyrequests: retry-after: 1m30.5s, allowed: 44000/minute", 90.5),
        ("toomanyrequests: Retry-After: 250ms", 0.25),
        ("toomanyrequests: retry-after: 257.983µs, allowed: 44000/minute", 0.000257983),
        ("toomanyrequests: later", None),
    ],
)
def test_a_delay_is_read(message: str, seconds: float | None) -> None:
    """A delay is in seconds, however the registry has written it."""
    assert delay_in(message) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ({"errorDetail": {"message": "a"}, "error": "b"}, "a"),
        ({"errorDetail": {"code": 1}, "error": "b"}, "b"),
        ({"error": "b\n"}, "b"),
        ({"errorDetail": {"code": 1}}, "the engine did not say why"),
        ({"errorDetail": "c"}, "the engine did not say why"),
        ({"status": "Downloading", "progressDetail": {}}, None),
        ({"status": "Downloading", "error": ""}, None),
    ],
)
def test_a_complaint_is_found(message: dict[str, object], complaint: str | None) -> None:
    """Both of the members in which engines complain are looked at, in whatever form."""
    assert complaint_of(message) == complaint  # type: ignore[arg-type]


FAULTS = [
    ("toomanyrequests: retry-after: 7s", CAUSES.RATE_LIMITED, 7),
    ("unauthorized: authentication required", CAUSES.AUTHENTICATION_REQUIRED, None),
    ("manifest unknown", CAUSES.NOT_FOUND, None),
    ("no space left on device", CAUSES.DISK_FULL, None),
    ("no matching manifest for linux/arm64", CAUSES.PLATFORM_MISMATCH, None),
    ("dial tcp 127.0.0.1:1: connect: connection refused", CAUSES.UNREACHABLE, None),
    ("something else", CAUSES.OTHER, None),
]


@pytest.mark.parametrize("make", [complain, lambda message: refuse(500, message)])
@pytest.mark.parametrize(("message", "cause", "delay"), FAULTS)
def test_every_cause_comes_out(
    message: str, cause: PullCause, delay: float | None, make: Callable[[str], Fault]
) -> None:
    """A pull and a push raise the same, whether the engine says it at once or in the middle of its stream."""
    bench = Bench()
    for method, transfer, kind in (
        ("image.pull", bench.client.pull, PullFailed),
        ("image.push", bench.client.push, PushFailed),
    ):
        bench.engine.fail_next(method, make(message))
        with pytest.raises(PullFailed) as caught:
            bench.result(transfer("registry.test/tool:v1"))
        assert type(caught.value) is kind
        assert caught.value.cause is cause
        assert caught.value.retry_after == delay
        assert caught.value.message == message
        assert str(caught.value).startswith(f"{method} registry.test/tool:v1: {message}")


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (401, CAUSES.AUTHENTICATION_REQUIRED),
        (403, CAUSES.AUTHENTICATION_REQUIRED),
        (404, CAUSES.NOT_FOUND),
        (429, CAUSES.RATE_LIMITED),
        (500, CAUSES.OTHER),
    ],
)
def test_a_status_decides_where_words_do_not(status: int, cause: PullCause) -> None:
    """What an engine says in words that nobody knows is told from its status."""
    bench = Bench()
    bench.engine.fail_next("image.pull", refuse(status, "words"))
    with pytest.raises(PullFailed) as caught:
        bench.result(bench.client.pull("registry.test/tool:v1"))
    assert (caught.value.cause, caught.value.status) == (cause, status)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(refuse(400, "invalid reference format"), Invalid), (garbage(), StreamCorrupt), (break_after(100), StreamCorrupt)],
)
def test_what_is_no_failure_of_the_transfer(fault: Fault, kind: type[EngineError]) -> None:
    """What is wrong with the request, or between here and the engine, stays what it is."""
    bench = Bench()
    image = bench.result(bench.client.images.import_archive(archive_of(a=b"b"), "registry.test/tool:v1"))
    bench.result(bench.client.push("registry.test/tool:v1"))
    bench.result(bench.client.images.remove(image))
    bench.engine.fail_next("image.pull", fault)
    with pytest.raises(kind) as caught:
        bench.result(bench.client.pull("registry.test/tool:v1"))
    assert not isinstance(caught.value, PullFailed | ConnectionFailed)
    assert not bench.result(bench.client.images.exists("registry.test/tool:v1"))
