"""Our side of authentication: sign an assertion, hold the access token it buys, renew it in time.

The private key never leaves its signer, and the token is sent to the one node that issued it, over its pinned
connection. RFC 7523, RFC 6749 §4.4. See docs/spec/http.md, "Authentication".
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from keys.signer import Signer
from node import jose
from node.clock import Clock, Entropy
from node.errors import ClockSkewError, UnauthenticatedError, VerificationError, WrongCertificateError
from node.ports.callers import ASSERTION_TYP, ASSERTION_TYPE, MAX_ASSERTION_SECONDS, MAX_SCOPE_CHARS
from node.remote.kept_tokens import Bound, Held, TokenFile

_RENEW_BEFORE: Final = timedelta(seconds=30)
_MAX_LIFE_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class Credentials:
    """Under which name we are known to the node, and the auth key that proves it."""

    client: str
    signer: Signer
    refused_hint: str = ""
    """What whoever is known by them can do when the node accepts them no more; empty: ask its operators."""


def assertion(credentials: Credentials, *, node: str, now: datetime, entropy: Entropy) -> str:
    """A client assertion for `node`, good once and for a minute."""
    issued = int(now.timestamp())
    claims: dict[str, str | int] = {
        "iss": credentials.client,
        "sub": credentials.client,
        "aud": f"https://{node}",
        "iat": issued,
        "exp": issued + MAX_ASSERTION_SECONDS,
        "jti": entropy(16).hex(),
    }
    return jose.sign_token(claims, typ=ASSERTION_TYP, signer=credentials.signer)


class TokenKeeper:
    """Holds one access token of one node; `post` sends a form to its token endpoint and gives the reply."""

    def __init__(
        self,
        *,
        node: str,
        credentials: Credentials,
        clock: Clock,
        entropy: Entropy,
        post: Callable[[bytes], Awaitable[bytes]],
        kept: TokenFile | None = None,
    ) -> None:
        self._node = node
        self._credentials = credentials
        self._clock = clock
        self._entropy = entropy
        self._post = post
        self._kept = kept
        self._bound = Bound(node, credentials.client, credentials.signer.public)
        self._held: Held | None = None
        self._refused = ""
        self._borrowed = ""
        self._one_at_a_time = asyncio.Lock()

    async def token(self) -> str:
        """A token that should still be good for half a minute."""
        return (await self._current()).token

    async def scopes(self) -> frozenset[str]:
        """What the node says that our token may read."""
        return (await self._current()).scopes

    async def _current(self) -> Held:
        async with self._one_at_a_time:
            if self._held is None or self._clock.now() >= self._held.renew_at:
                self._held = self._from_file() or await self._fetch()
            return self._held

    def _from_file(self) -> Held | None:
        held = self._kept.read(self._bound, self._clock.now()) if self._kept else None
        if held is None or held.token == self._refused or not _sendable(held.token):
            return None
        self._borrowed = held.token
        return held

    def borrowed(self, token: str) -> bool:
        """Whether an earlier command bought `token`: what we may do may have changed since."""
        return token == self._borrowed

    def forget(self, token: str) -> None:
        """The node refused `token`: get another next time."""
        if self._held is not None and self._held.token == token:
            self._held, self._refused = None, token
            if self._kept is not None:
                self._kept.drop()

    async def _fetch(self) -> Held:
        now = self._clock.now()
        # In a thread: the key may be with an agent, a token or another process.
        signed = await asyncio.to_thread(
            assertion, self._credentials, node=self._node, now=now, entropy=self._entropy
        )
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": signed,
        }
        token, life, scopes = _read_reply(await self._posted(urlencode(form).encode()), self._node)
        renew_at = now + max(timedelta(seconds=1), timedelta(seconds=life) - _RENEW_BEFORE)
        held = Held(token, renew_at, scopes)
        if self._kept is not None:
            self._kept.write(self._bound, held)
        return held

    async def _posted(self, form: bytes) -> bytes:
        try:
            return await self._post(form)
        except (ClockSkewError, WrongCertificateError):
            raise  # the key was not refused
        except UnauthenticatedError as exc:
            exc.hint = self._credentials.refused_hint or exc.hint
            raise


def _read_reply(body: bytes, node: str) -> tuple[str, int, frozenset[str]]:
    try:
        reply = json.loads(body)
    except (ValueError, RecursionError):
        reply = None
    if not isinstance(reply, dict) or reply.get("token_type") != "Bearer":
        raise VerificationError("{node} sent a token reply that cannot be read", node)
    token, life = reply.get("access_token"), reply.get("expires_in")
    if not isinstance(token, str) or not _sendable(token):
        raise VerificationError("{node} sent a token that cannot be read", node)
    if not isinstance(life, int) or isinstance(life, bool) or not 0 < life <= _MAX_LIFE_SECONDS:
        raise VerificationError("{node} sent a token with a strange lifetime", node)
    scope = reply.get("scope", "")
    if not isinstance(scope, str) or len(scope) > MAX_SCOPE_CHARS:
        raise VerificationError("{node} sent a token with strange scopes", node)
    return token, life, frozenset(scope.split())


def _sendable(token: str) -> bool:
    return (
        0 < len(token) <= jose.MAX_TOKEN_CHARS
        and token.isascii()
        and token.isprintable()
        and " " not in token
    )
