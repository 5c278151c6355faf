"""Tokens across makers: npm `jose` verifies ours with nothing but the node document, and what it signs is judged.

Every assertion that must be refused is one that a library would sign, or that a forger writes by hand, and goes over
HTTPS to the token endpoint. What the claims must be is tested one by one in tests/service/test_auth.py, and what
certificates do in tests/service/test_certificates.py.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from ssl import PEM_cert_to_DER_cert
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from keys.encoding import b64u
from keys.key import AuthPrivateKey, PrivateKey, PublicKey
from keys.trust.node_document import to_json
from keys.trust.node_parts import DatedKey
from node.clock import system_entropy
from node.ports.callers import ASSERTION_TYP, TOKEN_TYP
from node.remote.auth import Credentials, assertion
from node.tls import client_certificate, create_identity
from support.fakes_api import NODE, PEER, PEER_KEY, PEER_TLS, START, TOKEN_KEY, node_on_loopback
from support.irregular import IRREGULAR
from support.jose_peer import JoseError, signed, verified
from support.raw_http import ASSERTION_TYPE, Raw, Reply, raw_access, raw_to
from support.trust import VALID, node_document

NOW = int(START.timestamp())
ISSUER = f"https://{NODE}"
LIST_PATH = "/lists/main/checkpoint"
ABSENT = None
"""In a change: leave the field out."""


# ------------------------------------------------------------------ keys, as another program has them


def published_jwk(listed_in: str, key: PublicKey) -> dict[str, str]:
    """A key as a reader of the node document makes a JWK (RFC 8037) of it, knowing the document's page only."""
    dated = (DatedKey(key.kid, key, VALID),)
    document = node_document(**{listed_in: dated})  # type: ignore[arg-type]  # one of its tuples of keys
    [listed] = json.loads(to_json(document))[listed_in]
    return {"kty": "OKP", "crv": "Ed25519", "kid": listed["kid"], "x": listed["x"]}


def private_jwk(key: PrivateKey) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": b64u(key.public.raw), "d": b64u(key.seed)}


def _p256_jwk() -> dict[str, str]:
    """A P-256 key, which no client has."""
    numbers = derive_private_key(0xC0FFEE, SECP256R1()).private_numbers()
    point = numbers.public_numbers
    x, y, d = (b64u(number.to_bytes(32, "big")) for number in (point.x, point.y, numbers.private_value))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "d": d}


def public(jwk: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in jwk.items() if name != "d"}


AUTH_JWK = private_jwk(PEER_KEY)
TOKEN_JWK = private_jwk(TOKEN_KEY)
STRANGER_JWK = private_jwk(AuthPrivateKey.from_seed(b"x" * 32))
P256_JWK = _p256_jwk()
IDENTITY = next(how for how in IRREGULAR if how.kind == "identity_key")
IDENTITY_JWK = {"kty": "OKP", "crv": "Ed25519", "x": b64u(IDENTITY.public)}


# ------------------------------------------------------------------ ours, verified by jose


def our_assertion() -> str:
    return assertion(Credentials(PEER, PEER_KEY), node=NODE, now=START, entropy=system_entropy)


EXPECTED = {"now": NOW, "typ": ASSERTION_TYP, "issuer": PEER, "audience": ISSUER, "maxTokenAge": 60}


def test_jose_verifies_our_assertions() -> None:
    found = verified(our_assertion(), jwk=published_jwk("auth_keys", PEER_KEY.public), **EXPECTED)
    assert found["header"] == {"alg": "EdDSA", "typ": ASSERTION_TYP, "kid": PEER_KEY.public.kid}
    assert found["claims"]["sub"] == PEER
    assert found["claims"]["exp"] == NOW + 60


async def test_jose_verifies_our_access_tokens() -> None:
    async with raw_access() as raw:
        token = await raw.peer_token()
    jwk = published_jwk("token_keys", TOKEN_KEY.public)
    found = verified(token, jwk=jwk, now=NOW, typ=TOKEN_TYP, issuer=ISSUER, audience=ISSUER, maxTokenAge=600)
    assert found["header"] == {"alg": "EdDSA", "typ": TOKEN_TYP, "kid": jwk["kid"]}
    assert (found["claims"]["sub"], found["claims"]["client_id"]) == (PEER, PEER)
    assert found["claims"]["scope"] == "log:read open:1 open:2"


async def test_a_token_says_the_certificate_it_is_bound_to_and_is_good_over_no_other() -> None:
    thumbprint = sha256(PEM_cert_to_DER_cert(client_certificate(PEER_TLS).certificate.decode())).digest()
    async with node_on_loopback() as node:
        async with raw_to(node, presents=PEER_TLS) as own:
            token = await own.peer_token()
            assert (await own("GET", LIST_PATH, token)).status == 200
        jwk = published_jwk("token_keys", TOKEN_KEY.public)
        found = verified(
            token, jwk=jwk, now=NOW, typ=TOKEN_TYP, issuer=ISSUER, audience=ISSUER, maxTokenAge=600
        )
        assert found["claims"]["cnf"] == {"x5t#S256": b64u(thumbprint)}
        for presents in (create_identity(PEER, now=START), None):
            async with raw_to(node, presents=presents) as other:
                reply = await other("GET", LIST_PATH, token)
                assert (reply.status, reply.problem) == (401, "wrong-certificate")


_BINDINGS: dict[str, Any] = {
    "to nothing": {},
    "to a DPoP key": {"jkt": "x"},
    "to another certificate": {"x5t#S256": b64u(b"0" * 32)},
    "to a text": "x5t#S256",
}


@pytest.mark.parametrize("cnf", _BINDINGS.values(), ids=_BINDINGS)
async def test_a_token_bound_to_something_else_is_good_over_no_connection(cnf: Any) -> None:
    """Signed with the node's own key, so that nothing but the binding is refused."""
    bound, good = signed([ACCESS.request(Made(claims={"cnf": cnf})), ACCESS.request(Made())])
    async with node_on_loopback() as node:
        for presents in (PEER_TLS, None):
            async with raw_to(node, presents=presents) as raw:
                assert (await raw("GET", LIST_PATH, bound)).problem == "wrong-certificate"
                assert (await raw("GET", LIST_PATH, good)).status == 200


_WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another key": ({"jwk": public(STRANGER_JWK)}, "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"),
    "another node": ({"audience": "https://nl.example"}, "ERR_JWT_CLAIM_VALIDATION_FAILED"),
    "another issuer": ({"issuer": "be.example"}, "ERR_JWT_CLAIM_VALIDATION_FAILED"),
    "an access token wanted": ({"typ": TOKEN_TYP}, "ERR_JWT_CLAIM_VALIDATION_FAILED"),
    "a minute later": ({"now": NOW + 60}, "ERR_JWT_EXPIRED"),
}


@pytest.mark.parametrize(("changes", "code"), _WRONG.values(), ids=_WRONG)
def test_jose_takes_our_assertion_for_nothing_else(changes: dict[str, Any], code: str) -> None:
    """That it verified above says something only if it would not have otherwise."""
    with pytest.raises(JoseError, match=code):
        verified(our_assertion(), **({"jwk": public(AUTH_JWK)} | EXPECTED | changes))


# ------------------------------------------------------------------ jose's, judged by us


@dataclass(frozen=True, kw_only=True)
class Made:
    """How a token departs from a good one, and which key jose is given."""

    header: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    jwk: Mapping[str, str] | None = None
    secret: bytes | None = None


def _with(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**fields, **changes}.items() if value is not ABSENT}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a good token of one kind says, and who signs it."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    jwk: Mapping[str, str]

    def request(self, made: Made) -> dict[str, Any]:
        """What jose is asked for."""
        request = {
            "operation": "sign",
            "header": _with(self.header, made.header),
            "claims": _with(self.claims, made.claims),
        }
        if made.secret is not None:
            return request | {"secret": b64u(made.secret)}
        return request | {"jwk": made.jwk or self.jwk}

    def by_hand(self, header: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> str:
        """A token that no library would make."""
        parts = (_with(self.header, header), self.claims)
        signing = ".".join(b64u(json.dumps(part).encode()) for part in parts)
        return f"{signing}.{b64u(sign(signing.encode()))}"


ASSERTION = Kind(
    header={"alg": "EdDSA", "typ": ASSERTION_TYP, "kid": PEER_KEY.public.kid},
    claims={"iss": PEER, "sub": PEER, "aud": ISSUER, "iat": NOW, "exp": NOW + 60, "jti": "0123456789abcdef"},
    jwk=AUTH_JWK,
)
ACCESS = Kind(
    header={"alg": "EdDSA", "typ": TOKEN_TYP, "kid": TOKEN_KEY.public.kid},
    claims={
        "iss": ISSUER,
        "sub": PEER,
        "aud": ISSUER,
        "iat": NOW,
        "exp": NOW + 600,
        "jti": "0123456789abcdef",
        "client_id": PEER,
        "client_kid": PEER_KEY.public.kid,
        "scope": "log:read open:1",
    },
    jwk=TOKEN_JWK,
)


async def exchange(raw: Raw, token: str) -> Reply:
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}
    return await raw("POST", "/oauth2/token", data={"grant_type": "client_credentials", **form})


_KEYS_OFFERED = {
    "none": {},
    "a key": {"jwk": public(STRANGER_JWK)},
    "the address of a key set": {"jku": "https://evil.example/keys"},
    "the address of a certificate": {"x5u": "https://evil.example/certificate"},
    "a certificate": {"x5c": ["MIIB"]},
}


@pytest.mark.parametrize("offered", _KEYS_OFFERED.values(), ids=_KEYS_OFFERED)
async def test_an_assertion_that_jose_signed_buys_a_token_whatever_key_it_offers(
    offered: dict[str, Any],
) -> None:
    """What is offered is not looked at, so it spoils nothing either."""
    [token] = signed([ASSERTION.request(Made(header=offered))])
    async with raw_access() as raw:
        reply = await exchange(raw, token)
        assert reply.status == 200
        access = json.loads(reply.body)["access_token"]
        assert (await raw("GET", LIST_PATH, access)).status == 200


_UNAUTHENTICATED = (401, "unauthenticated")
_CLOCK_SKEW = (401, "clock-skew")
_HOUR = 3600

BY_JOSE: dict[str, Made] = {
    "HS256 with the public key as secret": Made(header={"alg": "HS256"}, secret=PEER_KEY.public.raw),
    "HS256 with the public key's text as secret": Made(
        header={"alg": "HS256"}, secret=PEER_KEY.public.to_text().encode()
    ),
    "HS256 with the JWK's x as secret": Made(header={"alg": "HS256"}, secret=AUTH_JWK["x"].encode()),
    "type of a plain JWT": Made(header={"typ": "JWT"}),
    "type of an access token": Made(header={"typ": TOKEN_TYP}),
    "no type": Made(header={"typ": ABSENT}),
    "type in its long form": Made(header={"typ": f"application/{ASSERTION_TYP}"}),
    "no expiry": Made(claims={"exp": ABSENT}),
    "good for ten years": Made(claims={"exp": NOW + 10 * 365 * 24 * _HOUR}),
    "not before an hour from now": Made(claims={"nbf": NOW + _HOUR}),
    "for another node": Made(claims={"aud": "https://nl.example"}),
    "for two nodes": Made(claims={"aud": [ISSUER, "https://nl.example"]}),
    "unknown key id": Made(header={"kid": "0123456789abcdef"}),
    "no key id": Made(header={"kid": ABSENT}),
    "a stranger's key": Made(jwk=STRANGER_JWK),
    "a stranger's key, offered": Made(jwk=STRANGER_JWK, header={"jwk": public(STRANGER_JWK)}),
    "a stranger's key, at an address": Made(jwk=STRANGER_JWK, header={"jku": "https://evil.example/keys"}),
    "a stranger's certificate, at an address": Made(
        jwk=STRANGER_JWK, header={"x5u": "https://evil.example/"}
    ),
    "something critical that we do not know": Made(header={"crit": ["sigfed"], "sigfed": True}),
    "something critical that our library knows": Made(header={"crit": ["b64"], "b64": True}),
    "ES256": Made(header={"alg": "ES256"}, jwk=P256_JWK),
    "ES256, the key offered": Made(header={"alg": "ES256", "jwk": public(P256_JWK)}, jwk=P256_JWK),
    "the name that RFC 9864 has for EdDSA": Made(header={"alg": "Ed25519"}),
}
AT_ANOTHER_TIME: dict[str, Made] = {
    "issued an hour from now": Made(claims={"iat": NOW + _HOUR, "exp": NOW + _HOUR + 60}),
    "an hour old": Made(claims={"iat": NOW - _HOUR, "exp": NOW - _HOUR + 60}),
}

_AS_P256 = {"kty": "EC", "crv": "P-256", "x": AUTH_JWK["x"], "y": AUTH_JWK["x"]}
BY_HAND: dict[str, tuple[dict[str, Any], Callable[[bytes], bytes]]] = {
    "none": ({"alg": "none"}, lambda _: b""),
    "none, in capitals": ({"alg": "NONE"}, lambda _: b""),
    "none under a good signature": ({"alg": "none"}, PEER_KEY.sign),
    "no algorithm": ({"alg": ABSENT}, PEER_KEY.sign),
    "the identity's signature": ({}, IDENTITY.sign),
    "the identity's signature, the key offered": ({"jwk": IDENTITY_JWK}, IDENTITY.sign),
    "the identity's signature and kid": ({"kid": "01" + "0" * 14, "jwk": IDENTITY_JWK}, IDENTITY.sign),
    "Ed25519 that calls itself ES256": ({"alg": "ES256"}, PEER_KEY.sign),
    "Ed25519 that calls itself ES256, as a P-256 key": ({"alg": "ES256", "jwk": _AS_P256}, PEER_KEY.sign),
    "payload not encoded": ({"crit": ["b64"], "b64": False}, PEER_KEY.sign),
}


@pytest.fixture(scope="module")
def joses() -> dict[str, str]:
    """All tokens of the tables that jose makes, from one process."""
    made = BY_JOSE | AT_ANOTHER_TIME
    unsecured = {"operation": "unsecured", "claims": ASSERTION.claims}
    tokens = signed(
        [*(ASSERTION.request(how) for how in made.values()), unsecured, ASSERTION.request(Made())]
    )
    return dict(zip([*made, "none by jose", "good"], tokens, strict=True))


async def _refused(token: str, good: str, why: tuple[int, str]) -> None:
    """It buys nothing, and does not spend the id that it shares with the good one."""
    async with raw_access() as raw:
        reply = await exchange(raw, token)
        assert (reply.status, reply.problem) == why
        assert (await exchange(raw, good)).status == 200


@pytest.mark.threat("somebody else's access")
@pytest.mark.parametrize("name", [*BY_JOSE, "none by jose"])
async def test_jose_signs_it_and_we_refuse_it(joses: dict[str, str], name: str) -> None:
    await _refused(joses[name], joses["good"], _UNAUTHENTICATED)


@pytest.mark.parametrize("name", AT_ANOTHER_TIME)
async def test_an_assertion_of_another_time_is_told_so(joses: dict[str, str], name: str) -> None:
    await _refused(joses[name], joses["good"], _CLOCK_SKEW)


@pytest.mark.threat("a forged credential")
@pytest.mark.parametrize(("header", "sign"), BY_HAND.values(), ids=BY_HAND)
async def test_a_forger_writes_it_and_we_refuse_it(
    joses: dict[str, str], header: dict[str, Any], sign: Callable[[bytes], bytes]
) -> None:
    await _refused(ASSERTION.by_hand(header, sign), joses["good"], _UNAUTHENTICATED)


async def test_an_id_is_good_once_in_whatever_token(joses: dict[str, str]) -> None:
    [another] = signed([ASSERTION.request(Made(claims={"exp": NOW + 30}))])
    async with raw_access() as raw:
        assert (await exchange(raw, joses["good"])).status == 200
        for token in (joses["good"], another):
            reply = await exchange(raw, token)
            assert (reply.status, reply.problem) == (401, "replayed")


_ACCESS: dict[str, Made] = {
    "HS256 with the public key as secret": Made(header={"alg": "HS256"}, secret=TOKEN_KEY.public.raw),
    "type of an assertion": Made(header={"typ": ASSERTION_TYP}),
    "no expiry": Made(claims={"exp": ABSENT}),
    "expiry is a fraction": Made(claims={"exp": NOW + 0.5}),
    "for another node": Made(claims={"aud": "https://nl.example"}),
    "from another node": Made(claims={"iss": "https://nl.example"}),
    "signed by the client": Made(jwk=AUTH_JWK),
    "signed by the client, with its kid": Made(jwk=AUTH_JWK, header={"kid": PEER_KEY.public.kid}),
    "a stranger's key, offered": Made(jwk=STRANGER_JWK, header={"jwk": public(STRANGER_JWK)}),
    "something critical": Made(header={"crit": ["b64"], "b64": True}),
    "ES256": Made(header={"alg": "ES256"}, jwk=P256_JWK),
    "bound to a key": Made(claims={"cnf": {"jkt": "x"}}),
}


async def test_only_our_own_access_tokens_open_anything() -> None:
    """The good one is jose's too, signed with the node's key: nothing but the departure is refused."""
    *tokens, good = signed([ACCESS.request(made) for made in (*_ACCESS.values(), Made())])
    forged = {
        "none": ACCESS.by_hand({"alg": "none"}, lambda _: b""),
        "the identity's signature": ACCESS.by_hand({}, IDENTITY.sign),
        **dict(zip(_ACCESS, tokens, strict=True)),
    }
    async with raw_access() as raw:
        statuses = {name: (await raw("GET", LIST_PATH, token)).status for name, token in forged.items()}
        assert statuses == dict.fromkeys(forged, 401)
        assert (await raw("GET", LIST_PATH, good)).status == 200
