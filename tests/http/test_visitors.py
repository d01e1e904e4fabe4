"""
What a person and an orchestrator see; and what a provider may do to the API.
"""

from __future__ import annotations

import pytest

from oci_twisted import __version__
from oci_twisted.http.errors import render
from oci_twisted.spec.errors import Denied, RegistryError, Unauthorized
from tests.http.stacks import Stack, codes, document, header


def test_a_person_is_told_how_to_push() -> None:
    """The front page names the host that the person has used, and nothing that it could run."""
    reply = Stack().ask("GET", "/", Host='registry.test:5000"><script>')
    assert header(reply, "Content-Type") == "text/html; charset=utf-8"
    assert isinstance(reply.body, bytes)
    page = reply.body.decode()
    assert "docker push registry.test:5000&quot;&gt;&lt;script&gt;/NAME:TAG" in page
    assert "<script>" not in page
    assert __version__ in page
    old = Stack().ask("GET", "/")
    assert isinstance(old.body, bytes)
    assert b"docker push HOST/NAME:TAG" in old.body


def test_an_orchestrator_is_told_how_it_goes() -> None:
    """Alive is who answers; ready is who is not about to stop."""
    stack = Stack()
    assert document(stack.ask("GET", "/health/live")) == {"status": "live"}
    assert document(stack.ask("GET", "/health/ready")) == {"status": "ready"}
    stack.api.stopping = True
    assert codes(stack.ask("GET", "/health/ready")) == ["UNAVAILABLE"]
    assert stack.ask("GET", "/health/live").status == 200


@pytest.mark.parametrize("path", ["/v2/_oci/ext/discover", "/v2/a/b/_oci/ext/discover"])
def test_extensions_are_listed(path: str) -> None:
    """Each extension says what it is and where."""
    extensions = document(Stack().ask("GET", path))["extensions"]
    assert [extension["name"] for extension in extensions] == ["_oci", "_catalog"]
    assert all(extension["endpoints"] for extension in extensions)


@pytest.mark.parametrize("path", ["/v2/", "/v2"])
def test_the_api_answers_without_a_redirect(path: str) -> None:
    """Docker takes the address of the challenge from where it has asked."""
    reply = Stack().ask("GET", path)
    assert (reply.status, document(reply)) == (200, {})


def test_long_paths_are_not_remembered() -> None:
    """Routes that were found are kept at hand, but nobody fills the memory with paths of kilobytes each."""
    stack = Stack()
    found = stack.api._find  # noqa: SLF001 - to look at the cache
    for number in range(10):
        assert stack.ask("GET", f"/v2/a/manifests/{number:02000}").status == 404
    assert found.cache_info().currsize == 0
    for number in range(10):
        stack.ask("GET", f"/v2/a/manifests/{number}")
    assert (found.cache_info().currsize, found.cache_info().maxsize) == (10, 4096)


@pytest.mark.parametrize("path", ["//v2/", "//v2/a/tags/list", "///", "//", "//health/live"])
def test_a_path_begins_with_one_slash(path: str) -> None:
    """A proxy's rules for ``/v2/`` would not see it."""
    reply = Stack().ask("GET", path)
    assert (reply.status, codes(reply)) == (404, ["UNSUPPORTED"])


class Suspended(Denied):
    """A refusal of a provider's own."""


class Locked(Unauthorized):
    """Another."""


class Strange(RegistryError):
    """One that is derived from nothing in particular."""


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Suspended("your account is suspended"), 403, "DENIED"),
        (Locked("try again later", 'Basic realm="r"'), 401, "UNAUTHORIZED"),
        (Strange("strange"), 500, "UNKNOWN"),
    ],
)
def test_a_provider_may_derive_refusals(error: RegistryError, status: int, code: str) -> None:
    """A refusal that is derived from one of ours is rendered as that one."""
    reply = render(error)
    assert (reply.status, codes(reply)) == (status, [code])
    assert document(reply)["errors"][0]["message"] == error.message
    assert (header(reply, "WWW-Authenticate") is not None) == isinstance(error, Unauthorized)
