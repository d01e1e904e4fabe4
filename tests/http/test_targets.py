"""
Request targets.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_twisted.http.targets import parse_path, parse_query, split_target
from oci_twisted.spec.errors import NameInvalid, RegistryError, RequestInvalid
from tests.http.stacks import Stack, codes


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/", b"/", b""),
        (b"/v2/?n=1", b"/v2/", b"n=1"),
        (b"/v2/?n=1?m", b"/v2/", b"n=1?m"),
        (b"http://registry.test/v2/?n", b"/v2/", b"n"),
        (b"HTTPS://registry.test:5000", b"/", b""),
        (b"//v2/", b"//v2/", b""),
    ],
)
def test_targets_are_split(target: bytes, path: bytes, query: bytes) -> None:
    """A target is a path and perhaps a query, or a whole URL, of which the host does not count."""
    assert split_target(target) == (path, query)


@pytest.mark.parametrize("target", [b"*", b"", b"v2/", b"ftp://host/v2/", b"registry.test:443", b"/v2/#top"])
def test_other_targets_are_refused(target: bytes) -> None:
    """What is neither, or has a fragment, is an invalid request."""
    with pytest.raises(RequestInvalid):
        split_target(target)


def test_paths_are_decoded_once() -> None:
    """Percent-encoded UTF-8 is decoded, a plus sign is not, and what comes out is not decoded again."""
    assert parse_path(b"/v2/a/blobs/sha256%3Aab+c") == "/v2/a/blobs/sha256:ab+c"
    assert parse_path("/v2/ä".encode()) == "/v2/ä"
    assert parse_path(b"/v2/%2561") == "/v2/%61"


@pytest.mark.parametrize("path", [b"/v2/a%2fb", b"/v2/a%2Fb", b"/v2/a%5cb", b"/v2/a%00b", b"/v2/%2e%2e%2f"])
def test_encoded_separators_are_refused(path: bytes) -> None:
    """A slash that a proxy in front would not have seen as one is never taken for one."""
    with pytest.raises(NameInvalid):
        parse_path(path)


@pytest.mark.parametrize("path", [b"/v2/%", b"/v2/%g0", b"/v2/%f", b"/v2/%ff", b"/v2/\xff"])
def test_broken_encodings_are_refused(path: bytes) -> None:
    """What is no percent-encoded UTF-8 is an invalid request."""
    with pytest.raises(RequestInvalid):
        parse_path(path)


def test_queries_are_read() -> None:
    """Keys may come several times and without a value, and a plus sign is itself."""
    assert parse_query(b"") == {}
    assert parse_query(b"tag=a&tag=b&n=&x&artifactType=application%2Fx+json") == {
        "tag": ["a", "b"],
        "n": [""],
        "x": [""],
        "artifactType": ["application/x+json"],
    }


@pytest.mark.parametrize("query", [b"a=%", b"a=%ff", b"%zz=1", b"&".join([b"a=1"] * 257)])
def test_broken_queries_are_refused(query: bytes) -> None:
    """What is no percent-encoded UTF-8, or has too many parameters, is an invalid request."""
    with pytest.raises(RequestInvalid):
        parse_query(query)


@given(st.binary(max_size=200))
def test_nothing_else_is_ever_raised(raw: bytes) -> None:
    """Whatever comes is read or refused."""
    for parse in (split_target, parse_path, parse_query):
        try:
            parse(raw)
        except RegistryError as error:
            assert error.message  # noqa: PT017 - either way is right


@pytest.mark.parametrize("part", ["blobs", "manifests", "uploads", "tags", "list", "referrers", "v2", "blobs/uploads"])
def test_names_may_look_like_paths(part: str) -> None:
    """A repository may have the API's own words in its name: the last ones of the path are the API's."""
    stack = Stack()
    for name in (part, f"{part}/x", f"x/{part}", f"x/{part}/y/{part}"):
        blob = stack.add_blob(name, name.encode())
        assert stack.ask("GET", f"/v2/{name}/blobs/{blob}").status == 200
        assert stack.ask("GET", f"/v2/{name}/tags/list").status == 200
        assert stack.ask("POST", f"/v2/{name}/blobs/uploads/").status == 202
        assert stack.ask("GET", f"/v2/{name}/referrers/{blob}").status == 200
        assert codes(stack.ask("GET", f"/v2/{name}/manifests/latest")) == ["MANIFEST_UNKNOWN"]


@pytest.mark.parametrize(
    "name",
    ["", "A", "a//b", "a/", "/a", "a/../b", "..", "a/./b", "a_", "a___b", "-a", "a%20b", "ä", "a:b", "a" * 256],
)
def test_bad_names_are_refused(name: str) -> None:
    """A name that the grammar does not allow is a NAME_INVALID; nothing redirects to a better one."""
    stack = Stack()
    for method, rest in (("GET", "tags/list"), ("POST", "blobs/uploads/"), ("GET", "manifests/latest")):
        reply = stack.ask(method, f"/v2/{name}/{rest}")
        assert (reply.status, codes(reply)) == (400, ["NAME_INVALID"])


def test_the_longest_name_is_served() -> None:
    """A name of 255 characters is one."""
    assert Stack().ask("POST", f"/v2/{'a' * 255}/blobs/uploads/").status == 202


@pytest.mark.parametrize("target", ["/v1/", "/v2/a", "/v2/a/blobs", "/v3/a/tags/list", "/favicon.ico", "/v2/_oci/ext"])
def test_unknown_paths_are_refused(target: str) -> None:
    """A path that is none of the API's is a 404 with an error document."""
    reply = Stack().ask("GET", target)
    assert (reply.status, codes(reply)) == (404, ["UNSUPPORTED"])


@pytest.mark.parametrize(
    ("method", "target", "allow"),
    [
        ("POST", "/v2/", "GET, HEAD"),
        ("PUT", "/v2/a/tags/list", "GET, HEAD"),
        ("PATCH", "/v2/a/manifests/latest", "DELETE, GET, HEAD, PUT"),
        ("GET", "/v2/a/blobs/uploads/", "POST"),
        ("OPTIONS", "/v2/", "GET, HEAD"),
        ("POST", "/v2/a/blobs/uploads/id", "DELETE, GET, HEAD, PATCH, PUT"),
    ],
)
def test_wrong_methods_are_refused(method: str, target: str, allow: str) -> None:
    """A method that a path does not know is a 405 that names those that it does."""
    reply = Stack().ask(method, target)
    assert (reply.status, codes(reply)) == (405, ["UNSUPPORTED"])
    assert ("Allow", allow) in reply.headers
