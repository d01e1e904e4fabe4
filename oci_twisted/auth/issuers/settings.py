"""
What an operator says of an issuer: the tables ``[[auth.issuer]]``.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from attrs import field, frozen

from oci_twisted.auth.challenges import BearerChallenge
from oci_twisted.auth.issuers.addresses import AddressInvalid, check_url, discovery_url
from oci_twisted.auth.issuers.keys import ALGORITHMS
from oci_twisted.auth.issuers.templates import Template, parse_template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")

_DEFAULT_ALGORITHMS = ("RS256", "ES256", "EdDSA")


class IssuerInvalid(ValueError):
    """A table that cannot be used; the message is a sentence for the operator."""


class IssuerKind(Enum):
    """What an issuer's tokens say."""

    OIDC = "oidc"
    """Who somebody is (OpenID Connect)."""
    DISTRIBUTION = "distribution"
    """What they were issued for as well (distribution, "Token Authentication Implementation")."""


@frozen
class IssuerSettings:
    """
    An issuer, and what its tokens mean here.

    :ivar issuer: ``iss`` of its tokens.
    :ivar audience: one ``aud`` of its tokens.
    :ivar algorithms: with which they may be signed.
    :ivar user: whose they are.
    :ivar groups: of which groups that is a member.
    :ivar require: what claims have to be, as patterns of which one has to fit.
    :ivar keys: a file with its keys; ``None`` for none.
    :ivar keys_url: where its keys are; where this is ``None`` too, the issuer says it itself.
    :ivar realm: where clients are sent for a token, or ``None``.
    """

    kind: IssuerKind
    issuer: str
    audience: str
    user: Template
    algorithms: tuple[str, ...] = _DEFAULT_ALGORITHMS
    groups: tuple[Template, ...] = ()
    require: Mapping[str, tuple[str, ...]] = field(factory=dict)
    keys: Path | None = None
    keys_url: str | None = None
    realm: str | None = None

    @property
    def challenge(self) -> BearerChallenge | None:
        """How clients are told to get a token there; ``None`` where they are not."""
        return None if self.realm is None else BearerChallenge(self.audience, self.realm)

    @property
    def literal_groups(self) -> frozenset[str]:
        """The groups of all of its users; claims may give more."""
        return frozenset(template.literal for template in self.groups if template.literal is not None)

    def may_give(self, group: str) -> bool:
        """Answer whether some token of this issuer may make its bearer a member of a group."""
        return any(template.may_give(group) for template in self.groups)


def read_issuers(tables: Sequence[Mapping[str, object]], folder: Path) -> tuple[IssuerSettings, ...]:
    """
    Read the tables.

    :param folder: from which relative paths in them go.
    :raise IssuerInvalid: when one cannot be used, or two are about the same issuer.
    """
    read: list[IssuerSettings] = []
    for number, table in enumerate(tables, 1):
        one = _Table(f"issuer {number}", table).read(folder)
        if any(other.issuer == one.issuer for other in read):
            raise IssuerInvalid(f"issuer {number}: there is another table about {one.issuer}; make one of them")
        if one.realm is not None and any(other.realm is not None for other in read):
            raise IssuerInvalid(f"issuer {number}: another has a realm already, and clients are sent to one place")
        read.append(one)
    return tuple(read)


class _Table:
    """A table that is being read."""

    def __init__(self, where: str, table: Mapping[str, object]) -> None:
        self._where = where
        self._table = table

    def read(self, folder: Path) -> IssuerSettings:
        kind = self._needed("kind", _kind, '"oidc" or "distribution"')
        is_oidc = kind is IssuerKind.OIDC
        self._refuse_unknown(_KEYS if is_oidc else _KEYS | {"realm"})
        keys = self._optional("keys", _text, "the path of a file with public keys")
        url = self._optional("keys-url", _url, "the URL of a JSON Web Key Set")
        issuer = self._needed("issuer", _text, "who issues the tokens, as their claim iss has it")
        self._check_source(issuer, discoverable=is_oidc, sources=[keys, url])
        user = self._optional("user", _template, 'a name, with claims in braces, such as "ci:{repository}"')
        if user is None and is_oidc:
            raise self._wrong('has no user; say who the bearers of its tokens are, such as user = "ci:{sub}"')
        require = self._optional("require", _require, 'a table of claims, such as { repository_owner = "acme" }')
        if require is None and is_oidc:
            raise self._wrong(
                "has no require; say which of its tokens are for this registry, such as "
                'require = { repository_owner = "acme" }, or require = {} if all of them are'
            )
        return IssuerSettings(
            kind=kind,
            issuer=issuer,
            audience=self._needed("audience", _text, "for whom the tokens are, as their claim aud has it"),
            user=user or parse_template("{sub}"),
            algorithms=self._optional("algorithms", _algorithms, f"a list of some of {', '.join(ALGORITHMS)}")
            or _DEFAULT_ALGORITHMS,
            groups=self._optional("groups", _templates, 'a list of names, such as ["ci", "gh:{repository_owner}"]')
            or (),
            require=require or {},
            keys=None if keys is None else folder / Path(keys).expanduser(),
            keys_url=url,
            realm=self._optional("realm", _realm, "the URL of the token server, without a query"),
        )

    def _check_source(self, issuer: str, *, discoverable: bool, sources: Sequence[object]) -> None:
        given = sum(source is not None for source in sources)
        if given > 1:
            raise self._wrong("has both keys and keys-url; leave one of them out")
        if given == 1:
            return
        if not discoverable:
            raise self._wrong("has no keys; name a file (keys) or a URL (keys-url) with the public keys of the issuer")
        try:
            discovery_url(issuer)
        except AddressInvalid as error:
            raise self._wrong(f"has the issuer {issuer!r}, which {error}; or set keys or keys-url") from error

    def _refuse_unknown(self, known: frozenset[str]) -> None:
        for key in self._table:
            if key not in known:
                nearest = max(sorted(known), key=lambda other: SequenceMatcher(None, key.lower(), other).ratio())
                raise self._wrong(f"has a key {key!r}, which there is not; did you mean {nearest}?")

    def _needed(self, key: str, parse: Callable[[object], T], wanted: str) -> T:
        value = self._optional(key, parse, wanted)
        if value is None:
            raise self._wrong(f"has no {key}; it must be {wanted}")
        return value

    def _optional(self, key: str, parse: Callable[[object], T], wanted: str) -> T | None:
        written = self._table.get(key)
        if written is None:
            return None
        try:
            return parse(written)
        except AddressInvalid as error:
            raise self._wrong(f"has {key} = {written!r}, which {error}") from error
        except ValueError as error:
            raise self._wrong(f"has {key} = {written!r}, and it must be {wanted}") from error

    def _wrong(self, what: str) -> IssuerInvalid:
        return IssuerInvalid(f"{self._where} {what}")


_KEYS = frozenset({"kind", "issuer", "audience", "algorithms", "user", "groups", "require", "keys", "keys-url"})


def _text(written: object) -> str:
    if not isinstance(written, str) or not written:
        raise ValueError
    return written


def _texts(written: object) -> tuple[str, ...]:
    if isinstance(written, str):
        # Wherever a list stands, a single text may stand instead.
        return (_text(written),)
    if not isinstance(written, list) or not written:
        raise ValueError
    return tuple(map(_text, written))


def _kind(written: object) -> IssuerKind:
    return IssuerKind(_text(written))


def _url(written: object) -> str:
    url = _text(written)
    check_url(url)
    return url


def _realm(written: object) -> str:
    url = _url(written)
    if "?" in url:
        # Some clients put their own behind it without looking.
        raise AddressInvalid("must have no query")
    return url


def _algorithms(written: object) -> tuple[str, ...]:
    algorithms = _texts(written)
    if not set(algorithms) <= set(ALGORITHMS):
        raise ValueError
    return algorithms


def _template(written: object) -> Template:
    return parse_template(_text(written))


def _templates(written: object) -> tuple[Template, ...]:
    return tuple(map(parse_template, _texts(written)))


def _require(written: object) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(written, dict):
        raise ValueError  # noqa: TRY004 - one kind of error for one kind of fault
    return {claim: _texts(patterns) for claim, patterns in written.items()}
