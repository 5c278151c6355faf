"""OpenID Connect with one provider: who somebody is, by the word of the agency's own sign-in.

The code flow with PKCE, state and nonce (OpenID Connect Core 1.0, section 3.1; RFC 7636). What the provider says of
itself and its keys is fetched anew each time: people sign in a few times a day. Who may come in is the configuration's
to say, by the value of one claim; a value that it does not name is nobody.
"""

import asyncio
import hmac
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
from aiohttp import ClientSession, ClientTimeout

from keys.message import Message
from node.clock import Entropy
from node.config import OidcSettings
from node.errors import ConfigError, PeerUnreachableError, UnauthenticatedError
from node.files import read_private
from node.jose import Claims, read_id_token, text_claim, time_claim

MAX_REPLY_BYTES: Final = 256 * 1024
LEEWAY_SECONDS: Final = 60
_TIMEOUT: Final = ClientTimeout(total=15)
_REFUSED: Final = Message("the provider's answer was not accepted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One sign-in that is under way at the provider."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    to: str
    """Where the person goes on afterwards."""
    began_ms: int

    @classmethod
    def begin(cls, entropy: Entropy, to: str, now_ms: int) -> "Flow":
        """A new one."""
        state, nonce, verifier = (_text(entropy(32)) for _ in range(3))
        return cls(state=state, nonce=nonce, verifier=verifier, to=to, began_ms=now_ms)


class Provider:
    """The provider that the configuration names; `returning` is where it sends people back."""

    def __init__(self, settings: OidcSettings, returning: str) -> None:
        self._settings = settings
        self._returning = returning

    async def address(self, flow: Flow) -> str:
        """Where the browser goes; raises `PeerUnreachableError`, or `ConfigError` for what is no such provider."""
        async with _session() as session:
            metadata = await self._metadata(session)
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._returning,
            "scope": self._settings.scope,
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": _text(sha256(flow.verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        if self._settings.proves:
            query |= {"prompt": "login", "max_age": "0"}
        endpoint = _endpoint(metadata, "authorization_endpoint")
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"

    async def person(self, flow: Flow, code: str, now_s: int) -> str:
        """The name of the person who comes back with this code.

        Raises:
            UnauthenticatedError: the code or the token is not good, or the person has no name here.
            PeerUnreachableError, ConfigError: as `address`.
        """
        if not code:
            raise UnauthenticatedError("the provider signed nobody in", hint="sign in again")
        async with _session() as session:
            metadata = await self._metadata(session)
            reply = await self._exchange(session, _endpoint(metadata, "token_endpoint"), flow, code)
            keys = await _fetched(session, _endpoint(metadata, "jwks_uri"))
        token = reply.get("id_token")
        if not isinstance(token, str):
            raise UnauthenticatedError(_REFUSED, hint="sign in again")
        claims = read_id_token(token, keys)
        self._check(claims, flow, now_s)
        name = self._settings.persons.get(text_claim(claims, self._settings.claim))
        if name is None:
            raise UnauthenticatedError(
                "the provider knows you, and this console does not",
                hint="ask whoever runs the node to name you under [console.oidc.persons]",
            )
        return name

    async def _exchange(
        self, session: ClientSession, endpoint: str, flow: Flow, code: str
    ) -> Mapping[str, object]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._returning,
            "code_verifier": flow.verifier,
        }
        headers = {}
        if self._settings.client_secret_file is None:
            form["client_id"] = self._settings.client_id
        else:
            secret = read_private(self._settings.client_secret_file).decode().strip()
            # RFC 6749, section 2.3.1: both are form-encoded before they are joined.
            pair = f"{quote(self._settings.client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        try:
            async with session.post(endpoint, data=form, headers=headers, allow_redirects=False) as reply:
                if reply.status != 200:
                    raise UnauthenticatedError(_REFUSED, hint="sign in again")
                return await _read(reply)
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise _unreachable() from exc

    async def _metadata(self, session: ClientSession) -> Mapping[str, object]:
        issuer = self._settings.issuer
        metadata = await _fetched(session, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if metadata.get("issuer") != issuer:
            # Another issuer's metadata: the mix-up attack (RFC 9700, section 4.4).
            raise ConfigError(
                "the provider gives itself another name than console.oidc.issuer",
                hint="write the issuer exactly as the provider does",
            )
        return metadata

    def _check(self, claims: Claims, flow: Flow, now_s: int) -> None:
        client, audience = self._settings.client_id, claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        good = (
            claims.get("iss") == self._settings.issuer
            and client in audiences
            and (len(audiences) == 1 or claims.get("azp") == client)
            and hmac.compare_digest(text_claim(claims, "nonce").encode(), flow.nonce.encode())
            and time_claim(claims, "exp") + LEEWAY_SECONDS > now_s
            and time_claim(claims, "iat") - LEEWAY_SECONDS <= now_s
            and ("nbf" not in claims or time_claim(claims, "nbf") - LEEWAY_SECONDS <= now_s)
        )
        if not good:
            raise UnauthenticatedError(_REFUSED, hint="sign in again; is this machine's clock right?")
        if self._settings.proves and time_claim(claims, "auth_time") + LEEWAY_SECONDS < flow.began_ms // 1000:
            # Of a sign-in of before it is not known who sits there now (OpenID Connect Core 1.0, section 3.1.2.1).
            raise UnauthenticatedError(
                "the provider did not ask anew who you are",
                hint="sign in with a passkey, or sign out at the provider first",
            )


def _session() -> ClientSession:
    return ClientSession(timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar())


async def _fetched(session: ClientSession, url: str) -> Mapping[str, object]:
    try:
        async with session.get(url, allow_redirects=False) as reply:
            if reply.status != 200:
                raise _unreachable()
            return await _read(reply)
    except (aiohttp.ClientError, TimeoutError) as exc:
        raise _unreachable() from exc


async def _read(reply: aiohttp.ClientResponse) -> Mapping[str, object]:
    body = bytearray()
    async for chunk in reply.content.iter_any():
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            raise _unreachable()
    try:
        found = await asyncio.to_thread(json.loads, bytes(body))
    except (ValueError, RecursionError):
        raise _unreachable() from None
    if not isinstance(found, dict):
        raise _unreachable()
    return found


def _endpoint(metadata: Mapping[str, object], name: str) -> str:
    url = metadata.get(name)
    if not isinstance(url, str) or not is_private(url):
        raise ConfigError("the provider names no {name} that is reached by https", name)
    return url


def is_private(url: str) -> bool:
    """Whether nobody on the way reads what is sent there."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    )


def _unreachable() -> PeerUnreachableError:
    return PeerUnreachableError(
        "the sign-in provider does not answer as one", hint="sign in with a passkey, or try again later"
    )


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
