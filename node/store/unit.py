"""One transaction over all tables: each noun's rows as an attribute, loaded when somebody asks for them.

A command asks for a few of the forty, and loading them all took a tenth of a second.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

if TYPE_CHECKING:
    import node.store.acknowledgements
    import node.store.approvals
    import node.store.audit
    import node.store.batches
    import node.store.cosigning
    import node.store.data_keys
    import node.store.disclosure
    import node.store.entries
    import node.store.evidence
    import node.store.fetched
    import node.store.guards
    import node.store.hit_outcomes
    import node.store.hit_tallies
    import node.store.hits
    import node.store.logs
    import node.store.partners
    import node.store.passkeys
    import node.store.peers
    import node.store.persons
    import node.store.proposals
    import node.store.quarantine
    import node.store.recipients
    import node.store.revocations
    import node.store.sessions
    import node.store.shredding
    import node.store.subsets
    import node.store.trust_acknowledgements
    import node.store.witness


class Unit:
    """The tables inside one transaction; made by `Store.read` and `Store.write`."""

    data_keys: "node.store.data_keys.DataKeyRows"
    sealed: "node.store.data_keys.SealedCellRows"
    logs: "node.store.logs.LogRows"
    pending: "node.store.batches.PendingRows"
    cases: "node.store.batches.CaseRows"
    entries: "node.store.entries.EntryRows"
    quarantine: "node.store.quarantine.QuarantineRows"
    guards: "node.store.guards.GuardRows"
    peers: "node.store.peers.PeerRows"
    revocations: "node.store.revocations.RevocationRows"
    partners: "node.store.partners.PartnerRows"
    replays: "node.store.partners.ReplayRows"
    subsets: "node.store.subsets.SubsetRows"
    releases: "node.store.subsets.ReleaseRows"
    witnessed: "node.store.witness.WitnessRows"
    cosigners: "node.store.cosigning.CosignerRows"
    overlays: "node.store.cosigning.OverlayRows"
    evidence: "node.store.evidence.EvidenceRows"
    persons: "node.store.persons.PersonRows"
    passkeys: "node.store.passkeys.PasskeyRows"
    challenges: "node.store.passkeys.ChallengeRows"
    console_sessions: "node.store.sessions.ConsoleSessionRows"
    person_tokens: "node.store.sessions.PersonTokenRows"
    approvals: "node.store.approvals.ApprovalRows"
    audit: "node.store.audit.AuditQueueRows"
    shreddings: "node.store.shredding.ShreddingRows"
    tombstones: "node.store.shredding.TombstoneRows"
    acknowledgements: "node.store.acknowledgements.AcknowledgementRows"
    trust_acknowledgements: "node.store.trust_acknowledgements.TrustAcknowledgementRows"
    withdrawals: "node.store.acknowledgements.WithdrawalRows"
    judged: "node.store.acknowledgements.JudgedRows"
    hits: "node.store.hits.HitRows"
    hit_outcomes: "node.store.hit_outcomes.HitOutcomeRows"
    hit_tallies: "node.store.hit_tallies.HitTallyRows"
    partner_cases: "node.store.hits.PartnerCaseRows"
    proposals: "node.store.proposals.ProposalRows"
    disclosure: "node.store.disclosure.DisclosureRows"
    fetched: "node.store.fetched.FetchedRows"
    recipients: "node.store.recipients.RecipientRows"
    recipient_snapshot: "node.store.recipients.RecipientSnapshotRows"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    if not TYPE_CHECKING:  # else whatever is misspelt would be one

        def __getattr__(self, name: str) -> Any:
            """The rows of a noun, as it is annotated."""
            if name not in Unit.__annotations__:
                raise AttributeError(name)
            module, _, rows = Unit.__annotations__[name].rpartition(".")
            made = getattr(import_module(module), rows)(self._connection)
            setattr(self, name, made)
            return made
