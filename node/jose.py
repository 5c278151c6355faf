"""Signed tokens (JWS compact form): the only file that knows PyJWT.

Decides how a token is signed and read: one algorithm, EdDSA, computed with our own keys (PyNaCl verifies, after
the key's admission); the key is chosen by (issuer, key id) from what the caller trusts, and whatever else a
header offers (`jku`, `jwk`, `x5u`) is not looked at, but where it calls something critical: no extension is
understood here. What claims must hold is for the two `auth` files to say. Tokens of the agency's own sign-in
provider are read by themselves (`read_id_token`), with the algorithms that providers use.
RFC 7515, RFC 8725. See docs/spec/http.md.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.algorithms import Algorithm
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError
from typing_extensions import override

from keys.encoding import unb64u
from keys.errors import BadSignatureError, MalformedKeyError
from keys.key import PublicKey
from keys.signer import Signer
from node.errors import UnauthenticatedError

MAX_TOKEN_CHARS: Final = 8192
ALGORITHM: Final = "EdDSA"
_MAX_KID_CHARS: Final = 64

Claim = str | int | Mapping[str, str]
"""What a token of ours says under one name."""
Claims = Mapping[str, object]
ChooseKey = Callable[[str, str], PublicKey | None]
"""Gives the key of (issuer, key id), or None."""


class _EdDsa(Algorithm):
    """Ed25519 with the keys of `keys.key`."""

    @override
    def prepare_key(self, key: Any) -> Any:
        return key

    @override
    def sign(self, msg: bytes, key: Signer) -> bytes:
        return key.sign(msg)

    @override
    def verify(self, msg: bytes, key: PublicKey, sig: bytes) -> bool:
        try:
            key.verify(msg, sig)
        except BadSignatureError:
            return False
        return True

    @override
    @staticmethod
    def to_jwk(key_obj: Any, as_dict: bool = False) -> NoReturn:
        raise NotImplementedError("keys come from trust data, never from tokens")

    @override
    @staticmethod
    def from_jwk(jwk: Any) -> NoReturn:
        raise NotImplementedError("keys come from trust data, never from tokens")


def _eddsa_only() -> PyJWS:
    jws = PyJWS(algorithms=[])
    jws.register_algorithm(ALGORITHM, _EdDsa())
    return jws


_JWS: Final = _eddsa_only()

_FOREIGN: Final[Mapping[str, tuple[str, str]]] = {
    "RS256": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""Algorithms that sign-in providers may use, with the kind and curve of their keys."""
_FOREIGN_JWS: Final = PyJWS(algorithms=[*_FOREIGN])
_MAX_KEYS: Final = 64
_MIN_RSA_BITS: Final = 2048


def sign_token(claims: Mapping[str, Claim], *, typ: str, signer: Signer) -> str:
    """The claims as a token of type `typ`, signed; the header names the key by its id."""
    payload = json.dumps(claims, separators=(",", ":")).encode()
    key: Any = signer  # PyJWT passes it to our algorithm as it is
    return _JWS.encode(payload, key, ALGORITHM, headers={"typ": typ, "kid": signer.public.kid})


def read_token(token: str, *, typ: str, choose: ChooseKey) -> Claims:
    """The claims of a token of exactly this type, signed by the key that `choose` gives.

    Raises:
        UnauthenticatedError: anything else; the text does not say which, so that it helps nobody guess.
    """
    _require_canonical(token)
    try:
        unverified = _JWS.decode_complete(token, options={"verify_signature": False})
        key: Any = _choose(unverified, typ, choose)
        verified = _JWS.decode_complete(token, key, algorithms=[ALGORITHM])
    except PyJWTError:
        raise _refused() from None
    return _claims(verified["payload"])


def read_id_token(token: str, keys: Mapping[str, object]) -> Claims:
    """The claims of another maker's token, signed by one of the keys of a JWK set (RFC 7517); raises as `read_token`.

    The algorithm is one of three with public keys, and must be the key's own: no public key is taken for a secret.
    """
    _require_canonical(token)
    try:
        header = _FOREIGN_JWS.get_unverified_header(token)
        algorithm = str(header.get("alg"))
        if algorithm not in _FOREIGN or "crit" in header:
            raise _refused()
        key = PyJWK.from_dict(_foreign_key(keys, header, _FOREIGN[algorithm]), algorithm)
        if isinstance(key.key, RSAPublicKey) and key.key.key_size < _MIN_RSA_BITS:
            raise _refused()
        verified = _FOREIGN_JWS.decode_complete(token, key.key, algorithms=[algorithm])
    except (PyJWTError, ValueError, TypeError):
        raise _refused() from None
    return _claims(verified["payload"])


def _foreign_key(
    keys: Mapping[str, object], header: Mapping[str, object], kind: tuple[str, str]
) -> dict[str, object]:
    """The key that a header names, or the only one of its kind; private parts are not looked at."""
    found = keys.get("keys")
    fitting = [
        key
        for key in (found if isinstance(found, list) else [])[:_MAX_KEYS]
        if isinstance(key, dict)
        and (key.get("kty"), key.get("crv", "")) == kind
        and key.get("use", "sig") == "sig"
        and ("kid" not in header or key.get("kid") == header["kid"])
    ]
    if len(fitting) != 1:
        raise _refused()
    return {name: value for name, value in fitting[0].items() if name in {"kty", "crv", "x", "y", "n", "e"}}


def claimed_issuer(token: str) -> str | None:
    """Who a token says that it is from, believed by nobody; None for a text that is no token."""
    try:
        _require_canonical(token)
        unverified = _JWS.decode_complete(token, options={"verify_signature": False})
        issuer = text_claim(_claims(unverified["payload"]), "iss")
    except (PyJWTError, UnauthenticatedError):
        return None
    return issuer if issuer.isprintable() else None


def _require_canonical(token: str) -> None:
    """Three parts of base64url, each in the one form that its bytes have (RFC 7515 §2): no padding, no spare bits.

    PyJWT reads others too, so that one signature would make many tokens.
    """
    parts = token.split(".") if len(token) <= MAX_TOKEN_CHARS and token.isascii() else []
    try:
        for part in parts:
            unb64u(part, error=MalformedKeyError)
    except MalformedKeyError:
        raise _refused() from None
    if len(parts) != 3:
        raise _refused()


def _choose(unverified: Mapping[str, Any], typ: str, choose: ChooseKey) -> PublicKey:
    header = unverified["header"]
    kid = header.get("kid")
    issuer = _claims(unverified["payload"]).get("iss")
    if header.get("typ") != typ or not isinstance(kid, str) or not isinstance(issuer, str):
        raise _refused()
    # PyJWT understands one extension (RFC 7797), which changes what bytes are signed; no token of ours needs it.
    if "crit" in header:
        raise _refused()
    # The name is looked up before the signature is verified: a lone surrogate or NUL would fail in the database.
    if len(kid) > _MAX_KID_CHARS or not issuer.isprintable():
        raise _refused()
    key = choose(issuer, kid)
    if key is None:
        raise _refused()
    return key


def _claims(payload: bytes) -> dict[str, object]:
    try:
        claims = json.loads(payload.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise _refused() from None
    if not isinstance(claims, dict):
        raise _refused()
    return claims


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    claims = dict(pairs)
    if len(claims) != len(pairs):  # two readers could take different ones
        raise _refused()
    return claims


def _refused() -> UnauthenticatedError:
    return UnauthenticatedError("the credential presented does not verify")


def text_claim(claims: Claims, name: str, *, max_chars: int = 255) -> str:
    """A claim that must be a text of printable characters; raises `UnauthenticatedError`."""
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= max_chars or not value.isprintable():
        raise UnauthenticatedError("the credential presented has no usable {name}", name)
    return value


def time_claim(claims: Claims, name: str) -> int:
    """A claim that must be seconds since 1970, a whole number; raises `UnauthenticatedError`."""
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**40:
        raise UnauthenticatedError("the credential presented has no usable {name}", name)
    return value
