"""Reaching other nodes: a peer that is known, and the node a partner is enrolled with."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from keys.key import AuthPrivateKey
from keys.trust.held import open_held
from node.clock import Clock, Entropy
from node.partner.knowing import known
from node.partner.renewing import REFUSED_HINT
from node.partner.state import Enrolment
from node.remote.auth import Credentials
from node.remote.kept_tokens import TokenFile
from node.remote.limits import RemoteLimits
from node.remote.node import RemoteNode
from node.remote.proxying import Proxy
from node.runtime.outbound import proxy_of
from node.tls import Traffic
from protocol.messages import EvaluationReply, EvaluationRequest

if TYPE_CHECKING:  # a partner has neither peers nor a store, an agency looks nothing up
    from node.partner.looking_up import Evaluates
    from node.ports.peers import PeerRecord
    from node.runtime.opening import Identity


class EachTime:
    """Has batches evaluated over a connection each: when it ends tells nothing of what is done with the answer."""

    def __init__(self, connect: Callable[[], "AbstractAsyncContextManager[Evaluates]"]) -> None:
        self._connect = connect

    async def evaluate(self, subset: str, request: EvaluationRequest) -> EvaluationReply:
        """As `RemoteNode.evaluate`."""
        async with self._connect() as remote:
            return await remote.evaluate(subset, request)


def reach_peer(identity: "Identity", peer: "PeerRecord", *, traffic: Traffic | None = None) -> RemoteNode:
    """A connection to a peer, pinned to the keys in its node document, with our auth and TLS keys as credentials."""
    document = open_held(peer.trust).document
    return RemoteNode(
        node=peer.name,
        base_url=document.endpoints[0].url,
        pins=document.pins,
        credentials=Credentials(client=identity.settings.node, signer=identity.signer(AuthPrivateKey)),
        presents=identity.tls(),
        proxy=proxy_of(identity.settings.outbound),
        clock=identity.clock,
        entropy=identity.entropy,
        traffic=traffic,
    )


def reach_node_of(
    enrolment: Enrolment,
    key: AuthPrivateKey,
    *,
    clock: Clock,
    entropy: Entropy,
    proxy: Proxy | None,
    traffic: Traffic | None = None,
    tokens: TokenFile | None = None,
    limits: RemoteLimits = RemoteLimits(),  # noqa: B008  # frozen
) -> RemoteNode:
    """A partner's connection to the node it is enrolled with, wherever it is by now."""
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
        limits=limits,
    )
