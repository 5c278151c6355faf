"""What is known to be lawful, or stands for two files, is set aside; tripwires are sealed; filters keep their keys."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from keys.message import Message
from node.errors import AlreadyExistsError, MissingObjectError, NotFoundError, UsageError
from node.formats.rows import ImportRow, RefusedRow
from node.judgement.fold import listings_of
from node.lists.guards import Guards
from node.lists.imports.intake import ImportReport, import_rows, preview_rows
from node.objects import filters
from node.objects.filters import FolderFilters
from node.objects.logfiles import LogFiles
from node.peers.sync import slices
from node.peers.sync.follow import Follower
from node.store.lists.records import Quarantined
from node.store.store import Store
from protocol.digest import Algorithm, Digest
from protocol.limits import BUNDLE_WIDTH
from protocol.lists.event import NATIONAL
from support.stores import GUARDS, OWN, Agency, file_digests, row, rows, sha256_digest, sqlite_dsn


@pytest.fixture
def dsn(tmp_path: Path) -> str:
    """What is special to a database is tested in test_store_tables."""
    return sqlite_dsn(tmp_path)


@pytest.fixture
def guards(store: Store, tmp_path: Path) -> Guards:
    return Guards(store, FolderFilters(tmp_path / "filters"))


def set_aside(agency: Agency, origin: str | None = None) -> Sequence[Quarantined]:
    with agency.store.read() as unit:
        return unit.quarantine.ls(unit.logs.get(origin or agency.origin).id)


def release(agency: Agency, record: Quarantined) -> None:
    with agency.store.write() as unit:
        unit.quarantine.release(record.id, now_ms=agency.now_ms)


def add(agency: Agency, guards: Guards, *incoming: ImportRow) -> ImportReport:
    return import_rows(
        agency.store, agency.origin, incoming, statement=OWN, now_ms=agency.now_ms, guards=guards
    )


def file(name: str, *digests: Digest, line: int = 2, collection: int = 1) -> ImportRow:
    return row(name, line=line, digests=digests, collection=collection)


M, S = file_digests("a file")
M2, S2 = file_digests("another file")
T, T2 = sha256_digest("a file"), sha256_digest("another file")


class TestBenign:
    @pytest.mark.threat("a lawful file listed")
    def test_rows_of_an_import_are_set_aside(self, agency: Agency, guards: Guards) -> None:
        known = guards.add_benign("nsrl", [*rows("logo"), RefusedRow(9, "md5: bad")], now_ms=5)
        assert (known.record.hashes, known.record.rows, known.record.refused) == (2, 2, 1)
        assert known.refused == (RefusedRow(9, "md5: bad"),)
        incoming = [row("logo", line=7, digests=[file_digests("logo")[1]]), row("other", line=8)]
        expected = ImportReport(accepted=1, entries=2, quarantined=1, set_aside=(7,))
        assert preview_rows(agency.store, agency.origin, incoming, guards=guards) == expected
        assert add(agency, guards, *incoming) == expected
        (record,) = set_aside(agency)
        assert (record.kind, record.first, record.reason) == ("row", 7, "it is in the known-benign set nsrl")
        assert isinstance(record.reason, Message), "it was kept so that it can be translated"

    def test_a_row_that_a_person_let_pass_is_imported_once(self, agency: Agency, guards: Guards) -> None:
        guards.add_benign("nsrl", rows("logo"), now_ms=5)
        add(agency, guards, row("logo"))
        (record,) = set_aside(agency)
        assert add(agency, guards, row("logo")).quarantined == 1
        release(agency, record)
        assert add(agency, guards, row("other", line=3), row("logo")).accepted == 2
        with agency.store.read() as unit:
            assert unit.guards.let_pass(agency.log.id) == frozenset()

    def test_letting_one_row_pass_is_about_that_row(self, agency: Agency, guards: Guards) -> None:
        guards.add_benign("nsrl", rows("logo", "icon"), now_ms=5)
        add(agency, guards, row("logo"))
        release(agency, set_aside(agency)[0])
        assert add(agency, guards, row("icon")).quarantined == 1

    @pytest.mark.threat("a lawful file listed")
    def test_entries_of_a_peer_are_set_aside_and_count_when_released(
        self, agency: Agency, other: Agency, guards: Guards
    ) -> None:
        guards.add_benign("nsrl", rows("logo", "icon"), now_ms=5)
        agency.follower = Follower(agency.store, GUARDS, guards)
        other.publish(rows("x", "logo", "icon", "y"))
        agency.pull(other)
        (record,) = set_aside(agency, other.origin)
        assert (record.kind, record.first, record.last) == ("add", 2, 5)
        listed = {
            e.digest
            for e in next(listings_of(agency.store, agency.log_of(other.origin), [record])).entries.values()
        }
        assert listed == {*file_digests("x"), *file_digests("y")}

    def test_sets_are_kept_and_forgotten_by_name(self, guards: Guards, tmp_path: Path) -> None:
        guards.add_benign("one", rows("a"), now_ms=1)
        with pytest.raises(AlreadyExistsError):
            guards.add_benign("one", rows("b"), now_ms=2)
        with pytest.raises(UsageError):
            guards.add_benign("none", [RefusedRow(2, "bad")], now_ms=2)
        guards.add_benign("two", rows("b"), now_ms=3)
        assert [record.name for record in guards.benign_sets()] == ["one", "two"]
        assert len(list((tmp_path / "filters").glob("*.keys"))) == 2
        guards.remove_benign("one")
        with pytest.raises(NotFoundError):
            guards.remove_benign("one")
        assert len(list((tmp_path / "filters").iterdir())) == 2, "its keys and their SHA-256"

    @pytest.mark.threat("a stolen disk")
    def test_its_files_hold_no_digest(self, guards: Guards, tmp_path: Path) -> None:
        guards.add_benign("one", rows("a"), now_ms=1)
        (path,) = (tmp_path / "filters").glob("*.keys")
        data = path.read_bytes()
        assert len(data) == 16
        assert path.stat().st_mode & 0o077 == 0
        assert not any(digest.value[:8] in data for digest in file_digests("a"))

    def test_a_missing_file_stops_the_import(self, agency: Agency, guards: Guards, tmp_path: Path) -> None:
        guards.add_benign("one", rows("a"), now_ms=1)
        for path in (tmp_path / "filters").iterdir():
            path.unlink()
        with pytest.raises(MissingObjectError, match="missing"):
            add(agency, guards, row("b"))


class TestTripwires:
    def test_they_are_sealed_and_met_by_value(self, store: Store, guards: Guards) -> None:
        assert guards.add_tripwires([M, T, M], note="logo", now_ms=1) == 2
        assert guards.add_tripwires([T, S], note="again", now_ms=2) == 1
        shown = [(record.id, algorithm, record.note) for record, algorithm in guards.tripwires()]
        assert shown == [
            (1, Algorithm.MD5, "logo"),
            (2, Algorithm.SHA256, "logo"),
            (3, Algorithm.SHA1, "again"),
        ]
        assert guards.tripped([M, T2, S]) == {M, S}
        with store.read() as unit:
            assert not any(
                digest.value in record.sealed for record in unit.guards.tripwires() for digest in (M, T, S)
            )

    def test_they_are_removed_all_or_none(self, guards: Guards) -> None:
        guards.add_tripwires([M, T], note="", now_ms=1)
        with pytest.raises(NotFoundError):
            guards.remove_tripwires([1, 7])
        assert guards.tripped([M, T]) == {M, T}
        guards.remove_tripwires([1])
        assert guards.tripped([M, T]) == {T}

    def test_a_note_is_short(self, guards: Guards) -> None:
        with pytest.raises(UsageError):
            guards.add_tripwires([M], note="x" * 201, now_ms=1)


class TestCollisions:
    @pytest.mark.parametrize(
        ("listed", "incoming", "reason"),
        [
            ([M, T], [M, T2], "its MD5 is that of another file, which has another SHA-256"),
            ([M, S], [M, S2], "its MD5 is that of another file, which has another SHA-1"),
            ([S, T], [S, T2], "its SHA-1 is that of another file, which has another SHA-256"),
            ([M, S, T], [M2, S, T2], "its SHA-1 is that of another file, which has another SHA-256"),
            ([M, S], [M, S, T], None),
            ([M], [M, T], None),
            ([M, T], [M], None),
            ([M, T], [M2, T], None),
            ([M, T], [M, T], None),
        ],
    )
    def test_against_the_own_list(
        self, agency: Agency, guards: Guards, listed: list[Digest], incoming: list[Digest], reason: str | None
    ) -> None:
        add(agency, guards, file("x", T2, collection=NATIONAL), file("1", *listed))
        report = add(agency, guards, file("2", *incoming, line=9))
        assert report.quarantined == (reason is not None)
        assert [record.reason.partition(":")[0] for record in set_aside(agency)] == [reason] * (
            reason is not None
        )

    @pytest.mark.threat("two files with one hash")
    @pytest.mark.parametrize("published", [True, False], ids=["published", "waiting"])
    def test_the_reason_names_the_entry(self, agency: Agency, guards: Guards, published: bool) -> None:
        add(agency, guards, file("x", S2), file("1", M, T))
        if published:
            agency.publish()
        add(agency, guards, file("2", M, T2, line=9, collection=NATIONAL))
        (record,) = set_aside(agency)
        assert record.reason.endswith(f": entry 1 of {agency.origin}")

    def test_between_rows_of_one_import(self, agency: Agency, guards: Guards) -> None:
        report = add(agency, guards, file("1", M, T), file("2", M, T2, line=3), file("3", M, T, line=4))
        assert (report.accepted, report.quarantined, report.duplicates) == (1, 1, 1)
        assert [record.first for record in set_aside(agency)] == [3]

    def test_between_rows_that_join_a_third(self, agency: Agency, guards: Guards) -> None:
        report = add(agency, guards, file("1", M), file("2", M, T, line=3), file("3", M, T2, line=4))
        assert (report.accepted, report.quarantined) == (2, 1)
        assert [record.first for record in set_aside(agency)] == [4]

    def test_against_a_peers_list(self, agency: Agency, other: Agency, guards: Guards) -> None:
        other.publish([file("1", M, T)])
        agency.pull(other)
        assert add(agency, guards, file("2", M, T2, line=9), file("3", M2, S2, line=10)).quarantined == 1

    def test_a_row_that_a_person_let_pass_is_taken(self, agency: Agency, guards: Guards) -> None:
        add(agency, guards, file("1", M, T))
        add(agency, guards, file("2", M, T2, line=9))
        release(agency, set_aside(agency)[0])
        assert add(agency, guards, file("2", M, T2, line=9)).accepted == 1

    def test_a_held_list_is_read_once_however_many_parts_a_pull_has(
        self, agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(slices, "_ARRIVALS", 64)
        names = [f"f{number}" for number in range(300)]
        for each in (agency, other):
            each.publish(rows(*names))
        read, openings = Counter[int](), LogFiles.openings

        def noted(files: LogFiles, index: int, *, size: int) -> list[bytes]:
            read[index] += files.folder == agency.files(agency.origin).folder
            return openings(files, index, size=size)

        monkeypatch.setattr(LogFiles, "openings", noted)
        agency.pull(other)
        assert +read == dict.fromkeys(range(-(-agency.log.head.size // BUNDLE_WIDTH)), 1)

    def test_of_a_peer_against_the_own_list(self, agency: Agency, other: Agency) -> None:
        agency.add([file("1", M, T)])
        other.publish([file("x", S2), file("2", M, T2)])
        agency.pull(other)
        (record,) = set_aside(agency, other.origin)
        assert (record.kind, record.first, record.last) == ("add", 1, 1)
        assert record.reason.endswith(f"which has another SHA-256: entry 0 of {agency.origin}")

    @pytest.mark.threat("two files with one hash")
    def test_of_a_peer_within_one_pull_and_over_two(self, agency: Agency, other: Agency) -> None:
        other.add([file("1", M, T), file("x", S2)])
        other.add([file("2", M, T2, line=3, collection=NATIONAL)])
        first = [record.first for record in set_aside(other)]
        assert first == [3]  # the other agency would have to look first; its list is made with that looked at
        release(other, set_aside(other)[0])
        other.publish([file("2", M, T2, line=3, collection=NATIONAL)])
        agency.pull(other)
        assert [(r.first, r.last) for r in set_aside(agency, other.origin)] == [(0, 0), (3, 3)]

    @pytest.mark.threat("two files with one hash")
    def test_what_is_set_aside_contradicts_nothing(
        self, agency: Agency, guards: Guards, other: Agency
    ) -> None:
        """Else one liar keeps every file that a member lists from being listed by a second one."""
        agency.add([file("1", M, T)])
        other.publish([file("2", M, T2)])
        agency.pull(other)
        (record,) = set_aside(agency, other.origin)
        assert add(agency, guards, file("1", M, T, collection=NATIONAL)).quarantined == 0
        release(agency, record)
        assert add(agency, guards, file("1", M, T, collection=1024)).quarantined == 1

    def test_a_withdrawn_entry_contradicts_nothing(
        self, agency: Agency, guards: Guards, other: Agency
    ) -> None:
        from node.lists.corrections.withdraw import withdraw
        from protocol.lists.ext import Reason

        other.add([file("1", M, T)])
        withdraw(other.store, other.origin, M, reason=Reason.OTHER)
        other.publish()
        agency.pull(other)
        assert add(agency, guards, file("2", M, T2)).quarantined == 0


class TestFilters:
    @pytest.mark.parametrize("run", [3, 1000], ids=["many runs", "one run"])
    def test_keep_what_they_were_given(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: int
    ) -> None:
        monkeypatch.setattr(filters, "RUN", run)
        store = FolderFilters(tmp_path / "filters")
        keys = np.random.default_rng(1).integers(-(2**63), 2**63 - 1, 200, dtype=np.int64)
        extreme = np.array([-(2**63), 2**63 - 1, 0, 0], dtype=np.int64)
        chunks = [*np.array_split(keys, 40), keys[:50], extreme]
        assert store.build("a", chunks) == 203
        assert store.load("a").tolist() == sorted({*keys.tolist(), *extreme.tolist()})
        assert {path.name for path in (tmp_path / "filters").iterdir()} == {"a.keys", "a.keys.sha256"}

    def test_may_be_empty_and_are_forgotten(self, tmp_path: Path) -> None:
        store = FolderFilters(tmp_path / "filters")
        assert store.build("a", []) == 0
        assert len(store.load("a")) == 0
        store.delete("a")
        store.delete("a")
        with pytest.raises(MissingObjectError):
            store.load("a")

    def test_leave_nothing_behind_when_the_source_breaks_off(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(filters, "RUN", 2)

        def broken() -> object:
            yield np.arange(3, dtype=np.int64)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            FolderFilters(tmp_path / "filters").build("a", broken())  # type: ignore[arg-type]
        assert list((tmp_path / "filters").iterdir()) == []
