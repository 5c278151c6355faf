"""One transaction over all tables: each noun's rows as an attribute, loaded when somebody asks for them.

A command asks for a few of the forty, and loading them all took a tenth of a second.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

if TYPE_CHECKING:
    import node.store.accounts.approvals
    import node.store.accounts.audit
    import node.store.accounts.passkeys
    import node.store.accounts.persons
    import node.store.accounts.sessions
    import node.store.data_keys
    import node.store.hits.outcomes
    import node.store.hits.reports
    import node.store.hits.tallies
    import node.store.home_copy
    import node.store.lease
    import node.store.lists.batches
    import node.store.lists.entries
    import node.store.lists.file_runs
    import node.store.lists.guards
    import node.store.lists.logs
    import node.store.lists.quarantine
    import node.store.lists.shreddings
    import node.store.lists.touches
    import node.store.partners.disclosure
    import node.store.partners.fetches
    import node.store.partners.partners
    import node.store.partners.proposals
    import node.store.partners.recipients
    import node.store.peers.acknowledgements
    import node.store.peers.cosignatures
    import node.store.peers.evidence
    import node.store.peers.peers
    import node.store.peers.revocations
    import node.store.peers.witness
    import node.store.subsets.listed_rows
    import node.store.subsets.subsets


class Unit:
    """The tables inside one transaction; made by `Store.read` and `Store.write`."""

    data_keys: "node.store.data_keys.DataKeyRows"
    sealed: "node.store.data_keys.SealedCellRows"
    home_copy: "node.store.home_copy.HomeCopyRows"
    lease: "node.store.lease.LeaseRows"
    logs: "node.store.lists.logs.LogRows"
    pending: "node.store.lists.batches.PendingRows"
    cases: "node.store.lists.batches.CaseRows"
    entries: "node.store.lists.entries.EntryRows"
    touches: "node.store.lists.touches.TouchRows"
    file_runs: "node.store.lists.file_runs.FileRunRows"
    quarantine: "node.store.lists.quarantine.QuarantineRows"
    guards: "node.store.lists.guards.GuardRows"
    peers: "node.store.peers.peers.PeerRows"
    revocations: "node.store.peers.revocations.RevocationRows"
    partners: "node.store.partners.partners.PartnerRows"
    replays: "node.store.partners.partners.ReplayRows"
    subsets: "node.store.subsets.subsets.SubsetRows"
    releases: "node.store.subsets.subsets.ReleaseRows"
    listed: "node.store.subsets.listed_rows.ListedRows"
    witnessed: "node.store.peers.witness.WitnessRows"
    cosigners: "node.store.peers.cosignatures.CosignerRows"
    overlays: "node.store.peers.cosignatures.OverlayRows"
    evidence: "node.store.peers.evidence.EvidenceRows"
    persons: "node.store.accounts.persons.PersonRows"
    passkeys: "node.store.accounts.passkeys.PasskeyRows"
    challenges: "node.store.accounts.passkeys.ChallengeRows"
    console_sessions: "node.store.accounts.sessions.ConsoleSessionRows"
    person_tokens: "node.store.accounts.sessions.PersonTokenRows"
    approvals: "node.store.accounts.approvals.ApprovalRows"
    audit: "node.store.accounts.audit.AuditQueueRows"
    shreddings: "node.store.lists.shreddings.ShreddingRows"
    tombstones: "node.store.lists.shreddings.TombstoneRows"
    acknowledgements: "node.store.peers.acknowledgements.AcknowledgementRows"
    trust_acknowledgements: "node.store.peers.acknowledgements.TrustAcknowledgementRows"
    withdrawals: "node.store.peers.acknowledgements.WithdrawalRows"
    judged: "node.store.peers.acknowledgements.JudgedRows"
    hits: "node.store.hits.reports.HitRows"
    hit_outcomes: "node.store.hits.outcomes.HitOutcomeRows"
    hit_tallies: "node.store.hits.tallies.HitTallyRows"
    partner_cases: "node.store.hits.reports.PartnerCaseRows"
    proposals: "node.store.partners.proposals.ProposalRows"
    disclosure: "node.store.partners.disclosure.DisclosureRows"
    fetched: "node.store.partners.fetches.FetchedRows"
    recipients: "node.store.partners.recipients.RecipientRows"
    recipient_snapshot: "node.store.partners.recipients.RecipientSnapshotRows"

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
