"""
Every setting: its key, its kind, its default, its meaning.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, fields, frozen

from oci_twisted.app.settings.values import (
    ACCESS,
    COUNT,
    FILE,
    FOLDER,
    HEADERS,
    PORT,
    PROXIES,
    SWITCH,
    TEXT,
    TIME,
    Kind,
    one_of,
    size,
    table,
    tables,
)
from oci_twisted.http.access import AccessFormat
from oci_twisted.http.forwarded import ProxyHeaders, TrustedProxies
from oci_twisted.http.limits import Limits
from oci_twisted.registry.policy import DAY, Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT = "OCI_REGISTRY_"

_POLICY = Policy()
_LIMITS = Limits()

# The specification asks every registry to take manifests of 4 MiB, but an operator may know better.
_SMALLEST_MANIFEST_LIMIT = 1 << 10
_SMALLEST_HEAD_LIMIT = 4 << 10
_MINUTE = 60.0


def _setting(key: str, kind: Kind, default: object, meaning: str) -> Any:  # noqa: ANN401 - as attrs' own field()
    return field(default=default, metadata={"key": key, "kind": kind, "meaning": meaning})


@frozen(kw_only=True)
class Settings:
    """
    What can be set.  In a file the part of a key before its dot is a table.
    """

    port: str = _setting(
        "port",
        PORT,
        "5000",
        "Where to listen: a port, 0 for a free one, or a Twisted endpoint description such as "
        "`unix:/run/registry.sock`.",
    )
    host: str | None = _setting(
        "host",
        TEXT,
        None,
        "The address to listen on, where `port` is a number. Without it only this machine can connect, since "
        "nobody is asked for a password; `0.0.0.0` opens the registry to everyone who reaches the machine.",
    )
    root: Path = _setting(
        "root",
        FOLDER,
        Path("registry-data"),
        "The folder that holds the data. It is made if it is not there, and is relative to where the command runs.",
    )
    storage: str = _setting(
        "storage", one_of("disk", "memory"), "disk", "`disk`, or `memory`, which forgets everything at the end."
    )
    durability: str = _setting(
        "durability",
        one_of("full", "relaxed"),
        "full",
        "With `full`, what was acknowledged survives a power cut. With `relaxed` it survives the end of the "
        "process, and a power cut may take the last seconds.",
    )
    read_only: bool = _setting("read-only", SWITCH, default=False, meaning="Take no changes at all.")
    incomplete_images: str = _setting(
        "completeness.images",
        one_of("refuse", "accept"),
        "refuse",
        "What becomes of an image manifest whose config or layers are not in the repository.",
    )
    incomplete_indexes: str = _setting(
        "completeness.indexes",
        one_of("refuse", "accept"),
        "refuse",
        "What becomes of an index some of whose manifests are not in the repository: `accept` allows sparse copies.",
    )
    delete_tags: bool = _setting(
        "delete.tags", SWITCH, default=_POLICY.delete_tags, meaning="Whether tags may be deleted."
    )
    delete_manifests: bool = _setting(
        "delete.manifests", SWITCH, default=_POLICY.delete_manifests, meaning="Whether manifests may be deleted."
    )
    delete_blobs: bool = _setting(
        "delete.blobs", SWITCH, default=_POLICY.delete_blobs, meaning="Whether blobs may be deleted."
    )
    rules: tuple[Mapping[str, object], ...] = _setting(
        "auth.rule", tables("auth.rule"), (), "Who may do what: the first rule that matches decides."
    )
    tests: tuple[Mapping[str, object], ...] = _setting(
        "auth.test", tables("auth.test"), (), "What has to follow from the rules, or the registry does not start."
    )
    groups: Mapping[str, object] | None = _setting(
        "auth.groups", table("auth.groups"), None, "The members of each group that a rule names."
    )
    issuers: tuple[Mapping[str, object], ...] = _setting(
        "auth.issuer", tables("auth.issuer"), (), "Whose tokens are taken beside the registry's own."
    )
    htpasswd: Path | None = _setting(
        "auth.htpasswd",
        FILE,
        None,
        "The file with the users and the bcrypt hashes of their passwords. It is read again when it changes.",
    )
    challenge: str = _setting(
        "auth.challenge",
        one_of("bearer", "basic"),
        "bearer",
        "What clients are told to log in with: `bearer` for a token from the registry's own token service, `basic` "
        "for the password with every request. Both are taken, whatever they are told.",
    )
    realm: str = _setting(
        "auth.realm", TEXT, "oci-twisted", "What a client shows to the person whom it asks for a password."
    )
    service: str = _setting(
        "auth.service", TEXT, "oci-twisted", "The name of the registry in its tokens; one for another is not taken."
    )
    token_lifetime: float = _setting(
        "auth.token-lifetime", TIME, 5 * _MINUTE, "How long a token of the token service is good for."
    )
    login_lifetime: float = _setting(
        "auth.login-lifetime",
        TIME,
        90.0 * DAY,
        "How long a login is good for that a client keeps in the place of the password.",
    )
    signing_key: Path | None = _setting(
        "auth.signing-key",
        FILE,
        None,
        "A private key in PEM, Ed25519 or P-256, with which tokens are signed. Without it the registry makes its own "
        "in the folder `keys` of its root, and changes it from time to time.",
    )
    key_lifetime: float = _setting(
        "auth.key-lifetime", TIME, 90.0 * DAY, "How long a signing key of the registry's own is signed with."
    )
    upload_lifetime: float = _setting(
        "uploads.lifetime", TIME, _POLICY.upload_lifetime, "How long an upload may rest before it is abandoned."
    )
    manifest_size: int = _setting(
        "limits.manifest-size", size(_SMALLEST_MANIFEST_LIMIT), _POLICY.manifest_limit, "The longest manifest."
    )
    page_size: int = _setting("limits.page-size", COUNT, _POLICY.page_limit, "The most items on one page of a listing.")
    head_size: int = _setting(
        "limits.head-size",
        size(_SMALLEST_HEAD_LIMIT),
        _LIMITS.head_size,
        "The longest request line and headers together.",
    )
    head_time: float = _setting(
        "limits.head-time", TIME, _LIMITS.head_time, "How long a client may take to send a request's headers."
    )
    idle_time: float = _setting(
        "limits.idle-time", TIME, _LIMITS.idle_time, "How long a connection may rest between two requests."
    )
    stall_time: float = _setting(
        "limits.stall-time",
        TIME,
        _LIMITS.stall_time,
        f"How long a body may go on without {_LIMITS.stall_size >> 10} KiB having moved, in either direction. "
        "There is no limit on the whole.",
    )
    drain_time: float = _setting(
        "limits.drain-time",
        TIME,
        _LIMITS.drain_time,
        "How long what is in progress may take when the process is told to stop.",
    )
    access: AccessFormat = _setting(
        "log.access",
        ACCESS,
        AccessFormat.TEXT,
        "The form of the line that every request leaves in the log: `text`, `json` or `off`.",
    )
    tls_cert: Path | None = _setting(
        "tls.cert",
        FILE,
        None,
        "The registry's certificate in PEM, and behind it those between it and the one that clients trust. With it and "
        "its key the registry speaks TLS. The files are read again when they change, and on SIGHUP.",
    )
    tls_key: Path | None = _setting(
        "tls.key", FILE, None, "The certificate's key in PEM, not encrypted. It may be in the same file."
    )
    tls_client_ca: Path | None = _setting(
        "tls.client-ca",
        FILE,
        None,
        "Certificates in PEM. With them clients may show certificates of their own, which have to be signed by one of "
        "these, and are taken for the user whom the common name names.",
    )
    proxies: tuple[str, ...] = _setting(
        "proxy.trusted",
        PROXIES,
        (),
        "The proxies whose word is taken for who has sent a request, how, and for which host. List the proxies and not "
        "their whole network: whoever is listed can say that they are somebody else.",
    )
    proxy_headers: ProxyHeaders = _setting(
        "proxy.headers",
        HEADERS,
        ProxyHeaders.X_FORWARDED,
        "Where they say it: `x-forwarded` for `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`, `forwarded` for "
        "`Forwarded`. Only these are looked at, since a proxy passes the others on as the client has sent them.",
    )

    def policy(self) -> Policy:
        """Answer what the registry has to know of this."""
        return Policy(
            incomplete_images=self.incomplete_images == "accept",
            incomplete_indexes=self.incomplete_indexes == "accept",
            manifest_limit=self.manifest_size,
            page_limit=self.page_size,
            delete_tags=self.delete_tags,
            delete_manifests=self.delete_manifests,
            delete_blobs=self.delete_blobs,
            upload_lifetime=self.upload_lifetime,
            read_only=self.read_only,
        )

    def trusted_proxies(self) -> TrustedProxies | None:
        """Answer whose word is taken for who has sent a request; ``None`` for nobody's."""
        return TrustedProxies(self.proxies, self.proxy_headers) if self.proxies else None

    def limits(self) -> Limits:
        """Answer what a connection has to know of this."""
        return Limits(
            head_size=self.head_size,
            head_time=self.head_time,
            idle_time=self.idle_time,
            stall_time=self.stall_time,
            drain_time=self.drain_time,
        )


@frozen
class Setting:
    """
    A line of the table.

    :ivar name: of the attribute of `Settings`.
    :ivar key: in a file, such as ``completeness.images``.
    :ivar variable: in the environment.
    """

    name: str
    key: str
    variable: str
    kind: Kind
    default: Any
    meaning: str

    @property
    def flag(self) -> str:
        """What a flag is called that sets it, if there is one, without its dashes."""
        return self.key.replace(".", "-")

    @property
    def shown_default(self) -> str | None:
        """The default as a file has it; ``None`` for a setting that is simply not set."""
        return None if self.default in {None, ()} else self.kind.show(self.default)


TABLE = tuple(
    Setting(
        name=attribute.name,
        key=attribute.metadata["key"],
        variable=ENVIRONMENT + re.sub(r"[.-]", "_", attribute.metadata["key"]).upper(),
        kind=attribute.metadata["kind"],
        default=attribute.default,
        meaning=attribute.metadata["meaning"],
    )
    for attribute in fields(Settings)
)
