"""Numbers by day and by month, for charts: the same ones that a report counts, at their places."""

from datetime import UTC, datetime

from node.access.quotas import Quotas
from node.clock import DAY_MS
from node.lists.corrections.withdraw import withdraw
from node.lists.tallies import tally, tally_since
from node.partners.charts import Latency, course_by_day, course_by_month, days, months
from node.store.hits.records import HitRecord, ResolutionRecord, Resolved
from node.store.peers.records import Reached
from protocol.lists.event import Op
from protocol.lists.ext import Reason
from protocol.statement.resolution import Action
from support.cheap_node import follow
from support.records import hit_record, partner_record
from support.stores import Agency, file_digests, rows

NOON = int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()) * 1000
MIDNIGHT = NOON - DAY_MS // 2


def publish_at(agency: Agency, time_ms: int) -> None:
    agency.now_ms = time_ms - 1000  # an agency publishes a second after it was last told the time
    agency.publish()


def hit(agency: Agency, number: int, received_ms: int) -> HitRecord:
    made = hit_record(report_id=bytes([number]) * 16, received_ms=received_ms)
    with agency.store.write() as unit:
        unit.hits.add(made, b"")
    return made


def test_days_and_months_are_those_of_utc() -> None:
    three = days(NOON, 3)
    assert list(three.names) == ["2026-02-28", "2026-03-01", "2026-03-02"]
    assert three.edges_ms[-1] - three.edges_ms[0] == 3 * DAY_MS
    year = months(NOON, 12)
    assert (year.names[0], year.names[-1], len(year.names)) == ("2025-04", "2026-03", 12)
    assert year.edges_ms[-1] == int(datetime(2026, 4, 1, tzinfo=UTC).timestamp()) * 1000


def test_entries_stand_at_the_day_on_which_they_were_published(agency: Agency) -> None:
    each = len(file_digests("a"))
    agency.add(rows("old"))
    publish_at(agency, MIDNIGHT - 5 * DAY_MS)
    agency.add(rows("a", "b"))
    publish_at(agency, MIDNIGHT - 1)
    agency.add(rows("c"))
    withdraw(agency.store, agency.origin, file_digests("old")[0], reason=Reason.ERROR)
    publish_at(agency, MIDNIGHT)
    course = course_by_day(agency.store, days(NOON, 3))
    assert list(course.added) == [0, 2 * each, each]
    assert list(course.withdrawn) == [0, 0, each]
    assert list(course_by_month(agency.store, months(NOON, 2)).added) == [each, 3 * each]


def test_old_bundles_are_not_needed_for_what_came_later(agency: Agency) -> None:
    agency.add(rows(*(f"old {number}" for number in range(300))))
    publish_at(agency, MIDNIGHT - 9 * DAY_MS)
    agency.add(rows(*(f"new {number}" for number in range(200))))
    publish_at(agency, NOON)
    edges = days(NOON, 3).edges_ms
    whole, part = tally(agency.store, agency.log, edges), tally_since(agency.store, agency.log, edges)
    assert whole.count(Op.ADD, slots=range(1)) > 0
    assert part.counts == {key: count for key, count in whole.counts.items() if key[0]}
    folder = next(path for path in agency.folder.rglob("tile/entries/000") if path.is_file())
    folder.unlink()
    assert tally_since(agency.store, agency.log, edges) == part


def test_hits_are_counted_by_when_they_came(agency: Agency) -> None:
    for number, received_ms in enumerate((MIDNIGHT - 3 * DAY_MS, MIDNIGHT - 1, MIDNIGHT, NOON)):
        hit(agency, number, received_ms)
    assert list(course_by_day(agency.store, days(NOON, 3)).hits) == [0, 1, 2]
    assert list(course_by_month(agency.store, months(NOON, 2)).hits) == [1, 3]


def test_of_each_report_what_was_said_last_counts(agency: Agency) -> None:
    said = (
        (1, (Action.REMOVED, -7)),
        (2, (Action.REMOVED, DAY_MS)),
        (3, (Action.REMOVED, DAY_MS + 1)),
        (4, (Action.REMOVED, 1), (Action.FALSE_POSITIVE, 2)),
        (5,),
    )
    for number, *actions in said:
        made = hit(agency, number, NOON)
        with agency.store.write() as unit:
            for action, after in actions:
                unit.hit_outcomes.add(
                    ResolutionRecord(
                        partner=made.partner,
                        report_id=made.report_id,
                        done_ms=NOON + after,
                        action=action,
                        received_ms=NOON,
                        receipt=b"",
                    )
                )
    with agency.store.read() as unit:
        assert unit.hit_outcomes.resolved(since_ms=NOON, within_ms=DAY_MS) == [
            Resolved(action=Action.REMOVED, count=3, in_time=2, slowest_ms=DAY_MS + 1),
            Resolved(action=Action.FALSE_POSITIVE, count=1, in_time=1, slowest_ms=2),
        ]
        assert not unit.hit_outcomes.resolved(since_ms=NOON + 1, within_ms=DAY_MS)


def test_evaluations_are_counted_by_month_alone(agency: Agency) -> None:
    quotas = Quotas(agency.store)
    with agency.store.write() as unit:
        for name in ("one", "two"):
            unit.partners.add(partner_record(name=name))
    for time_ms, name, values in ((NOON - 9 * DAY_MS, "one", 64), (NOON, "one", 128), (NOON, "two", 256)):
        quotas.spend(name, values, now=datetime.fromtimestamp(time_ms / 1000, UTC))
    assert list(course_by_month(agency.store, months(NOON, 3)).evaluations) == [0, 64, 384]
    assert not course_by_day(agency.store, days(NOON, 3)).evaluations


def test_recall_counts_peers_that_were_there_and_have_applied(agency: Agency) -> None:
    follow(agency.store, "nl.example", added_ms=MIDNIGHT)
    follow(agency.store, "be.example", added_ms=MIDNIGHT)
    follow(agency.store, "de.example", added_ms=NOON + 1)
    agency.add(rows("a"))
    publish_at(agency, MIDNIGHT)
    withdraw(agency.store, agency.origin, file_digests("a")[0], reason=Reason.ERROR)
    publish_at(agency, NOON)
    with agency.store.write() as unit:
        [one] = unit.withdrawals.ls(agency.log.id)
        unit.withdrawals.note_reached(
            [
                Reached(log_id=one.log_id, first=one.first, peer=peer, held_ms=held, released_ms=released)
                for peer, held, released in (
                    ("nl.example", NOON + 5, NOON + 70),
                    ("be.example", NOON + 30, NOON + 10),
                    ("de.example", NOON + 9_000, NOON + 9_000),
                )
            ]
        )
    told = Latency(count=2, mean_ms=50, slowest_ms=70)
    assert list(course_by_day(agency.store, days(NOON, 2)).recall) == [None, told]
    assert list(course_by_month(agency.store, months(NOON, 2)).recall) == [None, told]
