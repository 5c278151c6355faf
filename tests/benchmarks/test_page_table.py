"""Which page counts as slow, and what is printed of every page."""

import pytest
from benchmarks.page_table import Pages, beside_reading

from support.page_timing import Cost


def cost(ms: float, queries_ms: float) -> Cost:
    """Of a page, where a table takes 2 ms."""
    return Cost(
        seconds=ms / 1000,
        bare_seconds=queries_ms / 1000,
        statements=7,
        ratio=ms / queries_ms,
        table_seconds=0.002,
    )


@pytest.mark.parametrize(
    ("costs", "slowest", "tables"),
    [
        ({"short": cost(1.5, 0.1)}, "short", 0.2),
        ({"short": cost(1.5, 0.1), "long": cost(15, 4)}, "long", 5.0),
        ({"short": cost(1.5, 0.1), "all queries": cost(90, 40)}, "short", 0.2),
        ({"all queries": cost(90, 40)}, "", 0.0),
    ],
    ids=["short", "beyond three times", "within three times", "none beyond"],
)
def test_only_pages_beyond_three_times_their_queries_have_to_be_short(
    costs: dict[str, Cost], slowest: str, tables: float
) -> None:
    pages = Pages(costs=costs, frame=0.001)
    assert pages.slowest == slowest
    assert (pages.tables(slowest) if slowest else 0.0) == pytest.approx(tables)


def test_every_page_has_a_row_those_that_take_most_besides_first() -> None:
    pages = Pages(costs={"short": cost(1.5, 0.1), "long": cost(15, 4)}, frame=0.001)
    assert pages.text.splitlines()[2:] == [
        "| long | 15.0 | 4.0 | 3.8 | 5.0 | 7 |",
        "| short | 1.5 | 0.1 | 15.0 | 0.2 | 7 |",
    ]


def test_pages_that_ask_no_database_stand_beside_what_they_read() -> None:
    text = beside_reading({"account": cost(2, 32), "lists": cost(48, 32)})
    assert text.splitlines()[2:] == ["| lists | 48.0 | 32.0 | 1.5 |", "| account | 2.0 | 32.0 | 0.1 |"]
