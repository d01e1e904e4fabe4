"""
Registries in memory, with all of their parts at hand.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from zope.interface import implementer

from oci_twisted.auth.open import AllPermitted, NobodyAsked
from oci_twisted.http.access import AccessLog
from oci_twisted.http.calls import Call
from oci_twisted.http.mounted import SpooledBody
from oci_twisted.http.routes import API
from oci_twisted.http.site import RegistrySite
from oci_twisted.http.targets import split_target
from oci_twisted.interfaces import IssuedToken, ITokenService
from oci_twisted.registry.registry import StoredRegistry
from oci_twisted.spec.digests import SHA256, digest_of
from oci_twisted.spec.mediatypes import OCI_INDEX
from oci_twisted.spec.names import parse_name, parse_reference
from oci_twisted.storage.memory.blobs import MemoryBlobs
from oci_twisted.storage.memory.metadata import MemoryMetadata
from oci_twisted.stream.pools import InlinePool

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from oci_twisted.http.calls import Body
    from oci_twisted.http.forwarded import TrustedProxies
    from oci_twisted.http.limits import Limits
    from oci_twisted.http.replies import Reply
    from oci_twisted.http.site import Identify
    from oci_twisted.interfaces import IAuthenticator, IAuthorizer, IBlobStore, IMetadataStore, TokenRequest
    from oci_twisted.registry.policy import Policy
    from oci_twisted.spec.descriptors import Json
    from oci_twisted.spec.digests import Digest

T = TypeVar("T")

# Long after 1970, so that no time of a test is taken for none.
START = 1_800_000_000.0


def at_once(work: Coroutine[Deferred[Any], Any, T]) -> T:
    """Answer what a coroutine answers, which has nothing to wait for."""
    results: list[Any] = []
    Deferred.fromCoroutine(work).addBoth(results.append)
    assert results, "it waits"
    result = results[0]
    if isinstance(result, Failure):
        result.raiseException()
    answered: T = result
    return answered


def index(subject: Digest | None = None, **annotations: str) -> dict[str, Any]:
    """Make a manifest that needs nothing else to be there: an index of nothing."""
    document: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    if subject is not None:
        document["subject"] = {"mediaType": OCI_INDEX, "digest": str(subject), "size": 2}
    if annotations:
        document["annotations"] = annotations
    return document


@implementer(ITokenService)
class FixedTokens:
    """
    Gives everybody the same token.

    :ivar requests: for which it was asked.
    """

    def __init__(self) -> None:
        self.requests: list[TokenRequest] = []

    async def issue(self, request: TokenRequest) -> IssuedToken:
        """Answer the token, and the refresh token if it is asked for."""
        self.requests.append(request)
        return IssuedToken("fixed", 300, START, request.scopes, "refresh" if request.offline else None)

    def keys(self) -> Sequence[Json]:
        """Answer a key that is none."""
        return [{"kty": "OKP", "kid": "fixed"}]


class Stack:
    """
    A registry in memory, down to its stores.

    :param blobs: instead of `MemoryBlobs`; likewise the next.
    :param api: instead of `API`.
    :param tokens: instead of `FixedTokens`; ``False`` for none.
    :ivar clock: the only one; it stands still until a test moves it.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        authenticator: IAuthenticator | None = None,
        authorizer: IAuthorizer | None = None,
        blobs: IBlobStore | None = None,
        metadata: IMetadataStore | None = None,
        api: type[API] = API,
        tokens: ITokenService | Literal[False] | None = None,
        proxies: TrustedProxies | None = None,
    ) -> None:
        self.clock = MemoryReactorClock()
        self.clock.rightNow = START
        self.blobs = blobs or MemoryBlobs()
        self.metadata = metadata or MemoryMetadata()
        self.registry = StoredRegistry(self.blobs, self.metadata, self.clock, policy)
        self.access = AccessLog(self.clock)
        seams = authenticator or NobodyAsked(), authorizer or AllPermitted()
        service = FixedTokens() if tokens is None else tokens or None
        self.api = api(self.registry, *seams, self.access, tokens=service, proxies=proxies)

    def site(self, limits: Limits | None = None, identify: Identify | None = None) -> RegistrySite:
        """Make the factory of the streaming front."""
        return RegistrySite(self.api, self.clock, InlinePool(), limits, identify)

    def add_blob(self, name: str, content: bytes, algorithm: str = SHA256) -> Digest:
        """Let a repository hold a blob."""
        digest = digest_of(content, algorithm)

        async def push() -> None:
            session = await self.registry.repository(parse_name(name)).begin_upload(algorithm)
            await session.append(content)
            await session.commit(digest)

        at_once(push())
        return digest

    def add_manifest(
        self, name: str, document: dict[str, Any] | bytes, reference: str | None = None, media_type: str = OCI_INDEX
    ) -> Digest:
        """
        Let a repository hold a manifest.

        :param reference: a tag or a digest; by default the digest.
        """
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        repository = self.registry.repository(parse_name(name))
        named = parse_reference(reference or str(digest_of(content)))
        return at_once(repository.put_manifest(content, media_type, named)).digest

    def begin_upload(self, name: str) -> str:
        """Begin an upload session and answer its id."""
        session = at_once(self.registry.repository(parse_name(name)).begin_upload())
        session.close()
        return str(session.session_id)

    def ask(self, method: str, target: str, body: bytes | Body = b"", peer: str = "192.0.2.1", **headers: str) -> Reply:
        """
        Answer what the API does to a request.

        :param peer: the client's address.
        :param headers: with underscores for dashes.
        """
        path, query = split_target(target.encode())
        spooled = SpooledBody(io.BytesIO(body)) if isinstance(body, bytes) else body
        fields = {name.replace("_", "-").lower().encode(): value.encode("latin-1") for name, value in headers.items()}
        call = Call(method, path, query, fields, spooled, request_id="a-1", peer=peer, secure=False)
        return at_once(self.api.answer(call))


def header(reply: Reply, name: str) -> str | None:
    """Answer the only value of a header of a reply, or ``None``."""
    values = [value for key, value in reply.headers if key == name]
    assert len(values) < 2, f"{name} is there {len(values)} times"
    return values[0] if values else None


def document(reply: Reply) -> Any:  # noqa: ANN401 - JSON
    """Answer the JSON of a reply."""
    assert isinstance(reply.body, bytes)
    return json.loads(reply.body)


def codes(reply: Reply) -> list[str]:
    """Answer the codes of a reply's error document."""
    return [error["code"] for error in document(reply)["errors"]]
