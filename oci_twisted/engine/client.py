"""
A client of container engines.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from oci_twisted.engine.address import Address, parse_address
from oci_twisted.engine.blocking import Blocking
from oci_twisted.engine.calls import Calls
from oci_twisted.engine.containers.containers import Containers
from oci_twisted.engine.credentials.keychains import Credentials, NoKeychain, UserKeychain
from oci_twisted.engine.discovery import Surroundings, discover, driver_for
from oci_twisted.engine.drivers.named import driver as driver_named
from oci_twisted.engine.events.subscription import Backoff, EventSubscription, subscribe
from oci_twisted.engine.images.images import Images
from oci_twisted.engine.manifests import Manifests
from oci_twisted.engine.networks import Networks
from oci_twisted.engine.pods import Pods
from oci_twisted.engine.system import System
from oci_twisted.engine.volumes import Volumes

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from oci_twisted.engine.filters import Filters
    from oci_twisted.engine.images.progress import OnProgress
    from oci_twisted.engine.images.pushes import Pushed
    from oci_twisted.engine.images.values import Image
    from oci_twisted.engine.instants import Instant
    from oci_twisted.engine.interfaces import IConnection, IDriver, IHandler, IKeychain
    from oci_twisted.engine.system import Login


class EngineClient:
    """
    An engine, and what it can be asked.

    Made by `connect`, and closed at the end of a block::

        async with await EngineClient.connect(reactor=reactor) as client:
            print(await client.system.ping())

    Any number of calls may be in progress at once.  Cancelling one closes its connection.  Use it from the reactor's
    thread only; in others, use `blocking`.  Every error of an engine is one of `oci_twisted.engine.errors`.

    What there is to ask is in groups, of which ``help(client.images)`` tells more:

    :ivar system: the engine itself: ping, version, info, usage, login.
    :ivar images: pull, push, build, save, load, tag, list, inspect, remove, ...
    :ivar containers: run, create, start, stop, wait, exec, attach, logs, stats, list, inspect, remove, ...
    :ivar networks: create, connect, disconnect, list, inspect, remove, prune.
    :ivar volumes: create, list, inspect, remove, prune.
    :ivar pods: pods, where the engine has them.
    :ivar manifests: manifest lists, where the engine makes them.
    :ivar calls: operations by their names, for what has no method here.
    :ivar keychain: credentials for registries, asked where a call brings none; it knows nobody if ``None`` is given.
    """

    def __init__(self, calls: Calls, keychain: IKeychain | None = None) -> None:
        self.calls = calls
        self.keychain = keychain or NoKeychain()
        self.system = System(calls)
        self.images = Images(calls, self.keychain)
        self.containers = Containers(calls)
        self.networks = Networks(calls)
        self.volumes = Volumes(calls)
        self.pods = Pods(calls)
        self.manifests = Manifests(calls, self.keychain)

    @classmethod
    async def connect(
        cls,
        address: str | Address | None = None,
        *,
        reactor: Any,  # noqa: ANN401 - every kind of reactor
        driver: str | IDriver | None = None,
        context: str | None = None,
        surroundings: Surroundings | None = None,
        keychain: IKeychain | None = None,
    ) -> Self:
        """
        Answer a client of the engine at an address, or of the one that is meant when nobody says.

        Whether the engine is there is known when it has answered: call `System.ping` to know at once.

        :param address: such as ``unix:///var/run/docker.sock``, ``tcp://host:2375``, ``https://host:2376`` or
            ``ssh://user@host``.
        :param reactor: that runs, or will.
        :param driver: or its name; without one, Podman's for an address with ``podman`` in it, and Docker's otherwise.
        :param context: the name of one of Docker's contexts, instead of an address.
        :param surroundings: where an engine, and credentials, are looked for; those of this process if ``None``.
        :param keychain: credentials for registries; what the user of the process has logged in with if ``None``.
        :raise ValueError: when the address or the context cannot be read.
        :raise LookupError: when there is no such driver.
        :raise ConnectionFailed: when no engine was named and none was found.
        """
        surroundings = surroundings or surroundings_of_process()
        if address is None:
            found = discover(surroundings, context=context)
            address, driver = found.address, driver or found.driver
        elif context is not None:
            raise ValueError("an address or a context, not both")
        if isinstance(address, str):
            address = parse_address(address)
        if driver is None:
            driver = driver_for(str(address))
        if isinstance(driver, str):
            driver = driver_named(driver)
        calls = Calls(await driver.connect(reactor, address), reactor)
        return cls(calls, keychain or UserKeychain(reactor, surroundings))

    @property
    def connection(self) -> IConnection:
        """What the driver answered."""
        return self.calls.connection

    @property
    def blocking(self) -> Blocking:
        """The same for other threads than the reactor's: plain calls that wait for what they answer."""
        return Blocking(self)

    def wrapped(self, wrap: Callable[[IHandler], IHandler]) -> Self:
        """
        Answer a client that puts something around every operation: that logs it, counts it, or does it again.

        It shares the connection; closing one closes both.

        :param wrap: goes from the handler of an operation to another one.
        """
        return type(self)(self.calls.wrapped(wrap), self.keychain)

    async def pull(
        self,
        name: str,
        *,
        platform: str | None = None,
        auth: Credentials | None = None,
        on_progress: OnProgress | None = None,
        verify_tls: bool | None = None,
    ) -> Image:
        """Pull an image: `Images.pull` by a shorter name."""
        return await self.images.pull(
            name, platform=platform, auth=auth, on_progress=on_progress, verify_tls=verify_tls
        )

    async def push(
        self,
        name: str,
        *,
        auth: Credentials | None = None,
        on_progress: OnProgress | None = None,
        verify_tls: bool | None = None,
    ) -> Pushed:
        """Push an image: `Images.push` by a shorter name."""
        return await self.images.push(name, auth=auth, on_progress=on_progress, verify_tls=verify_tls)

    async def login(self, registry: str, username: str, password: str) -> Login:
        """Try credentials at a registry: `System.login` by a shorter name."""
        return await self.system.login(registry, Credentials(username, password))

    async def events(
        self,
        *,
        filters: Filters | None = None,
        since: Instant | None = None,
        until: Instant | None = None,
        backoff: Backoff | None = None,
    ) -> EventSubscription:
        """
        Answer a subscription to what happens in the engine, which is the caller's to read or close.

        It outlives its connections: it goes on from the last event, and says where some may be missing.  Nothing bounds
        how long nothing happens.

        :param filters: such as ``{"type": "container", "event": ["start", "die"], "label": "a=b"}``.
        :param since: what has happened since then as well, as far as the engine remembers.
        :param until: when it ends; for ever if ``None``.
        :param backoff: how long is waited before another connection is made.
        :raise EngineError: when the first connection fails, which is not tried again.
        """
        return await subscribe(self.calls, filters=filters, since=since, until=until, backoff=backoff)

    async def close(self) -> None:
        """Close every connection to the engine, and break off every call and stream."""
        await self.calls.connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


def surroundings_of_process() -> Surroundings:
    """Answer this process's environment, home and user."""
    return Surroundings(os.environ, Path.home(), os.getuid())
