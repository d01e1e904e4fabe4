"""
The matrix: every route of the table, asked for by everybody, behind both fronts.

What is expected follows from the route's action and from who asks.  A new route needs a line in `SERVED`, and one in
the table of actions of `tests.http.test_authorization`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from oci_twisted.http.routes import table
from oci_twisted.interfaces import Action
from oci_twisted.spec.digests import digest_of
from oci_twisted.spec.mediatypes import OCI_INDEX
from tests.http.corpus import GET_IDS, GETS, IDS, NAME, NOTHING, PATHS, ROUTES, TAG, Content, Route, fill
from tests.http.fronts import normal
from tests.http.people import ALL_RIGHTS, CHALLENGE, Rights, fronts, login
from tests.http.stacks import index
from tests.http.test_authorization import ACTIONS
from tests.wire.messages import message

if TYPE_CHECKING:
    from tests.wire.messages import Answer
    from tests.wire.peers import Wire

ANONYMOUS = "anonymous"
PEOPLE = {
    ANONYMOUS: frozenset[Action](),
    "nobody": frozenset[Action](),
    "puller": frozenset({Action.PULL}),
    "pusher": frozenset({Action.PUSH}),
    "deleter": frozenset({Action.DELETE}),
    "administrator": ALL_RIGHTS,
}
RIGHTS = Rights({person: {NAME: rights} for person, rights in PEOPLE.items() if person != ANONYMOUS})

# What one gets who may, from the filled registry.
SERVED = {
    "ping": 200,
    "get_blob": 200,
    "get_manifest": 200,
    "begin_upload": 202,
    "append_to_upload": 202,
    "finish_upload": 201,
    "put_manifest": 201,
    "list_tags": 200,
    "delete_manifest": 202,
    "delete_blob": 202,
    "list_referrers": 200,
    "get_upload": 204,
    "cancel_upload": 204,
    "list_repositories": 200,
    "list_extensions": 200,
    "list_repository_extensions": 200,
    "get_token": 200,
    "post_token": 200,
    "get_token_keys": 200,
    "front_page": 200,
    "health_live": 200,
    "health_ready": 200,
}
# Where the table above is about a repository, what one gets who may not even know that it exists.
ABSENT = {
    "get_blob": (404, ["BLOB_UNKNOWN"]),
    "get_manifest": (404, ["MANIFEST_UNKNOWN"]),
    "list_tags": (404, ["NAME_UNKNOWN"]),
    "list_referrers": (200, []),
    "list_repository_extensions": (200, []),
}

MANIFEST = json.dumps(index(number="pushed")).encode()
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def request(route: Route, content: Content, person: str, method: str | None = None) -> bytes:
    """Write a request that is right in everything but, perhaps, in who sends it."""
    headers = [] if person == ANONYMOUS else [f"Authorization: {login(person)}"]
    target, body = route.target(content), None
    match route.endpoint:
        case "put_manifest":
            headers.append(f"Content-Type: {OCI_INDEX}")
            body = MANIFEST
        case "post_token":
            headers.append("Content-Type: application/x-www-form-urlencoded")
            body = b"grant_type=password&service=registry.test&client_id=test&username=ada&password=secret"
        case "append_to_upload":
            body = b"more"
        case "finish_upload":
            target += f"?digest={digest_of(b'')}"
            body = b""
    return message(method or route.method, target, *headers, body=body)


def expected(route: Route, person: str) -> str:
    """Answer what has to come of it: ``served``, ``challenged``, ``denied`` or ``absent``."""
    action = ACTIONS[route.endpoint]
    if action is Action.PUBLIC:
        return "served"
    if person == ANONYMOUS:
        return "challenged"
    if action in {Action.PING, Action.CATALOG} or action in PEOPLE[person]:
        return "served"
    return "absent" if action is Action.PULL else "denied"


def state(front: Wire, content: Content) -> list[object]:
    """Answer all that an administrator can see of the repository."""
    targets = [
        f"/v2/{NAME}/tags/list",
        f"/v2/{NAME}/manifests/{TAG}",
        f"/v2/{NAME}/manifests/{content.referrer}",
        f"/v2/{NAME}/referrers/{content.manifest}",
        f"/v2/{NAME}/blobs/{content.blob}",
        f"/v2/{NAME}/blobs/uploads/{content.session}",
    ]
    peer = front.connect()
    for target in targets:
        peer.send(message("GET", target, f"Authorization: {login('administrator')}"))
    return [normal(answer) for answer in peer.answers()]


def ask(front: Wire, route: Route, person: str, method: str | None = None) -> tuple[Answer, bool]:
    """Answer what comes of a request to a filled registry, and whether it has left everything as it was."""
    content = fill(front.stack)
    before = state(front, content)
    answer = front.send(request(route, content, person, method)).answer(method or route.method)
    return answer, state(front, content) == before


def test_every_route_has_a_line() -> None:
    """A new route needs a line in each table."""
    endpoints = {str(rule.endpoint) for rule in table.url_map.iter_rules()}
    assert set(SERVED) == endpoints
    assert set(ABSENT) == {name for name in endpoints if ACTIONS[name] is Action.PULL}


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_everybody_gets_what_is_theirs(route: Route, person: str) -> None:
    """Each route serves who may; it challenges, denies, or knows nothing, and changes nothing, for anybody else."""
    found = []
    for front in fronts(RIGHTS):
        answer, unchanged = ask(front, route, person)
        found.append(normal(answer))
        match expected(route, person):
            case "served":
                assert answer.status == SERVED[route.endpoint]
                assert answer.header("WWW-Authenticate") is None
                continue
            case "challenged":
                assert (answer.status, answer.codes) == (401, ["UNAUTHORIZED"])
                assert answer.header("WWW-Authenticate") == CHALLENGE
            case "denied":
                assert (answer.status, answer.codes) == (403, ["DENIED"])
                assert answer.header("WWW-Authenticate") is None
            case "absent":
                codes = answer.codes if answer.status >= 400 else []
                assert (answer.status, codes) == ABSENT[route.endpoint]
        assert unchanged
    ours, theirs = found
    assert ours == theirs


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("route", GETS, ids=GET_IDS)
def test_head_is_get_without_a_body(route: Route, person: str) -> None:
    """For everybody, HEAD has the status and the headers that GET has, and changes nothing."""
    for front, other in zip(fronts(RIGHTS), fronts(RIGHTS), strict=True):
        get, _ = ask(front, route, person)
        head, unchanged = ask(other, route, person, "HEAD")
        assert normal(head)[:2] == normal(get)[:2]
        assert head.body == b""
        assert unchanged


@pytest.mark.parametrize("person", [person for person, rights in PEOPLE.items() if Action.PULL not in rights])
@pytest.mark.parametrize("route", [route for route in ROUTES if route.endpoint in ABSENT], ids=lambda one: one.endpoint)
def test_what_is_hidden_reads_like_what_is_not_there(route: Route, person: str) -> None:
    """Who may not pull is told of a full repository, byte for byte, what they are told where nothing was pushed."""
    for full, empty in zip(fronts(RIGHTS), fronts(RIGHTS), strict=True):
        content = fill(full.stack)
        for method in ("GET", "HEAD"):
            asked = request(route, content, person, method)
            hidden, missing = (front.send(asked).answer(method) for front in (full, empty))
            assert normal(hidden) == normal(missing)


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_a_refusal_does_not_tell_what_is_there(route: Route) -> None:
    """401 and 403 are the same, to the last byte, whether what was asked for exists or not."""
    for person in PEOPLE:
        if expected(route, person) not in {"challenged", "denied"}:
            continue
        for full, empty in zip(fronts(RIGHTS), fronts(RIGHTS), strict=True):
            asked = request(route, fill(full.stack), person)
            there, missing = (front.send(asked).answer(route.method) for front in (full, empty))
            assert normal(there) == normal(missing)


@pytest.mark.parametrize("route", ROUTES, ids=IDS)
def test_a_wrong_method_says_the_same_to_everybody(route: Route) -> None:
    """405 and its Allow are read off the table: neither who asks nor what is stored makes a difference."""
    known = {one.method for one in ROUTES if one.rule == route.rule}
    known |= {"HEAD"} if "GET" in known else set()
    for method in set(METHODS) - known:
        told = []
        for person in PEOPLE:
            for full, empty in zip(fronts(RIGHTS), fronts(RIGHTS), strict=True):
                asked = request(route, fill(full.stack), person, method)
                told += [normal(front.send(asked).answer(method)) for front in (full, empty)]
        assert told[0][0] == 405
        assert dict(told[0][1])["allow"].decode().split(", ") == sorted(known)
        assert all(one == told[0] for one in told)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_unknown_path_says_the_same_to_everybody(path: str, method: str) -> None:
    """What is no path of the API, or no name, is refused before anybody is asked who they are."""
    told = []
    for person in PEOPLE:
        headers = [] if person == ANONYMOUS else [f"Authorization: {login(person)}"]
        told.append([front.send(message(method, path, *headers)).answer(method) for front in fronts(RIGHTS)])
    statuses = {answer.status for answers in told for answer in answers}
    if statuses & {401, 403}:
        # It is a path after all, and then anonymous requests are not served.
        assert {answer.status for answer in told[0]} == {401}
        return
    assert len({json.dumps(normal(answer), default=repr) for answers in told for answer in answers}) == 1


@pytest.mark.parametrize("person", PEOPLE)
def test_the_catalog_is_what_one_may_pull(person: str) -> None:
    """A repository is listed for those who may pull it, and for nobody else."""
    for front in fronts(RIGHTS):
        fill(front.stack)
        front.stack.add_blob("another/one", b"blob")
        headers = [] if person == ANONYMOUS else [f"Authorization: {login(person)}"]
        answer = front.send(message("GET", "/v2/_catalog", *headers)).answer()
        if person == ANONYMOUS:
            assert answer.status == 401
        else:
            visible = [NAME] if Action.PULL in PEOPLE[person] else []
            assert answer.json() == {"repositories": visible}


@pytest.mark.parametrize("person", PEOPLE)
def test_a_mount_needs_a_right_at_either_end(person: str) -> None:
    """To mount takes a push right in the target; without a pull right in the source it is as if nothing were there."""
    target = "new/place"
    for source, given in ((NAME, f"&from={NAME}"), (NAME, ""), ("not/there", "&from=not/there")):
        rights = Rights({who: {NAME: granted, target: ALL_RIGHTS} for who, granted in PEOPLE.items()})
        for front in fronts(rights):
            blob = front.stack.add_blob(source, b"blob") if source == NAME else NOTHING
            headers = [] if person == ANONYMOUS else [f"Authorization: {login(person)}"]
            asked = message("POST", f"/v2/{target}/blobs/uploads/?mount={blob}{given}", *headers)
            status = front.send(asked).answer("POST").status
            if person == ANONYMOUS:
                assert status == 401
            else:
                assert status == (201 if source == NAME and Action.PULL in PEOPLE[person] else 202)


def test_anonymous_requests_have_the_rights_that_they_are_given() -> None:
    """Where everybody may pull, anonymous requests do, and are asked to log in for the rest."""
    rights = Rights({None: {NAME: frozenset({Action.PULL})}})
    for route in ROUTES:
        for front in fronts(rights):
            answer, _ = ask(front, route, ANONYMOUS)
            served = ACTIONS[route.endpoint] in {Action.PULL, Action.PUBLIC}
            assert answer.status == (SERVED[route.endpoint] if served else 401)
