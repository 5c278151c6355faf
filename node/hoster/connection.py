"""The connection of a partner's client to its node: its proxy, its kept token, and how it signs in."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from keys.key import AuthPrivateKey
from node import config
from node.clock import Clock, Entropy, SystemClock, system_entropy
from node.home import Home
from node.hoster.folder import Enrolment, PartnerFolder
from node.hoster.key_renewal import REFUSED_HINT
from node.hoster.trust.node import known
from node.remote.kept_tokens import TokenFile
from node.remote.limits import RemoteLimits
from node.remote.proxy import Proxy, proxy_of
from node.tls import Traffic
from protocol.messages import EvaluationReply, EvaluationRequest

if TYPE_CHECKING:  # what is answered by the screen connects to nobody
    from node.hoster.lookup.examiner import Evaluates
    from node.remote.node import RemoteNode


class EachTime:
    """Has batches evaluated over a connection each: when it ends tells nothing of what is done with the answer."""

    def __init__(self, connect: Callable[[], "AbstractAsyncContextManager[Evaluates]"]) -> None:
        self._connect = connect

    async def evaluate(self, subset: str, request: EvaluationRequest) -> EvaluationReply:
        """As `RemoteNode.evaluate`."""
        async with self._connect() as remote:
            return await remote.evaluate(subset, request)


def reach_node_of(
    enrolment: Enrolment,
    key: AuthPrivateKey,
    *,
    clock: Clock,
    entropy: Entropy,
    proxy: Proxy | None,
    traffic: Traffic | None = None,
    tokens: TokenFile | None = None,
    spool: Path | None = None,
    limits: RemoteLimits = RemoteLimits(),  # noqa: B008  # frozen
) -> "RemoteNode":
    """A partner's connection to the node it is enrolled with, wherever it is by now."""
    from node.remote.auth import Credentials  # noqa: PLC0415
    from node.remote.node import RemoteNode  # noqa: PLC0415

    documents = known(enrolment)
    return RemoteNode(
        node=documents.document.node,
        base_url=documents.address(enrolment.url),
        pins=documents.pins,
        credentials=Credentials(client=enrolment.partner, signer=key, refused_hint=REFUSED_HINT),
        proxy=proxy,
        clock=clock,
        entropy=entropy,
        traffic=traffic,
        tokens=tokens,
        spool=spool,
        limits=limits,
    )


def reach_own_node(
    home: Home,
    enrolment: Enrolment,
    *,
    key: AuthPrivateKey | None = None,
    clock: Clock | None = None,
    again: bool = False,
    traffic: Traffic | None = None,
    spool: Path | None = None,
) -> "RemoteNode":
    """The connection of the client in `home`, with its key or another; `again` with the token of an earlier command.

    Without, the key is proven anew, so that an update hears of its end at once.
    """
    return reach_node_of(
        enrolment,
        key or PartnerFolder(home.partner).key(),
        clock=clock or SystemClock(),
        entropy=system_entropy,
        proxy=partner_proxy(home),
        traffic=traffic,
        tokens=partner_tokens(home) if again else None,
        spool=spool,
    )


def partner_tokens(home: Home) -> TokenFile:
    """Where the access token of a partner's client is kept between its commands."""
    return TokenFile(home.partner / "access.token")


def partner_proxy(home: Home) -> Proxy | None:
    """The proxy of a partner's client; one that an agency has inside its node goes out as the node does."""
    outbound = config.load_outbound(home.folder)
    if outbound is not None:
        return proxy_of(outbound)
    node = home.agency
    return None if node is None else proxy_of(config.load(node).outbound)
