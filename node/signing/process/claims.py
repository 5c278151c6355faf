"""What an assertion or an access token of this node may say: exactly what the node itself would have it say.

The signer writes the token from these claims, so nothing else can be slipped into it; times are compared with the
signer's own clock, so that nothing is signed in advance. What the claims mean: docs/spec/http.md, "Authentication".
"""

import json
import re
from collections.abc import Mapping
from typing import Final

from keys.trust.names import is_log_name, is_node_name
from node.ports.callers import MAX_ASSERTION_SECONDS, MAX_SCOPE_CHARS, TOKEN_SECONDS, opened_collections
from node.signing.process.frames import refused
from protocol.endpoints import Scope

_SKEW_SECONDS: Final = 60
_MAX_NAME_CHARS: Final = 255
_JTI: Final = re.compile(r"[0-9a-f]{32}")
_KID: Final = re.compile(r"[0-9a-f]{16}")
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def read_claims(data: bytes) -> dict[str, object]:
    """The claims in a body, in their order; raises `SignerRefusedError`."""
    try:
        claims = json.loads(data.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise refused("claims that cannot be read") from None
    if not isinstance(claims, dict):
        raise refused("claims that are none")
    return claims


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    claims = dict(pairs)
    if len(claims) != len(pairs):
        raise refused("claims of which one is there twice")
    return claims


def check_assertion(claims: Mapping[str, object], *, node: str, now_s: int) -> None:
    """Raise `SignerRefusedError` unless `node` would say this of itself to another node now."""
    _only(claims, {"iss", "sub", "aud", "iat", "exp", "jti"})
    _demand(claims["iss"] == node and claims["sub"] == node, "an assertion in another's name")
    audience = claims["aud"]
    _demand(isinstance(audience, str) and _is_issuer(audience), "an assertion for nobody")
    _demand(audience != f"https://{node}", "an assertion for this node itself")
    _check_times(claims, longest=MAX_ASSERTION_SECONDS, now_s=now_s)
    _demand(_matches(_JTI, claims["jti"]), "an assertion without an id of its own")


def check_token(claims: Mapping[str, object], *, node: str, now_s: int) -> None:
    """Raise `SignerRefusedError` unless `node` would give this token to somebody now."""
    _only(claims, {"iss", "aud", "sub", "client_id", "client_kid", "scope", "iat", "exp", "jti"}, {"cnf"})
    issuer = f"https://{node}"
    _demand(claims["iss"] == issuer and claims["aud"] == issuer, "a token of another node, or for one")
    _demand(claims["sub"] == claims["client_id"] and _is_name(claims["sub"]), "a token of two clients")
    _demand(_matches(_KID, claims["client_kid"]), "a token that names no key")
    _check_times(claims, longest=TOKEN_SECONDS, now_s=now_s)
    _demand(_matches(_JTI, claims["jti"]), "a token without an id of its own")
    _check_scopes(claims["scope"])
    if "cnf" in claims:
        _check_binding(claims["cnf"])


def _check_scopes(value: object) -> None:
    _demand(isinstance(value, str) and 0 < len(value) <= MAX_SCOPE_CHARS, "a token without scopes")
    scopes = str(value).split(" ")
    _demand(scopes == sorted(set(scopes)), "a token whose scopes are out of order")
    _demand(all(map(_is_scope, scopes)), "a token with a scope that no node has")


def _is_scope(text: str) -> bool:
    if text in _PLAIN_SCOPES:
        return True
    name, _, argument = text.partition(":")
    if name == Scope.OPEN.value:
        return bool(opened_collections(frozenset({text})))
    return name == Scope.QUERY.value and is_log_name(argument)


_PLAIN_SCOPES: Final = frozenset(scope.value for scope in Scope) - {Scope.OPEN.value, Scope.QUERY.value}


def _check_binding(value: object) -> None:
    _demand(
        isinstance(value, dict) and list(value) == ["x5t#S256"], "a token that is bound to something else"
    )
    assert isinstance(value, dict)
    _demand(_matches(_THUMBPRINT, value["x5t#S256"]), "a token that is bound to no certificate")


def _check_times(claims: Mapping[str, object], *, longest: int, now_s: int) -> None:
    issued, expires = claims["iat"], claims["exp"]
    _demand(type(issued) is int and type(expires) is int, "a token without times")
    assert isinstance(issued, int)
    assert isinstance(expires, int)
    _demand(0 < expires - issued <= longest, "a token that lives longer than its kind")
    _demand(abs(issued - now_s) <= _SKEW_SECONDS, "a token of another time")


def _only(claims: Mapping[str, object], required: set[str], allowed: set[str] | None = None) -> None:
    names = set(claims)
    _demand(required <= names <= required | (allowed or set()), "other claims than its kind has")


def _is_issuer(text: str) -> bool:
    return text.startswith("https://") and is_node_name(text.removeprefix("https://"))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_NAME_CHARS and value.isprintable()


def _matches(form: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _demand(holds: bool, why: str) -> None:  # noqa: FBT001 - a condition
    if not holds:
        raise refused(why)
