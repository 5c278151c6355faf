"""What the web server serves: one frozen value that `node.app.serve` composes.

An API is made for one caller; what that caller may see is decided by whoever makes it, from the caller's
scopes. The web server adds authentication and limits, and knows no list.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from keys.key import TokenPublicKey
from keys.signer import Signer
from node.clock import Clock, Entropy
from node.ports.callers import Caller, CallerDirectory, Recognise
from node.ports.replay import ReplayGuard
from node.recipients.service import RecipientService
from protocol.api import (
    AcknowledgementApi,
    DisclosedApi,
    EnrolmentApi,
    GossipApi,
    HeldApi,
    HitApi,
    ListApi,
    ProposalApi,
    ReleaseApi,
    RenewalApi,
    ServedTrustApi,
    TrustAcknowledgementApi,
    TufApi,
    WitnessApi,
)

Requested = Callable[[str, int, str], None]
"""Told of every request: its endpoint, its status, and the problem's name where it was refused."""


def untold(_endpoint: str, _status: int, _problem: str) -> None:
    """Nobody counts requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServices:
    """Everything behind the HTTP API of one node."""

    node: str
    """Name of the node: it makes the issuer of tokens and the origins of logs."""
    url: str
    """Public base URL of the node, with a slash at its end."""
    clock: Clock
    entropy: Entropy
    token_signer: Callable[[], Signer]
    """Signs access tokens."""
    token_keys: Callable[[], Sequence[TokenPublicKey]]
    """Keys whose access tokens are accepted: the signer's, and predecessors until their tokens have expired."""
    callers: CallerDirectory
    replays: ReplayGuard
    certificates_required: bool
    """Whether agencies must prove the TLS key of their node document; whoever presents a certificate must anyway."""
    trust: ServedTrustApi
    tuf: TufApi
    enrolment: EnrolmentApi
    recognise: Recognise
    gossip: GossipApi
    peer: Callable[[Caller], ListApi]
    held: Callable[[Caller], HeldApi]
    acknowledgements: Callable[[Caller], AcknowledgementApi]
    trust_acknowledgements: Callable[[Caller], TrustAcknowledgementApi]
    partner: Callable[[Caller], ReleaseApi]
    hits: Callable[[Caller], HitApi]
    proposals: Callable[[Caller], ProposalApi]
    disclosed: Callable[[Caller], DisclosedApi]
    renewals: Callable[[Caller], RenewalApi]
    witness: WitnessApi | None
    """None: this node was founded without a witness's key."""
    recipients: RecipientService | None
    """None: recipients of raw digests are switched off."""
    ready: Callable[[], bool] = lambda: True
    """Whether what is added here gets signed; raises what keeps the node from answering now. Blocks."""
    requested: Requested = untold
