"""The store as services see it: units of work, each one transaction over all tables.

Everything read and written in one `with store.write()` happens together or not at all. Objects are written before
the transaction that names them.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from node.ports.accounts import ChallengeTable, ConsoleSessionTable, PasskeyTable, PersonTokenTable
from node.ports.acknowledgements import AcknowledgementTable, JudgedTable, WithdrawalTable
from node.ports.approvals import ApprovalTable
from node.ports.auditing import AuditQueue
from node.ports.cosigning import CosignerTable, OverlayTable
from node.ports.data_keys import DataKeyTable, SealedCells
from node.ports.disclosure import DisclosureTable
from node.ports.entries import EntryIndex
from node.ports.evidence import EvidenceTable
from node.ports.fetched import FetchedTable
from node.ports.guards import GuardTable
from node.ports.hits import HitOutcomeTable, HitTable, HitTallyTable, PartnerCaseTable
from node.ports.logs import LogTable
from node.ports.partners import PartnerTable, ReplayTable
from node.ports.peers import PeerTable
from node.ports.pending import BatchTable
from node.ports.persons import PersonTable
from node.ports.proposals import ProposalTable
from node.ports.quarantine import QuarantineTable
from node.ports.recipients import RecipientSnapshotTable, RecipientTable
from node.ports.revocations import RevocationTable
from node.ports.shredding import ShreddingTable, TombstoneTable
from node.ports.subsets import ReleaseTable, SubsetTable
from node.ports.trust_acknowledgements import TrustAcknowledgementTable
from node.ports.witness import WitnessTable


class Unit(Protocol):
    """The tables, inside one transaction."""

    @property
    def data_keys(self) -> DataKeyTable:
        """The keys that the storage key wraps."""
        ...

    @property
    def sealed(self) -> SealedCells:
        """Values that they seal."""
        ...

    @property
    def logs(self) -> LogTable:
        """Catalogue and heads."""
        ...

    @property
    def pending(self) -> BatchTable:
        """Changes waiting for publication."""
        ...

    @property
    def cases(self) -> BatchTable:
        """Local case data of own entries."""
        ...

    @property
    def entries(self) -> EntryIndex:
        """The look-up index."""
        ...

    @property
    def quarantine(self) -> QuarantineTable:
        """What the guards set aside."""
        ...

    @property
    def guards(self) -> GuardTable:
        """What the guards compare with."""
        ...

    @property
    def peers(self) -> PeerTable:
        """Other agencies."""
        ...

    @property
    def revocations(self) -> RevocationTable:
        """What nodes took back."""
        ...

    @property
    def partners(self) -> PartnerTable:
        """Partners and invitations."""
        ...

    @property
    def replays(self) -> ReplayTable:
        """Used assertion ids."""
        ...

    @property
    def subsets(self) -> SubsetTable:
        """Subsets and their source numbers."""
        ...

    @property
    def releases(self) -> ReleaseTable:
        """Releases of subsets."""
        ...

    @property
    def witnessed(self) -> WitnessTable:
        """Heads that were cosigned."""
        ...

    @property
    def cosigners(self) -> CosignerTable:
        """Who cosigned this node's logs."""
        ...

    @property
    def overlays(self) -> OverlayTable:
        """What is held beyond cosigned heads."""
        ...

    @property
    def persons(self) -> PersonTable:
        """Who decides at this node."""
        ...

    @property
    def passkeys(self) -> PasskeyTable:
        """Their passkeys."""
        ...

    @property
    def challenges(self) -> ChallengeTable:
        """What passkeys were asked and have not answered."""
        ...

    @property
    def console_sessions(self) -> ConsoleSessionTable:
        """Signed-in browsers."""
        ...

    @property
    def person_tokens(self) -> PersonTokenTable:
        """One-time tokens of persons."""
        ...

    @property
    def approvals(self) -> ApprovalTable:
        """What waits for a second person."""
        ...

    @property
    def audit(self) -> AuditQueue:
        """Audit records on their way into the signed log."""
        ...

    @property
    def evidence(self) -> EvidenceTable:
        """Contradictions that are kept, heads that were heard, blocks that were released."""
        ...

    @property
    def shreddings(self) -> ShreddingTable:
        """What is to be deleted, or was."""
        ...

    @property
    def tombstones(self) -> TombstoneTable:
        """Digests that must not come back."""
        ...

    @property
    def trust_acknowledgements(self) -> TrustAcknowledgementTable:
        """What peers hold of the own trust files."""
        ...

    @property
    def acknowledgements(self) -> AcknowledgementTable:
        """What peers hold of the own lists."""
        ...

    @property
    def withdrawals(self) -> WithdrawalTable:
        """Withdrawals of own lists, and whom they reached."""
        ...

    @property
    def judged(self) -> JudgedTable:
        """How far subsets follow lists."""
        ...

    @property
    def hits(self) -> HitTable:
        """What partners reported."""
        ...

    @property
    def hit_outcomes(self) -> HitOutcomeTable:
        """What became of these, and which entries are behind them."""
        ...

    @property
    def hit_tallies(self) -> HitTallyTable:
        """How many there are, and how they turned out."""
        ...

    @property
    def partner_cases(self) -> PartnerCaseTable:
        """Disputes of partners."""
        ...

    @property
    def proposals(self) -> ProposalTable:
        """What partners proposed."""
        ...

    @property
    def fetched(self) -> FetchedTable:
        """Which release each partner fetched last."""
        ...

    @property
    def disclosure(self) -> DisclosureTable:
        """Who may show PDQ values, and how many were shown."""
        ...

    @property
    def recipients(self) -> RecipientTable:
        """Who may fetch raw digests."""
        ...

    @property
    def recipient_snapshot(self) -> RecipientSnapshotTable:
        """The copy of raw digests that is laid out for them."""
        ...


class Storage(Protocol):
    """Where units of work come from."""

    def read(self) -> AbstractContextManager[Unit]:
        """A consistent view; writing in it is a programmer's mistake."""
        ...

    def write(self) -> AbstractContextManager[Unit]:
        """A transaction: committed when the block ends, rolled back when it raises."""
        ...

    def damage(self) -> Sequence[str] | None:
        """What is wrong with the database's pages and indexes, none of it secret; None where it cannot be asked."""
        ...

    def scrub(self) -> None:
        """Overwrite what deleted rows left behind in the database's files, as far as the engine lets us."""
        ...
