"""What waits for people in a large world: requests for a second person, proposals of partners; and who fetched what.

wait_for_people(identity, store, few=60, proposed=digests)
"""

from collections.abc import Sequence
from hashlib import sha256

from node.access.grants import quota_payload
from node.app.persons import open_persons
from node.clock import DAY_MS, milliseconds
from node.identity.identity import Identity
from node.objects.kept_proposals import KeptProposal, sealed_proposal
from node.store.accounts.records import PersonRole
from node.store.partners.records import ProposalRecord
from node.store.store import Store
from protocol.digest import Digest
from protocol.statement.proposal import ProposedFile
from support.large_reports import SUBSET, partner_name

_FILES = 10
"""Of a proposal."""


def wait_for_people(
    identity: Identity, store: Store, *, few: int, proposed: Sequence[tuple[Digest, ...]]
) -> None:
    """Two persons, `few` open requests and proposals each, the latter of files of `proposed`."""
    persons, now_ms = open_persons(identity, store), milliseconds(identity.clock.now())
    for name, role in (("alice", PersonRole.OPERATOR), ("bruno", PersonRole.OPERATOR)):
        persons.add(name, role, f"the passphrase of {name}")
    with store.write() as unit:
        for number in range(few):
            partner, wanted = partner_name(number), 10_000_000 + number
            unit.approvals.add(
                kind="partner.quota",
                subject=f"{partner} may ask for {wanted:,} evaluations a day",
                payload=quota_payload(partner, wanted),
                requested_by="alice",
                requested_ms=now_ms - number * 60_000,
            )
            unit.proposals.add(_proposal(store, number, now_ms - number * DAY_MS, proposed))


def fetch_releases(identity: Identity, store: Store, *, partners: int) -> None:
    """All but one in a hundred partners fetched the newest release."""
    now_ms = milliseconds(identity.clock.now())
    with store.write() as unit:
        newest = unit.releases.newest(SUBSET)
        assert newest is not None
        for number in range(partners):
            if number % 100 != 9:
                unit.fetched.put(partner_name(number), SUBSET, newest.version, now_ms=now_ms)


def _proposal(
    store: Store, number: int, received_ms: int, proposed: Sequence[tuple[Digest, ...]]
) -> ProposalRecord:
    partner, identity = partner_name(number), sha256(b"proposal %d" % number).digest()[:16]
    some = [proposed[(number * _FILES + at) % len(proposed)] for at in range(_FILES)]
    kept = KeptProposal(
        reason="found by hand, and made up",
        contact="",
        files=tuple(ProposedFile(digests) for digests in dict.fromkeys(some)),
        body_sha256=sha256(identity).digest(),
        receipt=b"",
    )
    return ProposalRecord(
        partner=partner,
        proposal_id=identity,
        subset=SUBSET,
        claim=1,
        files=len(kept.files),
        received_ms=received_ms,
        sealed=sealed_proposal(store, partner, identity, kept),
    )
