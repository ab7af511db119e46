"""``/token``: from a name and a password, or a refresh token, or nothing, to a token for what is allowed of the scopes.

GET is the older protocol (credentials in the Authorization header, scopes in the query), POST is OAuth 2 with a form. A
scope that is not allowed is left out and no error: the client learns of it from the request that it then may not make.

Source: Docker registry v2 authentication, "Token Authentication Specification" and "OAuth2 Token Authentication".
"""

from __future__ import annotations

import datetime
from typing import Final

from aiohttp import web

from corral.registry.auth.access import Identity
from corral.registry.refusals import REQUEST_INVALID, UNSUPPORTED, Refusal
from corral.registry.web.answers import json_answer
from corral.registry.web.bodies import Query, whole
from corral.registry.web.service import Call

__all__ = ["get", "post"]

_FORM_MAXIMUM: Final = 64 << 10
_SCOPES_MAXIMUM: Final = 50


async def get(call: Call) -> web.StreamResponse:
    return _issue(call, call.identity, call.query, refresh=call.query.get("offline_token") in ("true", "1"))


async def post(call: Call) -> web.StreamResponse:
    body = await whole(call.request, _FORM_MAXIMUM, Refusal(REQUEST_INVALID, "the form is too large"))
    form = Query(body.decode(errors="replace"))
    access = call.service.access
    match form.get("grant_type"):
        case "password":
            identity = await access.sign_in(form.get("username"), form.get("password"))
            return _issue(call, identity, form, refresh=form.get("access_type") == "offline")
        case "refresh_token":
            identity = access.renew(form.get("refresh_token"))
            return _issue(call, identity, form, given=form.get("refresh_token"))
    raise Refusal(UNSUPPORTED, text="grant_type must be password or refresh_token")


def _issue(
    call: Call, identity: Identity, parameters: Query, *, refresh: bool = False, given: str = ""
) -> web.StreamResponse:
    """``given``: the refresh token that the client has."""
    access = call.service.access
    if access.is_open:
        raise Refusal(UNSUPPORTED, text="this registry asks nobody to sign in")
    if identity.granted is not None:
        raise Refusal(UNSUPPORTED, text="a token is not exchanged for another")
    scopes = [scope for text in parameters.all("scope") for scope in text.split()]
    if len(scopes) > _SCOPES_MAXIMUM:
        raise Refusal(REQUEST_INVALID, f"more than {_SCOPES_MAXIMUM} scopes")
    signer = access.signer
    token = signer.access(identity.user, access.grants(identity, scopes))
    value: dict[str, object] = {
        "token": token,
        "access_token": token,
        "expires_in": signer.lifetime,
        "issued_at": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if refresh and identity.user and access.passwords is not None:
        given = signer.refresh(identity.user, access.passwords.fingerprint(identity.user))
    if given:
        value["refresh_token"] = given
    call.service.measures.add("tokens_issued_total")
    return json_answer(value, {"Cache-Control": "no-store"})
