"""What is said about a hash and a queue of reviews: releases, withdrawals, waiting changes, dates, filters."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from node.errors import NotFoundError
from node.judgement.effective import Current
from node.judgement.endorse import endorse
from node.judgement.explain import Explanation, Waiting, explain
from node.judgement.queue import Files, Wanted, waiting_files
from node.judgement.reminders import Due, count_due, due
from node.judgement.trace import trace
from node.lists.corrections.amend import Amendment, amend, amend_at
from node.lists.corrections.dispute import dispute
from node.lists.corrections.withdraw import withdraw
from node.lists.imports.intake import Statement
from node.objects.logfiles import LogFiles
from node.store.lists.records import Quarantined
from protocol.digest import Digest
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.ext import Basis, Reason
from support.lists import member, register
from support.releases import ReleasingAgency, release_both
from support.stores import OWN, Agency, file_digests, make_store, row, rows, sqlite_dsn
from support.whole import current, effective_before

REVIEWED = Statement(basis=Basis.REVIEWED, criteria=2)
MEMBERS = register(*(member(f"{code}.example", code.upper()) for code in ("de", "fr", "nl")))


def judged(agency: Agency, later: timedelta = timedelta(0)) -> Current:
    now = datetime.fromtimestamp(agency.now_ms / 1000, UTC) + later
    return current(
        agency.store, MEMBERS, now=now, max_age=timedelta(days=1), previous=effective_before(agency.store)
    )


def explained(agency: Agency, digest: Digest, later: timedelta = timedelta(0)) -> Explanation:
    return explain(agency.store, judged(agency, later), [digest])[digest]


@pytest.fixture
def following(agency: Agency, other: Agency) -> Agency:
    """Follows the Netherlands, who list two files as their own and one on an export's word."""
    other.add(rows("first file", "second file"))
    other.publish(rows("third file"), Statement(criteria=1, relies_on="an export"))
    agency.pull(other)
    agency.publish()
    return agency


class TestQueue:
    def names(self, agency: Agency, wanted: Wanted = Wanted()) -> list[int]:  # noqa: B008 - frozen
        files = waiting_files(judged(agency), MEMBERS, "fr.example", wanted)
        return [file.first.index for file in files]

    def test_fewest_missing_first(self, following: Agency) -> None:
        files = waiting_files(judged(following), MEMBERS, "fr.example", Wanted())
        assert [(file.first.index, file.countries, file.missing, file.others) for file in files] == [
            (0, ("NL",), 1, ("DE", "FR")),
            (2, ("NL",), 1, ("DE", "FR")),
            (4, (), 2, ("DE", "FR", "NL")),
        ]
        assert [len(file.entries) for file in files] == [2, 2, 2]

    def test_what_this_agency_said_waits_no_longer(self, following: Agency, other: Agency) -> None:
        following.publish(rows("first file"))
        following.publish(rows("third file"))
        assert self.names(following) == [2]

    def test_relying_is_no_word(self, following: Agency, other: Agency) -> None:
        endorse(
            following.store, following.origin, source=other.origin, statement=Statement(criteria=1), now_ms=1
        )
        following.publish()
        assert self.names(following) == [0, 2, 4]

    def test_filters(self, following: Agency, other: Agency) -> None:
        other.publish(rows("fourth file", collection=NATIONAL))
        following.pull(other)
        assert self.names(following, Wanted(collection=NATIONAL)) == [6]
        assert self.names(following, Wanted(country="NL", peer="nl.example")) == [0, 2, 6, 4]
        assert (
            self.names(following, Wanted(country="DE"))
            == self.names(following, Wanted(peer="x.example"))
            == []
        )

    def test_what_is_disputed_or_withdrawn_does_not_wait(self, following: Agency, other: Agency) -> None:
        dispute(following.store, following.origin, file_digests("first file"))
        following.publish()
        withdraw(other.store, other.origin, file_digests("third file")[0], reason=Reason.OTHER)
        other.publish()
        following.pull(other)
        assert self.names(following) == [2]

    def test_a_stale_list_still_shows_what_waits(self, following: Agency) -> None:
        files = waiting_files(judged(following, timedelta(days=3)), MEMBERS, "fr.example", Wanted())
        assert [(file.first.index, file.countries) for file in files] == [(0, ()), (2, ()), (4, ())]

    def test_one_file(self, following: Agency, other: Agency) -> None:
        dispute(following.store, following.origin, file_digests("first file")[:1])
        following.publish()
        found = Files(judged(following)).at(other.origin, 1)
        assert [(each.entry.index, each.countries, each.effective, each.withheld) for each in found] == [
            (0, ("NL",), False, True),
            (1, ("NL",), False, False),
        ]
        for origin, index in ((other.origin, 99), ("de.example/lists/csam", 0)):
            with pytest.raises(NotFoundError):
                Files(judged(following)).at(origin, index)


class TestExplain:
    def test_what_counts_and_what_does_not(self, following: Agency, other: Agency) -> None:
        endorse(
            following.store, following.origin, source=other.origin, statement=Statement(criteria=1), now_ms=1
        )
        following.publish()
        found = explained(following, file_digests("first file")[0])
        assert [(each.node, each.country, each.why_not) for each in found.listed] == [
            ("fr.example", "FR", "the agency relies on others"),
            ("nl.example", "NL", ""),
        ]
        (rule,) = found.rules
        assert (rule.collection, rule.needed, rule.countries, rule.effective) == (BASELINE, 2, ("NL",), False)
        assert rule.reasons == ("1 of 2 countries list it on their own knowledge",)
        stale = explained(following, file_digests("first file")[0], timedelta(days=3))
        assert stale.listed[1].why_not.startswith("the list is stale")

    def test_many_hashes_at_once_are_told_apart(self, following: Agency) -> None:
        asked = [*file_digests("first file"), *file_digests("no file at all")]
        found = explain(following.store, judged(following), asked)
        assert [len(found[digest].listed) for digest in asked] == [1, 1, 0, 0]

    def test_what_waits_for_publication(self, following: Agency) -> None:
        digest = file_digests("first file")[0]
        following.add(rows("first file"))
        assert explained(following, digest).waiting == (
            Waiting(origin=following.origin, index=0, kind="entry"),
        )
        withdraw(following.store, following.origin, digest, reason=Reason.OTHER)
        dispute(following.store, following.origin, [digest])
        found = explained(following, digest)
        assert [(each.kind, each.index) for each in found.waiting] == [
            ("entry", 0),
            ("withdrawal", 2),
            ("dispute", 4),
        ]
        (ended,) = found.ended
        assert (ended.index, ended.by, ended.reason, ended.time_ms) == (0, 2, "other", 0)
        following.publish()
        found = explained(following, digest)
        assert found.waiting == ()
        assert found.ended[0].time_ms == following.now_ms

    def test_what_is_set_aside_is_named(self, following: Agency, other: Agency) -> None:
        with following.store.write() as unit:
            log = unit.logs.get(other.origin)
            unit.quarantine.add(
                [Quarantined(log_id=log.id, kind="add", first=0, last=1, reason="x", created_ms=1)]
            )
        found = explained(following, file_digests("first file")[1])
        assert found.listed == ()
        assert [(each.origin, each.index, each.why) for each in found.held_back] == [
            (other.origin, 1, "set aside in quarantine")
        ]
        assert explained(following, file_digests("second file")[0]).held_back == ()

    def test_a_peers_withdrawal_and_block(self, following: Agency, other: Agency) -> None:
        digest = file_digests("first file")[0]
        following.publish(rows("first file"))
        withdraw(other.store, other.origin, digest, reason=Reason.ERROR)
        other.publish()
        following.pull(other)
        found = explained(following, digest)
        (ended,) = found.ended
        assert (ended.origin, ended.reason, ended.behind) == (other.origin, "error", ())
        (seen,) = found.blocks
        assert (seen.block.node, seen.country, seen.overruled_by) == ("nl.example", "NL", ())
        assert (
            found.rules[0].reasons[0]
            == f"nl.example blocks it (withdrawn for error, event {seen.block.ref.index})"
        )


@pytest.fixture
def releasing(tmp_path: Path) -> Iterator[tuple[ReleasingAgency, Agency]]:
    """An agency that releases, and the one it follows."""
    made = make_store(sqlite_dsn(tmp_path), tmp_path)
    folder = tmp_path / "other"
    folder.mkdir()
    theirs = make_store(sqlite_dsn(folder), folder)
    yield ReleasingAgency(made, tmp_path), Agency(theirs, folder, node="nl.example")
    made.dispose()
    theirs.dispose()


class TestReleases:
    def told(self, fr: ReleasingAgency, name: str) -> tuple[int, int, bool]:
        """Newest version, since when, and whether that is certain."""
        digest = file_digests(name)[0]
        (traced,) = trace(fr.store, [digest])[digest]
        return traced.version, traced.since, traced.exact

    def test_since_when(self, releasing: tuple[ReleasingAgency, Agency]) -> None:
        fr, nl = releasing
        assert trace(fr.store, [file_digests("a file")[0]]) == {file_digests("a file")[0]: ()}
        release_both(fr, nl, "a file", "another file")
        release_both(fr, nl, "a third file")
        withdraw(nl.store, nl.origin, file_digests("another file")[0], reason=Reason.OTHER)
        fr.follow(nl)
        assert fr.release_only().removed == 2
        assert self.told(fr, "a file") == (3, 1, True)
        assert self.told(fr, "a third file") == (3, 2, True)
        assert self.told(fr, "another file") == (3, 0, True)

    def test_what_is_not_kept_is_not_claimed(self, releasing: tuple[ReleasingAgency, Agency]) -> None:
        fr, nl = releasing
        release_both(fr, nl, "a file")
        release_both(fr, nl, "a third file")
        for name in list(fr.store.objects.ls("releases/baseline/")):
            if name.split("/")[2].startswith("1-"):
                fr.store.objects.delete(name)
        assert self.told(fr, "a file") == (2, 2, False)

    def test_what_the_next_release_does(self, releasing: tuple[ReleasingAgency, Agency]) -> None:
        fr, nl = releasing
        release_both(fr, nl, "a file")
        digest = file_digests("a file")[0]
        members = fr.trust.members()

        def told() -> tuple[bool, bool]:
            now = fr.clock.now()
            judged = current(fr.store, members, now=now, max_age=timedelta(days=1))
            found = explain(fr.store, judged, [digest])[digest]
            return found.releases[0].since > 0, found.stays_in(found.releases[0])

        assert told() == (True, True)
        withdraw(nl.store, nl.origin, digest, reason=Reason.OTHER)
        fr.follow(nl)
        assert told() == (True, False)
        fr.release_only()
        assert told() == (False, False)
        assert effective_before(fr.store) == frozenset()


class TestReminders:
    def dates(self, agency: Agency, until: date = date(2030, 1, 1)) -> list[tuple[int, date]]:
        return [(each.index, each.review_by) for each in due(agency.store, until=until)]

    def test_follow_every_change_and_read_nothing_twice(
        self, agency: Agency, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = date(2029, 1, 1), date(2028, 1, 1)
        agency.add(rows("first file"), replace(OWN, review_by=first))
        agency.add(rows("second file"))
        assert self.dates(agency) == [], "what waits counts when it is published"
        agency.publish()
        assert self.dates(agency) == [(0, first), (1, first)]
        amend_at(agency.store, agency.origin, 1, Amendment(review_by=second).revise)
        amend(agency.store, agency.origin, file_digests("second file")[0], Amendment(review_by=second).revise)
        agency.publish()
        assert self.dates(agency) == [(1, second), (2, second), (3, second), (0, first)]
        assert self.dates(agency, second) == [(1, second), (2, second), (3, second)]
        withdraw(agency.store, agency.origin, file_digests("second file")[0], reason=Reason.OTHER)
        amend_at(agency.store, agency.origin, 0, Amendment(no_review=True).revise)
        agency.publish()
        assert due(agency.store, until=first) == [Due(second, agency.origin, 1)]

        def unread(*_: object, **__: object) -> object:
            raise AssertionError("it was read already")

        monkeypatch.setattr(LogFiles, "items", unread)
        assert self.dates(agency) == [(1, second)]

    def test_what_is_remembered_is_sealed_and_gives_way_to_an_older_backup(self, agency: Agency) -> None:
        agency.publish([row("first file")], replace(OWN, review_by=date(2029, 1, 1)))
        assert len(self.dates(agency)) == 2
        (name,) = agency.store.objects.ls("reviews/")
        sealed = agency.store.objects.get(name)
        assert str(date(2029, 1, 1).toordinal()).encode() not in sealed
        agency.store.objects.put(name, agency.store.vault.seal(name, b"[99, [[7, 1]]]"))
        assert [index for index, _ in self.dates(agency)] == [0, 1]
        agency.store.objects.put(name, b"torn by a power cut")
        assert [index for index, _ in self.dates(agency)] == [0, 1], "read anew from the list"

    @pytest.mark.parametrize(
        "days", ['"2029-01-01"', "[[1, 2]]", '{"someday": 1}', '{"2029-01-01": []}', "torn"]
    )
    def test_days_that_are_damaged_are_counted_anew(self, agency: Agency, days: str) -> None:
        agency.publish([row("first file")], replace(OWN, review_by=date(2029, 1, 1)))
        told = {date(2029, 1, 1): 2}
        assert count_due(agency.store, until=date(2030, 1, 1)) == told
        (name,) = agency.store.objects.ls("reviews-due/")
        agency.store.objects.put(name, f"[2, {days}]".encode())
        assert count_due(agency.store, until=date(2030, 1, 1)) == told
        assert count_due(agency.store, until=date(2028, 1, 1)) == {}
