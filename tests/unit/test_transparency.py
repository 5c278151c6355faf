"""The transparency report of an agency: its periods, what it withholds, and its three forms."""

import csv
import io
import itertools
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from node.errors import UsageError
from node.transparency.counts import (
    ANSWERS,
    FALSE_POSITIVE,
    IN_TIME,
    LATER,
    NOT_TOLD,
    OUTCOMES,
    REJECTED,
    UPHELD,
    Counts,
    JudgedCount,
    ListCount,
    MonthCount,
    ReleaseCount,
)
from node.transparency.fields import as_fields, as_sheet
from node.transparency.page import page
from node.transparency.periods import Period
from node.transparency.publication import FEW, publish
from node.transparency.suppression import Family, Hidden, Number, alone, family
from node.transparency.words import percent
from support.markup import require_self_contained

HALF = Period.parse("2026H1")
AFTER = HALF.end_ms + 1
WITHHELD = Hidden.WITHHELD


def ms(*date: int) -> int:
    year, month, day = date
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1000


# ---------------------------------------------------------------- periods


@pytest.mark.parametrize(
    ("text", "first", "end", "months"),
    [
        ("2026", (2026, 1, 1), (2027, 1, 1), 12),
        ("2026H1", (2026, 1, 1), (2026, 7, 1), 6),
        ("2026h2", (2026, 7, 1), (2027, 1, 1), 6),
        ("2026Q1", (2026, 1, 1), (2026, 4, 1), 3),
        ("2026Q4", (2026, 10, 1), (2027, 1, 1), 3),
        ("2024-02", (2024, 2, 1), (2024, 3, 1), 1),
        ("2026-12", (2026, 12, 1), (2027, 1, 1), 1),
    ],
)
def test_periods(text: str, first: tuple[int, ...], end: tuple[int, ...], months: int) -> None:
    period = Period.parse(text)
    assert (period.first_ms, period.end_ms) == (ms(*first), ms(*end))
    assert len(period.months) == len(period.short_months) == len(period.edges_ms) - 1 == months
    assert period.text == text.upper()


@pytest.mark.parametrize(
    "text", ["", "26", "2026H3", "2026H0", "2026Q5", "2026-13", "2026-00", "2026-1", "1999", "2026H1 "]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Period.parse(text)


def test_a_period_names_its_days() -> None:
    assert Period.parse("2026Q1").days == "2026-01-01 to 2026-03-31"


# ---------------------------------------------------------------- withholding

SMALL = 3
"""A threshold with which all tables can be tried."""


def named(values: tuple[int, ...], name: str = "part") -> Mapping[str, int]:
    return {f"{name} {at}": value for at, value in enumerate(values)}


def seen(shown: Family) -> tuple[Number, ...]:
    """All that a reader has."""
    return (shown.total, *(number for way in shown.ways for number in way.values()))


def require_unknown(readings: Mapping[tuple[Number, ...], list[tuple[int, ...]]]) -> None:
    """Whoever knows the rules cannot tell a withheld number from what is shown: all tables that look so are told."""
    assert any(number is WITHHELD for shown in readings for number in shown)
    for shown, tables in readings.items():
        for at, number in enumerate(shown):
            if number is WITHHELD:
                possible = {table[at] for table in tables}
                assert len(possible) > 1, (shown, tables)
                if shown[0] is not WITHHELD:
                    assert min(possible) < SMALL <= max(possible), (shown, tables)


@pytest.mark.parametrize(("parts", "most"), [(1, 12), (2, 12), (3, 10), (4, 8)])
def test_no_withheld_number_can_be_computed_from_what_is_shown(parts: int, most: int) -> None:
    readings = defaultdict(list)
    for values in itertools.product(range(most + 1), repeat=parts):
        shown = family(named(values), threshold=SMALL)
        readings[seen(shown)].append((sum(values), *values))
    require_unknown(readings)


def test_nor_from_two_ways_to_part_one_sum() -> None:
    readings = defaultdict(list)
    for one in itertools.product(range(9), repeat=2):
        for other in itertools.product(range(9), repeat=3):
            if sum(one) == sum(other):
                shown = family(named(one), named(other), threshold=SMALL)
                readings[seen(shown)].append((sum(one), *one, *other))
    require_unknown(readings)


@pytest.mark.parametrize(
    ("values", "total", "shown"),
    [
        ((0, 0), 0, (0, 0)),
        ((7, 9), 16, (7, 9)),
        ((2, 9), 11, (WITHHELD, WITHHELD)),
        ((2, 9, 30), 41, (WITHHELD, WITHHELD, 30)),
        ((2, 9, 9, 30), 50, (WITHHELD, WITHHELD, WITHHELD, 30)),
        ((2, 2, 30, 0), 34, (WITHHELD, WITHHELD, WITHHELD, 0)),
        ((2, 0), WITHHELD, (WITHHELD, 0)),
        ((4, 4), WITHHELD, (WITHHELD, WITHHELD)),
    ],
)
def test_what_is_withheld(values: tuple[int, ...], total: Number, shown: tuple[Number, ...]) -> None:
    found = family(named(values))
    assert (found.total, tuple(found.ways[0].values())) == (total, shown)
    assert found.whole is (WITHHELD not in {total, *shown})


def test_a_sum_that_another_way_would_give_back_takes_it_along() -> None:
    assert family(named((8,)), named((4, 4))) == Family(WITHHELD, ({"part 0": WITHHELD}, named_hidden(2)))


def named_hidden(count: int) -> Mapping[str, Number]:
    return dict.fromkeys(named((0,) * count), WITHHELD)


@pytest.mark.parametrize(("value", "shown"), [(0, 0), (1, WITHHELD), (4, WITHHELD), (5, 5)])
def test_a_number_alone(value: int, shown: Number) -> None:
    assert alone(value) == shown


# ---------------------------------------------------------------- what is told


def counts(**changes: Any) -> Counts:
    made = Counts(
        node="fr.example",
        members=3,
        countries=("DE", "FR", "NL"),
        k=2,
        lists=[
            ListCount(
                origin="fr.example/lists/csam",
                collection="baseline",
                added=41_210,
                withdrawn=3,
                shredded=1,
                in_force=612_044,
            )
        ],
        months=[MonthCount(month=month, added=100, withdrawn=1, in_force=612_044) for month in HALF.months],
        objections=2,
        releases=[ReleaseCount(subset="baseline", releases=181, added=120, removed=3, hashes=481_220)],
        partners=23,
        evaluations=18_233_444,
        hits_by_collection={"baseline": 1204, "national": 61},
        hits_by_month={**dict.fromkeys(HALF.months[:5], 200), HALF.months[5]: 265},
        hits_by_outcome={IN_TIME: 1088, LATER: 121, FALSE_POSITIVE: 7, NOT_TOLD: 49},
        hits_withdrawn=12,
        disputes={UPHELD: 6, REJECTED: 12},
        judged=[JudgedCount(origin="fr.example/lists/csam", collection="baseline", right=994, wrong=6)],
        reports_kept=True,
    )
    return replace(made, **changes)


def all_alike(hits: int) -> Mapping[str, Any]:
    return {
        "hits_by_collection": {"baseline": hits},
        "hits_by_month": {HALF.months[0]: hits},
        "hits_by_outcome": {IN_TIME: hits},
    }


def test_everything_is_told_when_nothing_is_small() -> None:
    report = publish(counts(), HALF, made_ms=AFTER)
    assert report.complete
    assert report.hits == 1265
    assert percent(report.in_time) == "89.9 %"
    assert report.judged[0].precision == pytest.approx(0.994)
    assert "withheld" not in json.dumps(as_fields(report))


def test_what_the_lists_say_is_told_however_small() -> None:
    fields = as_fields(publish(counts(), HALF, made_ms=AFTER))
    assert fields["lists"] == [
        {
            "list": "fr.example/lists/csam",
            "collection": "baseline",
            "added": 41_210,
            "withdrawn": 3,
            "shredded": 1,
            "in_force": 612_044,
        }
    ]
    assert fields["disputes_of_others_entries"] == 2


@pytest.mark.parametrize(
    "small",
    [
        {"hits_by_collection": {"baseline": 1263, "national": 2}},
        {"hits_by_outcome": {IN_TIME: 1263, LATER: 2}},
        {"disputes": {UPHELD: 1, REJECTED: 40}},
        {**all_alike(3), "hits_withdrawn": 0},
    ],
    ids=["collection", "outcome", "disputes", "hits"],
)
def test_how_a_list_fared_is_withheld_with_what_could_be_computed_from_it(small: Mapping[str, Any]) -> None:
    (judged,) = publish(counts(**small), HALF, made_ms=AFTER).judged
    assert (judged.hits, judged.wrong, judged.precision) == (WITHHELD, WITHHELD, None)


@pytest.mark.parametrize(
    ("right", "wrong", "precision"),
    [(FEW, 0, 1.0), (FEW - 1, 0, None), (90, 10, 0.9), (90, 2, None), (2, 0, None)],
)
def test_a_share_is_told_of_enough_hits_that_are_told(
    right: int, wrong: int, precision: float | None
) -> None:
    one = JudgedCount(origin="fr.example/lists/csam", collection="baseline", right=right, wrong=wrong)
    (judged,) = publish(counts(judged=[one]), HALF, made_ms=AFTER).judged
    assert judged.precision == precision


def test_a_share_is_not_computed_from_what_is_withheld() -> None:
    report = publish(counts(hits_by_outcome={IN_TIME: 1263, LATER: 2}), HALF, made_ms=AFTER)
    assert report.in_time is None
    assert "99.8" not in "".join(page(report))


@pytest.mark.parametrize(
    ("share", "shown"), [(1.0, "100 %"), (0.9999, "99.9 %"), (0.0, "0 %"), (None, "not told")]
)
def test_shares_are_rounded_down(share: float | None, shown: str) -> None:
    assert percent(share) == shown


def test_what_is_not_recorded_is_said_to_be_so() -> None:
    report = publish(counts(evaluations=None, reports_kept=False), HALF, made_ms=AFTER)
    fields: Any = as_fields(report)
    assert (
        fields["evaluations"] == fields["hits"]["reported"] == fields["disputes"]["opened"] == "not recorded"
    )
    assert fields["hits"]["by_outcome"] == dict.fromkeys(OUTCOMES, "not recorded")
    assert fields["hits"]["by_month"] == dict.fromkeys(HALF.months, "not recorded")
    assert fields["precision"] == []
    assert "not recorded" in "".join(page(report))


@pytest.mark.parametrize(
    ("withdrawn", "shown"),
    [
        (0, 0),
        (1, WITHHELD),
        (4, WITHHELD),
        (5, 5),
        (1260, 1260),
        (1261, WITHHELD),
        (1264, WITHHELD),
        (1265, 1265),
    ],
)
def test_withdrawn_hits_are_withheld_where_they_or_the_others_are_few(withdrawn: int, shown: Number) -> None:
    report = publish(counts(hits_withdrawn=withdrawn), HALF, made_ms=AFTER)
    assert report.hits_withdrawn == shown
    assert report.judged[0].precision is not None, "how the lists fared is told all the same"


def test_no_withheld_number_of_withdrawn_hits_can_be_computed_from_the_sum() -> None:
    readings = defaultdict(set)
    for total in range(5, 20):
        for withdrawn in range(total + 1):
            made = counts(hits_withdrawn=withdrawn, **all_alike(total))
            report = publish(made, HALF, made_ms=AFTER)
            readings[report.hits, report.hits_withdrawn].add(withdrawn)
    for (_, shown), possible in readings.items():
        assert possible == {shown} or (shown is WITHHELD and len(possible) > 1)


@pytest.mark.parametrize(
    ("changes", "shown"),
    [(all_alike(1), WITHHELD), ({"reports_kept": False}, Hidden.NOT_RECORDED)],
    ids=["few hits", "not recorded"],
)
def test_withdrawn_hits_are_told_only_with_all_hits(changes: Mapping[str, Any], shown: Number) -> None:
    assert publish(counts(hits_withdrawn=1, **changes), HALF, made_ms=AFTER).hits_withdrawn == shown


def test_evaluations_for_few_partners_are_withheld_with_their_number() -> None:
    report = publish(counts(partners=1), HALF, made_ms=AFTER)
    assert (report.partners, report.evaluations) == (WITHHELD, WITHHELD)


# ---------------------------------------------------------------- its forms

SPARSE: Mapping[str, Any] = {
    "lists": [],
    "months": [],
    "releases": [],
    "judged": [],
    "hits_by_collection": {},
    "hits_by_month": {},
    "hits_by_outcome": {},
    "hits_withdrawn": 0,
    "disputes": {},
    "countries": (),
}


@pytest.mark.parametrize("changes", [{}, SPARSE, {"node": "<script>"}, {"disputes": {UPHELD: 1}}], ids=str)
@pytest.mark.parametrize("made_ms", [AFTER, HALF.first_ms + 1])
def test_the_page_is_self_contained_and_says_how_to_read_it(changes: Mapping[str, Any], made_ms: int) -> None:
    text = "".join(page(publish(counts(**changes), HALF, made_ms=made_ms)))
    require_self_contained(text)
    assert text.count("http") == text.count("http-equiv")
    assert ("not over yet" in text) is (made_ms != AFTER)
    assert "from 1 to 4 are withheld" in text


def test_the_page_tells_all_numbers() -> None:
    text = "".join(page(publish(counts(), HALF, made_ms=AFTER)))
    for words in (
        "612,044",
        "41,210",
        "DE, FR, NL",
        "18,233,444",
        "1,265",
        "1,204",
        "no release lists the hash any more: 12",
        "89.9 %",
        "99.4 %",
        "2026-06",
    ):
        assert words in text, words


def test_the_sheet_has_every_number_of_the_fields() -> None:
    report = publish(counts(), HALF, made_ms=AFTER)
    rows = dict(csv.reader(io.StringIO("".join(as_sheet(report)))))
    assert rows["hits: reported"] == "1265"
    assert rows["hits: withdrawn"] == "12"
    assert rows["lists 1: shredded"] == "1"
    assert rows["disputes: by_answer: upheld"] == "6"
    assert rows["months 6: in_force"] == "612044"
    assert len(rows) > 60


def test_no_form_tells_what_is_withheld() -> None:
    secret = {"baseline": 77_701, "national": 4}
    hits = {"hits_by_month": {HALF.months[0]: 77_705}, "hits_by_outcome": {IN_TIME: 77_703, NOT_TOLD: 2}}
    report = publish(counts(hits_by_collection=secret, judged=[], **hits), HALF, made_ms=AFTER)
    texts = ["".join(page(report)), "".join(as_sheet(report)), json.dumps(as_fields(report))]
    for text in texts:
        told = text.replace(",", "")
        assert "77705" in told
        assert "77701" not in told
        assert "77703" not in told
    assert as_fields(report)["disputes"] == {
        "opened": 18,
        "by_answer": dict(zip(ANSWERS, (6, 12, 0), strict=True)),
    }
