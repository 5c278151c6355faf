"""The protocol as abstract interfaces; `protocol.endpoints` is the table of its HTTP endpoints.

`node.remote` implements these over HTTP for another node, the serving services implement them for this
one, and tests join the two without sockets. What a caller may see is decided where the implementation is
made (it is made for one caller), never by a parameter here.
"""

from typing import TYPE_CHECKING, Protocol

from protocol.lists.grant import Grant
from protocol.messages import (
    EnrolmentReply,
    EnrolmentRequest,
    EvaluationReply,
    EvaluationRequest,
    ReleasePart,
    RenewalReply,
    RenewalRequest,
)
from protocol.witness.cosign import Refuse

if TYPE_CHECKING:  # who knows the interfaces loads no arrays
    from protocol.subset.spliced_octets import Laid


class TufApi(Protocol):
    """A node's TUF repository, for any TUF client."""

    async def tuf_metadata(self, name: str, *, held: bytes = b"", max_bytes: int | None = None) -> bytes:
        """Metadata by its file name: `N.root.json`, `N.targets.json`, `N.snapshot.json` or `timestamp.json`.

        `held` is not sent again when it is still that; more than `max_bytes` are refused.
        """
        ...

    async def tuf_target(self, name: str, *, max_bytes: int | None = None) -> bytes:
        """A trust file by its hash and name, as `HASH.node.json`; more than `max_bytes` are refused."""
        ...


class TrustApi(TufApi, Protocol):
    """Trust files, public: everything in them is signed."""

    async def root(self) -> bytes:
        """The node's `1.root.json`."""
        ...

    async def revoked(self, sha256: bytes) -> bytes:
        """The signed envelope of the revocations that the node document names, by its SHA-256 (32 bytes)."""
        ...

    async def member_root(self, node: str, *, version: int = 1) -> bytes:
        """A version of the root of a member of the register, as this node holds it."""
        ...

    async def member_document(self, node: str, *, held: bytes = b"") -> bytes:
        """The signed envelope of a member's node document; `held` is not sent again when it is still that."""
        ...


class ServedTrustApi(TrustApi, Protocol):
    """The same with the files that nodes fetch by TUF, under plain names for whoever has no client of it."""

    async def node_document(self) -> bytes:
        """The signed envelope of the node document."""
        ...

    async def members(self) -> bytes:
        """The signed envelope of the members register."""
        ...


class LogApi(Protocol):
    """Reads of a list or release log, by origin (C2SP tlog-tiles)."""

    async def checkpoint(self, origin: str, *, held: bytes | None) -> bytes | None:
        """The newest signed note, or None when it is byte for byte the `held` one."""
        ...

    async def tile(self, origin: str, *, level: int, index: int, width: int) -> bytes:
        """`width * 32` bytes of hashes."""
        ...

    async def entries(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        """The entry bundle `index` with `width` entries, without the `first` ones."""
        ...


class OpeningsApi(Protocol):
    """Openings of lists, filtered by the caller's grant."""

    async def openings(self, origin: str, *, index: int, width: int, first: int = 0) -> bytes:
        """`width` openings with u16 lengths, without the `first` ones; length 0 is withheld."""
        ...

    async def granted(self) -> Grant:
        """What the caller may read, in the node's own words: everything that it covers must be opened."""
        ...


class ListApi(LogApi, OpeningsApi, Protocol):
    """An agency's lists, as another may read them."""


class PeerApi(TrustApi, ListApi, Protocol):
    """What an agency offers another."""


class ReleaseApi(LogApi, Protocol):
    """An agency's releases, as a partner may read them and ask about them."""

    async def release_part(
        self, subset: str, *, version: int, part: ReleasePart, since: int | None, max_bytes: int | None = None
    ) -> "Laid":
        """One file of a release: whole, or as the delta from version `since`; refused beyond `max_bytes`."""
        ...

    async def evaluate(self, subset: str, request: EvaluationRequest) -> EvaluationReply:
        """Evaluate a batch of blinded elements."""
        ...


class SubsetApi(TrustApi, ReleaseApi, Protocol):
    """What an agency offers a partner."""


class HitApi(Protocol):
    """What an agency offers a partner that has hits."""

    async def report_hit(self, subset: str, report: bytes) -> bytes:
        """The signed receipt of an authenticated report."""
        ...

    async def hit_evidence(self, subset: str, report_id: str, *, version: int = 1) -> bytes:
        """The evidence of a reported hit, by the report's id in lower-case hexadecimal digits.

        In this version of the format; an older node gives the first.
        """
        ...

    async def ended_reports(self, subset: str, report_id: str) -> bytes:
        """Reports that ended after this one (`protocol.statement.end`); an id of zeros: from the first."""
        ...

    async def open_case(self, subset: str, dispute: bytes) -> bytes:
        """Dispute a reported hit: the state of the case."""
        ...

    async def case(self, subset: str, report_id: str) -> bytes:
        """The state of a case, with the signed answer once there is one."""
        ...

    async def resolve_hit(self, subset: str, resolution: bytes) -> bytes:
        """Say what became of the file of a reported hit: the signed receipt of that."""
        ...


class ProposalApi(Protocol):
    """What an agency offers a partner that found new material."""

    async def propose(self, subset: str, proposal: bytes) -> bytes:
        """The signed receipt of a proposal; the same again for the same bytes."""
        ...

    async def proposal(self, subset: str, proposal_id: str) -> bytes:
        """What became of a proposal, by its id in lower-case hexadecimal digits."""
        ...

    async def withdraw_proposal(self, subset: str, proposal_id: str) -> bytes:
        """Take back what waits of a proposal: what became of it."""
        ...


class DisclosedApi(Protocol):
    """What an agency offers a partner that it lets show PDQ values in the clear."""

    async def disclosed_lookup(self, subset: str, query: bytes) -> bytes:
        """Which values of a query are near an entry of the subset."""
        ...


class RenewalApi(Protocol):
    """What an agency offers a partner whose key has its time."""

    async def renew(self, subset: str, request: RenewalRequest) -> RenewalReply:
        """Let the partner's next key count; asking again changes nothing."""
        ...


class EnrolmentApi(Protocol):
    """What an agency offers somebody who holds an invitation."""

    async def enrol(self, request: EnrolmentRequest) -> EnrolmentReply:
        """Register the partner's keys; the invitation is used up."""
        ...


class WitnessApi(Protocol):
    """What a node offers the logs that it witnesses, and those who watch them (C2SP tlog-witness)."""

    async def add_checkpoint(self, body: bytes) -> bytes | Refuse:
        """The cosignature line on the checkpoint in a request's body, or why there is none."""
        ...

    async def witnessed(self, origin_sha256: str) -> bytes:
        """The last checkpoint cosigned, by the SHA-256 of its origin in lower case hexadecimal digits."""
        ...


class GossipApi(Protocol):
    """What a node offers its peers, so that nobody is shown another truth than they are."""

    async def gossip(self, *, held: bytes | None) -> bytes | None:
        """What the node holds (`protocol.gossip`), or None when it is byte for byte the `held` one."""
        ...

    async def evidence(self, name: str) -> bytes:
        """Evidence or a trust file that its gossip names, by SHA-256 in lower case hexadecimal digits."""
        ...


class AcknowledgementApi(Protocol):
    """What the owner of a list offers those who follow it."""

    async def acknowledge(self, origin: str, statement: bytes) -> None:
        """Take in a signed acknowledgement of the list (`protocol.acknowledgement`)."""
        ...


class TrustAcknowledgementApi(Protocol):
    """What a node offers those who rely on its trust files."""

    async def acknowledge_trust(self, statement: bytes) -> None:
        """Take in, signed, which of them the caller holds (`protocol.acknowledgement`)."""
        ...


class HeldApi(Protocol):
    """What a node offers the owner of a list that it holds: the list, back, when the owner has lost it."""

    async def checkpoint(self, origin: str) -> bytes:
        """The newest signed note that is held."""
        ...

    async def entries(self, origin: str, *, index: int, width: int) -> bytes:
        """An entry bundle."""
        ...

    async def openings(self, origin: str, *, index: int, width: int) -> bytes:
        """The openings of a bundle with u16 lengths; length 0 is not held."""
        ...
