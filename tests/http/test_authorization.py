"""
Every route asks who it is and whether they may; so do a mount, about its source, and a listing, about what it lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from zope.interface import implementer

from oci_twisted.http.routes import table
from oci_twisted.interfaces import (
    ANONYMOUS,
    Action,
    Credentials,
    Decision,
    IAuthenticator,
    IAuthorizer,
    IMetadataStore,
    Principal,
    WrongCredentials,
)
from oci_twisted.spec.names import RepositoryName, parse_name
from oci_twisted.spec.scopes import parse_scope
from oci_twisted.storage.memory.metadata import MemoryMetadata
from tests.http.corpus import CONTENT, GETS, NAME, ROUTES, Route, fill
from tests.http.stacks import Stack, codes, document, header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oci_twisted.spec.scopes import Scope

ADA = Principal("ada", frozenset({"builders"}))
CHALLENGE = 'Bearer realm="http://registry.test/token",service="registry.test"'

# What each route has to ask for.  A route that is not here fails.
ACTIONS = {
    "ping": Action.PING,
    "get_blob": Action.PULL,
    "get_manifest": Action.PULL,
    "begin_upload": Action.PUSH,
    "append_to_upload": Action.PUSH,
    "finish_upload": Action.PUSH,
    "put_manifest": Action.PUSH,
    "list_tags": Action.PULL,
    "delete_manifest": Action.DELETE,
    "delete_blob": Action.DELETE,
    "list_referrers": Action.PULL,
    "get_upload": Action.PUSH,
    "cancel_upload": Action.PUSH,
    "list_repositories": Action.CATALOG,
    "list_extensions": Action.PING,
    "list_repository_extensions": Action.PULL,
    "get_token": Action.PUBLIC,
    "post_token": Action.PUBLIC,
    "get_token_keys": Action.PUBLIC,
    "front_page": Action.PUBLIC,
    "health_live": Action.PUBLIC,
    "health_ready": Action.PUBLIC,
}


# What a client is told to ask a token for.
SCOPES = {
    Action.PING: "",
    Action.PULL: "repository:{}:pull",
    Action.PUSH: "repository:{}:pull,push",
    Action.DELETE: "repository:{}:delete",
    Action.CATALOG: "registry:catalog:*",
}


@implementer(IAuthenticator)
class Door:
    """
    Takes everybody for one principal.

    :ivar seen: the credentials that were shown.
    """

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self.seen: list[Credentials] = []

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Answer that principal, but refuse who shows a wrong password."""
        self.seen.append(credentials)
        if (credentials.authorization or "").endswith("wrong"):
            raise WrongCredentials("wrong password")
        return self._principal

    def challenge(self, credentials: Credentials, scopes: Sequence[Scope], error: str | None = None) -> str:
        """Answer a challenge that says what it is about."""
        del credentials
        return f'{CHALLENGE},scope="{" ".join(map(str, scopes))}",error="{error}"'


@implementer(IAuthorizer)
class Book:
    """
    Permits what is written in it.

    :ivar asked: what it was asked.
    """

    def __init__(self, *permitted: tuple[Action, str | None]) -> None:
        self._permitted = permitted
        self.asked: list[tuple[Principal, Action, str | None]] = []

    async def decide(self, principal: Principal, action: Action, name: RepositoryName | None) -> Decision:
        """Look it up."""
        text = None if name is None else name.text
        self.asked.append((principal, action, text))
        return Decision((action, text) in self._permitted, by="the book")


@implementer(IMetadataStore)
class SealedMetadata:
    """
    Metadata in memory.

    :ivar sealed: nobody may look any more.
    """

    def __init__(self) -> None:
        self._metadata = MemoryMetadata()
        self.sealed = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the attribute is
        assert not self.sealed, f"{name} was touched"
        return getattr(self._metadata, name)


def guarded(principal: Principal, *permitted: tuple[Action, str | None]) -> tuple[Stack, Door, Book]:
    """Make a registry with a door and a book."""
    door, book = Door(principal), Book(*permitted)
    return Stack(authenticator=door, authorizer=book), door, book


GUARDED = [route for route in ROUTES if ACTIONS[route.endpoint] is not Action.PUBLIC]
PUBLIC = [route for route in ROUTES if ACTIONS[route.endpoint] is Action.PUBLIC]


def repository_of(route: Route) -> str | None:
    """Answer the repository that a request for a route is about."""
    return NAME if "<name:name>" in route.rule else None


def test_every_route_is_in_the_matrix() -> None:
    """A new route needs a line in `ACTIONS`."""
    assert sorted(ACTIONS) == sorted({str(rule.endpoint) for rule in table.url_map.iter_rules()})


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.endpoint)
def test_a_route_asks(route: Route) -> None:
    """Before a route does anything it finds out who asks, and asks for its action on its repository."""
    stack, door, book = guarded(ADA)
    target = route.target(fill(stack))
    stack.ask(route.method, target, Authorization="Basic right", Host="registry.test")
    assert door.seen == [Credentials("Basic right", "registry.test", "192.0.2.1", secure=False)]
    assert book.asked == [(ADA, ACTIONS[route.endpoint], repository_of(route))]


@pytest.mark.parametrize("authorization", ["", "Basic wrong", "Bearer wrong"])
@pytest.mark.parametrize("route", PUBLIC, ids=lambda route: route.endpoint)
def test_a_public_route_asks_nobody(route: Route, authorization: str) -> None:
    """Credentials are not looked at, so that an old login keeps nobody from what everybody may see."""
    stack, door, book = guarded(ADA)
    target = route.target(fill(stack))
    assert stack.ask(route.method, target, Authorization=authorization) == Stack().ask(route.method, target)
    assert (door.seen, book.asked) == ([], [])


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.endpoint)
def test_an_anonymous_request_is_challenged(route: Route) -> None:
    """Who has not said who they are gets 401, one challenge, and an error document."""
    stack, _, _ = guarded(ANONYMOUS)
    reply = stack.ask(route.method, route.target(fill(stack)))
    assert reply.status == 401
    scope = SCOPES[ACTIONS[route.endpoint]].format(repository_of(route))
    assert header(reply, "WWW-Authenticate") == f'{CHALLENGE},scope="{scope}",error="None"'
    assert header(reply, "Content-Type") == "application/json"
    assert codes(reply) == ["UNAUTHORIZED"]


@pytest.mark.parametrize("route", [route for route in GETS if route in GUARDED], ids=lambda route: route.endpoint)
def test_head_is_challenged_like_get(route: Route) -> None:
    """
    Clients learn from the answer to HEAD how to log in.

    Who asks for the head of a blob is told to ask for all that a push takes: oras-py fetches no second token.
    """
    stack, _, _ = guarded(ANONYMOUS)
    target = route.target(fill(stack))
    head, get = stack.ask("HEAD", target), stack.ask("GET", target)
    headers = get.headers
    if route.endpoint == "get_blob":
        headers = tuple((name, value.replace(":pull", ":pull,push")) for name, value in headers)
        assert headers != get.headers
    assert (head.status, head.headers, head.length) == (get.status, headers, get.length)


@pytest.mark.parametrize(("scheme", "error"), [("Basic", "None"), ("Bearer", "invalid_token")])
@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.endpoint)
def test_wrong_credentials_are_refused(route: Route, scheme: str, error: str) -> None:
    """Who shows wrong credentials gets 401, whatever the book says of anonymous requests."""
    everything = [(action, name) for action in Action for name in (NAME, None)]
    stack, _, book = guarded(ANONYMOUS, *everything)
    reply = stack.ask(route.method, route.target(fill(stack)), Authorization=f"{scheme} wrong")
    scope = SCOPES[ACTIONS[route.endpoint]].format(repository_of(route))
    challenge = f'{CHALLENGE},scope="{scope}",error="{error}"'
    assert (reply.status, header(reply, "WWW-Authenticate"), codes(reply)) == (401, challenge, ["UNAUTHORIZED"])
    assert book.asked == []


PULLS = [route for route in ROUTES if ACTIONS[route.endpoint] is Action.PULL]
OTHERS = [route for route in GUARDED if ACTIONS[route.endpoint] is not Action.PULL]


def all_but(action: Action) -> list[tuple[Action, str | None]]:
    """Answer every permission that does not help with ``action``."""
    return [(other, name) for other in Action for name in (NAME, None) if other is not action]


@pytest.mark.parametrize("route", OTHERS, ids=lambda route: route.endpoint)
def test_a_known_user_is_denied(route: Route) -> None:
    """Who is known and may not do it gets 403, and no challenge."""
    stack, _, _ = guarded(ADA, *all_but(ACTIONS[route.endpoint]))
    reply = stack.ask(route.method, route.target(fill(stack)))
    assert (reply.status, codes(reply), header(reply, "WWW-Authenticate")) == (403, ["DENIED"], None)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("route", PULLS, ids=lambda route: route.endpoint)
def test_what_one_may_not_pull_is_not_there(route: Route, method: str) -> None:
    """Who is known and may not pull is answered, to the last byte, what they would be if there were nothing."""
    stack, _, _ = guarded(ADA, *all_but(Action.PULL))
    target = route.target(fill(stack))
    hidden = stack.ask(method, target)
    permitted, _, _ = guarded(ADA, (Action.PULL, NAME))
    assert hidden == permitted.ask(method, target)


def test_what_one_may_not_pull_is_not_looked_for() -> None:
    """No store is touched on the way to the answer, so that the time it takes says nothing either."""
    metadata = SealedMetadata()
    stack = Stack(authenticator=Door(ADA), authorizer=Book(), metadata=metadata)
    targets = [route.target(fill(stack)) for route in PULLS]
    metadata.sealed = True
    assert {stack.ask("GET", target).status for target in targets} == {200, 404}
    with pytest.raises(AssertionError, match="touched"):
        stack.add_blob(NAME, CONTENT)


def test_a_token_that_is_for_less_is_challenged() -> None:
    """Whose token was issued for something else learns what to ask for, if they may have it."""
    scope = parse_scope(f"repository:{NAME}:push")
    stack, _, _ = guarded(Principal("ada", token=(scope,)), (Action.PULL, NAME), (Action.PUSH, NAME))
    target = f"/v2/{NAME}/tags/list"
    fill(stack)
    reply = stack.ask("GET", target)
    wanted = f'{CHALLENGE},scope="repository:{NAME}:pull",error="insufficient_scope"'
    assert (reply.status, header(reply, "WWW-Authenticate")) == (401, wanted)
    assert stack.ask("POST", f"/v2/{NAME}/blobs/uploads/").status == 202
    without_right, _, _ = guarded(Principal("ada", token=()))
    assert without_right.ask("GET", target).status == 404


def test_limits_hold_whatever_the_owner_may_do() -> None:
    """Credentials that were made for less than their owner's rights are good for no more, and cannot be widened."""
    limits = (parse_scope("repository:a/*:pull"),)
    rights = [(action, NAME) for action in (Action.PULL, Action.PUSH)]
    stack, _, _ = guarded(Principal("ada", limits=limits), *rights, (Action.PULL, "b"))
    fill(stack)
    assert stack.ask("GET", f"/v2/{NAME}/tags/list").status == 200
    assert stack.ask("POST", f"/v2/{NAME}/blobs/uploads/").status == 403
    assert stack.ask("GET", "/v2/b/tags/list").status == 404


def test_a_mount_asks_for_a_token_for_its_source() -> None:
    """When the caller may pull the source, and the token is for the target only, they learn what to ask for."""
    token = (parse_scope("repository:new/place:pull,push"),)
    rights = ((Action.PUSH, "new/place"), (Action.PULL, NAME))
    for source in (f"&from={NAME}", ""):
        stack, _, _ = guarded(Principal("ada", token=token), *rights)
        blob = stack.add_blob(NAME, CONTENT)
        reply = stack.ask("POST", f"/v2/new/place/blobs/uploads/?mount={blob}{source}")
        scopes = f"repository:new/place:pull,push repository:{NAME}:pull"
        wanted = f'{CHALLENGE},scope="{scopes}",error="insufficient_scope"'
        assert (reply.status, header(reply, "WWW-Authenticate")) == (401, wanted)
        wide = (*token, parse_scope(f"repository:{NAME}:pull"))
        again, _, _ = guarded(Principal("ada", token=wide), *rights)
        blob = again.add_blob(NAME, CONTENT)
        assert again.ask("POST", f"/v2/new/place/blobs/uploads/?mount={blob}{source}").status == 201


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.endpoint)
def test_who_may_is_served(route: Route) -> None:
    """With just the one right the route does its work, or complains of the request and not of who sent it."""
    stack, _, _ = guarded(ADA, (ACTIONS[route.endpoint], repository_of(route)))
    reply = stack.ask(route.method, route.target(fill(stack)))
    assert reply.status < 500
    assert reply.status not in {401, 403}


def test_a_right_in_one_repository_is_none_in_another() -> None:
    """The book is asked about the repository in the path, and about no other."""
    stack, _, _ = guarded(ADA, (Action.PULL, "other/name"))
    fill(stack)
    assert stack.ask("GET", f"/v2/{NAME}/tags/list").status == 404


def test_a_mount_asks_about_its_source() -> None:
    """A blob is mounted only from where the caller may pull; else it is as if it were not there."""
    for may_pull, status in ((True, 201), (False, 202)):
        rights = [(Action.PUSH, "new/place"), *([(Action.PULL, NAME)] if may_pull else [])]
        stack, _, book = guarded(ADA, *rights)
        blob = stack.add_blob(NAME, CONTENT)
        reply = stack.ask("POST", f"/v2/new/place/blobs/uploads/?mount={blob}&from={NAME}")
        assert reply.status == status
        assert (ADA, Action.PULL, NAME) in book.asked


def test_a_mount_without_a_source_looks_only_where_one_may_pull() -> None:
    """Of the repositories that hold the blob, those that the caller may not pull do not count."""
    for readable, status in (("b/readable", 201), ("c/elsewhere", 202)):
        stack, _, _ = guarded(ADA, (Action.PUSH, "new/place"), (Action.PULL, readable))
        for name in ("a/secret", "b/readable"):
            blob = stack.add_blob(name, CONTENT)
        assert stack.ask("POST", f"/v2/new/place/blobs/uploads/?mount={blob}").status == status


def test_the_catalog_shows_what_one_may_pull() -> None:
    """Repositories that the caller may not pull are left out, and a page is filled with those behind them."""
    readable = [f"r/{number}" for number in (2, 5, 7)]
    stack, _, _ = guarded(ADA, (Action.CATALOG, None), *((Action.PULL, name) for name in readable))
    for number in range(9):
        stack.add_blob(f"r/{number}", CONTENT)
    assert document(stack.ask("GET", "/v2/_catalog")) == {"repositories": readable}
    reply = stack.ask("GET", "/v2/_catalog?n=2")
    assert document(reply) == {"repositories": readable[:2]}
    assert header(reply, "Link") == '</v2/_catalog?n=2&last=r%2F5>; rel="next"'


def test_a_catalog_of_what_one_may_not_pull_does_not_stall() -> None:
    """When much has to be passed over, a page comes short, and says where to go on."""
    stack, _, book = guarded(ADA, (Action.CATALOG, None), (Action.PULL, "r/99"))
    for number in range(100):
        stack.add_blob(f"r/{number:02}", CONTENT)
    found: list[str] = []
    target, pages = "/v2/_catalog?n=2", 0
    while target:
        asked = len(book.asked)
        reply = stack.ask("GET", target)
        assert len(book.asked) - asked < 40
        found += document(reply)["repositories"]
        link = header(reply, "Link")
        assert "r%2F" not in (link or ""), "a name that is hidden"
        target = "" if link is None else link.partition(">")[0].removeprefix("<")
        pages += 1
    assert found == [parse_name("r/99").text]
    assert pages > 1


def test_a_catalog_does_not_tell_what_it_leaves_out() -> None:
    """Whether a page has a next one depends only on what one may pull."""
    for hidden in (0, 3):
        stack, _, _ = guarded(ADA, (Action.CATALOG, None), (Action.PULL, "a/1"), (Action.PULL, "m/1"))
        for name in ("a/1", "m/1", *(f"{place}/2" for place in "bnz"[:hidden])):
            stack.add_blob(name, CONTENT)
        for target, names, link in (
            ("/v2/_catalog?n=1", ["a/1"], '</v2/_catalog?n=1&last=a%2F1>; rel="next"'),
            ("/v2/_catalog?n=1&last=a%2F1", ["m/1"], None),
            ("/v2/_catalog?n=2", ["a/1", "m/1"], None),
        ):
            reply = stack.ask("GET", target)
            assert (document(reply), header(reply, "Link")) == ({"repositories": names}, link)


@pytest.mark.parametrize("last", ["~", "~x", "~\u00e9", f"~{'A' * 400}"])
def test_a_place_that_was_not_sealed_here_is_refused(last: str) -> None:
    """A link of before a restart is no longer good, and whoever follows it is told to begin anew."""
    stack, _, _ = guarded(ADA, (Action.CATALOG, None))
    reply = stack.ask("GET", f"/v2/_catalog?last={quote(last)}")
    assert (reply.status, codes(reply)) == (400, ["UNSUPPORTED"])
