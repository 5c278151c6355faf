"""What any caller needs first: enrolment, access tokens, the description of the API, whether the node serves.

The token endpoint takes client credentials with a signed assertion (RFC 6749 §4.4, RFC 7523 §2.2). Its description
(RFC 8414) names what a client needs to get a token and nothing else: scopes have arguments that only a grant tells, and
a key for clients to read tokens with would invite them to.
"""

import asyncio
import json
from typing import Final
from urllib.parse import parse_qs

from aiohttp import web

from node import jose
from node.errors import ClockSkewError, ReplayedError, UnauthenticatedError
from node.ports.callers import ASSERTION_TYPE, MAX_SCOPE_CHARS
from node.web.auth import IssuedToken, issuer_of
from node.web.bodies import read_body
from node.web.certificates import presented_in
from node.web.openapi import describe
from node.web.replies import conditional, plain
from node.web.settings import MAX_FORM_BYTES
from node.web.state import STATE, endpoint_path, services_of
from protocol.errors import MalformedError
from protocol.messages import EnrolmentRequest

GRANT_TYPE: Final = "client_credentials"
_FORM: Final = "application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 16


async def enrol(request: web.Request) -> web.StreamResponse:
    """Register a partner."""
    asked = EnrolmentRequest.from_bytes(await read_body(request, max_bytes=MAX_FORM_BYTES))
    reply = await services_of(request).enrolment.enrol(asked)
    return plain(request, reply.to_bytes())


async def token(request: web.Request) -> web.StreamResponse:
    """An access token for a client assertion."""
    if request.content_type != _FORM:
        raise web.HTTPUnsupportedMediaType
    form = _fields(await read_body(request, max_bytes=MAX_FORM_BYTES))
    if form.get("grant_type") != GRANT_TYPE or form.get("client_assertion_type") != ASSERTION_TYPE:
        raise MalformedError("token request: only client credentials with a signed assertion are offered")
    wanted = frozenset(form["scope"].split(" ")) if "scope" in form else None
    token_issuer, assertion = request.app[STATE].token_issuer, form.get("client_assertion", "")
    claimed = jose.claimed_issuer(assertion)
    if form.get("client_id", claimed) != claimed:  # RFC 7521 §4.2
        raise MalformedError("token request: client_id is not the client of the assertion")

    def exchange() -> IssuedToken:
        return token_issuer.exchange(assertion, wanted=wanted, presented=presented_in(request))

    try:
        issued = await asyncio.to_thread(exchange)
    except (ReplayedError, ClockSkewError):
        raise  # its key is known
    except UnauthenticatedError:
        if claimed is None or not await services_of(request).recognise(claimed):
            raise
        issued = await asyncio.to_thread(exchange)
    body = {
        "access_token": issued.token,
        "token_type": "Bearer",
        "expires_in": issued.expires_in,
        "scope": " ".join(sorted(issued.scopes)),
    }
    return plain(request, json.dumps(body).encode())


async def authorization_server(request: web.Request) -> web.StreamResponse:
    """The metadata of this node as an authorization server."""
    services = services_of(request)
    fields = {
        "issuer": issuer_of(services.node),
        "token_endpoint": services.url + endpoint_path("token").removeprefix("/"),
        "grant_types_supported": [GRANT_TYPE],
        "response_types_supported": [],  # required by the RFC, and there is no authorization endpoint
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": [jose.ALGORITHM],
        "tls_client_certificate_bound_access_tokens": True,
    }
    return conditional(request, json.dumps(fields).encode())


async def openapi(request: web.Request) -> web.StreamResponse:
    """The description of this API."""
    return conditional(request, json.dumps(describe()).encode())


async def health(request: web.Request) -> web.StreamResponse:
    """Whether the node is serving; says nothing about what."""
    return plain(request, b'{"status":"ok"}')


async def ready(request: web.Request) -> web.StreamResponse:
    """Whether the node can answer, and whether its logs grow; says nothing about why not."""
    confirmed = await request.app[STATE].readiness.require()
    said = {"status": "ready", "additions": "signed" if confirmed else "waiting"}
    return plain(request, json.dumps(said, separators=(",", ":")).encode())


def _fields(body: bytes) -> dict[str, str]:
    try:
        lists = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise MalformedError("token request: not a form") from None
    if any(len(values) != 1 for values in lists.values()):
        raise MalformedError("token request: a field appears twice")
    fields = {name: values[0] for name, values in lists.items()}
    if len(fields.get("scope", "")) > MAX_SCOPE_CHARS:
        raise MalformedError("token request: scope is too long")
    return fields
