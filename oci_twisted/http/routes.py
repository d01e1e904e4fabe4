"""
The API: a line a route, a line of the specification each.

Klein holds the table.  Both fronts look up a request's route in it and go through `API.answer`; there is no
other way to an endpoint.
"""

from __future__ import annotations

import itertools
import secrets
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from klein import Klein
from twisted.internet.defer import CancelledError
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.exceptions import MethodNotAllowed as NoSuchMethod
from werkzeug.routing import BaseConverter

from oci_twisted.http import blobs, listings, manifests, tokens, uploads, visitors
from oci_twisted.http.authorize import Gate, Route
from oci_twisted.http.cursors import Cursors
from oci_twisted.http.errors import render, render_fault
from oci_twisted.http.mounted import serve
from oci_twisted.http.replies import Reply, json_reply
from oci_twisted.http.targets import parse_path
from oci_twisted.interfaces import Action
from oci_twisted.registry.absent import AbsentRepository
from oci_twisted.spec.digests import parse_digest
from oci_twisted.spec.errors import ExtensionUnknown, MethodNotAllowed, RegistryError
from oci_twisted.spec.names import RepositoryName, parse_name, parse_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure
    from twisted.web.server import Request

    from oci_twisted.http.access import AccessLog
    from oci_twisted.http.authorize import Endpoint
    from oci_twisted.http.calls import Call
    from oci_twisted.http.forwarded import TrustedProxies
    from oci_twisted.interfaces import IAuthenticator, IAuthorizer, IRepository, ITokenService
    from oci_twisted.registry.registry import StoredRegistry

E = TypeVar("E", bound="Endpoint")

_ROUTES: dict[str, Route] = {}
_CACHED_ROUTES = 4096
_PONG = json_reply(200, {})
# A longer path is looked up each time: nobody who sends such paths may fill the memory with them.
_CACHED_LENGTH = 1024
_TOKENS = "/token"
_NOTHING_THERE = "there is nothing at this path; the API begins at /v2/"


class _Name(BaseConverter):
    """Whatever stands where a repository's name should; what is wrong with it is said when it is parsed."""

    regex = ".*?"
    part_isolating = False
    weight = 200


table = Klein()
table.url_map.converters["name"] = _Name
# Clients follow no redirect to a prettier path, and a name with an empty part is an error to be told.
table.url_map.strict_slashes = False
table.url_map.merge_slashes = False


async def _through_klein(api: API, request: Request, **_values: str) -> None:
    await serve(api, request)


@table.handle_errors(HTTPException)  # type: ignore[arg-type]  # Klein's signature is for IRequest
async def _not_routed(api: API, request: Request, _failure: Failure) -> None:
    # Klein found no route.  Nor does the API, and it says so in the protocol's own form.
    await serve(api, request)


def route(path: str, method: str, action: Action, leads_to: Action | None = None) -> Callable[[E], E]:
    """
    Put an endpoint into the table.

    :param path: in werkzeug's syntax; ``name`` is the repository's, and is parsed before the endpoint is called.
    :param method: GET serves HEAD as well.
    :param action: what the caller has to be permitted.
    :param leads_to: as in `Route`.
    """

    def enter(endpoint: E) -> E:
        name = endpoint.__name__
        _ROUTES[name] = Route(action, endpoint, leads_to)
        table.route(path, methods=[method], endpoint=name)(_through_klein)
        return endpoint

    return enter


class API:
    """
    The endpoints, on one registry.

    :cvar app: the table, bound to the instance by Klein.
    :param tokens: gives out tokens; without one, nothing is at its paths.
    :param proxies: whose word is taken for who has sent a request; ``None`` for nobody's.
    :ivar access: the log of what was asked.
    :ivar stopping: whether the process is on its way out, so that an orchestrator sends nobody any more.
    """

    app = table

    def __init__(
        self,
        registry: StoredRegistry,
        authenticator: IAuthenticator,
        authorizer: IAuthorizer,
        access: AccessLog,
        *,
        tokens: ITokenService | None = None,
        proxies: TrustedProxies | None = None,
    ) -> None:
        self._registry = registry
        self._policy = registry.policy
        self._gate = Gate(authenticator, authorizer, read_only=registry.policy.read_only)
        self._tokens = tokens
        self._urls = table.url_map.bind("registry")
        self._find = lru_cache(_CACHED_ROUTES)(self._match)
        self._cursors = Cursors()
        self._prefix = secrets.token_hex(4)
        self._counter = itertools.count(1)
        self.access = access
        self.proxies = proxies
        self.stopping = False

    def next_request_id(self) -> str:
        """Answer a name that no other request has."""
        return f"{self._prefix}-{next(self._counter):x}"

    async def answer(self, call: Call) -> Reply:
        """Answer a call, whatever happens: a refusal is an answer, and so is a fault of ours."""
        try:
            find = self._find if len(call.raw_path) <= _CACHED_LENGTH else self._match
            found, name, values = find(call.method, call.raw_path)
            await self._gate.admit(call, found, name)
            if name is None:
                return await found.endpoint(self, call, **values)
            return await found.endpoint(self, call, name, **values)
        except RegistryError as error:
            return render(error)
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001 - the boundary: it is logged, and the client learns the incident's id
            return render_fault()

    def _match(self, method: str, raw_path: bytes) -> tuple[Route, RepositoryName | None, dict[str, Any]]:
        path = parse_path(raw_path)
        if path.startswith("//"):
            # Werkzeug would overlook the second slash, and a proxy's rules for /v2/ would not see this path.
            raise ExtensionUnknown("a path begins with one slash")
        if self._tokens is None and (path == _TOKENS or path.startswith(f"{_TOKENS}/")):
            raise ExtensionUnknown(_NOTHING_THERE)
        try:
            endpoint, values = self._urls.match(path, method=method)
        except NoSuchMethod as error:
            raise MethodNotAllowed(method, error.valid_methods or ()) from error
        except NotFound as error:
            raise ExtensionUnknown(_NOTHING_THERE) from error
        others = dict(values)
        name = others.pop("name", None)
        return _ROUTES[endpoint], None if name is None else parse_name(name), others

    def _token_service(self) -> ITokenService:
        assert self._tokens is not None  # noqa: S101 - else no path leads here
        return self._tokens

    def _repository(self, call: Call, name: RepositoryName) -> IRepository:
        """Answer the repository as the caller may see it."""
        if not call.decision.permitted:
            return AbsentRepository(name)
        return self._registry.repository(name, call.decision.tags)

    @route("/v2/", "GET", Action.PING)
    async def ping(self, call: Call) -> Reply:
        """end-1."""
        del call
        return _PONG

    # Only who is about to push asks whether a blob is there, and some clients fetch one token and no other.
    @route("/v2/<name:name>/blobs/<digest>", "GET", Action.PULL, leads_to=Action.PUSH)
    async def get_blob(self, call: Call, name: RepositoryName, digest: str) -> Reply:
        """end-2."""
        return await blobs.get(self._repository(call, name), call, parse_digest(digest))

    @route("/v2/<name:name>/manifests/<reference>", "GET", Action.PULL)
    async def get_manifest(self, call: Call, name: RepositoryName, reference: str) -> Reply:
        """end-3."""
        return await manifests.get(self._repository(call, name), call, reference)

    @route("/v2/<name:name>/blobs/uploads/", "POST", Action.PUSH)
    async def begin_upload(self, call: Call, name: RepositoryName) -> Reply:
        """end-4a, end-4b, end-4c, end-11."""
        return await uploads.begin(self._registry, self._gate, call, name)

    @route("/v2/<name:name>/blobs/uploads/<session_id>", "PATCH", Action.PUSH)
    async def append_to_upload(self, call: Call, name: RepositoryName, session_id: str) -> Reply:
        """end-5."""
        return await uploads.append(self._repository(call, name), call, session_id)

    @route("/v2/<name:name>/blobs/uploads/<session_id>", "PUT", Action.PUSH)
    async def finish_upload(self, call: Call, name: RepositoryName, session_id: str) -> Reply:
        """end-6."""
        return await uploads.finish(self._repository(call, name), call, session_id)

    @route("/v2/<name:name>/manifests/<reference>", "PUT", Action.PUSH)
    async def put_manifest(self, call: Call, name: RepositoryName, reference: str) -> Reply:
        """end-7a, end-7b."""
        repository = self._repository(call, name)
        return await manifests.put(repository, call, parse_reference(reference), self._policy.manifest_limit)

    @route("/v2/<name:name>/tags/list", "GET", Action.PULL)
    async def list_tags(self, call: Call, name: RepositoryName) -> Reply:
        """end-8a, end-8b."""
        return await listings.tags(self._repository(call, name), call, self._policy.page_limit)

    @route("/v2/<name:name>/manifests/<reference>", "DELETE", Action.DELETE)
    async def delete_manifest(self, call: Call, name: RepositoryName, reference: str) -> Reply:
        """end-9."""
        return await manifests.delete(self._repository(call, name), call, parse_reference(reference))

    @route("/v2/<name:name>/blobs/<digest>", "DELETE", Action.DELETE)
    async def delete_blob(self, call: Call, name: RepositoryName, digest: str) -> Reply:
        """end-10."""
        return await blobs.delete(self._repository(call, name), parse_digest(digest))

    @route("/v2/<name:name>/referrers/<digest>", "GET", Action.PULL)
    async def list_referrers(self, call: Call, name: RepositoryName, digest: str) -> Reply:
        """end-12a, end-12b."""
        repository = self._repository(call, name)
        return await listings.referrers(repository, call, parse_digest(digest), self._policy.page_limit)

    @route("/v2/<name:name>/blobs/uploads/<session_id>", "GET", Action.PUSH)
    async def get_upload(self, call: Call, name: RepositoryName, session_id: str) -> Reply:
        """end-13."""
        return await uploads.status(self._repository(call, name), session_id)

    @route("/v2/<name:name>/blobs/uploads/<session_id>", "DELETE", Action.PUSH)
    async def cancel_upload(self, call: Call, name: RepositoryName, session_id: str) -> Reply:
        """end-14."""
        return await uploads.cancel(self._repository(call, name), session_id)

    @route("/v2/_catalog", "GET", Action.CATALOG)
    async def list_repositories(self, call: Call) -> Reply:
        """Extension _catalog."""
        return await listings.catalog(self._registry, self._gate, call, self._policy.page_limit, self._cursors)

    @route("/v2/_oci/ext/discover", "GET", Action.PING)
    async def list_extensions(self, call: Call) -> Reply:
        """Extension _oci."""
        del call
        return visitors.extensions()

    @route("/v2/<name:name>/_oci/ext/discover", "GET", Action.PULL)
    async def list_repository_extensions(self, call: Call, name: RepositoryName) -> Reply:
        """Extension _oci, of one repository."""
        del call, name
        return visitors.extensions()

    @route("/token", "GET", Action.PUBLIC)
    async def get_token(self, call: Call) -> Reply:
        """For a client that was challenged."""
        return await tokens.issue_by_query(self._token_service(), call)

    @route("/token", "POST", Action.PUBLIC)
    async def post_token(self, call: Call) -> Reply:
        """For a client that keeps refresh tokens, or speaks OAuth2 only."""
        return await tokens.issue_by_form(self._token_service(), call)

    @route("/token/keys", "GET", Action.PUBLIC)
    async def get_token_keys(self, call: Call) -> Reply:
        """For others who verify our tokens."""
        del call
        return tokens.keys(self._token_service())

    @route("/", "GET", Action.PUBLIC)
    async def front_page(self, call: Call) -> Reply:
        """For a person."""
        return visitors.front_page(call)

    @route("/health/live", "GET", Action.PUBLIC)
    async def health_live(self, call: Call) -> Reply:
        """For an orchestrator: restart the process when this fails."""
        del call
        return visitors.live()

    @route("/health/ready", "GET", Action.PUBLIC)
    async def health_ready(self, call: Call) -> Reply:
        """For an orchestrator: send clients when this succeeds."""
        del call
        return await visitors.ready(self._registry, stopping=self.stopping)
