"""A follower and a peer that lies with valid keys: every attack ends in its error, changes nothing, and is overcome."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from node.errors import NotFoundError
from node.evidence.judgement import judge
from node.formats.rows import ImportRow
from node.lists.completeness import unindexed
from node.lists.imports.intake import Statement, import_rows
from node.peers.sync.reports import SyncReport
from node.store.lists.records import Quarantined
from protocol.digest import Algorithm
from protocol.errors import ForkError, RollbackError
from protocol.lists.event import BASELINE, Header, Op
from protocol.lists.ext import Basis, EntryRef, Reason
from support.adversary import ATTACKS, SECRET, Attack, ListPeer, follow
from support.federation import Agency
from support.lists import OWN, START_MS, ListWriter, digest
from support.pulling import Served
from support.stores import let_in

HELD = 300
GROWN = 330


@pytest.fixture
def peer(follower: Agency) -> ListPeer:
    """A peer that was honest so far."""
    made = ListPeer("nl.example", follower.time)
    made.grow(HELD)
    made.cursor = HELD
    follow(follower, made)
    return made


def snapshot(follower: Agency, origin: str) -> tuple[object, ...]:
    """All that a refused sync may not change."""
    log = follower.log(origin)
    return log.head, log.note, log.pending, log.checked_ms, follower.items(origin)


def check_holds(follower: Agency, served: Served) -> None:
    """The follower holds all of a history, opened as granted."""
    log = follower.log(served.origin)
    assert (log.head.size, log.head.root, log.note) == (served.size, served.tree().root(), served.note())
    assert follower.items(served.origin) == [
        (index, event, opening if int.from_bytes(event[2:4]) in SECRET else None)
        for index, event, opening in served.writer.items
    ]


def failure(report: SyncReport) -> Exception | None:
    """The one thing that went wrong."""
    errors = [report.error, *(outcome.error for outcome in report.lists)]
    found = [error for error in errors if error is not None]
    return found[0] if found else None


def release(follower: Agency, record: Quarantined) -> None:
    let_in(follower.store, follower.trust.members(), str(record.id), now_ms=follower.now_ms)


def suspended(follower: Agency, origin: str) -> list[Quarantined]:
    log = follower.log(origin)
    with follower.store.read() as unit:
        return [record for record in unit.quarantine.ls(log.id) if record.kind == "log"]


@pytest.mark.threat("a rollback")
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
async def test_an_attack_ends_in_its_error_and_is_overcome(
    follower: Agency, peer: ListPeer, attack: Attack
) -> None:
    assert (await follower.syncer.sync("nl.example", peer)).succeeded
    before = snapshot(follower, peer.origin)
    peer.grow(GROWN)
    honest = peer.writer
    follower.syncer._refreshed.clear()
    attack.prepare(peer)

    report = await follower.syncer.sync("nl.example", peer)
    error = failure(report)
    assert isinstance(error, attack.error)
    assert (report.error is error) is attack.whole
    assert snapshot(follower, peer.origin) == before
    assert not [name for name in follower.objects.data if name.startswith("staging/")]

    peer.honest_again(honest)
    peer.identity.revise(lambda old: old)  # the operators of the peer have their node back
    records = suspended(follower, peer.origin)
    assert bool(records) is attack.suspends
    for record in records:
        release(follower, record)
    if attack is ATTACKS["goes on after its end"]:
        return  # a log that its node closed stays closed
    assert (await follower.syncer.sync("nl.example", peer)).succeeded
    check_holds(follower, Served(honest, peer.key))


def _ended_before_it_was_known(writer: ListWriter) -> None:
    """An add that a newer version may read, and a withdrawal for error that names it."""
    writer.withdraw(_short(writer), Reason.ERROR)


def _short(writer: ListWriter) -> EntryRef:
    """An add with an unknown flag, whose opening says MD5 with three octets."""
    header = Header(op=Op.ADD, collection=BASELINE, flags=2, time_ms=START_MS + len(writer.events))
    return writer.put(header, bytes((*range(16), Algorithm.MD5, 3, 1, 2, 3, 0, 1, 0xA0)))


UNKNOWN: dict[str, Callable[[ListWriter], object]] = {
    "withdraws what is not there": lambda writer: writer.write(Op.WITHDRAW, flags=2, ref=999),
    "amends what cannot be": lambda writer: writer.write(Op.AMEND, flags=2, ref=2**63 + 5),
    "opens a digest that is none": _short,
    "withdraws a digest that is none": _ended_before_it_was_known,
}
"""Events that the rules of lists admit because a newer version may know them."""


@pytest.mark.parametrize("write", UNKNOWN.values(), ids=UNKNOWN)
async def test_an_event_of_a_newer_version_stops_no_judgement(
    follower: Agency, peer: ListPeer, write: Callable[[ListWriter], object]
) -> None:
    """One peer's event would else stop every release of everybody who follows it."""
    write(peer.writer)
    peer.grow(len(peer.writer.events) + 2)
    assert (await follower.syncer.sync("nl.example", peer)).succeeded
    [held] = follower.judged().listings
    assert sorted(held.listing.entries)[-2:] == [peer.served.size - 2, peer.served.size - 1]
    assert unindexed(follower.store, follower.log(peer.origin)) == 0


async def test_an_event_of_a_newer_version_beside_a_listed_file_stops_no_import(
    follower: Agency, peer: ListPeer
) -> None:
    """What stands around a listed hash is compared with what is imported."""
    digests = tuple(digest("shared", kind) for kind in (Algorithm.MD5, Algorithm.SHA1))
    content_id = bytes(range(16))
    peer.writer.add(digests[0], replace(OWN, content_id=content_id))
    _short(peer.writer)
    peer.writer.put(
        Header(op=9, collection=BASELINE, time_ms=START_MS + len(peer.writer.events)), b"anything"
    )
    assert (await follower.syncer.sync("nl.example", peer)).succeeded
    rows = [ImportRow(2, digests, BASELINE, {}, "")]
    statement = Statement(basis=Basis.OWN, criteria=1)
    report = import_rows(follower.store, follower.origin, rows, statement=statement, now_ms=follower.now_ms)
    assert report.entries == 2


@pytest.mark.threat("openings withheld")
async def test_attacks_at_first_sight_leave_nothing_that_is_not_signed(follower: Agency) -> None:
    for number, attack in enumerate(ATTACKS.values()):
        peer = ListPeer(f"peer{number}.example", follower.time)
        follow(follower, peer)
        peer.grow(GROWN)
        honest = Served(peer.writer, peer.key)
        attack.prepare(peer)
        report = await follower.syncer.sync(peer.identity.name, peer)
        assert (report.error is not None) is attack.whole
        try:
            head = follower.log(peer.origin).head
        except NotFoundError:
            assert attack.whole
            continue
        roots = {
            served.tree(head.size).root() for served in (peer.served, honest) if served.size >= head.size
        }
        assert head.root in roots


async def test_evidence_is_kept_and_holds_before_anybody(follower: Agency, peer: ListPeer) -> None:
    await follower.syncer.sync("nl.example", peer)
    held = follower.log(peer.origin).note
    for name, error in (("rolls back", RollbackError), ("forks at the held size", ForkError)):
        honest = peer.writer
        ATTACKS[name].prepare(peer)
        report = await follower.syncer.sync("nl.example", peer)
        [outcome] = report.lists
        assert isinstance(outcome.error, error)
        assert outcome.evidence is not None
        finding = judge(follower.objects.get(outcome.evidence), peer.identity.trust.document())
        assert finding.held.note == held
        assert finding.log_at_fault is (error is ForkError)
        peer.honest_again(honest)


@pytest.mark.threat("two histories")
async def test_a_forked_list_stands_still_until_somebody_looked(follower: Agency, peer: ListPeer) -> None:
    await follower.syncer.sync("nl.example", peer)
    honest = peer.writer
    ATTACKS["forks at the held size"].prepare(peer)
    await follower.syncer.sync("nl.example", peer)
    peer.honest_again(honest)
    peer.grow(GROWN)
    before = snapshot(follower, peer.origin)
    report = await follower.syncer.sync("nl.example", peer)
    assert "contradicted itself" in report.words
    assert snapshot(follower, peer.origin) == before
    [record] = suspended(follower, peer.origin)
    release(follower, record)
    assert (await follower.syncer.sync("nl.example", peer)).succeeded


async def test_a_lie_that_was_staged_does_not_stop_the_truth(follower: Agency, peer: ListPeer) -> None:
    """A forked bundle is staged, the line breaks, and the honest peer is believed in the very next sync."""
    peer.grow(600)
    honest = peer.writer
    forked = peer.history(10)
    while len(forked.events) < 600:
        forked.events.append(peer.writer.events[len(forked.events) - 1])
        forked.openings.append(peer.writer.openings[len(forked.openings) - 1])
    peer.show(forked)
    peer.note = Served(honest, peer.key).note()
    breaking = iter(range(9))

    def lie(entries: bytes, openings: bytes) -> tuple[bytes, bytes | None]:
        if next(breaking) >= 4:
            peer.unreachable = True
        return entries, openings

    peer.lie = lie
    assert not (await follower.syncer.sync("nl.example", peer)).succeeded
    assert [name for name in follower.objects.data if name.startswith("staging/")]
    peer.honest_again(honest)
    assert (await follower.syncer.sync("nl.example", peer)).succeeded
    check_holds(follower, Served(honest, peer.key))


async def test_a_head_that_is_called_unchanged_before_any_was_seen_is_refused(
    follower: Agency, peer: ListPeer
) -> None:
    peer.says_unchanged = True
    report = await follower.syncer.sync("nl.example", peer)
    assert "none is held" in report.words
    assert follower.log(peer.origin).note is None


@pytest.mark.threat("a copied list")
async def test_replayed_answers_change_nothing(follower: Agency, peer: ListPeer) -> None:
    await follower.syncer.sync("nl.example", peer)
    before = follower.items(peer.origin)
    report = await follower.syncer.sync("nl.example", peer)
    assert report.succeeded
    assert follower.items(peer.origin) == before


async def test_an_unreachable_peer_is_asked_once(follower: Agency, peer: ListPeer) -> None:
    peer.unreachable = True
    report = await follower.syncer.sync("nl.example", peer)
    assert report.words == "no answer"
    assert len(peer.calls) == 1
    with follower.store.read() as unit:
        assert unit.peers.get("nl.example").outcome == "no answer"
