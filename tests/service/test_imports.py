"""Imports: what is taken, what is passed over, and that a broken input changes nothing."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.errors import ConflictError, InputRefusedError, NotFoundError, UsageError
from node.formats.rows import RowResult
from node.lists import queue
from node.lists.corrections.withdraw import withdraw
from node.lists.imports import intake
from node.lists.imports.intake import ImportReport, Statement, import_rows, preview_rows
from node.lists.lookup import Finder
from protocol.digest import Digest
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.ext import Basis, Reason
from protocol.lists.opening import Opening
from support.case_rows import CaseRow, unpack_cases
from support.stores import (
    NOW_MS,
    OWN,
    Agency,
    file_digests,
    make_store,
    openings,
    refused,
    row,
    rows,
    sha256_digest,
    sqlite_dsn,
)

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("random_order")]


def digests(agency: Agency) -> list[Digest | None]:
    return [opening.digest for opening in openings(agency)]


def objects(agency: Agency) -> set[str]:
    return set(agency.store.objects.ls(""))


def test_takes_every_digest_of_a_row_under_one_content_id(agency: Agency) -> None:
    report = agency.add(rows("a", "b"))
    assert report == ImportReport(accepted=2, entries=4)
    found = openings(agency)
    assert {opening.digest for opening in found} == {*file_digests("a"), *file_digests("b")}
    ids = [opening.ext.content_id for opening in found]
    assert ids[0] == ids[1] != ids[2] == ids[3]
    assert {(o.ext.basis, o.ext.criteria, o.ext.relies_on) for o in found} == {(Basis.OWN, 1, None)}
    assert len({opening.nonce for opening in found}) == 4


def test_says_whom_it_relies_on(agency: Agency) -> None:
    agency.add(rows("a"), Statement(criteria=3, relies_on="export 7"))
    assert {(o.ext.basis, o.ext.relies_on) for o in openings(agency)} == {(Basis.RELIES_ON, "export 7")}


def test_refuses_a_source_beside_own_knowledge(agency: Agency) -> None:
    with pytest.raises(UsageError):
        agency.add(rows("a"), Statement(basis=Basis.OWN, criteria=1, relies_on="export"))


def test_refuses_an_unknown_list(agency: Agency) -> None:
    with pytest.raises(NotFoundError):
        import_rows(agency.store, "fr.example/lists/none", rows("a"), statement=OWN, now_ms=NOW_MS)


def test_passes_over_what_is_listed(agency: Agency) -> None:
    agency.add(rows("a", "b"))
    assert agency.add(rows("b", "c")) == ImportReport(accepted=1, entries=2, already_listed=1)
    agency.publish()
    assert agency.add(rows("a", "b", "c")) == ImportReport(already_listed=3)
    assert len(digests(agency)) == len(set(digests(agency))) == 6


def test_counts_repeated_rows_of_one_input(agency: Agency) -> None:
    assert agency.add(rows("a", "b", "a")) == ImportReport(accepted=2, entries=4, duplicates=1)


def test_lists_a_digest_once_in_each_collection(agency: Agency) -> None:
    incoming = [row("a"), row("a", line=3, collection=NATIONAL), row("a", line=4)]
    assert agency.add(incoming) == ImportReport(accepted=2, entries=4, duplicates=1)
    assert agency.add(rows("a", collection=NATIONAL)) == ImportReport(already_listed=1)


@pytest.mark.parametrize("published", [False, True], ids=["waiting", "published"])
def test_a_new_algorithm_joins_the_content_id(agency: Agency, published: bool) -> None:
    agency.add(rows("a", "b"))
    if published:
        agency.publish()
    more = [row("a", digests=(*file_digests("a"), sha256_digest("a")))]
    assert agency.add(more) == ImportReport(accepted=1, entries=1)
    found = openings(agency)
    assert found[4].digest == sha256_digest("a")
    assert {o.digest for o in found if o.ext.content_id == found[4].ext.content_id} == set(more[0].digests)


def test_rows_of_one_input_that_share_a_digest_share_a_content_id(agency: Agency) -> None:
    md5, sha1 = file_digests("a")
    incoming = [
        row("a", digests=(md5,)),
        row("a", line=3, digests=(md5, sha1)),
        row("a", line=4, digests=(sha1, sha256_digest("a"))),
    ]
    assert agency.add(incoming) == ImportReport(accepted=3, entries=3)
    assert len({opening.ext.content_id for opening in openings(agency)}) == 1


def test_rows_without_an_md5_are_counted_unless_they_join_one(agency: Agency) -> None:
    """Each such row is screened by a hash of its own, beside what other rows list of its file."""
    _, sha1 = file_digests("a")
    apart = [row("a", digests=(sha1, sha256_digest("a"))), row("b", digests=(sha256_digest("b"),))]
    assert agency.add([*apart, row("c")]) == ImportReport(accepted=3, entries=5, apart=2)
    assert agency.add([row("a", digests=(*file_digests("a"), sha256_digest("a")))]).apart == 0


@pytest.mark.threat("a bad import")
def test_reports_refused_rows_and_takes_the_others(agency: Agency) -> None:
    report = agency.add([refused(2), row("a", line=3), refused(4)])
    assert (report.accepted, report.refused_total) == (1, 2)
    assert [item.line for item in report.refused] == [2, 4]


def test_shows_a_thousand_refused_rows_and_counts_all(agency: Agency) -> None:
    report = agency.add(refused(line) for line in range(5000))
    assert (len(report.refused), report.refused_total) == (1000, 5000)
    assert agency.log.tail == 0


def test_quarantines_what_the_list_withdrew(agency: Agency) -> None:
    agency.add(rows("a"))
    withdraw(agency.store, agency.origin, file_digests("a")[0], reason=Reason.ERROR)
    assert agency.add(rows("a", "b")) == ImportReport(accepted=1, entries=2, quarantined=1, set_aside=(2,))
    with agency.store.read() as unit:
        (record,) = unit.quarantine.ls(agency.log.id)
    assert (record.kind, record.first) == ("row", 2)


def test_an_input_that_breaks_off_changes_nothing(agency: Agency) -> None:
    agency.add(rows("a"))
    before, stored = agency.log, objects(agency)

    def broken() -> Iterator[RowResult]:
        yield from rows(*(f"f{n}" for n in range(9000)))
        raise InputRefusedError("the file ends in the middle")

    with pytest.raises(InputRefusedError):
        agency.add(broken())
    assert (agency.log, objects(agency)) == (before, stored)
    assert agency.add(rows("f1")).accepted == 1


@pytest.mark.threat("a bad import")
def test_a_preview_counts_and_changes_nothing(agency: Agency) -> None:
    agency.add(rows("a"))
    before, stored = agency.log, objects(agency)
    incoming = [*rows("a", "b", "b"), refused(9)]
    report = preview_rows(agency.store, agency.origin, incoming)
    assert (report.accepted, report.entries, report.already_listed) == (1, 2, 1)
    assert (report.duplicates, report.refused_total) == (1, 1)
    assert (agency.log, objects(agency)) == (before, stored)


def test_another_import_in_between_is_tolerated_unless_it_lists_the_same(agency: Agency) -> None:
    def interleaved(mine: str, theirs: str) -> Iterator[RowResult]:
        yield row(mine)
        agency.add(rows(theirs))

    assert agency.add(interleaved("a", "b")).accepted == 1
    stored = objects(agency)
    with pytest.raises(ConflictError):
        agency.add(interleaved("c", "c"))
    assert len(digests(agency)) == len(set(digests(agency))) == 6
    assert len(objects(agency) - stored) == 2, (
        "the loser's objects are gone: one batch and its case data stay"
    )


def test_tells_its_progress(agency: Agency) -> None:
    told: list[int] = []
    incoming = rows(*(f"f{n}" for n in range(9000)))
    import_rows(agency.store, agency.origin, incoming, statement=OWN, now_ms=NOW_MS, progress=told.append)
    assert told == [8192, 9000]


@pytest.mark.threat("case data leaving")
def test_case_data_is_sealed_beside_the_list(agency: Agency) -> None:
    agency.add(rows("a", "b"))
    with agency.store.read() as unit:
        (batch,) = unit.cases.ls(agency.log.id, first=0)
    data = agency.store.vault.unseal(batch.object, agency.store.objects.get(batch.object))
    places = {name: digests(agency).index(file_digests(name)[0]) for name in "ab"}
    assert sorted(unpack_cases(data), key=lambda each: each.source_id) == [
        CaseRow(offset=places[name], entries=2, source_id=f"id {name}", case={"Series": f"of {name}"})
        for name in "ab"
    ]
    assert b"of a" not in agency.store.objects.get(batch.object)
    agency.publish()
    assert all(b"of a" not in agency.store.objects.get(name) for name in objects(agency))


_MANY = [f"f{number}" for number in range(1000)]


def places_of(agency: Agency, names: list[str]) -> list[int]:
    """Where each file stands in the log by the look-up index, its digests side by side."""
    with agency.store.read() as unit:
        log = unit.logs.get(agency.origin)
        found = Finder(agency.store, unit).find([d for name in names for d in file_digests(name)], log=log)
    places = {each.digest: each.hit.position for each in found}
    for name in names:
        md5, sha1 = file_digests(name)
        assert places[sha1] == places[md5] + 1, "the digests of a file are neighbours"
    return [places[file_digests(name)[0]] for name in names]


def neighbours(places: list[int]) -> int:
    """How many files stand beside the one that follows them in the source."""
    return sum(abs(one - other) == len(file_digests("")) for one, other in pairwise(places))


@pytest.mark.threat("neighbours of a hit")
@pytest.mark.parametrize("read_at_once", [8192, 300], ids=["one part", "four parts"])
def test_files_are_beside_their_neighbours_in_the_source_by_chance_alone(
    agency: Agency, monkeypatch: pytest.MonkeyPatch, read_at_once: int
) -> None:
    """A label shows a position, and files of one case stand beside each other in most sources."""
    monkeypatch.setattr(intake, "_CHUNK", read_at_once)
    agency.add(rows(*_MANY))
    waiting = places_of(agency, _MANY)
    assert neighbours(waiting) < 50, "2 to 8 are expected of 1000 files"
    assert sorted(waiting) == list(range(0, 2 * len(_MANY), 2))
    agency.publish()
    assert places_of(agency, _MANY) == waiting


@pytest.mark.threat("neighbours of a hit")
def test_the_parts_of_a_long_source_are_in_no_order_either(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 50 parts, the one that was read before another stands before it as often as behind it."""
    monkeypatch.setattr(queue, "_ROWS", 7)  # and the index has rows of several ranges
    monkeypatch.setattr(intake, "_CHUNK", 20)
    agency.add(rows(*_MANY))
    places = places_of(agency, _MANY)
    parts = [places[at : at + 20] for at in range(0, len(places), 20)]
    firsts = [min(part) for part in parts]
    assert sorted(firsts) == list(range(0, 2 * len(_MANY), 40)), "a part stays whole"
    assert firsts != sorted(firsts)
    assert sum(later == first + 40 for first, later in pairwise(firsts)) < 15


def test_case_data_follows_the_files_to_their_places(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "_CHUNK", 300)
    agency.add(rows("before"))
    agency.add(rows(*_MANY))
    where = dict(zip([f"id {name}" for name in _MANY], places_of(agency, _MANY), strict=True))
    with agency.store.read() as unit:
        batches = unit.cases.ls(agency.log.id, first=2)
    found: dict[str, int] = {}
    for batch in batches:
        data = agency.store.vault.unseal(batch.object, agency.store.objects.get(batch.object))
        found |= {each.source_id: batch.first + each.offset for each in unpack_cases(data)}
    assert found == where


_FILES = [tuple(sha256_digest(f"{n}/{kind}") for kind in "xyz") for n in range(4)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    inputs=st.lists(
        st.lists(
            st.tuples(
                st.sampled_from(_FILES),
                st.sets(st.integers(0, 2), min_size=1),
                st.sampled_from([BASELINE, NATIONAL]),
            ),
            max_size=8,
        ),
        max_size=4,
    )
)
def test_whatever_is_imported_each_digest_is_listed_once_and_files_stay_whole(
    tmp_path_factory: pytest.TempPathFactory, inputs: list[list[tuple[tuple[Digest, ...], set[int], int]]]
) -> None:
    folder = tmp_path_factory.mktemp("agency")
    store = make_store(sqlite_dsn(folder), folder)
    agency = Agency(store, folder)
    wanted: set[tuple[Digest, int]] = set()
    for incoming in inputs:
        chosen = [(tuple(file[n] for n in sorted(which)), where) for file, which, where in incoming]
        agency.add(row("f", line=at, digests=ds, collection=c) for at, (ds, c) in enumerate(chosen))
        wanted |= {(digest, c) for ds, c in chosen for digest in ds}
        agency.publish()
    listed = [(event[2:4], Opening.from_bytes(opening or b"")) for _, event, opening in agency.items()]
    found = [(opening.digest, int.from_bytes(where)) for where, opening in listed]
    assert len(found) == len(set(found))
    assert set(found) == wanted
    store.dispose()
