"""Endorsing and the quorum over what is held: two agencies, no network."""

from datetime import UTC, datetime, timedelta

import pytest

from keys.trust.members import Member, Members
from node.errors import NotFoundError, UsageError
from node.judgement.effective import Current
from node.judgement.endorse import Endorsed, NamedFile, endorse, endorse_named, mark_of
from node.lists.corrections.withdraw import withdraw
from node.lists.imports.intake import ImportReport, Statement
from node.store.lists.records import Quarantined
from protocol.digest import Digest
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.ext import Basis, EntryRef, Reason
from protocol.lists.listing import Entry, fold
from support.stores import OWN, Agency, check_whole, file_digests, row, rows, sha256_digest
from support.whole import current

MEMBERS = Members(
    version=1,
    k=2,
    block_cap=100,
    members=(
        Member(node="fr.example", root_sha256=b"f" * 32, country="FR", authority_for=frozenset()),
        Member(node="nl.example", root_sha256=b"n" * 32, country="NL", authority_for=frozenset()),
    ),
)
REVIEWED = Statement(basis=Basis.REVIEWED, criteria=2)
AGE = timedelta(days=1)


def judged(
    agency: Agency, later: timedelta = timedelta(0), previous: frozenset[tuple[int, Digest]] = frozenset()
) -> Current:
    now = datetime.fromtimestamp(agency.now_ms / 1000, UTC) + later
    return current(agency.store, MEMBERS, now=now, max_age=AGE, previous=previous)


def effective(agency: Agency, later: timedelta = timedelta(0)) -> set[tuple[int, Digest]]:
    return set(judged(agency, later).decision.effective)


def keys(*names: str) -> set[tuple[int, Digest]]:
    return {(BASELINE, digest) for name in names for digest in file_digests(name)}


def entries(agency: Agency) -> list[Entry]:
    agency.publish()
    check_whole(agency)
    return list(fold(agency.origin, agency.items()).entries.values())


@pytest.fixture
def following(agency: Agency, other: Agency) -> Agency:
    """Follows the other, which lists a, b and c."""
    other.publish(rows("a", "b", "c"))
    agency.pull(other)
    return agency


def take(agency: Agency, other: Agency, *names: str, statement: Statement = REVIEWED) -> ImportReport:
    wanted = {file_digests(name)[0] for name in names}
    return endorse(
        agency.store,
        agency.origin,
        source=other.origin,
        statement=statement,
        now_ms=agency.now_ms,
        select=lambda entry: entry.digest in wanted,
    )


class TestEndorse:
    def test_takes_every_digest_of_the_file(self, following: Agency, other: Agency) -> None:
        assert take(following, other, "a") == ImportReport(accepted=1, entries=2)
        found = entries(following)
        assert {entry.digest for entry in found} == set(file_digests("a"))
        assert len({entry.ext.content_id for entry in found}) == 1
        assert {(e.ext.basis, e.ext.criteria, e.ext.relies_on) for e in found} == {(Basis.REVIEWED, 2, None)}

    def test_takes_the_whole_list_by_default(self, following: Agency, other: Agency) -> None:
        report = endorse(following.store, following.origin, source=other.origin, statement=REVIEWED, now_ms=1)
        assert report.entries == 6

    def test_reliance_names_the_peers_entry(self, following: Agency, other: Agency) -> None:
        take(following, other, "b", statement=Statement(criteria=1))
        theirs = fold(other.origin, other.items()).entries.values()
        assert len(entries(following)) == 2
        for entry in entries(following):
            assert isinstance(entry.ext.relies_on, EntryRef)
            assert entry.ext.basis == Basis.RELIES_ON
            assert entry.ext.relies_on in {e.ref for e in theirs if e.digest == entry.digest}

    def test_passes_over_what_is_listed(self, following: Agency, other: Agency) -> None:
        following.add(rows("a"))
        assert take(following, other, "a", "b") == ImportReport(accepted=1, entries=2, already_listed=1)

    def test_keeps_the_collection(self, agency: Agency, other: Agency) -> None:
        other.publish([row("a", collection=NATIONAL), row("a", line=3)])
        agency.pull(other)
        take(agency, other, "a")
        assert sorted(entry.collection for entry in entries(agency)) == [BASELINE] * 2 + [NATIONAL] * 2

    def test_leaves_out_what_is_withdrawn_or_set_aside(self, following: Agency, other: Agency) -> None:
        withdraw(other.store, other.origin, file_digests("a")[0], reason=Reason.OTHER)
        other.publish()
        following.pull(other)
        with following.store.write() as unit:
            log = unit.logs.get(other.origin)
            unit.quarantine.add(
                [Quarantined(log_id=log.id, kind="add", first=2, last=3, reason="x", created_ms=1)]
            )
        take(following, other, "a", "b", "c")
        assert {entry.digest for entry in entries(following)} == set(file_digests("c"))

    def test_refuses_other_sources(self, following: Agency, other: Agency) -> None:
        with pytest.raises(UsageError):
            endorse(following.store, following.origin, source=following.origin, statement=REVIEWED, now_ms=1)
        with pytest.raises(NotFoundError):
            endorse(
                following.store, following.origin, source="x.example/lists/y", statement=REVIEWED, now_ms=1
            )


class TestNamed:
    """Files named one by one, as a page showed them."""

    def named(self, following: Agency, other: Agency, name: str) -> NamedFile:
        theirs = [
            e for e in fold(other.origin, other.items()).entries.values() if e.digest in file_digests(name)
        ]
        return NamedFile(other.origin, theirs[0].index, mark_of(theirs))

    def take(self, following: Agency, *files: NamedFile) -> Endorsed:
        return endorse_named(
            following.store, following.origin, files, statement=REVIEWED, now_ms=following.now_ms
        )

    def grow(self, following: Agency, other: Agency) -> Digest:
        """The peer adds a hash under the content id of the file a."""
        more = sha256_digest("added under a shown name")
        other.publish([row("a", digests=[file_digests("a")[0], more])])
        following.pull(other)
        listed = fold(other.origin, other.items()).entries.values()
        assert len({e.ext.content_id for e in listed if e.digest in {*file_digests("a"), more}}) == 1
        return more

    def test_nothing_is_endorsed_of_a_file_that_grew_since_it_was_shown(
        self, following: Agency, other: Agency
    ) -> None:
        a, b = (self.named(following, other, name) for name in "ab")
        more = self.grow(following, other)
        done = self.take(following, a, b)
        assert done.changed == (a.place,)
        assert done.missing == ()
        assert done.report == ImportReport(accepted=1, entries=2)
        assert {entry.digest for entry in entries(following)} == set(file_digests("b"))
        again = NamedFile(a.origin, a.index, self.mark_now(other, {*file_digests("a"), more}))
        assert self.take(following, again).report.entries == 3

    def mark_now(self, other: Agency, digests: set[Digest]) -> str:
        return mark_of(e for e in fold(other.origin, other.items()).entries.values() if e.digest in digests)

    def test_as_many_entries_as_were_shown_are_not_the_same_entries(self, other: Agency) -> None:
        other.publish(rows("a", "b"))
        first, second, third, _fourth = fold(other.origin, other.items()).entries.values()
        assert mark_of([first, second]) == mark_of([second, first])
        assert mark_of([first, second]) != mark_of([first, third])

    def test_without_a_mark_what_is_listed_now_is_meant(self, following: Agency, other: Agency) -> None:
        a = self.named(following, other, "a")
        self.grow(following, other)
        assert self.take(following, NamedFile(a.origin, a.index)).report.entries == 3


class TestEffective:
    def test_needs_two_countries_on_their_own_knowledge(self, following: Agency, other: Agency) -> None:
        following.publish(rows("b"))
        take(following, other, "a", statement=Statement(criteria=1))
        following.publish()
        assert effective(following) == keys("b")
        take(following, other, "c")
        following.publish()
        assert effective(following) == keys("b", "c")

    def test_what_waits_does_not_count(self, following: Agency) -> None:
        following.add(rows("b"))
        assert effective(following) == set()

    def test_a_stale_list_adds_nothing_new_and_keeps_what_was(self, following: Agency) -> None:
        following.publish(rows("b"))
        assert effective(following, AGE + timedelta(minutes=1)) == set()
        before = frozenset(keys("b"))
        assert set(judged(following, AGE * 2, previous=before).decision.effective) == before

    def test_a_confirmed_list_is_fresh_again(self, following: Agency, other: Agency) -> None:
        following.publish(rows("b"))
        later = int((AGE * 2).total_seconds() * 1000)
        following.follower.confirm(other.origin, now_ms=following.now_ms + later)
        assert effective(following, AGE * 2) == keys("b")

    @pytest.mark.threat("a wrong clock")
    def test_what_was_seen_with_a_clock_that_was_ahead_is_not_fresh(
        self, following: Agency, other: Agency
    ) -> None:
        """Nobody has asked for the list since the clock was put right."""
        following.publish(rows("b"))
        assert effective(following) == keys("b")
        following.follower.confirm(other.origin, now_ms=following.now_ms + 365 * 24 * 3600 * 1000)
        assert effective(following) == set()
        following.follower.confirm(other.origin, now_ms=following.now_ms)
        assert effective(following) == keys("b")

    def test_a_withdrawal_of_one_ends_it(self, following: Agency, other: Agency) -> None:
        following.publish(rows("a", "b"), OWN)
        withdraw(other.store, other.origin, file_digests("b")[1], reason=Reason.ERROR)
        other.publish()
        following.pull(other)
        assert effective(following) == keys("a")

    def test_additions_that_are_set_aside_do_not_count_until_released(
        self, following: Agency, other: Agency
    ) -> None:
        bad = Digest(sha256_digest("x").algorithm, bytes(32))
        following.publish([row("z", digests=[bad])])
        other.publish([row("z", digests=[bad])])
        following.pull(other)
        assert effective(following) == set()
        with following.store.write() as unit:
            (record,) = unit.quarantine.ls()
            unit.quarantine.release(record.id, now_ms=1)
        assert effective(following) == {(BASELINE, bad)}

    def test_withdrawals_that_are_set_aside_wait_too(self, following: Agency, other: Agency) -> None:
        following.publish(rows("a"))
        withdraw(other.store, other.origin, file_digests("a")[0], reason=Reason.OTHER)
        other.publish()
        following.pull(other)
        with following.store.write() as unit:
            log = unit.logs.get(other.origin)
            unit.quarantine.add(
                [Quarantined(log_id=log.id, kind="withdraw", first=6, last=7, reason="x", created_ms=1)]
            )
        assert effective(following) == keys("a")

    def test_says_at_which_heads_it_judged(self, following: Agency, other: Agency) -> None:
        following.publish()
        found = judged(following)
        assert [log.origin for log in found.heads] == [following.origin, other.origin]
        assert [held.listing.size for held in found.listings] == [0, 6]
