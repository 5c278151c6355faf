"""A sign-in elsewhere that counts as showing a passkey: the provider asked just now, and says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from node.clock import system_entropy
from node.config import OidcSettings
from node.console.sign_in.oidc import LEEWAY_SECONDS, Flow, Provider
from node.console.sign_in.provider import Flows
from node.errors import UnauthenticatedError
from node.web.server import serve
from support.processes import free_port

NOW = 1_790_000_000


@dataclass(slots=True)
class Fake:
    """A provider that lets everybody in, and says when it asked what the test wants it to say."""

    issuer: str
    claims: dict[str, object] = field(default_factory=dict)
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    async def metadata(self, _: web.Request) -> web.Response:
        names = {"authorization_endpoint": "ask", "token_endpoint": "token", "jwks_uri": "keys"}
        places = {name: f"{self.issuer}/{path}" for name, path in names.items()}
        return web.json_response({"issuer": self.issuer} | places)

    async def token(self, _: web.Request) -> web.Response:
        return web.json_response({"id_token": jwt.encode(self.claims, self.key, "EdDSA")})

    async def keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [OKPAlgorithm.to_jwk(self.key.public_key(), as_dict=True)]})


@asynccontextmanager
async def running() -> AsyncIterator[Fake]:
    port = free_port()
    fake, app = Fake(f"http://127.0.0.1:{port}"), web.Application()
    app.router.add_get("/.well-known/openid-configuration", fake.metadata)
    app.router.add_post("/token", fake.token)
    app.router.add_get("/keys", fake.keys)
    server = await serve(app, ssl_context=None, host="127.0.0.1", port=port, drain_seconds=1)
    try:
        yield fake
    finally:
        await server.stop()


async def come(proves: bool, said: dict[str, object]) -> str:
    """Who comes back from a provider that says this; the flow began at `NOW`."""
    flow = Flow.begin(system_entropy, "/console/", NOW * 1000)
    async with running() as fake:
        settings = OidcSettings(
            issuer=fake.issuer, client_id="console", persons={"at-work": "alice"}, proves=proves
        )
        common = {"iss": fake.issuer, "aud": "console", "sub": "at-work", "nonce": flow.nonce}
        fake.claims = common | {"iat": NOW, "exp": NOW + 300} | said
        return await Provider(settings, "http://localhost/return").person(flow, "code", NOW)


@pytest.mark.parametrize("asked_s", [NOW, NOW + 30, NOW - LEEWAY_SECONDS])
async def test_who_was_asked_just_now_comes_in(asked_s: int) -> None:
    assert await come(True, {"auth_time": asked_s}) == "alice"


@pytest.mark.parametrize(
    "said",
    [{}, {"auth_time": NOW - LEEWAY_SECONDS - 1}, {"auth_time": 0}, {"auth_time": str(NOW)}],
    ids=["unsaid", "before", "long ago", "no number"],
)
async def test_a_sign_in_of_before_proves_nothing(said: dict[str, object]) -> None:
    """Whoever sits down at a computer where somebody is signed in at the provider would pass for him."""
    with pytest.raises(UnauthenticatedError):
        await come(True, said)
    assert await come(False, said) == "alice", "where it proves nothing, it need not"


TOKEN_TIMES = {
    "issued as far ahead as clocks may differ": ({"iat": LEEWAY_SECONDS}, True),
    "issued a second further ahead": ({"iat": LEEWAY_SECONDS + 1}, False),
    "ended less long ago than clocks may differ": ({"exp": 1 - LEEWAY_SECONDS}, True),
    "ended as long ago as that": ({"exp": -LEEWAY_SECONDS}, False),
    "not before what clocks may differ": ({"nbf": LEEWAY_SECONDS}, True),
    "not before a second later": ({"nbf": LEEWAY_SECONDS + 1}, False),
}


@pytest.mark.threat("a wrong clock")
@pytest.mark.parametrize(("times", "counts"), TOKEN_TIMES.values(), ids=TOKEN_TIMES)
async def test_a_token_counts_within_what_clocks_may_differ(times: dict[str, int], *, counts: bool) -> None:
    said: dict[str, object] = {name: NOW + offset for name, offset in times.items()}
    if counts:
        assert await come(False, said) == "alice"
    else:
        with pytest.raises(UnauthenticatedError, match="not accepted"):
            await come(False, said)


@pytest.mark.threat("a wrong clock")
@pytest.mark.parametrize(
    ("after_ms", "good"), [(0, True), (599_999, True), (600_000, False), (-1, False)], ids=str
)
def test_a_sign_in_that_is_under_way_ends(after_ms: int, *, good: bool) -> None:
    flows, flow = Flows(), Flow.begin(system_entropy, "/console/", NOW * 1000)
    flows.keep(flow)
    assert flows.take(flow.state, NOW * 1000 + after_ms) == (flow if good else None)
    assert flows.take(flow.state, NOW * 1000) is None, "it is good once"


@pytest.mark.parametrize("proves", [True, False])
async def test_the_provider_is_asked_to_ask_anew(proves: bool) -> None:
    async with running() as fake:
        settings = OidcSettings(issuer=fake.issuer, client_id="console", proves=proves)
        provider = Provider(settings, "http://localhost/return")
        address = await provider.address(Flow.begin(system_entropy, "/console/", NOW * 1000))
    query = parse_qs(urlsplit(address).query)
    expected = (["login"], ["0"]) if proves else (None, None)
    assert (query.get("prompt"), query.get("max_age")) == expected
