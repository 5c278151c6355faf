"""Who asks about one file waits for what lists say of it, however long they are: no list is gone through."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from node.app.judgement import Judge
from node.errors import NotFoundError
from node.judgement import conditions, queue_rows
from node.judgement.endorse import NamedFile, endorse, endorse_named, mark_of
from node.judgement.own_disputes import own_disputes
from node.judgement.shred_status import EntryPlace, report_shreddings
from node.lists.corrections.dispute import dispute
from node.lists.corrections.erase import carry_out
from node.lists.corrections.shred import prepare, shred
from node.lists.imports.intake import ImportReport, Statement
from node.lists.lookup import Finder
from node.objects.logfiles import Item
from protocol.digest import Digest
from protocol.limits import MAX_FILE_EVENTS
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis, Reason
from protocol.lists.listing import Listing, fold
from support.lists import member, register
from support.stores import Agency, file_digests, reads_of_objects, row, rows, sha256_digest
from support.times import SettableClock

pytestmark = pytest.mark.both_databases

MEMBERS = register(member("fr.example", "FR"), member("nl.example", "NL"))
FILES = [f"file {number}" for number in range(1300)]
"""Two hashes each: eleven bundles of a list."""
ASKED, DISPUTED = FILES[700], FILES[100]
SIZES = ("largest", MAX_FILE_EVENTS), ("beyond", MAX_FILE_EVENTS + 1)
MOST = 8
"""Objects: a bundle is two, and those of the file, of the block and of what waits are read."""


@dataclass(frozen=True, slots=True)
class Asking:
    """An agency that follows a long list, and one of the files that it lists too."""

    agency: Agency
    judge: Judge
    origin: str
    index: int
    """Of an entry of the file, in the list that is followed."""

    def examine(self) -> list[str]:
        _, found = self.judge.file(self.origin, self.index)
        return sorted(each.entry.digest.value.hex() for each in found)

    def endorse(self) -> list[str]:
        _, found = self.judge.file(self.origin, self.index)
        named = NamedFile(self.origin, self.index, mark_of(each.entry for each in found))
        done = endorse_named(
            self.agency.store,
            self.agency.origin,
            [named],
            statement=Statement(basis=Basis.REVIEWED, criteria=1),
            now_ms=self.agency.now_ms,
        )
        assert (done.missing, done.changed, done.report.entries) == ((), (), 2)
        return self.examine()

    def disputes(self) -> list[str]:
        found = own_disputes(self.agency.store, self.judge.some(()), self.agency.node)
        return sorted(each.digest.value.hex() for each in found)

    def shreddings(self) -> list[EntryPlace]:
        return [place for each in report_shreddings(self.agency.store) for place in each.standing]


@pytest.fixture
def asking(agency: Agency, other: Agency) -> Asking:
    for each in (agency, other):
        each.add(rows(*(FILES if each is other else [DISPUTED, FILES[5]])))
        each.publish()
    agency.pull(other)
    dispute(agency.store, agency.origin, file_digests(DISPUTED), collection=BASELINE)
    shred(
        agency.store,
        agency.origin,
        prepare(agency.store, agency.origin, file_digests(FILES[5])[0]).position,
        reason=Reason.ERROR,
    )
    agency.publish()
    carry_out(agency.store, agency.origin, now_ms=agency.now_ms)
    with agency.store.read() as unit:
        log = unit.logs.get(other.origin)
        key = agency.store.vault.key_of(file_digests(ASKED)[0])
        index = next(hit.position for hit in unit.entries.find([key], log_id=log.id))
    return Asking(agency, judge_of(agency), other.origin, index)


def judge_of(agency: Agency) -> Judge:
    clock = SettableClock(datetime.fromtimestamp(agency.now_ms / 1000, UTC))
    return Judge(
        agency.store, node=agency.node, members=lambda: MEMBERS, clock=clock, max_age=timedelta(days=1)
    )


def values(name: str) -> list[str]:
    return sorted(digest.value.hex() for digest in file_digests(name))


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (Asking.examine, values(ASKED)),
        (Asking.endorse, values(ASKED)),
        (Asking.disputes, values(DISPUTED)),
    ],
    ids=["examined", "endorsed", "disputed"],
)
def test_its_bundles_are_read(
    ask: Callable[[Asking], list[str]], said: list[str], asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = reads_of_objects(monkeypatch)
    assert ask(asking) == said
    assert len(set(read)) <= MOST, sorted(set(read))


def test_what_still_stands_of_a_shredded_one(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    read = reads_of_objects(monkeypatch)
    standing = asking.shreddings()
    assert {place.origin for place in standing} == {asking.origin}
    assert len(standing) == 2
    assert len(set(read)) <= MOST, sorted(set(read))


@pytest.mark.threat("endless bytes")
def test_a_content_id_with_more_hashes_than_a_file_has_is_no_file(
    agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_rows, "_EVENTS", 100)
    monkeypatch.setattr(conditions, "_FEW", 1000)  # so that what moved is judged by itself
    largest, beyond = ([sha256_digest(f"{name} {at}") for at in range(size)] for name, size in SIZES)
    other.publish([row("honest")])
    agency.pull(other)
    before = judge_of(agency)
    assert len(before.now().waiting) == 1
    other.publish([row("largest", digests=largest), row("beyond", digests=beyond)])
    agency.pull(other)
    assert len(before.now().waiting) == 2, "nor by what moved since"
    judge = judge_of(agency)
    places = {
        "honest" if len(file.entries) == 2 else "largest": file
        for file in judge.each_file(judge.now().waiting, 9)
    }
    assert (len(judge.now().waiting), len(places)) == (2, 2), "what is no file waits for nobody"
    assert len(judge.file(other.origin, places["largest"].first.index)[1]) == MAX_FILE_EVENTS

    taken = {entry.index for file in places.values() for entry in file.entries}
    of_none = next(index for index in range(agency.log_of(other.origin).head.size) if index not in taken)
    with pytest.raises(NotFoundError, match=f"more than {MAX_FILE_EVENTS} hashes"):
        judge.file(other.origin, of_none)
    said, now_ms = Statement(basis=Basis.REVIEWED, criteria=1), agency.now_ms
    files = [NamedFile(other.origin, of_none)]
    named = endorse_named(agency.store, agency.origin, files, statement=said, now_ms=now_ms)
    assert (named.report.entries, named.missing) == (0, (f"{other.origin}:{of_none}",))
    with pytest.raises(NotFoundError, match="which no file has"):
        endorse(agency.store, agency.origin, source=other.origin, statement=said, now_ms=now_ms)
    with agency.store.read() as unit:
        finder = Finder(agency.store, unit)
        assert finder.same_file(beyond[:1]) == {beyond[0]}, "whoever disputes one hash disputes no list"
        assert finder.same_file(largest[:1]) == {*largest}


@pytest.mark.threat("endless bytes")
def test_who_endorses_a_list_holds_little_of_what_is_no_file(
    agency: Agency, other: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    folded: list[int] = []

    def counted(origin: str, items: Iterable[Item]) -> Listing:
        taken = list(items)
        folded.append(len(taken))
        return fold(origin, taken)

    monkeypatch.setattr("node.judgement.fold._EVENTS", 100)
    monkeypatch.setattr("node.judgement.fold.fold", counted)
    many = [sha256_digest(f"one of many {at}") for at in range(1000)]
    other.publish([row("beyond", digests=many), row("honest")])
    agency.pull(other)

    def take(wanted: Collection[Digest]) -> ImportReport:
        return endorse(
            agency.store,
            agency.origin,
            source=other.origin,
            statement=Statement(basis=Basis.REVIEWED, criteria=1),
            now_ms=agency.now_ms,
            select=lambda entry: entry.digest in wanted,
        )

    assert take(file_digests("honest")).entries == 2
    assert max(folded) <= 2
    with pytest.raises(NotFoundError, match="which no file has"):
        take(many[-1:])
