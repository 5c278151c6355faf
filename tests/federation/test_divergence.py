"""A peer whose larger history leaves the held one: proved from its own tiles, or kept as a claim, never believed."""

import pytest
from typing_extensions import override

from node.errors import NotFoundError
from node.evidence.judgement import judge
from node.peers.sync.reports import ListOutcome
from node.store.peers.records import EvidenceKind
from protocol.errors import HistoryError, OverlapError, RootMismatchError
from protocol.tlog.conflict import ConflictKind
from protocol.tlog.merkle import leaf_hash
from protocol.tlog.tiles import Tile, new_hash_tiles
from support.adversary import ATTACKS, ListPeer, follow
from support.federation import Agency
from support.gossiping import kept, standing_still
from support.lists import digest
from support.pulling import Served, with_row

HELD = 300
GROWN = 600


class TiledPeer(ListPeer):
    """A peer that serves the tiles of a history: of the one it shows, unless a test says otherwise."""

    tiles_of: Served | None = None

    @override
    async def tile(self, origin: str, *, level: int, index: int, width: int) -> bytes:
        events = (self.tiles_of or self.served).writer.events
        tiles = dict(new_hash_tiles(0, b"".join(map(leaf_hash, events)), _never))
        wanted = Tile(level, index, width)
        if wanted not in tiles:
            raise NotFoundError("no such tile")
        return self._answer("tile", tiles[wanted])


def _never(_: Tile) -> bytes:
    raise AssertionError("a new log has no older tiles")


@pytest.fixture
def peer(follower: Agency) -> TiledPeer:
    made = TiledPeer("nl.example", follower.time)
    made.grow(HELD)
    made.cursor = HELD
    follow(follower, made)
    return made


async def refused(follower: Agency, peer: ListPeer, attack: str) -> ListOutcome:
    """What the attack comes to, after an honest sync."""
    assert (await follower.syncer.sync("nl.example", peer)).succeeded
    peer.grow(GROWN)
    ATTACKS[attack].prepare(peer)
    [outcome] = (await follower.syncer.sync("nl.example", peer)).lists
    return outcome


@pytest.mark.threat("a rewritten history")
@pytest.mark.parametrize(
    ("attack", "error"),
    [
        ("forks before the cursor", OverlapError),
        ("rewrites what is held of a bundle", OverlapError),
        ("rewrites what is long held", RootMismatchError),
    ],
)
async def test_a_history_that_leaves_the_held_one_convicts_itself(
    follower: Agency, peer: TiledPeer, attack: str, error: type[HistoryError]
) -> None:
    outcome = await refused(follower, peer, attack)
    assert isinstance(outcome.error, error)
    assert outcome.evidence is not None
    finding = judge(follower.objects.get(outcome.evidence), peer.identity.trust.document())
    assert (finding.kind, finding.log_at_fault) == (ConflictKind.DIVERGENCE, True)
    assert (finding.held.checkpoint.size, finding.offered.checkpoint.size) == (HELD, GROWN)
    assert [record.kind for record in kept(follower)] == [EvidenceKind.DIVERGENCE]
    assert standing_still(follower, peer.origin) is not None
    assert peer.calls.count("tile") <= 8


async def test_without_tiles_both_notes_are_a_claim(follower: Agency, peer: TiledPeer) -> None:
    peer.tiles_of = Served(peer.history(1), peer.key)
    outcome = await refused(follower, peer, "forks before the cursor")
    assert outcome.evidence is not None
    finding = judge(follower.objects.get(outcome.evidence), peer.identity.trust.document())
    assert (finding.kind, finding.log_at_fault) == (ConflictKind.ROLLBACK, False)
    assert [record.kind for record in kept(follower)] == [EvidenceKind.UNPROVEN]
    assert standing_still(follower, peer.origin) is None
    await follower.syncer.sync("nl.example", peer)
    assert len(kept(follower)) == 1, "the same claim once"


async def test_tiles_of_another_history_prove_nothing(follower: Agency, peer: TiledPeer) -> None:
    other = peer.history(100)
    while len(other.events) < GROWN:
        other.add(digest(f"other {len(other.events)}"))
    peer.tiles_of = Served(other, peer.key)
    await refused(follower, peer, "forks before the cursor")
    assert [record.kind for record in kept(follower)] == [EvidenceKind.UNPROVEN]


@pytest.mark.threat("a rewritten history")
async def test_wrong_entries_under_an_honest_head_accuse_nobody(follower: Agency, peer: TiledPeer) -> None:
    """Somebody on the way, or a broken store, changed what lies between: the log's tiles clear it."""
    assert (await follower.syncer.sync("nl.example", peer)).succeeded
    peer.grow(GROWN)
    honest = peer.writer
    peer.lie = lambda entries, openings: (with_row(entries, 1, bytes(56)), openings)
    [outcome] = (await follower.syncer.sync("nl.example", peer)).lists
    assert isinstance(outcome.error, OverlapError)
    assert outcome.evidence is None
    assert not kept(follower)
    peer.honest_again(honest)
    assert (await follower.syncer.sync("nl.example", peer)).succeeded
