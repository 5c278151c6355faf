"""Who is calling: client assertions (RFC 7523) in, access tokens (RFC 9068) out, access tokens checked.

Decides what every claim must be; all are required, and times are compared with the clock the node runs on. A client
certificate that was presented must be the client's own, and its token works over connections with that certificate
alone (RFC 8705): neither the auth key nor a token is of use to a thief without the TLS key. Signatures and their
algorithm are `node.jose`'s matter, which keys and scopes a client has is the directory's, and what a scope
opens is decided where data is read. Spec: docs/spec/http.md, "Authentication".
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from keys.encoding import b64u
from keys.key import AuthPublicKey, PublicKey
from node import jose
from node.errors import (
    ClockSkewError,
    ForbiddenError,
    TokenExpiredError,
    UnauthenticatedError,
    WrongCertificateError,
)
from node.ports.callers import (
    ASSERTION_TYP,
    LEEWAY_SECONDS,
    MAX_ASSERTION_SECONDS,
    MAX_SCOPE_CHARS,
    TOKEN_SECONDS,
    TOKEN_TYP,
    Caller,
    CallerDirectory,
    CallerKind,
    Credential,
)
from node.ports.replay import MAX_ID_CHARS
from node.tls import ClientKey
from node.web.services import WebServices

_CACHE_SECONDS: Final = 30
_CACHE_TOKENS: Final = 4096


def issuer_of(node: str) -> str:
    """The issuer identifier of a node: audience of assertions, issuer and audience of its tokens."""
    return f"https://{node}"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """An access token with what the client must know about it."""

    token: str
    expires_in: int
    scopes: frozenset[str]


class TokenIssuer:
    """Exchanges assertions for access tokens. Synchronous: the directory and the replay table are the store's."""

    def __init__(self, services: WebServices) -> None:
        self._services = services
        self._issuer = issuer_of(services.node)

    def exchange(
        self, assertion: str, *, wanted: frozenset[str] | None, presented: ClientKey | None = None
    ) -> IssuedToken:
        """A token for the client that signed `assertion`, with its scopes or those of them that are `wanted`.

        Raises:
            UnauthenticatedError: the assertion does not verify, or was used before (`ReplayedError`).
            WrongCertificateError: the connection does not prove the client's TLS key.
            ClockSkewError: it verifies, but is dated in the past or the future.
            ForbiddenError: none of the wanted scopes is the client's.
        """
        now = self._services.clock.now()
        credential = self._verify(assertion, now, presented)
        scopes = credential.scopes if wanted is None else credential.scopes & wanted
        if not scopes:
            raise ForbiddenError("the client has none of the scopes asked for")
        return self._issue(credential, scopes, now, presented)

    def _verify(self, assertion: str, now: datetime, presented: ClientKey | None) -> Credential:
        found: list[Credential] = []

        def choose(issuer: str, kid: str) -> PublicKey | None:
            credential = self._services.callers.credential(issuer, kid)
            if credential is None:
                return None
            found.append(credential)
            return credential.key

        claims = jose.read_token(assertion, typ=ASSERTION_TYP, choose=choose)
        credential = found[-1]
        client = jose.text_claim(claims, "iss")
        if jose.text_claim(claims, "sub") != client or credential.client != client:
            raise UnauthenticatedError("the assertion's issuer and subject differ")
        if claims.get("aud") != self._issuer:  # a list would make it good at several nodes
            raise UnauthenticatedError("the assertion is for another node")
        self._check_owner(credential, presented)
        expires = _check_assertion_times(claims, now)
        jti = jose.text_claim(claims, "jti", max_chars=MAX_ID_CHARS)
        self._services.replays.spend(client, jti, expires=expires, now=now)
        return credential

    def _check_owner(self, credential: Credential, presented: ClientKey | None) -> None:
        """The client must be the owner of the connection's TLS key; agencies have one."""
        if presented is not None and presented.spki_sha256 not in credential.tls_spki_sha256:
            raise WrongCertificateError("the certificate of the connection is not one of the client's")
        if presented is None and _must_be_bound(credential, self._services):
            raise WrongCertificateError("an agency presents the TLS key of its node document")

    def _issue(
        self, credential: Credential, scopes: frozenset[str], now: datetime, presented: ClientKey | None
    ) -> IssuedToken:
        issued = int(now.timestamp())
        claims: dict[str, jose.Claim] = {
            "iss": self._issuer,
            "aud": self._issuer,
            "sub": credential.client,
            "client_id": credential.client,
            "client_kid": credential.key.kid,
            "scope": " ".join(sorted(scopes)),
            "iat": issued,
            "exp": issued + TOKEN_SECONDS,
            "jti": self._services.entropy(16).hex(),
        }
        if presented is not None:
            claims["cnf"] = _confirmation(presented)
        token = jose.sign_token(claims, typ=TOKEN_TYP, signer=self._services.token_signer())
        return IssuedToken(token=token, expires_in=TOKEN_SECONDS, scopes=scopes)


def _check_assertion_times(claims: jose.Claims, now: datetime) -> datetime:
    """When the assertion may be forgotten. The signature held, so a wrong time is a wrong clock: say by how much."""
    issued, expires = jose.time_claim(claims, "iat"), jose.time_claim(claims, "exp")
    not_before = jose.time_claim(claims, "nbf") if "nbf" in claims else issued
    if not 0 < expires - issued <= MAX_ASSERTION_SECONDS or not issued <= not_before <= expires:
        raise UnauthenticatedError("an assertion must live for {most} seconds at most", MAX_ASSERTION_SECONDS)
    ahead = issued - int(now.timestamp())
    if not -MAX_ASSERTION_SECONDS <= ahead <= LEEWAY_SECONDS:
        direction = "ahead of" if ahead > 0 else "behind"
        raise ClockSkewError(
            "the client's clock is {ahead} s {direction} this node's",
            abs(ahead),
            direction,
            ahead_seconds=ahead,
        )
    if not_before > now.timestamp() + LEEWAY_SECONDS:
        raise UnauthenticatedError("the assertion does not count yet")
    if expires + LEEWAY_SECONDS < now.timestamp():
        raise ClockSkewError("the assertion is {ahead} s old", -ahead, ahead_seconds=ahead)
    return datetime.fromtimestamp(expires, UTC) + timedelta(seconds=LEEWAY_SECONDS)


def _confirmation(presented: ClientKey) -> Mapping[str, str]:
    """The claim `cnf` of a token that is bound to a certificate (RFC 8705 §3.1)."""
    return {"x5t#S256": b64u(presented.thumbprint)}


def _must_be_bound(credential: Credential, services: WebServices) -> bool:
    return services.certificates_required and credential.kind is CallerKind.PEER


class TokenGate:
    """Says whose access token is presented; a verified token is remembered for half a minute.

    One over a connection with a certificate is remembered for that connection: a peer that was removed, or whose TLS
    key was replaced, is refused at its next handshake.
    """

    def __init__(self, services: WebServices) -> None:
        self._services = services
        self._issuer = issuer_of(services.node)
        self._cache: OrderedDict[bytes, tuple[Caller, datetime, datetime]] = OrderedDict()

    def remembered(self, token: str, presented: ClientKey | None = None) -> Caller | None:
        """What `caller` answers without verifying a signature; None where it has to verify one."""
        return self._cached(_name(token, presented), self._services.clock.now())

    async def caller(self, token: str, presented: ClientKey | None = None) -> Caller:
        """The caller that `token` names, with the scopes that are in the token and still the client's.

        Raises:
            TokenExpiredError: the token was good and is past its end.
            WrongCertificateError: it is bound to another certificate than the connection's, or to none and must be.
            UnauthenticatedError: anything else.
        """
        now = self._services.clock.now()
        name = _name(token, presented)
        cached = self._cached(name, now)
        if cached is not None:
            return cached
        caller, expires = await asyncio.to_thread(self._verify, token, now, presented)
        self._remember(name, caller, now, min(expires, now + timedelta(seconds=_CACHE_SECONDS)))
        return caller

    def _cached(self, name: bytes, now: datetime) -> Caller | None:
        caller, start, end = self._cache.get(name, (None, now, now))
        return caller if start <= now < end else None

    def _verify(self, token: str, now: datetime, presented: ClientKey | None) -> tuple[Caller, datetime]:
        claims = jose.read_token(token, typ=TOKEN_TYP, choose=self._token_key)
        if claims.get("aud") != self._issuer:
            raise UnauthenticatedError("the access token is for another node")
        expires = datetime.fromtimestamp(jose.time_claim(claims, "exp"), UTC)
        if expires <= now:
            raise TokenExpiredError("the access token has expired")
        credential = _credential(claims, self._services.callers)
        self._check_binding(claims, credential, presented)
        scopes = frozenset(jose.text_claim(claims, "scope", max_chars=MAX_SCOPE_CHARS).split(" "))
        scopes &= credential.scopes
        return Caller(client=credential.client, kind=credential.kind, scopes=scopes), expires

    def _check_binding(
        self, claims: jose.Claims, credential: Credential, presented: ClientKey | None
    ) -> None:
        """A bound token is good over its certificate alone, and none is over a certificate of somebody else's."""
        if presented is not None and presented.spki_sha256 not in credential.tls_spki_sha256:
            raise WrongCertificateError("the certificate of the connection is not one of the client's")
        if "cnf" not in claims:
            if _must_be_bound(credential, self._services):
                raise WrongCertificateError("the access token of an agency is bound to its certificate")
        elif presented is None or claims["cnf"] != _confirmation(presented):
            raise WrongCertificateError("the access token is bound to another certificate")

    def _token_key(self, issuer: str, kid: str) -> PublicKey | None:
        if issuer != self._issuer:
            return None
        return next((key for key in self._services.token_keys() if key.kid == kid), None)

    def _remember(self, name: bytes, caller: Caller, start: datetime, end: datetime) -> None:
        self._cache[name] = (caller, start, end)
        self._cache.move_to_end(name)
        if len(self._cache) > _CACHE_TOKENS:
            self._cache.popitem(last=False)


def _name(token: str, presented: ClientKey | None) -> bytes:
    connection = presented.connection if presented else 0
    return sha256(connection.to_bytes(8) + token.encode("utf-8", "surrogateescape")).digest()


def _credential(claims: jose.Claims, directory: CallerDirectory) -> Credential:
    """The client of a verified token; asking the directory again is what makes a revocation take effect."""
    client = jose.text_claim(claims, "sub")
    credential = directory.credential(client, jose.text_claim(claims, "client_kid"))
    if credential is None:
        raise UnauthenticatedError("the client's key is no longer known here")
    assert isinstance(credential.key, AuthPublicKey), "a client authenticates with an auth key"
    return credential
