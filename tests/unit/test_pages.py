"""Pages that need nothing else: what they are made of, whatever stands in them."""

import re
from collections.abc import Callable
from html import unescape

import pytest

from node.demo.report.style import STYLE as DEMO_STYLE
from node.pages.charts import Bar, Series, bars, columns, line, share
from node.pages.document import END, beginning
from node.pages.sheets import sheet
from node.pages.style import STYLE
from node.pages.tables import Column, table
from node.pages.text import counted, lasting, safe, size
from support.markup import elements, outline

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>.jpg',
    "'; DROP TABLE files; --",
    "&lt;b&gt;",
    "a\nb\r\tc\x00\x1b[31m",
    "photo\u202egpj.exe",
    "name-\udcff\udc80.jpg",
    "</style></title></svg>",
    "{{7*7}} ${7*7} <!-- -->",
    "]]>",
)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_name_is_text_wherever_it_stands(text: str) -> None:
    page = beginning(text) + table(text, [Column(text), Column(text)], [(text, text)])
    page += bars(text, text, [Bar(label=text, value=1, shown=text)]) + END
    page.encode()
    names = {element for element, _ in elements(page)}
    assert not names & {"script", "img", "b", "iframe", "object", "link"}
    assert all(not name.startswith("on") for _, attributes in elements(page) for name in attributes)
    assert all(char.isprintable() for char in safe(text))


@pytest.mark.parametrize(
    ("shown", "number"),
    [
        ("0 B", 0),
        ("999 B", 999),
        ("1.0 kB", 1000),
        ("999.9 kB", 999_900),
        ("1.20 MB", 1_200_000),
        ("3.00 TB", 3 * 10**12),
    ],
)
def test_sizes(shown: str, number: int) -> None:
    assert size(number) == shown


@pytest.mark.parametrize(
    ("shown", "seconds"),
    [("0 s", 0.4), ("59 s", 59.9), ("1 min 0 s", 60), ("2 h 5 min", 7500), ("3 d 1 h", 3 * 86400 + 3700)],
)
def test_durations(shown: str, seconds: float) -> None:
    assert lasting(seconds) == shown


def test_numbers_with_nouns() -> None:
    assert [counted(1, "file"), counted(2000, "file")] == ["1 file", "2,000 files"]


MANY = ["a", "b", "c"]
PICTURES: list[Callable[[], str]] = [
    lambda: bars(
        "Title", "About", [Bar(label="x", value=3, shown="3"), Bar(label="y", value=None, shown="withheld")]
    ),
    lambda: bars("Title", "About", []),
    lambda: columns(
        "Title",
        "About",
        MANY,
        [Series(name="s", tint="one", values=(1, 0, 7)), Series(name="t", tint="two", values=(0, None, 7))],
    ),
    lambda: columns("Title", "About", MANY, [Series(name="s", tint="one", values=(0, 0, 0))]),
    lambda: line("Title", "About", MANY, (0, 5, 1000)),
    lambda: line("Title", "About", ["a"], (0,)),
    lambda: share(
        "Title", "About", [Bar(label="x", value=10**6, shown="1,000,000"), Bar(label="y", value=1, shown="1")]
    ),
    lambda: share("Title", "About", [Bar(label="x", value=0, shown="0")]),
]


@pytest.mark.parametrize("draw", PICTURES)
def test_a_picture_has_a_name_and_a_description_and_stays_inside(draw: Callable[[], str]) -> None:
    drawn = draw()
    found = list(elements(drawn))
    pictures = [attributes for name, attributes in found if name == "svg" and attributes.get("role") == "img"]
    assert len(pictures) == 1
    assert "<title>Title</title><desc>About</desc>" in drawn
    assert "style=" not in drawn
    for _, attributes in found:
        for name in ("x", "y", "width", "height", "cx", "cy"):
            number = float(attributes.get(name, "0").rstrip("%"))
            assert number >= 0
            assert not attributes.get(name, "").endswith("%") or number <= 100.01


def test_a_value_that_is_withheld_has_no_bar() -> None:
    drawn = bars("t", "a", [Bar(label="x", value=None, shown="withheld")])
    assert 'width="0.00%"' in drawn
    assert "withheld" in drawn


def test_the_smallest_part_can_be_seen() -> None:
    drawn = share(
        "t", "a", [Bar(label="x", value=10**9, shown=""), Bar(label="y", value=1, shown="", tint="bad")]
    )
    widths = [float(each) for each in re.findall(r'<rect[^>]* width="([0-9.]+)%" height="26"', drawn)]
    assert widths[1] > 0.5
    assert sum(widths) == pytest.approx(100, abs=0.1)


def test_a_page_lets_nothing_run_and_nothing_be_fetched() -> None:
    page = beginning("Title", style=".x { color: red; }") + "<h1>Title</h1>" + END
    assert "default-src 'none'; style-src 'sha256-" in page
    assert page.count("http") == page.count("http-equiv") == 1
    assert outline(page) == ["h1"]


@pytest.mark.parametrize("feature", ["max-width", "prefers-color-scheme"])
def test_dark_and_narrow_are_for_screens(feature: str) -> None:
    queries = [line for line in (STYLE + DEMO_STYLE).splitlines() if feature in line and "@media" in line]
    assert queries
    assert all(line.startswith("@media screen and") for line in queries), "paper is narrow, too"


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        ("+49", "'+49"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1+1", "'  =1+1"),
        ("\t=1+1", "\\t=1+1"),
        ("'quoted", "''quoted"),
        ("\uff1d1", "'\uff1d1"),
        ("a;b", "a;b"),
        ("a;=1+1; -1", "a;'=1+1;' -1"),
        ('a;"=1+1"', '"a;\'""=1+1"""'),
        ("a,b", '"a,b"'),
        ('say "x"', '"say ""x"""'),
        ("two\nlines", "two\\nlines"),
        (-5, "-5"),
        (None, ""),
    ],
)
def test_a_cell_is_never_a_formula(cell: str | int | None, written: str) -> None:
    assert list(sheet([("x", cell)])) == [f"x,{written}\r\n"]


def test_a_cell_on_a_telephone_says_what_it_is() -> None:
    made = table("Files", [Column("path", "path"), Column("size", "number")], [("a", "1")])
    assert '<th scope="row" class="path">a</th><td data-head="size" class="number">1</td>' in made
    assert unescape(made).startswith('<table class="cards"><caption>Files</caption>')
