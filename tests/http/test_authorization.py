"""
Every route asks who it is and whether they may; so do a mount, about its source, and a listing, about what it lists.
"""

from __future__ import annotations

import pytest
from zope.interface import implementer

from oci_twisted.http.routes import table
from oci_twisted.interfaces import ANONYMOUS, Action, Credentials, IAuthenticator, IAuthorizer, Principal
from oci_twisted.spec.errors import Unauthorized
from oci_twisted.spec.names import RepositoryName, parse_name
from tests.http.corpus import CONTENT, GET_IDS, GETS, IDS, NAME, ROUTES, Route, fill
from tests.http.stacks import Stack, codes, document, header

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
    "front_page": Action.PUBLIC,
    "health_live": Action.PUBLIC,
    "health_ready": Action.PUBLIC,
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
        if credentials.authorization == "Basic wrong":
            raise Unauthorized("wrong password", CHALLENGE)
        return self._principal

    def challenge(self, credentials: Credentials, action: Action, name: RepositoryName | None) -> str:
        """Answer a challenge that says what it is about."""
        del credentials
        return f'{CHALLENGE},scope="{name}:{action.value}"'


@implementer(IAuthorizer)
class Book:
    """
    Permits what is written in it.

    :ivar asked: what it was asked.
    """

    def __init__(self, *permitted: tuple[Action, str | None]) -> None:
        self._permitted = permitted
        self.asked: list[tuple[Principal, Action, str | None]] = []

    async def permits(self, principal: Principal, action: Action, name: RepositoryName | None) -> bool:
        """Look it up."""
        text = None if name is None else name.text
        self.asked.append((principal, action, text))
        return (action, text) in self._permitted


def guarded(principal: Principal, *permitted: tuple[Action, str | None]) -> tuple[Stack, Door, Book]:
    """Make a registry with a door and a book."""
    door, book = Door(principal), Book(*permitted)
    return Stack(authenticator=door, authorizer=book), door, book


def repository_of(route: Route) -> str | None:
    """Answer the repository that a request for a route is about."""
    return NAME if "<name:name>" in route.rule else None


def test_every_route_is_in_the_matrix() -> None:
    """A new route needs a line in `ACTIONS`."""
    assert sorted(ACTIONS) == sorted({str(rule.endpoint) for rule in table.url_map.iter_rules()})


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_a_route_asks(route: Route) -> None:
    """Before a route does anything it finds out who asks, and asks for its action on its repository."""
    stack, door, book = guarded(ADA)
    target = route.target(fill(stack))
    stack.ask(route.method, target, Authorization="Basic right", Host="registry.test")
    assert door.seen == [Credentials("Basic right", "registry.test", "192.0.2.1", secure=False)]
    assert book.asked == [(ADA, ACTIONS[route.endpoint], repository_of(route))]


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_an_anonymous_request_is_challenged(route: Route) -> None:
    """Who has not said who they are gets 401, one challenge, and an error document."""
    stack, _, _ = guarded(ANONYMOUS)
    reply = stack.ask(route.method, route.target(fill(stack)))
    assert reply.status == 401
    scope = f'scope="{repository_of(route)}:{ACTIONS[route.endpoint].value}"'
    assert header(reply, "WWW-Authenticate") == f"{CHALLENGE},{scope}"
    assert header(reply, "Content-Type") == "application/json"
    assert codes(reply) == ["UNAUTHORIZED"]


@pytest.mark.parametrize("route", GETS, ids=GET_IDS)
def test_head_is_challenged_like_get(route: Route) -> None:
    """Clients learn from the answer to HEAD how to log in."""
    stack, _, _ = guarded(ANONYMOUS)
    target = route.target(fill(stack))
    head, get = stack.ask("HEAD", target), stack.ask("GET", target)
    assert (head.status, head.headers, head.length) == (get.status, get.headers, get.length)


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_wrong_credentials_are_refused(route: Route) -> None:
    """Who shows wrong credentials gets 401, whatever the book says of anonymous requests."""
    everything = [(action, name) for action in Action for name in (NAME, None)]
    stack, _, book = guarded(ANONYMOUS, *everything)
    reply = stack.ask(route.method, route.target(fill(stack)), Authorization="Basic wrong")
    assert (reply.status, header(reply, "WWW-Authenticate"), codes(reply)) == (401, CHALLENGE, ["UNAUTHORIZED"])
    assert book.asked == []


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_a_known_user_is_denied(route: Route) -> None:
    """Who is known and may not do it gets 403, and no challenge."""
    others = [(action, name) for action in Action for name in (NAME, None) if action is not ACTIONS[route.endpoint]]
    stack, _, _ = guarded(ADA, *others)
    reply = stack.ask(route.method, route.target(fill(stack)))
    assert (reply.status, codes(reply), header(reply, "WWW-Authenticate")) == (403, ["DENIED"], None)


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
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
    assert stack.ask("GET", f"/v2/{NAME}/tags/list").status == 403


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
        assert len(book.asked) - asked < 30
        found += document(reply)["repositories"]
        link = header(reply, "Link")
        target = "" if link is None else link.partition(">")[0].removeprefix("<")
        pages += 1
    assert found == [parse_name("r/99").text]
    assert pages > 1
