"""kill -9 of a real process in the middle of its work: nothing acknowledged is lost, and the next run repairs."""

from typing import Any

import pytest

from node.lists.corrections.withdraw import withdraw
from node.objects.logfiles import LogFiles
from node.peers.sync import slices
from node.peers.sync.follow import Delivery, Follower, StagedBundle
from node.peers.sync.intake import EventIntake
from node.store.lists.records import Head
from protocol.limits import BUNDLE_WIDTH
from protocol.lists.ext import Reason
from support.dying import kill_at
from support.stores import GUARDS, NOW_MS, Agency, check_whole, file_digests, openings, rows

pytestmark = [pytest.mark.slow, pytest.mark.both_databases, pytest.mark.usefixtures("random_order")]


def test_an_import_killed_between_objects_and_commit_has_not_happened(agency: Agency, dsn: str) -> None:
    agency.add(rows("before"))
    before = agency.log
    kill_at(agency.folder, dsn, "import", "objects")
    assert agency.log == before
    assert len(list(agency.store.objects.ls("pending/"))) > 1, "objects were written"
    assert agency.publish().size == 2
    assert agency.add(rows(*(f"dying{n}" for n in range(3000)))).entries == 6000
    assert agency.publish().size == 6002
    check_whole(agency)


def test_an_import_killed_after_its_commit_has_happened(agency: Agency, dsn: str) -> None:
    kill_at(agency.folder, dsn, "import", "claim")
    assert agency.log.tail == 6000
    assert agency.add(rows("dying7")).already_listed == 1
    assert agency.publish().size == 6000
    check_whole(agency)


@pytest.mark.threat("neighbours of a hit")
@pytest.mark.parametrize(
    ("place", "claimed", "signed"),
    [
        ("claim", True, False),
        ("objects", True, False),
        ("before-sign", True, False),
        ("sign", True, True),
        ("settle", True, True),
    ],
)
def test_a_killed_publication_is_finished_by_the_next(
    agency: Agency, dsn: str, place: str, claimed: bool, signed: bool
) -> None:
    agency.publish(rows("first"))
    agency.add(rows(*(f"f{n}" for n in range(300))))
    waiting = openings(agency)
    kill_at(agency.folder, dsn, "publish", place)
    killed = agency.log
    assert killed.head.size == 2
    assert (killed.pending is not None) == claimed
    assert (agency.signer.size(agency.origin) == 602) == signed
    check_whole(agency)
    agency.add(rows("after"))
    published = agency.publish()
    assert published.size == 604
    assert agency.items()[2][1][8:16] == (NOW_MS + 1000).to_bytes(8), "the pending head was not replaced"
    assert openings(agency)[:602] == waiting, "the random order was drawn once"
    check_whole(agency)


def _claim(agency: Agency, other: Agency) -> None:
    """Stage all that `other` published, and claim its head, as a commit does at its beginning."""
    agency.follower.follow(other.origin, node=other.node)
    made = agency.stage(other)
    agency.follower.flush(other.origin)
    head = Head(size=made.size, root=made.root, frontier=made.frontier, time_ms=other.now_ms)
    with agency.store.write() as unit:
        unit.logs.claim(unit.logs.get(other.origin), head, note=made.note)


def _kept(agency: Agency) -> dict[str, bytes]:
    objects = agency.store.objects
    return {name: objects.get(name) for name in objects.ls("staging/") if "/slices/" in name}


def test_a_pull_killed_between_its_slices_goes_on_behind_the_last(
    agency: Agency, other: Agency, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other.publish(rows(*(f"f{n}" for n in range(500))))
    _claim(agency, other)
    log, before = agency.log_of(other.origin), dict[str, bytes]()
    for number, place in enumerate(["slice", "slice", "slice", "before-commit"], 1):
        kill_at(agency.folder, dsn, "follow", place)
        kept = _kept(agency)
        assert len(kept) == min(number, 3), "the last slice is not kept"
        assert before.items() <= kept.items(), "and what was kept is not made again"
        before = kept
        assert agency.log_of(other.origin) == log
        with agency.store.read() as unit:
            assert unit.entries.counts() == {}, "nobody sees a part of it"
    taken = list[int]()
    take = Follower._take
    monkeypatch.setattr(slices, "EVENTS", BUNDLE_WIDTH)

    def noted(follower: Follower, files: LogFiles, events: EventIntake, *others: Any) -> bytes:
        taken.append(events.first)
        return take(follower, files, events, *others)

    monkeypatch.setattr(Follower, "_take", noted)
    assert Follower(agency.store, GUARDS).held(other.origin, now_ms=NOW_MS).size == 1000
    assert taken == [3 * BUNDLE_WIDTH]
    assert agency.items(other.origin) == other.items()
    assert not list(agency.store.objects.ls("staging/"))
    check_whole(agency, other.origin)
    with agency.store.read() as unit:
        assert unit.entries.count(log.id) == {1: 1000}


def test_whoever_drops_a_claim_and_dies_leaves_no_slice_of_it(
    agency: Agency, other: Agency, dsn: str
) -> None:
    other.publish(rows(*(f"f{n}" for n in range(300))))
    _claim(agency, other)
    kill_at(agency.folder, dsn, "follow", "slice")
    assert _kept(agency)
    for name in set(agency.store.objects.ls("staging/")) - set(_kept(agency)):
        agency.store.objects.delete(name)
    kill_at(agency.folder, dsn, "follow", "claim")  # what it commits first is that the claim is dropped
    assert agency.log_of(other.origin).pending is None
    assert not _kept(agency)
    agency.follower = Follower(agency.store, GUARDS)
    agency.pull(other)
    assert agency.items(other.origin) == other.items()
    check_whole(agency, other.origin)


def test_a_slice_from_before_an_older_event_was_opened_is_made_again(
    agency: Agency, other: Agency, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever dropped the claim died before the slices were deleted; they know nothing of that event's key."""
    other.publish(rows("a"))
    opened = other.items()
    agency.follower.follow(other.origin, node=other.node)
    first = other.files().entries(0, 2, size=2)
    agency.follower.stage(other.origin, StagedBundle(index=0, width=2, entries=first, openings=None))
    head, note = other.log.head, other.log.note
    assert note is not None
    delivery = Delivery(note=note, size=head.size, root=head.root, frontier=head.frontier)
    agency.follower.commit(other.origin, delivery, now_ms=NOW_MS)
    withdraw(other.store, other.origin, file_digests("a")[0], reason=Reason.LEGAL)
    other.publish()
    other.publish(rows(*(f"f{n}" for n in range(200))))
    _claim(agency, other)
    kill_at(agency.folder, dsn, "follow", "slice")
    log = agency.log_of(other.origin)
    with agency.store.write() as unit:
        unit.logs.abandon(log)
    intake = EventIntake(agency.store.vault, 0)
    intake.take(0, [event for _, event, _ in opened], [opening or b"" for _, _, opening in opened])
    with agency.store.write() as unit:
        intake.taken({}).write(unit, log.id)
        unit.logs.note_reopened(log)
    late = {at: opening or b"" for at, _, opening in opened}
    agency.store.objects.put_all(agency.files(other.origin).with_openings(0, late, size=2))
    monkeypatch.setattr(slices, "EVENTS", BUNDLE_WIDTH)
    agency.follower = Follower(agency.store, GUARDS)
    agency.pull(other)
    assert agency.items(other.origin)[:2] == opened
    keys = agency.store.vault.keys_of(file_digests("a")).tolist()
    with agency.store.read() as unit:
        assert [hit.ended is not None for hit in unit.entries.find(keys)] == [True, True]
