"""Meeting a node whose TLS key was replaced while nobody looked: its signed files are followed first, over HTTPS."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from keys.key import AuthPrivateKey, TargetsPrivateKey
from keys.trust.held_trust import OpenedTrust, open_held
from keys.trust.node_parts import Endpoint
from node.app.peers.renewal import peer_renewal
from node.audit.log import start_audit
from node.clock import SystemClock, milliseconds
from node.errors import NodeError, WrongPinError
from node.home import Home
from node.hoster import client
from node.hoster.folder import Enrolment, PartnerFolder
from node.store.store import Store
from node.tls import TlsIdentity, create_identity
from protocol.errors import ProtocolError
from support.ceremonies import replace_everybody
from support.cheap_node import NODE, NOW, CheapNode, empty_store
from support.fakes_api import IDENTITY, MemoryNode, node_on_loopback
from support.federation import FoundedNode, remember
from support.tuf_serving import StampedTrust

PEER = "nl.example"
NEXT_IDENTITY = create_identity(PEER, now=NOW)
STRANGERS_IDENTITY = create_identity(PEER, now=NOW)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with empty_store(tmp_path) as made:
        start_audit(made, NODE)
        yield made


def named_at(peer: FoundedNode, url: str, *pins: bytes, signers: Sequence[TargetsPrivateKey]) -> None:
    """Sign a node document that says that the peer answers at `url` with these keys."""
    endpoint = Endpoint(url + "/", pins)
    peer.trust.revise_document(lambda old: replace(old, endpoints=(endpoint,)), signers=signers)


def replaced_while_nobody_looked(peer: FoundedNode, url: str) -> None:
    """All holders and online keys twice, and the TLS key with them."""
    replace_everybody(peer, "second")
    signers = replace_everybody(peer, "third")
    named_at(peer, url, NEXT_IDENTITY.spki_sha256, signers=signers)


def serving(peer: FoundedNode) -> MemoryNode:
    memory = MemoryNode()
    memory.tuf = StampedTrust(peer.files, peer.trust)
    return memory


def held(store: Store) -> OpenedTrust:
    with store.read() as unit:
        return open_held(unit.peers.get(PEER).trust)


async def test_a_peer_is_followed_over_whatever_key_it_shows_and_then_called_under_the_one_it_names(
    node: CheapNode, store: Store
) -> None:
    peer = FoundedNode(PEER, "NL", node.clock)
    async with node_on_loopback(serving(peer), identity=NEXT_IDENTITY) as there:
        named_at(peer, there.url, IDENTITY.spki_sha256, signers=peer.signers)
        remember(store, peer, there.url)
        replaced_while_nobody_looked(peer, there.url)
        await peer_renewal(node.identity(), store)(PEER)
    assert held(store).root.version == 3
    assert held(store).document.pins == {NEXT_IDENTITY.spki_sha256}


async def test_whoever_answers_in_a_peer_s_place_gets_nothing_by_its_files(
    node: CheapNode, store: Store
) -> None:
    """He may pass on what the peer signed, which is kept: it does not name his key."""
    peer = FoundedNode(PEER, "NL", node.clock)
    async with node_on_loopback(serving(peer), identity=STRANGERS_IDENTITY) as there:
        named_at(peer, there.url, IDENTITY.spki_sha256, signers=peer.signers)
        remember(store, peer, there.url)
        replaced_while_nobody_looked(peer, there.url)
        with pytest.raises(WrongPinError):
            await peer_renewal(node.identity(), store)(PEER)
        assert there.memory.callers == [], "and nobody told him who asks"
    assert held(store).root.version == 3
    assert held(store).document.pins == {NEXT_IDENTITY.spki_sha256}


@pytest.mark.parametrize(
    ("answers", "roots"), [(NEXT_IDENTITY, 3), (STRANGERS_IDENTITY, 1)], ids=["the node", "a stranger"]
)
async def test_a_partner_that_was_away_follows_before_it_updates(
    tmp_path: Path, answers: TlsIdentity, roots: int
) -> None:
    agency = FoundedNode(PEER, "NL", SystemClock())
    home = Home(tmp_path)
    async with node_on_loopback(serving(agency), identity=answers) as there:
        named_at(agency, there.url, IDENTITY.spki_sha256, signers=agency.signers)
        now_ms = milliseconds(agency.clock.now())
        enrolment = Enrolment(
            url=there.url + "/",
            partner="hoster",
            subset="hosters",
            origin=f"{PEER}/subsets/hosters",
            evaluations_per_day=1000,
            grace_days=7,
            trust=agency.trust.current(),
            confirmed_ms=now_ms,
            key_ms=now_ms,
        )
        PartnerFolder(home.partner).create(enrolment, AuthPrivateKey.from_seed(b"p" * 32))
        replaced_while_nobody_looked(agency, there.url)
        # Of the node there are only its trust files, so that the update itself fails.
        with pytest.raises((NodeError, ProtocolError)) as refused:
            await client.update(home)
    assert isinstance(refused.value, WrongPinError) == (roots == 1)
    after, _ = PartnerFolder(home.partner).load()
    assert len(after.trust.roots) == roots
    assert after.trust.members == enrolment.trust.members, (
        "a change of members is kept once people were told of it"
    )
