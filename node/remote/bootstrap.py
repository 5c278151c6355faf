"""Contact with a node whose TLS key we cannot know: the first one, and one after its keys were replaced meanwhile.

Nothing is pinned, so the only things asked for are public and signed, and nothing is sent that identifies us. The root
is checked against its fingerprint before anything else is fetched, and everything else is followed from it. The caller
must then compare the key seen here with the endpoints in the node document; only then may it use a `RemoteNode`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from keys.trust.fingerprint import fingerprint, require_match
from keys.trust.held_trust import HeldTrust
from node.clock import Clock, Entropy
from node.errors import WrongPinError
from node.remote.client import Client, PublicFiles
from node.remote.exchange import Exchange
from node.remote.limits import RemoteLimits
from node.remote.proxy import Proxy
from node.store.peers.records import FetchedTrust
from node.tls import PinnedContext, unpinned_context
from node.trust.tuf.client import Followed, follow

_LIMITS: Final = RemoteLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtUp:
    """What came of following a node over a connection to whoever answers."""

    followed: Followed
    spki_sha256: bytes
    """The key of the TLS connection, 32 bytes."""


async def fetch_trust(
    base_url: str,
    pinned: bytes,
    *,
    clock: Clock,
    entropy: Entropy,
    limits: RemoteLimits = _LIMITS,
    proxy: Proxy | None = None,
) -> FetchedTrust:
    """The trust files of the node at `base_url`, whose first root has this SHA-256, or the first 16 bytes of it.

    Raises:
        WrongRootError: another root.
        WrongPinError: several keys answered, so that something stands between.
        KeysError, NodeError: as `node.trust.tuf.client.follow` and `node.remote.exchange.Exchange.send`.
    """
    url = base_url if base_url.endswith("/") else base_url + "/"
    async with _contact(url, clock, entropy, limits, proxy) as (context, files):
        root = await files.root()
        require_match(fingerprint(root), pinned)
        followed = await follow(HeldTrust(roots=(root,)), files, clock.now())
    seen = _only(context, url)  # first: what came over two connections need not match
    return FetchedTrust(url=url, trust=followed.reached(), spki_sha256=seen)


async def catch_up(
    base_url: str,
    held: HeldTrust,
    *,
    clock: Clock,
    entropy: Entropy,
    limits: RemoteLimits = _LIMITS,
    proxy: Proxy | None = None,
) -> CaughtUp:
    """Follow a node from what is held, although its TLS key may be one that is not known yet.

    Raises as `fetch_trust` of the connection; what came of following is in the result.
    """
    async with _contact(base_url, clock, entropy, limits, proxy) as (context, files):
        followed = await follow(held, files, clock.now())
    return CaughtUp(followed=followed, spki_sha256=_only(context, base_url))


@asynccontextmanager
async def _contact(
    base_url: str, clock: Clock, entropy: Entropy, limits: RemoteLimits, proxy: Proxy | None
) -> AsyncIterator[tuple[PinnedContext, PublicFiles]]:
    context = unpinned_context()
    exchange = Exchange(node=base_url, base_url=base_url, context=context, limits=limits, proxy=proxy)
    async with exchange:
        client = Client(
            exchange, node=base_url, credentials=None, clock=clock, entropy=entropy, limits=limits
        )
        yield context, PublicFiles(client)


def _only(context: PinnedContext, base_url: str) -> bytes:
    if len(context.seen) != 1:
        raise WrongPinError("{url} answered with several certificates", base_url)
    return next(iter(context.seen))
