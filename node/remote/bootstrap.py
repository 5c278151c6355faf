"""First contact: the files that establish trust, fetched from whoever answers.

Nothing is pinned yet, so the only things asked for are public and signed, and nothing is sent that identifies us. The
caller must then check, in this order: the root against the fingerprint it was given, the node document against the
root, and the key seen here against the endpoints in the node document. Only then may it use a `RemoteNode`.
"""

from dataclasses import dataclass, field

from node.clock import Entropy, SystemClock
from node.errors import WrongPinError
from node.remote.asking import ask_for
from node.remote.client import Client
from node.remote.exchange import Exchange
from node.remote.limits import RemoteLimits
from node.remote.proxying import Proxy
from node.tls import unpinned_context


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustFiles:
    """What a node says about itself; nothing of it is verified."""

    root: bytes = field(repr=False)
    node_document: bytes = field(repr=False)
    members: bytes = field(repr=False)
    spki_sha256: bytes
    """The key of the TLS connection they came over, 32 bytes."""


async def fetch_trust(
    base_url: str,
    *,
    entropy: Entropy,
    limits: RemoteLimits = RemoteLimits(),  # noqa: B008  # frozen
    proxy: Proxy | None = None,
) -> TrustFiles:
    """Fetch the trust files of the node at `base_url`.

    Raises:
        WrongPinError: several keys answered, so that something stands between.
        NodeError: as `node.remote.exchange.Exchange.send`.
    """
    context = unpinned_context()
    exchange = Exchange(node=base_url, base_url=base_url, context=context, limits=limits, proxy=proxy)
    async with exchange:
        client = Client(
            exchange, node=base_url, credentials=None, clock=SystemClock(), entropy=entropy, limits=limits
        )
        root = await client.get(ask_for("root"))
        document = await client.get(ask_for("node_document"))
        members = await client.get(ask_for("members"))
    if len(context.seen) != 1:
        raise WrongPinError(f"{base_url} answered with several certificates")
    return TrustFiles(
        root=root, node_document=document, members=members, spki_sha256=next(iter(context.seen))
    )
