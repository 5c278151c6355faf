"""What of an opened node ends elsewhere: trust files as peers hold them, keys that partners should have replaced."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from keys.key import StatementPrivateKey
from keys.trust.tuf.target_files import NODE_FILE
from node.app.expiry import findings
from node.audit.log import start_audit
from node.clock import milliseconds
from node.identity.identity import Identity
from node.store.peers.records import TrustAcknowledged
from node.store.store import Store
from node.trust.expiry import TermState, Thing
from protocol.acknowledgement import TrustAcknowledgement
from protocol.limits import KEY_DAYS
from support.cheap_node import NODE, NOW, CheapNode, empty_store
from support.records import partner_record

DAY = timedelta(days=1)
PEER = "nl.example"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with empty_store(tmp_path) as made:
        start_audit(made, NODE)
        yield made


def told(identity: Identity, store: Store, thing: Thing) -> list[tuple[str, TermState, datetime]]:
    found = [each for each in findings(identity, store) if each.term.thing is thing]
    return [(each.term.of, each.standing, each.term.end) for each in found]


def acknowledge(identity: Identity, store: Store) -> None:
    """The peer says that it holds the node document of now."""
    serial, now_ms = identity.trust.document().serial, milliseconds(identity.clock.now())
    said = TrustAcknowledgement(
        node=PEER,
        of=NODE,
        time_ms=now_ms,
        root_version=1,
        serial=serial,
        document_sha256=sha256(identity.trust_files.get(NODE_FILE)).digest(),
    )
    statement = said.signed(StatementPrivateKey.from_seed(b"s" * 32))
    kept = TrustAcknowledged(
        peer=PEER, root_version=1, serial=serial, time_ms=now_ms, received_ms=now_ms, statement=statement
    )
    with store.write() as unit:
        unit.trust_acknowledgements.replace(unit.trust_acknowledgements.find(PEER), kept)


def test_a_peer_that_holds_an_older_document_goes_by_its_end(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    acknowledge(identity, store)
    held = identity.trust.document().valid.end
    assert told(identity, store, Thing.HELD_BY_PEER) == [], "of the newest, the document itself tells"
    node.clock.moment = NOW + 100 * DAY
    identity.trust.revise_document(lambda old: old, signers=identity.targets_signers())
    assert told(identity, store, Thing.HELD_BY_PEER) == [(PEER, TermState.LATE, held)]
    node.clock.moment = held
    assert told(identity, store, Thing.HELD_BY_PEER) == [(PEER, TermState.ENDED, held)]
    acknowledge(identity, store)
    assert told(identity, store, Thing.HELD_BY_PEER) == []


@pytest.mark.parametrize(
    ("days", "standing"), [(91, TermState.GOOD), (109, TermState.LATE), (KEY_DAYS, TermState.ENDED)]
)
def test_a_partner_whose_program_does_not_replace_its_key_is_told(
    node: CheapNode, store: Store, days: int, standing: TermState
) -> None:
    identity, now_ms = node.identity(), milliseconds(NOW)
    with store.write() as unit:
        unit.partners.add(partner_record(added_ms=now_ms, key_ms=now_ms))
    node.clock.moment = NOW + days * DAY
    assert told(identity, store, Thing.PARTNER_KEY) == [("hoster", standing, NOW + KEY_DAYS * DAY)]
