"""Requests with everything around them: token, retries, conditional reads, resumption.

Decides what may be repeated. A read may; a request that costs something (quota, an invitation) may not, unless it
was never sent or the node refused its token, which is before it counts.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Final

from node.clock import Clock, Entropy
from node.errors import (
    ClockSkewError,
    ForbiddenError,
    NodeError,
    PeerUnreachableError,
    UnauthenticatedError,
    VerificationError,
)
from node.remote.auth import Credentials, TokenKeeper
from node.remote.exchange import Ask, Exchange, NotSentError, OnHead, ReplyHead, accept_any, within
from node.remote.kept_tokens import TokenFile
from node.remote.limits import RemoteLimits
from node.remote.requests import ask_for
from node.remote.retry import passes, pause, retried
from node.remote.spool import Sink

_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_TAG_CHARS: Final = 32
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class Client:
    """Sends requests to one node over an open exchange."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        node: str,
        credentials: Credentials | None,
        clock: Clock,
        entropy: Entropy,
        limits: RemoteLimits,
        tokens: TokenFile | None = None,
    ) -> None:
        self._exchange = exchange
        self._node = node
        self._entropy = entropy
        self._limits = limits
        self._keeper: TokenKeeper | None = None
        if credentials is not None:
            self._keeper = TokenKeeper(
                node=node,
                credentials=credentials,
                clock=clock,
                entropy=entropy,
                post=self._post_token,
                kept=tokens,
            )

    async def scopes(self) -> frozenset[str]:
        """What the node says that we may read; nothing without credentials."""
        if self._keeper is None:
            return frozenset()
        return await retried(self._keeper.scopes, limits=self._limits, entropy=self._entropy)

    async def get(self, ask: Ask) -> bytes:
        """The body of a read."""
        return (await self._get(ask))[1]

    async def get_unless_held(self, ask: Ask, held: bytes | None) -> bytes | None:
        """The body of a read, or None when it is `held`; costs a few hundred bytes then."""
        if held is None:
            return await self.get(ask)
        tag = f'"{sha256(held).hexdigest()[:_TAG_CHARS]}"'
        head, body = await self._get(
            replace(ask, headers={"If-None-Match": tag}, accept=frozenset({200, 304}))
        )
        return None if head.status == 304 or body == held else body

    async def _get(self, ask: Ask) -> tuple[ReplyHead, bytes]:
        async def attempt() -> tuple[ReplyHead, bytes]:
            sink = bytearray()
            return await self._send(ask, sink), bytes(sink)

        return await retried(attempt, limits=self._limits, entropy=self._entropy)

    async def post_once(self, ask: Ask, body: bytes) -> bytes:
        """The reply to a request that must not be repeated once it was sent."""
        sink = bytearray()
        if ask.authenticated and self._keeper is not None:
            await retried(self._keeper.token, limits=self._limits, entropy=self._entropy)
        await retried(
            lambda: self._send(replace(ask, body=body), sink),
            limits=self._limits,
            entropy=self._entropy,
            passing=lambda error, _limits: isinstance(error, NotSentError),
        )
        return bytes(sink)

    async def get_resumed(self, ask: Ask, sink: Sink) -> None:
        """Read a long body; an interruption costs what was under way, not what had arrived."""
        failures = resumes = 0
        while True:
            had = len(sink)
            try:
                return await self._send_rest(ask, sink)
            except NodeError as exc:
                resumes += 1
                failures = 1 if len(sink) > had else failures + 1
                if max(failures - self._limits.attempts, resumes - self._limits.max_resumes) >= 0:
                    raise
                if not passes(exc, self._limits):
                    raise
                await pause(failures, exc, limits=self._limits, entropy=self._entropy)

    async def _send_rest(self, ask: Ask, sink: Sink) -> None:
        if not sink:
            await self._send(ask, sink)
            return
        had = len(sink)

        def on_head(head: ReplyHead) -> None:
            if head.status == 200:
                sink.clear()  # the node does not resume: from the start
            elif _range(head.headers)[0] != had:
                raise VerificationError("{node} resumed at another place than asked", self._node)

        rest = replace(ask, headers={"Range": f"bytes={had}-"}, accept=frozenset({200, 206}))
        head = await self._send(rest, sink, on_head=on_head)
        if head.status == 206 and _range(head.headers)[1] != len(sink):
            raise PeerUnreachableError("{node} ended its reply early", self._node)

    async def _send(self, ask: Ask, sink: Sink, *, on_head: OnHead = accept_any) -> ReplyHead:
        """Send with our token; one that is not accepted, or an earlier command's and not for this, is renewed once."""
        if not ask.authenticated:
            return await self._exchange.send(ask, sink, on_head=on_head)
        if self._keeper is None:
            raise UnauthenticatedError("no credential for {node} is set up", self._node)
        token = await self._keeper.token()
        try:
            return await self._exchange.send(_with_token(ask, token), sink, on_head=on_head)
        except ClockSkewError:
            raise
        except UnauthenticatedError:
            self._keeper.forget(token)
        except ForbiddenError:
            if not self._keeper.borrowed(token):
                raise
            self._keeper.forget(token)
        token = await self._keeper.token()
        return await self._exchange.send(_with_token(ask, token), sink, on_head=on_head)

    async def _post_token(self, form: bytes) -> bytes:
        sink = bytearray()
        await self._exchange.send(replace(ask_for("token"), headers=_FORM, body=form), sink)
        return bytes(sink)


class PublicFiles:
    """The signed files of a node that everybody may read: `protocol.api.TufApi` and the first root."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def root(self) -> bytes:
        """The node's `1.root.json`, to be checked against its fingerprint."""
        return await self._client.get(ask_for("root"))

    async def tuf_metadata(self, name: str, *, held: bytes = b"", max_bytes: int | None = None) -> bytes:
        """A file of TUF metadata; costs a few hundred bytes when it is the `held` one."""
        return await self._unless_held(within(ask_for("tuf_metadata", metadata=name), max_bytes), held)

    async def tuf_target(self, name: str, *, max_bytes: int | None = None) -> bytes:
        """A trust file that TUF metadata lists."""
        return await self._client.get(within(ask_for("tuf_target", target=name), max_bytes))

    async def _unless_held(self, ask: Ask, held: bytes) -> bytes:
        new = await self._client.get_unless_held(ask, held or None)
        return held if new is None else new


def _with_token(ask: Ask, token: str) -> Ask:
    return replace(ask, headers={**ask.headers, "Authorization": f"Bearer {token}"})


def _range(headers: Mapping[str, str]) -> tuple[int, int]:
    """(first byte, total) of a partial reply; (-1, -1) if it does not say."""
    found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
    return (int(found[1]), int(found[3])) if found else (-1, -1)
