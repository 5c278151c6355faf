"""An OAuth library that knows nothing of this node but its issuer and its own key gets a token, by metadata alone."""

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path

from keys.encoding import b64u
from support.fakes_api import (
    IDENTITY,
    LIST,
    NODE,
    PEER,
    PEER_KEY,
    URL,
    HandClock,
    MemoryNode,
    node_on_loopback,
)
from support.oauth_peer import token_by_metadata
from support.raw_http import raw_access

ISSUER = f"https://{NODE}"
CLIENT = Path(__file__).with_name("oauth_peer.mjs")
REFERENCE = Path(__file__).parents[2] / "docs/reference/http.md"
METADATA = "/.well-known/oauth-authorization-server"


async def test_a_stock_client_gets_a_token_from_the_metadata_alone() -> None:
    memory = MemoryNode()
    memory.clock = HandClock(datetime.now(UTC))  # the client goes by the clock of the machine
    private = {"kty": "OKP", "crv": "Ed25519", "x": b64u(PEER_KEY.public.raw), "d": b64u(PEER_KEY.seed)}
    async with node_on_loopback(memory) as node:
        request = {
            "issuer": ISSUER,
            "port": node.server.port,
            "certificate": IDENTITY.certificate.decode(),
            "client": PEER,
            "kid": PEER_KEY.public.kid,
            "jwk": private,
            "scope": "log:read",
        }
        found = await asyncio.to_thread(token_by_metadata, request)
    assert found["server"]["token_endpoint"] == f"{URL}oauth2/token"
    assert (found["token"]["token_type"], found["token"]["scope"]) == ("bearer", "log:read")
    async with raw_access(memory) as raw:
        reply = await raw("GET", "/lists/main/checkpoint", found["token"]["access_token"])
    assert reply.body == memory.peer.notes[LIST]


def test_the_reference_shows_what_this_client_was_told() -> None:
    (shown,) = re.findall(r"^```js\n(.*?)^```$", REFERENCE.read_text(), re.MULTILINE | re.DOTALL)
    assert shown in CLIENT.read_text()


async def test_the_metadata_say_what_is_true_and_nothing_else() -> None:
    async with raw_access() as raw:
        reply = await raw("GET", METADATA)
        fields = json.loads(reply.body)
        held = await raw("GET", METADATA, headers={"If-None-Match": reply.headers["ETag"]})
    assert held.status == 304
    assert fields == {
        "issuer": ISSUER,
        "token_endpoint": f"{URL}oauth2/token",
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["EdDSA"],
        "tls_client_certificate_bound_access_tokens": True,
    }
