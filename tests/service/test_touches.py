"""What judging one hash reads follows that hash and the blocks, however long the lists are, whoever wrote them."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from sqlalchemy import text

from node.errors import ConflictError, MissingObjectError
from node.judgement.effective import Current, judge_some
from node.judgement.part import part_of
from node.judgement.premises import Premises
from node.lists.changes import Change, content_id_of, pack
from node.lists.completeness import untouched
from node.lists.corrections.amend import Amendment, amend
from node.lists.corrections.dispute import dispute, resolve
from node.lists.corrections.erase import carry_out
from node.lists.corrections.shred import prepare, shred
from node.lists.corrections.withdraw import withdraw
from node.lists.openings import OpeningColumns
from node.lists.queue import Queue
from node.lists.touches import catch_up, rebuild, touches_of
from node.objects.folder import FolderObjects
from node.peers.sync.follow import Follower, FollowGuards
from node.peers.sync.intake import EventIntake
from node.store.lists.records import LogRecord, Reach, Touch
from node.store.store import Store
from protocol.digest import Digest
from protocol.encoding import encode_cbor
from protocol.limits import BUNDLE_WIDTH
from protocol.lists.event import BASELINE, Header, Op
from protocol.lists.ext import CONTENT_ID_BYTES, EntryRef, Ext, Predecessor, Reason
from protocol.lists.opening import NONCE_BYTES, Opening
from support.dying import kill_at
from support.lists import OWN, RELYING, ListWriter, digest, member, register
from support.new_stores import open_store
from support.older import age
from support.stores import STORAGE_KEY, Agency, file_digests, row, rows, sha256_digest
from support.whole import current, judge_whole, require_equal

MEMBERS = register(member("fr.example", "FR"), member("nl.example", "NL"))
MAX_AGE = timedelta(days=1)
BLOCK = EntryRef("old.example/lists/main", 7, b"\x07" * 32)
SAYS_MORE = replace(OWN, reaffirms=(BLOCK,), content_id=bytes(CONTENT_ID_BYTES))
ERROR, LEGAL = Ext(reason=Reason.ERROR), Ext(reason=Reason.LEGAL)


def now(agency: Agency) -> datetime:
    return datetime.fromtimestamp(agency.now_ms / 1000, UTC)


def judged(agency: Agency, name: str) -> Current:
    digests = file_digests(name)
    return judge_some(agency.store, MEMBERS, digests, now=now(agency), max_age=MAX_AGE, previous=frozenset())


def require_whole(agency: Agency, *names: str) -> None:
    whole = judge_whole(agency.store, MEMBERS, now=now(agency), max_age=MAX_AGE)
    for name in names:
        require_equal(judged(agency, name), whole, frozenset(file_digests(name)))


def require_noted(store: Store) -> None:
    """That no row is missing, and that all of each list is in the rows."""
    with store.read() as unit:
        heads = Premises.of(unit).heads
    assert [log.touched for log in heads] == [log.head.size for log in heads]
    assert [untouched(store, log) for log in heads] == [0] * len(heads)


def held(store: Store, log: LogRecord) -> set[Touch]:
    with store.read() as unit:
        return set(unit.touches.about(log.id, range(log.head.size)))


def queue(agency: Agency, *changes: tuple[Op, Digest | None, Ext]) -> None:
    """Queue changes that refer to nothing, in this order."""
    records = [
        pack(
            Change(
                op,
                0,
                0 if op is Op.CONTINUE else BASELINE,
                0,
                Opening(agency.store.vault.entropy(NONCE_BYTES), about, ext).to_bytes(),
            )
        )
        for op, about, ext in changes
    ]
    waiting = Queue(agency.store, agency.log)
    waiting.put(records)
    with agency.store.write() as unit:
        waiting.commit(unit)


# ------------------------------------------------------------------ what an event says of others


def put_broken(writer: ListWriter) -> object:
    header = Header(op=Op.WITHDRAW, collection=BASELINE, ref=0, time_ms=0)
    return writer.put(header, bytes(NONCE_BYTES) + b"\0\0\0\x01\xff")


SAID: dict[str, tuple[Callable[[ListWriter], object], list[tuple[int, int, Reach]]]] = {
    "an add": (lambda to: to.add(digest("b"), OWN), []),
    "an add that relies on an entry": (lambda to: to.add(digest("b"), replace(RELYING, relies_on=BLOCK)), []),
    "an add that overrules": (lambda to: to.add(digest("b"), SAYS_MORE), [(1, 1, Reach.CONTINUED)]),
    "a withdrawal": (lambda to: to.write(Op.WITHDRAW, ext=LEGAL, ref=0), [(0, 1, Reach.ITS_ENTRY)]),
    "as an error": (lambda to: to.write(Op.WITHDRAW, ext=ERROR, ref=0), [(0, 1, Reach.ALL)]),
    "an amend": (lambda to: to.write(Op.AMEND, ext=OWN, ref=0), [(0, 1, Reach.ITS_ENTRY)]),
    "an amend that overrules": (
        lambda to: to.write(Op.AMEND, ext=replace(SAYS_MORE, content_id=None), ref=0),
        [(0, 1, Reach.CONTINUED)],
    ),
    "a dispute": (lambda to: to.write(Op.DISPUTE, digest("b"), LEGAL), [(1, 1, Reach.ALL)]),
    "its end": (lambda to: to.write(Op.RESOLVE, ext=LEGAL, ref=0), [(0, 1, Reach.ITS_ENTRY)]),
    "of a newer version": (lambda to: to.write(Op.WITHDRAW, ext=ERROR, ref=0, flags=2), []),
    "of a newer op": (lambda to: to.write(9, ext=ERROR), []),
    "what nobody can read": (put_broken, [(0, 1, Reach.ALL)]),
}


def rows_of(writer: ListWriter, openings: list[bytes]) -> list[tuple[int, int, Reach]]:
    found = list(touches_of(0, writer.events, OpeningColumns(openings)))
    assert [each.op for each in found] == [writer.events[each.position][1] for each in found]
    return [(each.ref, each.position, each.reach) for each in found]


@pytest.mark.parametrize("case", SAID)
def test_what_an_event_says_of_others(case: str) -> None:
    write, said = SAID[case]
    writer = ListWriter()
    writer.add(digest("a"), OWN)
    write(writer)
    openings = [opening or b"" for opening in writer.openings]
    assert rows_of(writer, openings) == said
    assert rows_of(writer, [b"", b""]) == [  # its header is known to everybody
        (ref, at, Reach.ITS_ENTRY if writer.events[1][1] != Op.DISPUTE else Reach.ALL)
        for ref, at, _ in said
        if writer.events[1][1] != Op.ADD
    ]


def test_the_event_that_continues_a_log() -> None:
    writer = ListWriter()
    writer.write(Op.CONTINUE, ext=Ext(continues=Predecessor("a/lists/b", 0, bytes(32))), collection=0)
    assert rows_of(writer, [b""]) == [(0, 0, Reach.ALL)]


# ------------------------------------------------------------------ who writes it


def touch(position: int, reach: Reach) -> Touch:
    return Touch(3, position, Op.WITHDRAW, reach)


@pytest.mark.both_databases
def test_the_reach_of_a_row_never_falls(agency: Agency) -> None:
    """Who reads a list anew may have read an opening before it came."""
    for reach in (Reach.ITS_ENTRY, Reach.ALL, Reach.ITS_ENTRY):
        with agency.store.write() as unit:
            unit.touches.put(agency.log.id, [touch(5, reach), touch(4, Reach.ITS_ENTRY)])
    with agency.store.read() as unit:
        assert unit.touches.about(agency.log.id, [3, 9]) == [touch(4, Reach.ITS_ENTRY), touch(5, Reach.ALL)]
        assert unit.touches.reaching(agency.log.id, Reach.ALL) == [touch(5, Reach.ALL)]


def test_whatever_happens_to_a_list_is_noted_with_its_head(agency: Agency, other: Agency) -> None:
    old = Predecessor("nl.example/lists/old", 8, bytes(32))
    queue(other, (Op.CONTINUE, None, Ext(continues=old)), (Op.ADD, digest("back"), SAYS_MORE))
    other.add(rows(*"abcdef"))
    agency.add(rows(*"abc"))
    for step in (
        lambda one: withdraw(one.store, one.origin, file_digests("a")[0], reason=Reason.ERROR),
        lambda one: dispute(one.store, one.origin, file_digests("b"), collection=BASELINE),
        lambda one: resolve(one.store, one.origin, file_digests("b")),
        lambda one: withdraw(one.store, one.origin, file_digests("c")[0], reason=Reason.OTHER),
        lambda one: one.add(rows("g")),
    ):
        for one in (other, agency):
            step(one)
            one.publish()
        agency.pull(other)
        require_noted(agency.store)
        require_whole(agency, *"abcg")


def test_the_hashes_of_a_file_are_found_beside_each_other_and_where_one_came_later(
    agency: Agency, other: Agency
) -> None:
    """By whoever publishes the list, and whoever pulls it."""
    late = row("a", digests=[file_digests("a")[0], sha256_digest("a")])
    agency.publish(rows("a", "b"))
    agency.publish([late])
    other.pull(agency)
    for one in (agency, other):
        catch_up(one.store)
        openings = [opening or b"" for _, _, opening in agency.items()]
        ids = list(map(content_id_of, openings))
        with one.store.read() as unit:
            runs = unit.file_runs.of(unit.logs.get(agency.origin).id, map(one.store.vault.file_key_of, ids))
            assert unit.file_runs.of(unit.logs.get(agency.origin).id, [1]) == []
        assert {at for run in runs for at in range(run.first, run.last + 1)} == set(range(5))
        assert len(runs) == 3
        assert Counter(Counter(run.file for run in runs).values()) == {1: 1, 2: 1}


def test_a_file_whose_hashes_came_beside_each_other_one_after_the_other_lacks_no_row(
    agency: Agency, other: Agency
) -> None:
    """The doctor found the whole run in no row, and had the list read anew."""
    agency.publish(rows("a"))
    other.pull(agency)
    agency.publish([row("a", digests=[file_digests("a")[0], sha256_digest("a")])])
    other.pull(agency)
    for one in (agency, other):
        require_noted(one.store)
        with one.store.write() as unit:
            unit._connection.execute(text("DELETE FROM file_run WHERE first > 0"))
            found = unit.logs.get(agency.origin)
        assert untouched(one.store, found) == 1


@pytest.mark.parametrize("keys", [range(1), range(1000, 1024), range(1000, 1256)])
def test_a_file_is_known_by_an_opening_with_more_fields_than_this_version_has(keys: range) -> None:
    """Whoever writes them would else have hashes that a release joins, and none that begins from another one."""
    unknown = encode_cbor(dict.fromkeys(keys, 1))
    ext = Ext(content_id=bytes(range(16)), extra=unknown)
    opening = Opening(bytes(16), file_digests("a")[0], ext).to_bytes()
    assert Opening.from_bytes(opening).ext.content_id == content_id_of(opening) == bytes(range(16))
    without = Opening(bytes(16), file_digests("a")[0], replace(ext, content_id=None)).to_bytes()
    assert content_id_of(without) == content_id_of(opening[:-1]) == b""


def test_an_opening_that_ends_early_names_no_file() -> None:
    """Of an event that this version does not know, a peer may open any bytes at all."""
    opening = Opening(bytes(16), file_digests("a")[0], Ext(content_id=bytes(range(16)))).to_bytes()
    named = {content_id_of(opening[:length]) for length in range(len(opening) + 1)}
    assert named == {b"", bytes(range(16))}


def test_an_opening_that_comes_late_is_noted_with_it(agency: Agency) -> None:
    agency.publish(rows("a"))
    withdraw(agency.store, agency.origin, file_digests("a")[0], reason=Reason.ERROR)
    agency.publish()
    *_, (at, event, opening) = agency.items()
    assert opening is not None
    with agency.store.write() as unit:
        unit.touches.restart(agency.log.id)
        unit._connection.execute(text("DELETE FROM touch"))
    for seen, reach in ((b"", Reach.ITS_ENTRY), (opening, Reach.ALL)):
        intake = EventIntake(agency.store.vault, 0)
        intake.take(at, [event], [seen])
        intake.older([])
        with agency.store.write() as unit:
            intake.taken({}).write(unit, agency.log.id)
        assert {each.reach for each in held(agency.store, agency.log)} == {reach}


def test_a_block_whose_hash_was_deleted_is_judged_as_before(agency: Agency, other: Agency) -> None:
    other.publish(rows("a", "b"))
    agency.pull(other)
    plan = prepare(other.store, other.origin, file_digests("a")[0])
    shred(other.store, other.origin, plan.position, reason=Reason.ERROR)
    agency.add(rows("a", "b"))
    for one in (other, agency):
        one.publish()
    agency.pull(other)
    require_whole(agency, "a", "b")
    carry_out(agency.store, other.origin, now_ms=agency.now_ms)
    require_noted(agency.store)
    require_whole(agency, "a", "b")
    assert judged(agency, "a").decision.blocks != ()


# ------------------------------------------------------------------ what is read


@contextmanager
def counted_reads() -> Iterator[Counter[str]]:
    """How often each object is read while the block runs."""
    read, found = FolderObjects.get, Counter[str]()

    def get(self: FolderObjects, name: str) -> bytes:
        found[name] += 1
        return read(self, name)

    with patch.object(FolderObjects, "get", get):
        yield found


OLD = Predecessor("fr.example/lists/old", 8, bytes(32))
FIRST: dict[str, list[tuple[Op, Digest | None, Ext]]] = {
    "a list": [],
    "a list that continues a log": [
        (Op.CONTINUE, None, Ext(continues=OLD)),
        (Op.ADD, digest("back"), replace(SAYS_MORE, reaffirms=(EntryRef(OLD.origin, 7, bytes(32)),))),
    ],
}


@pytest.mark.parametrize("first", FIRST)
def test_one_hash_of_a_longer_list_reads_no_more(agency: Agency, first: str) -> None:
    if FIRST[first]:
        queue(agency, *FIRST[first])
    agency.publish(rows(*(f"file {number}" for number in range(200))))
    withdraw(agency.store, agency.origin, file_digests("file 7")[0], reason=Reason.ERROR)
    agency.publish()
    with counted_reads() as before:
        judged(agency, "file 1")
    agency.publish(rows(*(f"more {number}" for number in range(600))))
    for number in range(3):
        withdraw(agency.store, agency.origin, file_digests(f"more {number}")[0], reason=Reason.OTHER)
    agency.publish()
    assert agency.log.head.size > 6 * BUNDLE_WIDTH
    with counted_reads() as after:
        judged(agency, "file 1")
    assert 0 < after.total() <= before.total()
    require_whole(agency, "file 1", "file 7", "more 1")


def test_what_is_set_aside_is_not_read(agency: Agency, other: Agency) -> None:
    """A thief of a peer's key withdraws all of its list as errors: nothing of it counts until a person has looked."""
    other.publish(rows(*(f"file {number}" for number in range(600))))
    agency.publish(rows("file 1"))
    agency.pull(other)
    with counted_reads() as before:
        judged(agency, "file 1")
    other.add(rows("more"))
    for number in range(200, 600):
        withdraw(other.store, other.origin, file_digests(f"file {number}")[0], reason=Reason.ERROR)
    other.publish()
    agency.follower = Follower(agency.store, FollowGuards(max_adds_per_day=1000, max_withdraws_per_day=0))
    agency.pull(other)
    with counted_reads() as after:
        judged(agency, "file 1")
    assert after.total() == before.total() > 0
    require_whole(agency, "file 1", "file 300")


# ------------------------------------------------------------------ homes of older versions


@pytest.mark.both_databases
def test_a_home_of_an_older_version_is_read_once_and_goes_on_where_it_was_killed(
    agency: Agency, other: Agency, dsn: str, tmp_path: Path
) -> None:
    other.publish(rows(*(f"file {number}" for number in range(450))))
    agency.publish(rows(*(f"file {number}" for number in range(700))))
    for one, name in ((agency, "file 1"), (other, "file 2")):
        withdraw(one.store, one.origin, file_digests(name)[0], reason=Reason.ERROR)
        one.publish()
    agency.pull(other)
    agency.store.dispose()
    age(dsn, "0027")
    kill_at(tmp_path, dsn, "touches", "fourth-slice")
    agency.store = open_store(dsn, storage_key=STORAGE_KEY, objects=FolderObjects(tmp_path / "objects"))
    try:
        with agency.store.read() as unit:
            assert {log.touched for log in Premises.of(unit).heads} == {0, 3 * BUNDLE_WIDTH}
        with counted_reads() as rest:
            catch_up(agency.store)
        whole = sum(-(-log.head.size // BUNDLE_WIDTH) for log in (agency.log, agency.log_of(other.origin)))
        assert rest.total() == 2 * (whole - 3)
        with counted_reads() as nothing:
            catch_up(agency.store)
        assert not nothing
        require_noted(agency.store)
        require_whole(agency, "file 1", "file 2", "file 3")
    finally:
        agency.store.dispose()


def test_what_an_older_version_wrote_beside_is_read_by_the_next_that_judges(agency: Agency) -> None:
    agency.publish(rows("a", "b"))
    before = agency.log
    withdraw(agency.store, agency.origin, file_digests("a")[0], reason=Reason.ERROR)
    agency.publish()
    with agency.store.write() as unit:
        unit._connection.execute(text("DELETE FROM touch"))
        unit._connection.execute(text("UPDATE log SET touched = :size"), {"size": before.head.size})
    with agency.store.read() as unit, pytest.raises(ConflictError):
        part_of(agency.store, unit, Premises.of(unit), [])
    require_whole(agency, "a", "b")
    require_noted(agency.store)


def test_who_changes_one_list_reads_no_other(agency: Agency, other: Agency) -> None:
    """Of a home of an older version: another list's damage stops neither amends nor pulls."""
    for one in (agency, other):
        one.publish(rows("a"))
    agency.pull(other)
    with agency.store.write() as unit:
        unit._connection.execute(text("UPDATE log SET touched = 0"))
    for name in agency.files(other.origin).bundles(size=other.log.head.size):
        agency.store.objects.delete(name)
    amend(agency.store, agency.origin, file_digests("a")[0], Amendment(criteria=2).revise)
    with pytest.raises(MissingObjectError):
        judged(agency, "a")


def test_rows_that_are_missing_are_counted_and_made_anew(agency: Agency) -> None:
    agency.publish(rows("a", "b"))
    withdraw(agency.store, agency.origin, file_digests("a")[0], reason=Reason.ERROR)
    withdraw(agency.store, agency.origin, file_digests("b")[0], reason=Reason.OTHER)
    agency.publish()
    with agency.store.write() as unit:
        unit._connection.execute(text("UPDATE touch SET reach = 0"))
    assert untouched(agency.store, agency.log) == len(file_digests("a"))
    with agency.store.write() as unit:
        unit._connection.execute(text("DELETE FROM touch"))
        unit._connection.execute(text("DELETE FROM file_run"))
    assert untouched(agency.store, agency.log) == 2 * len(file_digests("a")) + 2, "and a run of each file"
    rebuild(agency.store, agency.log)
    require_noted(agency.store)
    assert current(agency.store, MEMBERS, now=now(agency), max_age=MAX_AGE).decision.blocks
