"""
What the claims of a verified token mean here: whether it is good, and who its bearer is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from oci_twisted.auth.issuers.forms import shown
from oci_twisted.auth.issuers.settings import IssuerKind
from oci_twisted.interfaces import Principal, WrongCredentials
from oci_twisted.spec.errors import NameInvalid
from oci_twisted.spec.globs import matches
from oci_twisted.spec.names import parse_name
from oci_twisted.spec.scopes import REPOSITORY, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_twisted.auth.issuers.settings import IssuerSettings
    from oci_twisted.spec.descriptors import Json

# By which the clocks of two machines may differ, in seconds.
LEEWAY = 30
# Times beyond are no times; and no comparison with one of these can overflow.
_LAST_SECOND = 1 << 53


def check_times(claims: Mapping[str, Json], now: float) -> float:
    """
    Answer when a token expires, in seconds since the epoch; it must have an end.

    :raise WrongCredentials: when it is not good yet, or not any more.
    """
    expires = _time(claims, "exp")
    if expires is None:
        raise WrongCredentials("the token never expires (it has no exp), and such tokens are not taken")
    if now >= expires + LEEWAY:
        raise WrongCredentials(f"the token expired {now - expires:.0f} s ago; get another one")
    for claim in ("nbf", "iat"):
        begins = _time(claims, claim)
        if begins is not None and begins > now + LEEWAY:
            raise WrongCredentials(
                f"the token begins in {begins - now:.0f} s ({claim}); one of two clocks is wrong, the issuer's or ours"
            )
    return expires


def check_origin(claims: Mapping[str, Json], settings: IssuerSettings) -> None:
    """
    Make sure that a token is of the issuer, and for this registry.

    :raise WrongCredentials: when it is not.
    """
    if claims.get("iss") != settings.issuer:
        raise WrongCredentials(f"the token is of the issuer {shown(claims.get('iss'))}, which is not known here")
    audience = claims.get("aud")
    if settings.audience not in (audience if isinstance(audience, list) else [audience]):
        raise WrongCredentials(
            f"the token is for {shown(audience)} (aud), and not for this registry; ask for one for {settings.audience}"
        )
    for claim, patterns in settings.require.items():
        found = claims.get(claim)
        values = found if isinstance(found, list) else [found]
        if not any(isinstance(value, str) and matches(pattern, value) for value in values for pattern in patterns):
            # What would do is for the operator to tell.
            raise WrongCredentials(f"the token's claim {claim} is {shown(found)}, which is not let in here")


def read_principal(claims: Mapping[str, Json], settings: IssuerSettings) -> Principal:
    """
    Answer who a token's bearer is.

    :raise WrongCredentials: when the token does not say what the configuration makes names of.
    """
    if settings.kind is IssuerKind.DISTRIBUTION and not claims.get("sub"):
        # Who has not logged in gets a token as well, for what everybody may do; nobody in particular is in no group.
        return Principal(None, token=_granted(claims.get("access")))
    return Principal(
        settings.user.one(claims),
        frozenset(group for template in settings.groups for group in template.several(claims)),
        token=None if settings.kind is IssuerKind.OIDC else _granted(claims.get("access")),
    )


def _granted(access: Json) -> tuple[Scope, ...]:
    if not isinstance(access, list | None):
        raise WrongCredentials("the token's claim access is no list of what it was issued for")
    scopes = [_scope(each) for each in access or ()]
    return tuple(scope for scope in scopes if _is_literal(scope))


def _scope(entry: Json) -> Scope:
    fields = entry if isinstance(entry, dict) else {}
    kind, name, actions = fields.get("type"), fields.get("name"), fields.get("actions") or []
    if not isinstance(kind, str) or not isinstance(name, str) or not isinstance(actions, list):
        raise WrongCredentials(f"the token's claim access has {shown(entry)}, which is no type, name and actions")
    # A class behind the kind, as in repository(plugin), says nothing here.
    return Scope(kind.partition("(")[0], name, frozenset(action for action in actions if isinstance(action, str)))


def _is_literal(scope: Scope) -> bool:
    # A server that puts in the token what it was asked for may be asked for "**", which would here be every repository.
    if scope.kind != REPOSITORY:
        return "*" not in scope.name
    try:
        parse_name(scope.name)
    except NameInvalid:
        return False
    return True


def _time(claims: Mapping[str, Json], claim: str) -> float | None:
    value = claims.get(claim)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST_SECOND:
        raise WrongCredentials(f"the token's {claim} is {shown(value)}, which is no time")
    return float(value)
