"""
``twist oci-registry``: options, and a service made of them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from twisted.internet.endpoints import serverFromString
from twisted.logger import Logger
from twisted.python.usage import Options as TwistedOptions

from oci_twisted import __version__
from oci_twisted.app.guarding import read_auth
from oci_twisted.app.registry import Registry
from oci_twisted.app.service import RegistryService
from oci_twisted.app.settings import TABLE, SettingError, load_settings
from oci_twisted.app.start_line import start_line
from oci_twisted.app.tls import (
    CertificateFiles,
    Certificates,
    CertificateUnusable,
    CertificateWatch,
    TLSEndpoint,
    common_name,
)
from oci_twisted.auth.issuers import IssuerInvalid
from oci_twisted.auth.passwords import FileUnusable
from oci_twisted.auth.policy import RulesInvalid
from oci_twisted.auth.tokens.keys import KeyUnusable
from oci_twisted.storage.disk.layout import RootTooNew, RootUnusable
from oci_twisted.storage.disk.metadata import DatabaseUnusable, NewerSchema
from twisted import __version__ as twisted_version

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from twisted.application.service import IService
    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IListeningPort, IReactorTime, IStreamServerEndpoint
    from twisted.python.failure import Failure

    from oci_twisted.app.registry import RegistryOptions
    from oci_twisted.app.settings import Settings

T = TypeVar("T")

_log = Logger(namespace="oci_twisted")

_LOOPBACK = "127.0.0.1"
_KEYS = {setting.flag: setting.key for setting in TABLE}


class Options(TwistedOptions):
    """The flags.  They beat the environment (OCI_REGISTRY_...), which beats the configuration file."""

    longdesc = (
        "Serves an OCI registry, to which docker, podman, oras and their like push and from which they pull. "
        "Without --host only this machine can connect. "
        "Flags beat the environment (OCI_REGISTRY_PORT and so on), which beats the file; the file has more settings. "
        "Options of twist itself stand before the plugin's name, such as twist --log-format=text oci-registry."
    )

    optParameters = [  # noqa: RUF012, N815 - Twisted's way
        ["port", "p", None, "A port, 0 for a free one, or a Twisted endpoint description. [default: 5000]"],
        ["host", None, None, "The address to listen on; 0.0.0.0 for all. [default: 127.0.0.1]"],
        ["root", "r", None, "The folder that holds the data. [default: registry-data]"],
        ["storage", None, None, "disk, or memory, which forgets everything at the end. [default: disk]"],
        ["tls-cert", None, None, "A certificate in PEM; with it and its key TLS is spoken."],
        ["tls-key", None, None, "The certificate's key in PEM."],
        ["config", "c", None, "A TOML file with settings."],
    ]
    optFlags = [["read-only", None, "Take no changes."]]  # noqa: RUF012, N815 - Twisted's way

    def getSynopsis(self) -> str:
        """Answer the first line of the help."""
        return "Usage: twist [options of twist] oci-registry [options]"

    def opt_version(self) -> None:
        """Display the versions of oci-twisted and Twisted and exit."""
        print(f"oci-twisted {__version__}, Twisted {twisted_version}")  # noqa: T201 - its purpose
        raise SystemExit

    def flags(self) -> dict[str, object]:
        """Answer the settings that were given by flags, by key."""
        given = {_KEYS[flag]: value for flag, value in self.items() if value is not None and flag != "config"}
        # Twisted has 1 and 0 for a switch.
        if given.pop("read-only"):
            given["read-only"] = True
        return given


def makeService(options: Options) -> CommandService:
    """
    Make the service that the flags, the environment and the file ask for.

    :raise SystemExit: with a sentence for the operator, when they cannot be used.
    """
    from twisted.internet import reactor  # noqa: PLC0415 - importing it any earlier would choose it for the user

    config = options["config"]
    try:
        settings = load_settings(options.flags(), os.environ, Path(config) if config else None)
        # First, so that nothing is made in the folder on behalf of a registry that cannot be.
        endpoint = _endpoint(reactor, endpoint_description(settings))
        watch = None
        files = _certificate_files(settings)
        if files is not None:
            certificates = Certificates(files, cast("IReactorTime", reactor))
            watch = CertificateWatch(certificates, reactor)
            endpoint = TLSEndpoint(endpoint, certificates, cast("IReactorTime", reactor))
        return CommandService(_registry(reactor, settings), endpoint, settings, cast("Any", reactor).stop, watch)
    except RulesInvalid as error:
        raise SystemExit("\n".join(f"oci-registry: {complaint}" for complaint in error.complaints)) from error
    except (
        SettingError,
        CertificateUnusable,
        FileUnusable,
        IssuerInvalid,
        KeyUnusable,
        RootTooNew,
        NewerSchema,
    ) as error:
        raise SystemExit(f"oci-registry: {error}") from error
    except (RootUnusable, DatabaseUnusable) as error:
        raise SystemExit(f"oci-registry: {error}; choose another folder with --root, or mend this one") from error


def endpoint_description(settings: Settings) -> str:
    """Answer where to listen, in Twisted's words; a bare port is this machine's alone."""
    if not settings.port.isdigit():
        return settings.port
    host = (settings.host or _LOOPBACK).replace(":", r"\:")
    return f"tcp:{settings.port}:interface={host}"


def _endpoint(reactor: Any, description: str) -> IStreamServerEndpoint:  # noqa: ANN401 - as Registry's own
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, description)
    except Exception as error:
        # Every kind of endpoint has its own way to refuse its arguments; plug-ins have theirs.
        raise SettingError(
            f"port is {description!r}, on which Twisted cannot listen ({error}); write a number such as 5000, "
            "or an endpoint description such as tcp:5000 or unix:/run/registry.sock"
        ) from error
    return endpoint


def _certificate_files(settings: Settings) -> CertificateFiles | None:
    """
    Answer where the certificates are; ``None`` where the registry does not speak TLS by itself.

    :raise SettingError: when the settings do not go together.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        if settings.tls_cert is not None or settings.tls_key is not None:
            there, missing = ("cert", "key") if settings.tls_key is None else ("key", "cert")
            raise SettingError(f"tls.{there} is set and tls.{missing} is not; TLS takes both, which may be one file")
        if settings.tls_client_ca is not None:
            raise SettingError("tls.client-ca is for a registry that speaks TLS; set tls.cert and tls.key")
        return None
    if settings.port.startswith(("ssl:", "tls:")):
        raise SettingError("tls.cert goes with a port that is a number; this endpoint description has TLS of its own")
    return CertificateFiles(settings.tls_cert, settings.tls_key, settings.tls_client_ca)


def _registry(reactor: Any, settings: Settings) -> Registry:  # noqa: ANN401 - as Registry's own
    options: RegistryOptions = {
        "policy": settings.policy(),
        "limits": settings.limits(),
        "access": settings.access,
        "auth": read_auth(settings),
        "proxies": settings.trusted_proxies(),
        "identify": None if settings.tls_client_ca is None else common_name,
    }
    if settings.storage == "memory":
        return Registry.in_memory(reactor, **options)
    durability = cast("Literal['full', 'relaxed']", settings.durability)
    return Registry.on_disk(reactor, settings.root, durability=durability, **options)


class CommandService(RegistryService):
    """
    The registry's service, which tells the operator where it listens, or why it cannot.

    :param give_up: ends the process.
    :param watch: runs beside it.
    """

    def __init__(
        self,
        registry: Registry,
        endpoint: IStreamServerEndpoint,
        settings: Settings,
        give_up: Callable[[], None],
        watch: IService | None = None,
    ) -> None:
        super().__init__(registry, endpoint)
        self._watch = watch
        self._settings = settings
        self._give_up = give_up

    def privilegedStartService(self) -> None:
        """
        Listen, and say where.

        :raise SystemExit: with a sentence, when that cannot be.
        """
        try:
            super().privilegedStartService()
        except Exception as error:
            raise SystemExit(f"oci-registry: {self._refusal(error)}") from error

    def startService(self) -> None:
        """Listen, and begin to watch."""
        super().startService()
        if self._watch is not None:
            self._watch.startService()

    def stopService(self) -> Deferred[None]:
        """Stop; fires when all is closed."""
        stopped = super().stopService()
        return stopped if self._watch is None else stopped.addBoth(self._unwatched, self._watch)

    @staticmethod
    def _unwatched(result: T, watch: IService) -> T:
        # Last, because until then it is the only one who keeps SIGHUP from ending the process.
        watch.stopService()
        return result

    def listens(self, port: IListeningPort) -> None:
        """Say what listens where."""
        super().listens(port)
        _log.info(
            "{line}",
            line=start_line(self._settings, port.getHost()),
            storage=self._settings.storage,
            root=str(self._settings.root.absolute()),
            durability=self._settings.durability,
        )

    def cannot_listen(self, failure: Failure) -> None:
        """Say why, and end the process: a registry that nobody can reach is of no use."""
        _log.critical("{sentence}", sentence=self._refusal(failure.value))
        self._give_up()

    def _refusal(self, error: BaseException | None) -> str:
        cause = getattr(error, "socketError", error)
        reason = getattr(cause, "strerror", None) or cause
        advice = "choose another --port or --host, or stop what uses this one"
        return f"cannot listen on {endpoint_description(self._settings)}: {reason}; {advice}"
