"""
The token service on the wire.

By query it is distribution's "Token Authentication Specification", by form its "Oauth2 Token Authentication".
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from attrs import evolve

from oci_twisted.http.replies import json_reply
from oci_twisted.http.targets import parse_form
from oci_twisted.interfaces import TokenRequest
from oci_twisted.spec.errors import RequestInvalid, RequestTooLarge
from oci_twisted.spec.scopes import parse_scopes

if TYPE_CHECKING:
    from oci_twisted.http.calls import Call
    from oci_twisted.http.replies import Reply
    from oci_twisted.interfaces import Credentials, IssuedToken, ITokenService
    from oci_twisted.spec.descriptors import Json

_FORM = "application/x-www-form-urlencoded"
_LONGEST_FORM = 64 << 10


async def issue_by_query(service: ITokenService, call: Call) -> Reply:
    """Answer a token for who sends the request, anonymous or not."""
    form = _Form(call.form())
    return await _issue(
        service,
        TokenRequest(
            call.credentials(),
            parse_scopes(form.texts("scope")),
            # Nobody would get to see the one that HEAD left in the list of logins.
            offline=call.method == "GET" and form.text("offline_token") == "true",
            client=form.text("client_id") or "",
            service=form.text("service"),
        ),
    )


async def issue_by_form(service: ITokenService, call: Call) -> Reply:
    """Answer a token for whose password, or refresh token, is in the form."""
    form = await _form(call)
    match form.text("grant_type"):
        case "password":
            credentials, refresh_token = _basic(call, form), None
        case "refresh_token":
            credentials, refresh_token = call.credentials(), form.need("refresh_token")
        case _:
            raise RequestInvalid("send grant_type=password or grant_type=refresh_token")
    return await _issue(
        service,
        TokenRequest(
            credentials,
            parse_scopes(form.texts("scope")),
            refresh_token=refresh_token,
            offline=form.text("access_type") == "offline",
            client=form.text("client_id") or "",
            service=form.text("service"),
        ),
    )


def keys(service: ITokenService) -> Reply:
    """Answer the public keys, as a JSON Web Key Set (RFC 7517, section 5)."""
    return json_reply(200, {"keys": list(service.keys())})


class _Form:
    """What a client has filled in."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        self._fields = fields

    def texts(self, name: str) -> list[str]:
        """Answer every value of a field."""
        return self._fields.get(name, [])

    def text(self, name: str) -> str | None:
        """
        Answer a field that makes sense only once.

        :raise RequestInvalid: when it was sent more often.
        """
        values = self.texts(name)
        if len(values) > 1:
            raise RequestInvalid(f"send {name} once")
        return values[0] if values else None

    def need(self, name: str) -> str:
        """
        Answer a field that has to be there.

        :raise RequestInvalid: when it is not.
        """
        text = self.text(name)
        if not text:
            raise RequestInvalid(f"send {name} too")
        return text


async def _form(call: Call) -> _Form:
    kind = (call.header(b"content-type") or "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise RequestInvalid(f"send a form, of Content-Type {_FORM}")
    refusal = RequestTooLarge(f"a form has at most {_LONGEST_FORM >> 10} KiB")
    return _Form(parse_form(await call.collect(_LONGEST_FORM, refusal)))


def _basic(call: Call, form: _Form) -> Credentials:
    user, password = form.need("username"), form.need("password")
    if ":" in user:
        raise RequestInvalid("a user name has no colon")
    authorization = "Basic " + b64encode(f"{user}:{password}".encode()).decode()
    return evolve(call.credentials(), authorization=authorization)


async def _issue(service: ITokenService, request: TokenRequest) -> Reply:
    return _rendered(await service.issue(request))


def _rendered(issued: IssuedToken) -> Reply:
    # Of one value, the first name is older and the second OAuth2's; clients read the one or the other.
    document: dict[str, Json] = {
        "token": issued.token,
        "access_token": issued.token,
        "expires_in": issued.lifetime,
        "issued_at": datetime.fromtimestamp(issued.issued, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if issued.scopes:
        document["scope"] = " ".join(map(str, issued.scopes))
    if issued.refresh_token is not None:
        document["refresh_token"] = issued.refresh_token
    return json_reply(200, document, (("Cache-Control", "no-store"),))
