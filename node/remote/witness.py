"""A witness as `protocol.api.WitnessApi`, over HTTPS: another node's, or any that speaks C2SP tlog-witness.

The prefix is the one that its node document names. Which status means which refusal is decided here; a reply that is
none of the protocol's is an error. Nothing is sent that says who asks: a log shows that by its signature.
"""

from typing import Final, Self

from node.clock import Entropy
from node.errors import ForbiddenError, NotFoundError, PeerRefusedError, VerificationError
from node.remote.exchange import Ask, Exchange
from node.remote.limits import RemoteLimits
from node.remote.proxy import Proxy
from node.remote.retry import retried
from node.tls import client_context
from protocol.encoding import parse_decimal
from protocol.errors import MalformedError
from protocol.limits import MAX_LOG_SIZE, MAX_NOTE_BYTES
from protocol.witness.cosign import Refuse, Status

_MAX_REPLY_BYTES: Final = 4096
_LIMITS: Final = RemoteLimits(connect_seconds=5.0, reply_seconds=15.0, attempts=1)
"""A witness that does not answer is asked again by the next run, not by this one."""
_BY_STATUS: Final = {status.value: status for status in Status}


class RemoteWitness:
    """The witness at `base_url`, known as `node` and recognised by `pins`. An async context manager."""

    def __init__(
        self,
        *,
        node: str,
        base_url: str,
        pins: frozenset[bytes],
        entropy: Entropy,
        proxy: Proxy | None = None,
    ) -> None:
        self._node = node
        self._entropy = entropy
        context = client_context(pins)
        self._exchange = Exchange(node=node, base_url=base_url, context=context, limits=_LIMITS, proxy=proxy)

    async def __aenter__(self) -> Self:
        await self._exchange.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exchange.__aexit__()

    async def add_checkpoint(self, body: bytes) -> bytes | Refuse:
        """The signature lines that it answers, unverified, or why there are none.

        Raises what `node.remote.exchange.Exchange.send` raises.
        """
        ask = Ask(
            method="POST",
            path="/add-checkpoint",
            max_bytes=_MAX_REPLY_BYTES,
            body=body,
            accept=frozenset({200, Status.BEHIND}),
        )
        try:
            status, answer = await self._send(ask)
        except ForbiddenError as exc:
            return Refuse(Status.UNTRUSTED, str(exc))
        except NotFoundError as exc:
            return Refuse(Status.UNKNOWN, str(exc))
        except PeerRefusedError as exc:
            if exc.status not in _BY_STATUS:
                raise
            return Refuse(_BY_STATUS[exc.status], str(exc))
        if status == Status.BEHIND:
            return Refuse(Status.BEHIND, "another size was cosigned last", self._size(answer))
        return answer

    async def witnessed(self, origin_sha256: str) -> bytes:
        """The last checkpoint that it cosigned of a log; raises `NotFoundError`."""
        _, note = await self._send(
            Ask(method="GET", path=f"/{origin_sha256}/checkpoint", max_bytes=MAX_NOTE_BYTES)
        )
        return note

    async def _send(self, ask: Ask) -> tuple[int, bytes]:
        async def attempt() -> tuple[int, bytes]:
            sink = bytearray()
            head = await self._exchange.send(ask, sink)
            return head.status, bytes(sink)

        return await retried(attempt, limits=_LIMITS, entropy=self._entropy)

    def _size(self, answer: bytes) -> int:
        try:
            return parse_decimal(answer.decode("ascii", "replace").removesuffix("\n"), MAX_LOG_SIZE)
        except MalformedError as exc:
            raise VerificationError("{node} did not tell the size it cosigned last", self._node) from exc
