"""Shredding at one node, on both databases: what is deleted, in which order, and what the next run finishes."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from keys.key import LogPrivateKey
from node.errors import (
    BeyondLimitsError,
    ConflictError,
    NotFoundError,
    SignerDownError,
    StoreDownError,
    StoreError,
    UsageError,
)
from node.formats.rows import ImportRow
from node.judgement.shred_status import report_shreddings
from node.lists.corrections import erase
from node.lists.corrections.dispute import dispute
from node.lists.corrections.erase import carry_out, carry_out_everywhere
from node.lists.corrections.shred import Shredded, ShredPlan, prepare, prepare_at, require_no_more, shred
from node.lists.corrections.withdraw import withdraw
from node.lists.entries import read_batch
from node.lists.imports import intake
from node.lists.pace import FollowGuards
from node.lists.publish import publish
from node.lists.tombstones import TombstoneFilter, tombstoned
from node.objects.logfiles import LogFiles
from node.store.lists.records import Quarantined
from node.store.store import Store
from protocol.digest import Digest
from protocol.lists.event import NATIONAL, SHRED, Event, Op
from protocol.lists.ext import Reason
from protocol.lists.opening import Opening
from support.case_rows import unpack_cases
from support.dying import kill_at
from support.releases import EVERY, SUBSET, ReleasingAgency, listed_of, release_both
from support.stores import (
    Agency,
    check_whole,
    file_digests,
    make_store,
    reads_of_objects,
    row,
    rows,
    sha256_digest,
    sqlite_dsn,
)


def shred_file(agency: Agency, name: str, reason: Reason = Reason.ERROR) -> Shredded:
    plan = prepare(agency.store, agency.origin, file_digests(name)[0])
    return shred(agency.store, agency.origin, plan.position, reason=reason)


def opened(agency: Agency) -> set[Digest]:
    found = (Opening.from_bytes(opening).digest for _, _, opening in agency.items() if opening)
    return {digest for digest in found if digest is not None}


def index_rows(store: Store, digest: Digest) -> int:
    with store.read() as unit:
        return len(unit.entries.find([store.vault.key_of(digest)]))


def require_gone(agency: Agency, name: str) -> None:
    """No opened object holds a digest of the file, no row its look-up key, and it is tombstoned."""
    digests = file_digests(name)
    for place in agency.store.objects.ls(""):
        data = agency.store.objects.get(place)
        with suppress(StoreError):  # not every object is sealed
            data = agency.store.vault.unseal(place, data)
        assert not any(digest.value in data for digest in digests), place
    assert [index_rows(agency.store, digest) for digest in digests] == [0, 0]
    assert all(map(tombstoned(agency.store), digests))
    check_whole(agency)


def test_the_whole_file_in_every_collection_also_what_ended(agency: Agency) -> None:
    agency.add(rows("a", "b"))
    agency.publish(rows("a", collection=NATIONAL))
    md5, sha1 = file_digests("a")
    withdraw(agency.store, agency.origin, md5, reason=Reason.OTHER)
    agency.publish()
    agency.add([row("a", digests=(sha256_digest("a"),))])
    plan = prepare(agency.store, agency.origin, sha1)
    assert plan == ShredPlan(origin=agency.origin, position=0, entries=4, disputes=0)
    assert shred_file(agency, "a") == Shredded(entries=4, disputes=0)
    agency.publish()
    headers = [Event.from_bytes(event).header for _, event, _ in agency.items()[-4:]]
    assert [(header.op, header.flags, header.ref) for header in headers] == [
        (Op.WITHDRAW, SHRED, ref) for ref in (0, 1, 4, 5)
    ]
    require_gone(agency, "a")
    assert opened(agency) == {*file_digests("b"), sha256_digest("a")}


def test_by_position_and_once(agency: Agency) -> None:
    agency.add(rows("a", "b"))
    assert prepare_at(agency.store, agency.origin, 3).position == 2
    for position in (9, 4):
        with pytest.raises(NotFoundError):
            prepare_at(agency.store, agency.origin, position)
    assert shred_file(agency, "b") == Shredded(entries=2, disputes=0)
    assert shred(agency.store, agency.origin, 2, reason=Reason.ERROR) == Shredded(entries=0, disputes=0)
    agency.publish()
    assert shred(agency.store, agency.origin, 2, reason=Reason.ERROR) == Shredded(entries=0, disputes=0)
    with pytest.raises(NotFoundError):
        shred(agency.store, agency.origin, 77, reason=Reason.ERROR)
    assert agency.log.tail == 6
    assert [(each.index, each.complete) for each in report_shreddings(agency.store)] == [(2, True), (3, True)]


def test_a_file_that_grew_since_it_was_asked_for_is_not_shredded(agency: Agency) -> None:
    """One person adds a row that joins another file's hash to it, and has both deleted by the second's word."""
    agency.publish(rows("a", "b"))
    plan = prepare(agency.store, agency.origin, file_digests("a")[0])
    require_no_more(agency.store, agency.origin, [plan.position], most=plan.entries)
    agency.add([row("a", digests=(file_digests("a")[0], sha256_digest("b")))])
    with pytest.raises(ConflictError, match="3 entries"):
        require_no_more(agency.store, agency.origin, [plan.position], most=plan.entries)
    shred_file(agency, "a")
    require_no_more(agency.store, agency.origin, [plan.position], most=0)


def test_a_dispute_does_not_bring_back_what_was_shredded(agency: Agency) -> None:
    agency.publish(rows("a", "b"))
    shred_file(agency, "a", Reason.LEGAL)
    agency.publish()
    with pytest.raises(UsageError, match="was shredded"):
        dispute(agency.store, agency.origin, [*file_digests("b"), *file_digests("a")], collection=NATIONAL)
    require_gone(agency, "a")
    assert agency.log.tail == agency.log.head.size, "nothing of it was queued"
    assert dispute(agency.store, agency.origin, file_digests("b")).digests == 2


def test_nothing_is_deleted_before_the_event_is_published(agency: Agency) -> None:
    agency.publish(rows("a"))
    shred_file(agency, "a")
    assert carry_out(agency.store, agency.origin, now_ms=1) == 0
    assert opened(agency) == set(file_digests("a"))
    assert [each.erased_ms for each in report_shreddings(agency.store)] == [None, None]
    agency.publish()
    assert carry_out(agency.store, agency.origin, now_ms=1) == 0, "once"
    require_gone(agency, "a")


@pytest.mark.threat("case data leaving")
def test_case_data_goes_too(agency: Agency) -> None:
    agency.publish(rows("a", "b"))
    shred_file(agency, "a")
    agency.publish()
    with agency.store.read() as unit:
        [batch] = unit.cases.ls(agency.log.id, first=0)
    data = agency.store.vault.unseal(batch.object, agency.store.objects.get(batch.object))
    [left] = unpack_cases(data)
    assert (left.offset, left.entries, left.source_id, left.case) == (2, 2, "id b", {"Series": "of b"})


def test_what_a_dead_import_left_goes_too(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    agency.publish(rows("a"))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(intake._Import, "_commit", die)
        with pytest.raises(KeyboardInterrupt):
            agency.add(rows("a", "c", collection=NATIONAL))
        with pytest.raises(KeyboardInterrupt):
            agency.add(rows("d"))
    assert len(list(agency.store.objects.ls("pending/"))) == 2
    shred_file(agency, "a")
    agency.publish()
    [left] = agency.store.objects.ls("pending/")
    assert {Opening.from_bytes(change.opening).digest for change in read_batch(agency.store, left)} == set(
        file_digests("d")
    )
    require_gone(agency, "a")


def test_an_import_that_was_overtaken_changes_nothing(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    agency.publish(rows("a"))
    commit = intake._Import._commit

    def overtaken(self: intake._Import, queue: object) -> None:
        monkeypatch.undo()
        shred_file(agency, "a")
        agency.publish()
        commit(self, queue)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(intake._Import, "_commit", overtaken)
    with pytest.raises(ConflictError, match="shredded"):
        agency.add(rows("a", collection=NATIONAL))
    require_gone(agency, "a")


def test_it_is_refused_with_its_line(agency: Agency) -> None:
    agency.publish(rows("a", "b"))
    shred_file(agency, "a")
    agency.publish()
    report = agency.add(rows("x", "a", "c"))
    assert (report.accepted, report.refused_total) == (2, 1)
    [refused] = report.refused
    assert (refused.line, "shredded" in refused.reason) == (3, True)
    tombstones = TombstoneFilter.of(agency.store)
    preview = intake.preview_rows(agency.store, agency.origin, rows("a"))
    assert (preview.accepted, preview.refused_total) == (0, 1)
    with agency.store.write() as unit:
        assert [unit.tombstones.lift(mac) for mac in sorted(tombstones.macs)] == [1, 1]
    assert agency.add(rows("a")).accepted == 1


def test_what_releases_list_loses_its_rows_at_once(store: Store, tmp_path: Path, other: Agency) -> None:
    fr = ReleasingAgency(store, tmp_path)
    release_both(fr, other, "a", "b")
    assert set(file_digests("a")) < set(listed_of(store))
    shred_file(fr.lists, "a")
    fr.lists.publish()
    assert set(listed_of(store)) == set(file_digests("b"))
    report = fr.release()
    assert (report.published, report.entries, report.added, report.removed) == (True, 2, 0, 2)
    for place in store.objects.ls("releases/"):
        data = store.objects.get(place)
        with suppress(StoreError):
            data = store.vault.unseal(place, data)
        assert not any(digest.value in data for digest in file_digests("a")), place
    with store.read() as unit:
        assert unit.judged.smallest(fr.lists.origin) == fr.lists.log.head.size
        assert [each.version for each in unit.releases.ls(SUBSET)] == [1, 2]


def answer(patch: pytest.MonkeyPatch, agency: Agency, *, times: int) -> None:
    """Its signer signs so often, and fails after that."""
    sign, left = agency.signer.sign, [None] * times

    def signing(origin: str, *, start: int, leaf_hashes: Sequence[bytes]) -> bytes:
        if not left:
            raise SignerDownError("the signer does not answer")
        left.pop()
        return sign(origin, start=start, leaf_hashes=leaf_hashes)

    patch.setattr(agency.signer, "sign", signing)


@pytest.mark.threat("shredded and back")
def test_what_a_round_published_is_deleted_although_the_next_fails(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.lists.publish._ROUND", 2)
    agency.publish(rows("a"))
    shred_file(agency, "a")
    agency.add(rows("b"))
    answer(monkeypatch, agency, times=1)
    with pytest.raises(SignerDownError):
        agency.publish()
    assert agency.log.head.size == 4
    require_gone(agency, "a")


@pytest.mark.threat("shredded and back")
def test_what_was_pending_is_published_and_deleted_although_more_waits_than_a_day_allows(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest may wait for days."""
    agency.publish(rows("a"))
    shred_file(agency, "a")
    with monkeypatch.context() as patch:
        answer(patch, agency, times=0)
        with pytest.raises(SignerDownError):
            agency.publish()
    agency.add(rows("b"))
    limits = FollowGuards(max_adds_per_day=1, max_withdraws_per_day=10)
    with pytest.raises(BeyondLimitsError):
        publish(agency.store, agency.origin, signer=agency.signer, now_ms=agency.now_ms, limits=limits)
    assert agency.log.head.size == 4
    require_gone(agency, "a")


@pytest.mark.threat("shredded and back")
@pytest.mark.parametrize("place", ["before-erasing", "bury", "rewrite"])
def test_a_killed_deletion_is_finished_by_the_next_publication(agency: Agency, dsn: str, place: str) -> None:
    agency.publish(rows(*(f"file {number}" for number in range(200))))
    agency.publish(rows("a"))
    shred_file(agency, "a")
    kill_at(agency.folder, dsn, "publish", place)
    assert agency.log.head.size == 404
    assert [each.erased_ms for each in report_shreddings(agency.store)] == [None, None]
    agency.publish()
    require_gone(agency, "a")
    assert len(opened(agency)) == 400


def leave_narrower_bundle(agency: Agency) -> None:
    """As a publication that died before it tidied up leaves one, with openings of "a" in it."""
    agency.publish(rows("a"))
    [narrow] = agency.store.objects.ls("openings/")
    data = agency.store.objects.get(narrow)
    agency.publish(rows("b"))
    agency.store.objects.put(narrow, data)


def test_a_partial_object_that_a_crash_left_is_found(agency: Agency) -> None:
    leave_narrower_bundle(agency)
    shred_file(agency, "a")
    agency.publish()
    require_gone(agency, "a")


def test_objects_that_move_away_meanwhile_are_deleted_where_they_are(
    agency: Agency, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As into a bucket: that nothing is in the folder any more does not mean that nothing is left."""
    leave_narrower_bundle(agency)
    shred_file(agency, "a")
    root, moved, real = tmp_path / "objects", tmp_path / "moved", LogFiles.stale_openings

    def moving(files: LogFiles, positions: Sequence[int], *, size: int) -> Iterator[str]:
        root.rename(moved)
        root.touch()
        return real(files, positions, size=size)

    monkeypatch.setattr(LogFiles, "stale_openings", moving)
    with pytest.raises(StoreDownError, match="not in their folder any more"):
        agency.publish()
    monkeypatch.undo()
    root.unlink()
    moved.rename(root)
    agency.publish()
    require_gone(agency, "a")


def test_the_daily_look_finds_what_was_written_again(agency: Agency) -> None:
    agency.publish(rows("a"))
    shred_file(agency, "a")
    [name] = agency.store.objects.ls("openings/")
    data = agency.store.vault.unseal(name, agency.store.objects.get(name))
    agency.publish()
    erased = [each.erased_ms for each in report_shreddings(agency.store)]
    [wide] = agency.store.objects.ls("openings/")
    agency.store.objects.put(name, agency.store.vault.seal(name, data))
    assert name != wide
    assert carry_out_everywhere(agency.store, now_ms=agency.now_ms + 1) == 2
    require_gone(agency, "a")
    assert [each.erased_ms for each in report_shreddings(agency.store)] == erased


def test_what_stops_a_deletion_in_one_list_stops_it_in_no_other(
    agency: Agency, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Agency(agency.store, tmp_path / "other", name="other")
    work, seen = erase._carry_out, list[str]()

    def carried_out(store: Store, origin: str, *given: Any) -> int:
        seen.append(origin)
        if origin == agency.origin:
            raise ConflictError("did not stand still")
        return work(store, origin, *given)

    monkeypatch.setattr(erase, "_carry_out", carried_out)
    with pytest.raises(ConflictError):
        carry_out_everywhere(agency.store, now_ms=agency.now_ms)
    assert seen == [agency.origin, other.origin]


def test_a_list_that_moves_meanwhile_is_looked_at_again(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wider bundle was written from what was read before the deletion."""
    agency.publish(rows("a"))
    shred_file(agency, "a")
    rewrite, left = erase._erase_objects, [1]

    def overtaken(*arguments: object) -> None:
        rewrite(*arguments)  # type: ignore[arg-type]  # handed on
        if left:
            left.pop()
            agency.publish(rows("late"))

    monkeypatch.setattr(erase, "_erase_objects", overtaken)
    agency.publish()
    require_gone(agency, "a")


def test_two_deletions_at_once_do_not_write_back_what_the_other_deleted(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The running node deletes one file, a person at the same time another of the same, full bundle."""
    agency.publish(rows("a", "b", *map(str, range(128))))
    shred_file(agency, "a")
    read, left = LogFiles.without_openings, [1]

    def overtaken(files: LogFiles, positions: Iterable[int], *, size: int) -> Iterator[tuple[str, bytes]]:
        found = list(read(files, positions, size=size))
        if left:
            left.pop()
            shred_file(agency, "b")
            agency.publish()
        return iter(found)

    monkeypatch.setattr(LogFiles, "without_openings", overtaken)
    agency.publish()
    require_gone(agency, "a")
    require_gone(agency, "b")


def test_a_release_from_quarantine_in_between_is_not_undone(
    agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list stands still, and more of it may be deleted than a moment before."""
    other.publish(rows("a", "b"))
    agency.pull(other)
    shred_file(other, "a")
    shred_file(other, "b")
    other.publish()
    log = agency.log_of(other.origin)
    aside = Quarantined(log_id=log.id, kind="withdraw", first=6, last=7, reason="many", created_ms=1)
    with agency.store.write() as unit:
        unit.quarantine.add([aside])
    read, left = LogFiles.without_openings, [1]

    def overtaken(files: LogFiles, positions: Iterable[int], *, size: int) -> Iterator[tuple[str, bytes]]:
        found = list(read(files, positions, size=size))
        if left:
            left.pop()
            with agency.store.write() as unit:
                unit.quarantine.release(unit.quarantine.ls(log.id)[0].id, now_ms=2)
            carry_out(agency.store, other.origin, now_ms=2)
        return iter(found)

    monkeypatch.setattr(LogFiles, "without_openings", overtaken)
    agency.pull(other)
    assert not any(
        opening and Opening.from_bytes(opening).digest for _, _, opening in agency.items(other.origin)
    )


def test_a_follower_deletes_and_remembers(agency: Agency, other: Agency) -> None:
    other.publish(rows("a", "b"))
    agency.pull(other)
    shred_file(other, "a")
    other.publish()
    agency.pull(other)
    held = {Opening.from_bytes(data).digest for _, _, data in agency.items(other.origin) if data}
    assert set(file_digests("a")).isdisjoint(held)
    assert [index_rows(agency.store, digest) for digest in file_digests("a")] == [0, 0]
    report = agency.add([ImportRow(2, file_digests("a"), NATIONAL, {}, "")])
    assert report.refused_total == 1
    assert not any(map(tombstoned(agency.store), file_digests("a"))), "a peer's word is no own tombstone"


def test_a_follower_killed_before_its_deletion_goes_on(
    agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    other.publish(rows("a", "b"))
    agency.pull(other)
    shred_file(other, "a")
    other.publish()

    def die(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(erase, "_erase", die)
        with pytest.raises(KeyboardInterrupt):
            agency.pull(other)
    assert agency.log_of(other.origin).head.size == 6
    agency.follower.held(other.origin, now_ms=agency.now_ms)
    assert [each.erased_ms for each in report_shreddings(agency.store)] == [agency.now_ms] * 2
    assert [index_rows(agency.store, digest) for digest in file_digests("a")] == [0, 0]


def test_an_own_dispute_is_resolved_and_deleted_with_it(agency: Agency) -> None:
    agency.publish(rows("a"))
    withdraw(agency.store, agency.origin, file_digests("a")[0], reason=Reason.OTHER)
    dispute(agency.store, agency.origin, [file_digests("a")[0]], reason=Reason.ERROR)
    agency.publish()
    assert shred_file(agency, "a") == Shredded(entries=2, disputes=1)
    agency.publish()
    headers = [Event.from_bytes(event).header for _, event, _ in agency.items()[-3:]]
    assert [(header.op, header.flags, header.ref) for header in headers] == [
        (Op.WITHDRAW, SHRED, 0),
        (Op.WITHDRAW, SHRED, 1),
        (Op.RESOLVE, SHRED, 4),
    ]
    require_gone(agency, "a")


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_peer_s_shredding_is_done_while_another_list_is_damaged(
    store: Store, tmp_path: Path, other: Agency, damage: str
) -> None:
    """What a damaged bundle says is taken as listed: a peer's word takes nothing from reports and releases then."""
    fr = ReleasingAgency(store, tmp_path)
    release_both(fr, other, "a", "b")
    (tmp_path / "third").mkdir()
    elsewhere = make_store(sqlite_dsn(tmp_path / "third"), tmp_path / "third")
    third = Agency(elsewhere, tmp_path / "third", node="be.example", key=LogPrivateKey.from_seed(b"b" * 32))
    third.add(rows("a"))
    fr.follow(third)
    elsewhere.dispose()
    for name in ("a", "b"):
        withdraw(store, fr.lists.origin, file_digests(name)[0], reason=Reason.OTHER)
    fr.lists.publish()
    (bundle,) = store.objects.ls(fr.lists.files(third.origin).name("openings", ""))
    if damage == "missing":
        store.objects.delete(bundle)
    else:
        store.objects.put(bundle, b"\1" * 99)
    for name in ("a", "b"):
        shred_file(other, name)
    fr.follow(other)
    log_id = fr.lists.log_of(third.origin).id
    with store.read() as unit:
        assert [each.erased_ms for each in unit.shreddings.ls()] == [fr.lists.now_ms] * 4
        rows_left = [row for row in unit.listed.between(SUBSET, 1, EVERY) if not row.is_shredded]
        assert {row.name for row in rows_left} == set(store.vault.wide_keys_of(file_digests("a")))
        assert [each.position for each in unit.tombstones.still_listed() if each.log_id == log_id] == [0, 1]


def test_a_peer_s_shredding_of_many_hashes_reads_what_others_list_once(
    agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"file {number}" for number in range(12)]
    for each in (agency, other):
        each.publish(rows(*names))
    agency.pull(other)
    for name in names[1:]:
        shred_file(other, name)
    other.publish()
    own = agency.files().name("openings", "")
    read = reads_of_objects(monkeypatch)
    agency.pull(other)
    assert sum(name.startswith(own) for name in read) <= 3
