"""One transaction over all tables: each noun's rows as an attribute."""

from sqlalchemy import Connection

from node.store.acknowledgements import AcknowledgementRows, JudgedRows, WithdrawalRows
from node.store.approvals import ApprovalRows
from node.store.audit import AuditQueueRows
from node.store.batches import BatchRows
from node.store.cosigning import CosignerRows, OverlayRows
from node.store.data_keys import DataKeyRows, SealedCellRows
from node.store.disclosure import DisclosureRows
from node.store.entries import EntryRows
from node.store.evidence import EvidenceRows
from node.store.fetched import FetchedRows
from node.store.guards import GuardRows
from node.store.hit_outcomes import HitOutcomeRows
from node.store.hit_tallies import HitTallyRows
from node.store.hits import HitRows, PartnerCaseRows
from node.store.logs import LogRows
from node.store.partners import PartnerRows, ReplayRows
from node.store.passkeys import ChallengeRows, PasskeyRows
from node.store.peers import PeerRows
from node.store.persons import PersonRows
from node.store.proposals import ProposalRows
from node.store.quarantine import QuarantineRows
from node.store.recipients import RecipientRows, RecipientSnapshotRows
from node.store.revocations import RevocationRows
from node.store.sessions import ConsoleSessionRows, PersonTokenRows
from node.store.shredding import ShreddingRows, TombstoneRows
from node.store.subsets import ReleaseRows, SubsetRows
from node.store.tables import CaseBatch, PendingBatch, table
from node.store.trust_acknowledgements import TrustAcknowledgementRows
from node.store.witness import WitnessRows


class Unit:
    """The tables inside one transaction; made by `Store.read` and `Store.write`."""

    def __init__(self, connection: Connection) -> None:
        self.data_keys = DataKeyRows(connection)
        self.sealed = SealedCellRows(connection)
        self.logs = LogRows(connection)
        self.pending = BatchRows(connection, table(PendingBatch))
        self.cases = BatchRows(connection, table(CaseBatch))
        self.entries = EntryRows(connection)
        self.quarantine = QuarantineRows(connection)
        self.guards = GuardRows(connection)
        self.peers = PeerRows(connection)
        self.revocations = RevocationRows(connection)
        self.partners = PartnerRows(connection)
        self.replays = ReplayRows(connection)
        self.subsets = SubsetRows(connection)
        self.releases = ReleaseRows(connection)
        self.witnessed = WitnessRows(connection)
        self.cosigners = CosignerRows(connection)
        self.overlays = OverlayRows(connection)
        self.evidence = EvidenceRows(connection)
        self.persons = PersonRows(connection)
        self.passkeys = PasskeyRows(connection)
        self.challenges = ChallengeRows(connection)
        self.console_sessions = ConsoleSessionRows(connection)
        self.person_tokens = PersonTokenRows(connection)
        self.approvals = ApprovalRows(connection)
        self.audit = AuditQueueRows(connection)
        self.shreddings = ShreddingRows(connection)
        self.tombstones = TombstoneRows(connection)
        self.acknowledgements = AcknowledgementRows(connection)
        self.trust_acknowledgements = TrustAcknowledgementRows(connection)
        self.withdrawals = WithdrawalRows(connection)
        self.judged = JudgedRows(connection)
        self.hits = HitRows(connection)
        self.hit_outcomes = HitOutcomeRows(connection)
        self.hit_tallies = HitTallyRows(connection)
        self.partner_cases = PartnerCaseRows(connection)
        self.proposals = ProposalRows(connection)
        self.disclosure = DisclosureRows(connection)
        self.fetched = FetchedRows(connection)
        self.recipients = RecipientRows(connection)
        self.recipient_snapshot = RecipientSnapshotRows(connection)
