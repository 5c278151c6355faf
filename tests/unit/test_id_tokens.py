"""Tokens of sign-in providers: three algorithms, the key of the set, and nothing else."""

import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as new_rsa_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from node.errors import UnauthenticatedError
from node.jose import read_id_token

CLAIMS = {"iss": "https://idp.example", "sub": "248289761001"}
RSA = new_rsa_key(65537, 2048)
KEYS: dict[str, tuple[Any, dict[str, Any]]] = {
    "RS256": (RSA, RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True)),
    "ES256": ((ec := new_ec_key(SECP256R1())), ECAlgorithm.to_jwk(ec.public_key(), as_dict=True)),
    "EdDSA": ((ed := Ed25519PrivateKey.generate()), OKPAlgorithm.to_jwk(ed.public_key(), as_dict=True)),
}
SET = {"keys": [jwk | {"kid": name} for name, (_, jwk) in KEYS.items()]}


def token(name: str, **header: object) -> str:
    return jwt.encode(CLAIMS, KEYS[name][0], name, headers={"kid": name} | header)


@pytest.mark.parametrize("name", KEYS)
def test_each_algorithm_is_read_with_the_key_of_the_set(name: str) -> None:
    assert read_id_token(token(name), SET) == CLAIMS
    assert read_id_token(jwt.encode(CLAIMS, KEYS[name][0], name), SET) == CLAIMS, "the only one of its kind"


@pytest.mark.parametrize("name", KEYS)
def test_another_key_does_not_do(name: str) -> None:
    for other in KEYS.keys() - {name}:
        with pytest.raises(UnauthenticatedError):
            read_id_token(token(name, kid=other), SET)
    with pytest.raises(UnauthenticatedError):
        read_id_token(token(name, kid="unknown"), SET)
    with pytest.raises(UnauthenticatedError):
        read_id_token(token(name), {"keys": []})
    twice = {"keys": [KEYS[name][1], KEYS[name][1]]}
    with pytest.raises(UnauthenticatedError):
        read_id_token(jwt.encode(CLAIMS, KEYS[name][0], name), twice)


@pytest.mark.threat("a false sign-in")
def test_a_public_key_is_no_secret() -> None:
    """The oldest attack on such tokens: HMAC under what everybody knows."""
    public = json.dumps(KEYS["RS256"][1]).encode()
    signed = f"{encode(json.dumps({'alg': 'HS256', 'kid': 'RS256'}).encode())}.{encode(json.dumps(CLAIMS).encode())}"
    forged = f"{signed}.{encode(hmac.digest(public, signed.encode(), 'sha256'))}"
    secret = {"keys": [{"kty": "oct", "k": encode(b"x" * 32), "kid": "oct"}]}
    shared = jwt.encode(CLAIMS, "x" * 32, "HS256", headers={"kid": "oct"})
    unsigned = jwt.encode(CLAIMS, "", "none")
    for text, keys in ((forged, SET), (shared, secret), (unsigned, SET)):
        with pytest.raises(UnauthenticatedError):
            read_id_token(text, keys)


@pytest.mark.parametrize("name", KEYS)
def test_what_was_altered_is_refused(name: str) -> None:
    head, body, signature = token(name).split(".")
    other = encode(json.dumps(CLAIMS | {"sub": "another"}).encode())
    for text in (
        f"{head}.{other}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        "",
        "a.b.c",
        "é.é.é",
        "." * 9000,
    ):
        with pytest.raises(UnauthenticatedError):
            read_id_token(text, SET)


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param({}, id="none"),
        pytest.param({"keys": None}, id="null"),
        pytest.param({"keys": "RS256"}, id="text"),
        pytest.param({"keys": [1, None, "x"]}, id="no keys"),
        pytest.param({"keys": [{"kty": "RSA", "kid": "RS256"}]}, id="no parts"),
        pytest.param({"keys": [{"kty": "RSA", "kid": "RS256", "n": "!", "e": "AQAB"}]}, id="no number"),
    ],
)
def test_what_is_no_set_of_keys_is_refused(keys: dict[str, object]) -> None:
    with pytest.raises(UnauthenticatedError):
        read_id_token(token("RS256"), keys)


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
