"""Serving own logs: whole to whoever may read logs, openings by grant."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from node.errors import MissingObjectError, NotFoundError
from node.peers.log_service import CallerLogs
from protocol.digest import Algorithm
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.grant import Grant
from protocol.tlog.merkle import leaf_hash
from protocol.tlog.tiles import decode_bundle
from support.stores import NOW_MS, Agency, row, rows, sha256_digest

NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)
EVERYTHING = Grant(collections=frozenset({BASELINE, NATIONAL}))


class FixedClock:
    def now(self) -> datetime:
        return NOW


def logs(agency: Agency, grant: Grant = EVERYTHING) -> CallerLogs:
    return CallerLogs(agency.store, FixedClock(), grant)


@pytest.fixture
def filled(agency: Agency) -> Agency:
    """600 events in two collections."""
    agency.add(rows(*(f"f{n}" for n in range(200))))
    agency.publish(rows(*(f"n{n}" for n in range(100)), collection=NATIONAL))
    return agency


async def test_serves_the_newest_note_unless_it_is_held(filled: Agency) -> None:
    note = await logs(filled).checkpoint(filled.origin, held=None)
    assert note == filled.log.note
    assert await logs(filled).checkpoint(filled.origin, held=b"older") == note
    assert await logs(filled).checkpoint(filled.origin, held=note) is None


@pytest.mark.parametrize(("index", "width"), [(0, 256), (0, 7), (1, 256), (2, 88), (2, 1)])
async def test_serves_bundles_and_tiles_of_any_width_up_to_the_size(
    filled: Agency, index: int, width: int
) -> None:
    events = [event for _, event, _ in filled.items()][index * 256 :][:width]
    data = await logs(filled).entries(filled.origin, index=index, width=width)
    assert decode_bundle(data, width) == events
    tile = await logs(filled).tile(filled.origin, level=0, index=index, width=width)
    assert tile == b"".join(map(leaf_hash, events))
    assert len(await logs(filled).tile(filled.origin, level=1, index=0, width=2)) == 64


@pytest.mark.parametrize(
    ("level", "index", "width"),
    [
        (0, 2, 89),
        (0, 3, 1),
        (1, 0, 3),
        (2, 0, 1),
        (0, 0, 0),
        (0, 0, 257),
        (64, 0, 1),
        (0, 2**60, 1),
        (0, -1, 1),
    ],
)
def test_serves_nothing_beyond_the_size(filled: Agency, level: int, index: int, width: int) -> None:
    with pytest.raises(NotFoundError):
        logs(filled).read_tile(filled.origin, level=level, index=index, width=width)
    if level == 0:
        with pytest.raises(NotFoundError):
            logs(filled).read_entries(filled.origin, index=index, width=width)
        with pytest.raises(NotFoundError):
            logs(filled).read_openings(filled.origin, index=index, width=width)


def given_out(agency: Agency, grant: Grant) -> set[int]:
    """Positions whose openings a caller gets."""
    found = set()
    for index, width in ((0, 256), (1, 256), (2, 88)):
        data = logs(agency, grant).read_openings(agency.origin, index=index, width=width)
        found |= {index * 256 + at for at, opening in enumerate(decode_bundle(data, width)) if opening}
    return found


async def test_openings_are_those_that_were_published(filled: Agency) -> None:
    data = await logs(filled).openings(filled.origin, index=0, width=100)
    assert decode_bundle(data, 100) == [opening for _, _, opening in filled.items()[:100]]


@pytest.mark.threat("more than its grant")
@pytest.mark.parametrize(
    ("grant", "positions"),
    [
        (EVERYTHING, range(600)),
        (Grant(collections=frozenset({BASELINE})), range(400)),
        (Grant(collections=frozenset({NATIONAL})), range(400, 600)),
        (Grant(collections=frozenset({NATIONAL}), algorithms=frozenset({Algorithm.MD5})), range(400, 600, 2)),
        (Grant(collections=frozenset({BASELINE}), until=NOW), ()),
        (Grant(collections=frozenset({BASELINE}), until=NOW + timedelta(seconds=1)), range(400)),
        (Grant(collections=frozenset()), ()),
    ],
    ids=["both", "one", "the other", "one algorithm", "ended", "ends soon", "nothing"],
)
def test_openings_go_out_by_grant(filled: Agency, grant: Grant, positions: range) -> None:
    assert given_out(filled, grant) == set(positions)


def test_what_is_not_published_is_not_served(agency: Agency) -> None:
    agency.add(rows("a"))
    with pytest.raises(NotFoundError):
        logs(agency).read_checkpoint(agency.origin)
    with pytest.raises(NotFoundError):
        logs(agency).read_entries(agency.origin, index=0, width=1)
    with pytest.raises(NotFoundError):
        logs(agency).read_openings(agency.origin, index=0, width=1)


@pytest.mark.threat("more than its grant")
def test_peers_lists_are_not_served(agency: Agency, other: Agency) -> None:
    other.publish(rows("a"))
    agency.pull(other)
    for read in (logs(agency).read_entries, logs(agency).read_openings):
        with pytest.raises(NotFoundError):
            read(other.origin, index=0, width=1)
    with pytest.raises(NotFoundError):
        logs(agency).read_checkpoint(other.origin)


def test_a_publication_that_outgrows_a_bundle_under_a_reader_is_no_error(
    filled: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = filled.store.objects
    get = objects.get

    def overtaken(name: str) -> bytes:
        monkeypatch.undo()
        filled.publish([row("late", digests=(sha256_digest("late"),))])
        return get(name)

    monkeypatch.setattr(objects, "get", overtaken)
    assert len(logs(filled).read_entries(filled.origin, index=2, width=88)) == 88 * 58


def test_a_lost_object_is_an_error(filled: Agency) -> None:
    for name in list(filled.store.objects.ls("logs/")):
        filled.store.objects.delete(name)
    with pytest.raises(MissingObjectError):
        logs(filled).read_entries(filled.origin, index=0, width=1)


async def test_many_readers_at_once(filled: Agency) -> None:
    api = logs(filled)
    replies = await asyncio.gather(
        *(api.entries(filled.origin, index=0, width=width) for width in range(1, 30))
    )
    assert [len(reply) for reply in replies] == [width * 58 for width in range(1, 30)]
