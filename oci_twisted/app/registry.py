"""
A registry to embed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from oci_twisted.app.auth import Admission, Auth
from oci_twisted.app.mounting import Mount
from oci_twisted.app.service import RegistryService
from oci_twisted.auth.open import AllPermitted, NobodyAsked
from oci_twisted.auth.tokens.keyfiles import FolderShelf
from oci_twisted.auth.tokens.keyrings import MemoryShelf
from oci_twisted.http.access import AccessFormat, AccessLog
from oci_twisted.http.limits import Limits
from oci_twisted.http.routes import API
from oci_twisted.http.site import RegistrySite
from oci_twisted.interfaces import IAuthenticator, IAuthorizer
from oci_twisted.registry.registry import StoredRegistry
from oci_twisted.storage.disk.blobs import DiskBlobs
from oci_twisted.storage.disk.metadata import SqliteMetadata
from oci_twisted.storage.disk.tokens import SqliteTokens
from oci_twisted.storage.memory.blobs import MemoryBlobs
from oci_twisted.storage.memory.metadata import MemoryMetadata
from oci_twisted.storage.memory.tokens import MemoryTokens
from oci_twisted.stream.pools import ThreadedPool

if TYPE_CHECKING:
    from typing import Unpack

    from twisted.internet.interfaces import IStreamServerEndpoint
    from twisted.web.resource import IResource

    from oci_twisted.auth.tokens.keyrings import KeyShelf
    from oci_twisted.http.forwarded import TrustedProxies
    from oci_twisted.http.site import Identify
    from oci_twisted.interfaces import IAccessTokens, IBlobStore, IMetadataStore, ITokenService
    from oci_twisted.registry.policy import Policy

_DISK_THREADS = 4
# Abandoned upload sessions are looked for this often within the time that they may live.
_LOOKS_A_LIFETIME = 10
_SOONEST_LOOK = 1.0
_LATEST_LOOK = 3600.0


class RegistryOptions(TypedDict, total=False):
    """What every way of making a `Registry` takes; the constructor says what each is."""

    policy: Policy | None
    authenticator: IAuthenticator | None
    authorizer: IAuthorizer | None
    limits: Limits | None
    access: AccessFormat
    auth: Auth | None
    proxies: TrustedProxies | None
    identify: Identify | None


class Registry:
    """
    A registry on two stores, to be mounted under a ``twisted.web`` site or to be served by itself.

    Two registries in one process share nothing.

    :param reactor: tells the time, listens, and runs what blocks on threads.
    :param blobs: where bytes are kept.
    :param metadata: where everything else is kept.
    :param policy: what the operator decides.
    :param auth: who may do what, and how they prove who they are; by default nobody is asked, and everybody may do
        everything.
    :param authenticator: finds out who asks, in the place of what ``auth`` says.
    :param authorizer: decides what they may do, in the place of what ``auth`` says.
    :param limits: of a connection to the registry's own service.
    :param access: the form of the line that every request leaves in the log.
    :param proxies: whose word is taken for who has sent a request; by default nobody's.
    :param identify: answers who a client is by the certificate that it has proved to own, where it is asked for one;
        once a connection, behind the handshake of TLS, on the registry's own front.
    :param access_tokens: where ``auth`` keeps access tokens; by default in memory.
    :param signing_keys: where it keeps the keys that tokens are signed with; by default in memory.
    :raise ValueError: for ``auth`` beside an authenticator or an authorizer.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,  # noqa: ANN401 - all the reactor's interfaces together have no type
        blobs: IBlobStore,
        metadata: IMetadataStore,
        *,
        policy: Policy | None = None,
        auth: Auth | None = None,
        authenticator: IAuthenticator | None = None,
        authorizer: IAuthorizer | None = None,
        limits: Limits | None = None,
        access: AccessFormat = AccessFormat.TEXT,
        proxies: TrustedProxies | None = None,
        identify: Identify | None = None,
        access_tokens: IAccessTokens | None = None,
        signing_keys: KeyShelf | None = None,
    ) -> None:
        self._reactor = reactor
        self._pool = ThreadedPool(reactor, "oci-disk", _DISK_THREADS)
        self._pools = [self._pool]
        self._registry = StoredRegistry(blobs, metadata, reactor, policy)
        self._admission = None
        tokens: ITokenService | None = None
        if auth is not None:
            if authenticator is not None or authorizer is not None:
                raise ValueError("auth has an authenticator and an authorizer of its own: bring it, or them")
            self._admission = Admission(auth, reactor, access_tokens or MemoryTokens(), signing_keys or MemoryShelf())
            authenticator, authorizer = self._admission.authenticator, self._admission.authorizer
            tokens = self._admission.tokens
        self._api = API(
            self._registry,
            IAuthenticator(authenticator or NobodyAsked()),
            IAuthorizer(authorizer or AllPermitted()),
            AccessLog(reactor, access),
            tokens=tokens,
            proxies=proxies,
        )
        self._limits = limits or Limits()
        self._identify = identify
        self._mounts: list[Mount] = []
        self._housekeeping: LoopingCall | None = None
        self._housekeeping_ended: Deferred[LoopingCall] | None = None
        self._shutdown_trigger: object = None
        self._turn = DeferredLock()
        self._closing = self._closed = False

    @classmethod
    def in_memory(
        cls,
        reactor: Any,  # noqa: ANN401 - see the constructor
        **options: Unpack[RegistryOptions],
    ) -> Registry:
        """Answer a registry that forgets everything when it is closed."""
        return cls(reactor, MemoryBlobs(), MemoryMetadata(), **options)

    @classmethod
    def on_disk(
        cls,
        reactor: Any,  # noqa: ANN401 - see the constructor
        root: str | Path,
        *,
        durability: Literal["full", "relaxed"] = "full",
        **options: Unpack[RegistryOptions],
    ) -> Registry:
        """
        Answer a registry whose data is in a folder.

        :param root: made if it is not there.
        :param durability: with ``full``, what was acknowledged survives a power cut.
        :raise RootUnusable: when the folder cannot be used, with a sentence that says why.
        :raise DatabaseUnusable: when what it holds cannot.
        :raise KeyUnusable: when ``auth`` is given, and the keys in the folder cannot be used.
        """
        folder = Path(root).absolute()
        disk = ThreadedPool(reactor, "oci-blobs", _DISK_THREADS)
        writer = ThreadedPool(reactor, "oci-metadata", 1)
        blobs = DiskBlobs(folder, disk, durability=durability)
        metadata = SqliteMetadata(folder / "registry.sqlite", writer, durability=durability)
        if options.get("auth") is None:
            registry = cls(reactor, blobs, metadata, **options)
        else:
            tokens = ThreadedPool(reactor, "oci-tokens", 1)
            registry = cls(
                reactor,
                blobs,
                metadata,
                access_tokens=SqliteTokens(folder / "tokens.sqlite", tokens, durability=durability),
                signing_keys=FolderShelf(folder / "keys"),
                **options,
            )
            registry._pools.append(tokens)
        registry._pools += [disk, writer]
        return registry

    def resource(self) -> IResource:
        """
        Answer the registry as a resource: a site's root, or its child ``v2``.

        When the reactor is told to stop, requests in progress are waited for, and the stores are closed.
        """
        self._start()
        mount = Mount(self._api, self._reactor, self._limits.drain_time)
        self._mounts.append(mount)
        if self._shutdown_trigger is None:
            # The only phase in which the reactor waits.
            self._shutdown_trigger = self._reactor.addSystemEventTrigger("before", "shutdown", self._close_at_shutdown)
        return cast("IResource", mount)

    def site(self) -> RegistrySite:
        """
        Answer the factory of the registry's own streaming front, for a port of one's own.

        Whoever listens with it stops listening, awaits its `RegistrySite.drain`, and then `close`.
        """
        self._start()
        return RegistrySite(self._api, self._reactor, self._pool, self._limits, self._identify)

    def service(self, endpoint: str | IStreamServerEndpoint) -> RegistryService:
        """
        Answer a service that listens with the streaming front, and closes the stores when it is stopped.

        :param endpoint: such as ``tcp:5000:interface=127.0.0.1``.
        """
        listened = serverFromString(self._reactor, endpoint) if isinstance(endpoint, str) else endpoint
        return RegistryService(self, listened)

    async def close(self) -> None:
        """
        Close the stores, behind the requests that came through `resource`; returns when all is closed.

        May be called again, to no effect.  A registry that was closed cannot be used any more.
        """
        self._closing = True
        await self._turn.run(lambda: Deferred.fromCoroutine(self._close()))

    async def _close(self) -> None:
        if self._closed:
            return
        for mount in self._mounts:
            await mount.drain()
        if self._housekeeping is not None and self._housekeeping_ended is not None:
            self._housekeeping.stop()
            await self._housekeeping_ended
        self._closed = True
        try:
            await self._registry.close()
        finally:
            if self._admission is not None:
                await self._admission.close()
            self._api.access.flush()
            for pool in self._pools:
                await pool.stop()
            if self._shutdown_trigger is not None:
                trigger, self._shutdown_trigger = self._shutdown_trigger, None
                self._reactor.removeSystemEventTrigger(trigger)

    def _start(self) -> None:
        """
        Begin to look for abandoned upload sessions.

        :raise RuntimeError: when the registry was closed.
        """
        if self._closing:
            raise RuntimeError("this registry was closed, and its stores with it: make a new one")
        if self._housekeeping is None:
            lifetime = self._registry.policy.upload_lifetime
            interval = min(max(lifetime / _LOOKS_A_LIFETIME, _SOONEST_LOOK), _LATEST_LOOK)
            self._housekeeping = LoopingCall(lambda: Deferred.fromCoroutine(self._keep_house()))
            self._housekeeping.clock = self._reactor
            self._housekeeping_ended = self._housekeeping.start(interval, now=False)

    async def _keep_house(self) -> None:
        try:
            # It removes some at a time.
            while await self._registry.expire_uploads():
                if self._closing:
                    break
        except Exception:  # noqa: BLE001 - a bad day of the disk must not end the looking
            self._log.failure("abandoned upload sessions could not be removed")

    def _close_at_shutdown(self) -> Deferred[None]:
        # It is being fired, and cannot be removed any more.
        self._shutdown_trigger = None
        return Deferred.fromCoroutine(self.close())
