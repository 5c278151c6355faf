"""Reports of a scan: each form says all of it, whatever files are called, and is made in flat memory."""

import csv
import io
import json
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import UsageError
from node.hoster.hits.instructions import UNDO
from node.hoster.scan.reports.junit import junit
from node.hoster.scan.reports.lines import json_lines
from node.hoster.scan.reports.names import Names, Tokens, TrueNames, tokens_of
from node.hoster.scan.reports.page import page
from node.hoster.scan.reports.selection import MOST, gather
from node.hoster.scan.reports.spreadsheet import COLUMNS, spreadsheet
from node.hoster.scan.reports.write import FORMS, Form, form_of, require_place, write_report
from node.hoster.scan.results import FileResult, HitFacts, ScanSummary, Status, reason_of
from support.markup import outline, require_self_contained
from support.processes import ROOT

NOON = 1_795_708_800_000
"""2026-11-26 16:00 UTC."""
PLAIN = TrueNames()
ENCRYPTED = "encrypted: not looked at"
HIDDEN = Tokens(b"k" * 32)


def hit(part: str = "", *, weak: bool = False, number: str = "a1" * 16) -> HitFacts:
    return HitFacts(
        part=part,
        collection="baseline",
        countries=("FR", "NL"),
        algorithms=("md5",) if weak else ("md5", "sha256"),
        weak=weak,
        hit=number,
    )


def result(
    path: str, status: Status, *, reasons: Sequence[str] = (), hits: Sequence[HitFacts] = ()
) -> FileResult:
    return FileResult(
        source="/srv", path=path, size=1234, status=status, reasons=tuple(reasons), hits=tuple(hits)
    )


EACH = (
    result("/srv/a.jpg", Status.HIT, hits=[hit()]),
    result("/srv/b.zip", Status.HIT, hits=[hit("in.jpg"), hit("in2.jpg", weak=True)]),
    result("/srv/c.txt", Status.TEST_FILE, hits=[hit(number="")]),
    result("/srv/d.jpg", Status.UNCONFIRMED, reasons=["the node was not asked about it yet"]),
    result("/srv/e.jpg", Status.UNREADABLE, reasons=["permission denied"]),
    result(
        "/srv/f.zip",
        Status.PARTLY,
        reasons=[reason_of("in.jpg", ENCRYPTED), reason_of("o — o.jpg", ENCRYPTED)],
    ),
    result("/srv/g.txt", Status.CLEAN),
)


def summed(results: Sequence[FileResult], **changes: Any) -> ScanSummary:
    summary = ScanSummary(
        sources=("/srv",),
        counts=Counter(each.status for each in results),
        bytes=10_000,
        read=len(results),
        passed_over=2,
        started_ms=NOON,
        ended_ms=NOON + 60_000,
        subset="baseline",
        release=1043,
        list_age_ms=7_300_000,
    )
    return replace(summary, **changes)


def made(form: Form, results: Sequence[FileResult], names: Names = PLAIN, **changes: Any) -> str:
    text = "".join(form(summed(results, **changes), results, names))
    text.encode()
    return text


# ---------------------------------------------------------------- the page


def test_a_page_says_which_hits_of_before_are_to_be_undone() -> None:
    assert UNDO not in made(page, EACH)
    text = made(page, EACH, to_undo=2)
    assert "2 hits of before withdrawn" in text
    assert UNDO in text
    assert json.loads(made(json_lines, EACH, to_undo=2).splitlines()[-1])["hits_to_undo"] == 2


def test_a_page_is_self_contained_and_says_what_happens_next() -> None:
    text = made(page, EACH)
    require_self_contained(text)
    assert text.count("http") == text.count("http-equiv")
    assert outline(text)[0] == "h1"
    for words in (
        "2 of 7 files are on the list",
        "release 1043",
        "confirmed 2 h 1 min before",
        "by 2026-11-27 16:00 UTC",
        "sigfed hit report --all",
        "1 file may be on the list",
        "2 symbolic links",
        "permission denied",
        "/srv/b.zip, in it: in2.jpg",
        '<text x="0" y="59">encrypted: not looked at</text>',
        "Nothing was moved, hidden or deleted",
        "This report names files",
    ):
        assert words in text, words


@pytest.mark.parametrize(
    ("words", "counts", "changes"),
    [
        ("nothing found, everything was looked at", {Status.CLEAN: 3}, {}),
        ("nothing found, but not everything could be looked at", {Status.CLEAN: 3, Status.PARTLY: 1}, {}),
        ("nothing is certain yet", {Status.CLEAN: 3, Status.UNCONFIRMED: 1}, {}),
        ("interrupted: not everything was looked at", {Status.CLEAN: 3}, {"ended_ms": 0}),
        ("1 file on the list: act today", {Status.HIT: 1}, {"ended_ms": 0}),
        ("Nothing was sent during this scan", {Status.CLEAN: 1}, {"screen_only": True}),
        ("blinded values", {Status.CLEAN: 1}, {}),
        ("The list was old", {Status.CLEAN: 1}, {"list_age_ms": 3 * 86_400_000}),
        ("Scan of 0 files", {}, {}),
    ],
)
def test_a_page_says_how_it_went(
    words: str, counts: Mapping[Status, int], changes: Mapping[str, Any]
) -> None:
    text = made(page, [], counts=counts, **changes)
    require_self_contained(text)
    assert words in text


def test_a_page_of_many_files_stays_small_and_says_how_many_more_there_are() -> None:
    many = [result(f"/srv/{at}", Status.UNREADABLE, reasons=[f"reason {at}"]) for at in range(20_000)]
    text = made(page, many)
    assert len(text) < 200_000
    assert f"and {20_000 - MOST[Status.UNREADABLE]:,} more: this page lists the first" in text
    assert "more reasons" in text
    kept = gather(many)
    assert len(kept.shown[Status.UNREADABLE]) == MOST[Status.UNREADABLE]
    assert sum(kept.reasons.values()) == 20_000
    assert len(kept.reasons) < 300


# ---------------------------------------------------------------- sheet, lines, JUnit


def test_a_sheet_has_a_row_for_each_file_and_listed_part() -> None:
    rows = list(csv.DictReader(io.StringIO(made(spreadsheet, EACH))))
    assert list(rows[0]) == list(COLUMNS)
    assert [(row["status"], row["path"], row["part"]) for row in rows] == [
        ("hit", "/srv/a.jpg", ""),
        ("hit", "/srv/b.zip", "in.jpg"),
        ("hit", "/srv/b.zip", "in2.jpg"),
        *((each.status.value, each.path, "") for each in EACH[2:]),
    ]
    assert rows[2]["weak"] == "weak"


def test_lines_have_every_file_and_end_with_the_sum() -> None:
    *files, last = map(json.loads, made(json_lines, EACH, passed_over=5).splitlines())
    assert [each["path"] for each in files] == [each.path for each in EACH]
    assert files[1]["hits"][1] == {
        "part": "in2.jpg",
        "collection": "baseline",
        "countries": ["FR", "NL"],
        "algorithms": ["md5"],
        "weak": True,
        "test_file": False,
        "hit": "a1" * 16,
    }
    assert last["type"] == "summary"
    assert last["counts"] == {**dict.fromkeys(map(str, Status), 1), "hit": 2}
    assert (last["files"], last["passed_over"], last["redacted"]) == (7, 5, False)
    assert json.loads(made(json_lines, [], ended_ms=0))["ended_ms"] is None


def test_junit_counts_what_is_in_it() -> None:
    suites = ET.fromstring(made(junit, EACH))  # what we wrote ourselves
    (suite,) = suites
    found = {case.get("name"): [element.tag for element in case] for case in suite}
    assert found == {
        "1 file not on the list": [],
        "/srv/a.jpg": ["failure"],
        "/srv/b.zip": ["failure"],
        "/srv/c.txt": ["failure"],
        "/srv/d.jpg": ["error"],
        "/srv/e.jpg": ["error"],
        "/srv/f.zip": ["error"],
    }
    for each in (suites, suite):
        assert (each.get("tests"), each.get("failures"), each.get("errors")) == ("7", "3", "3")
        assert each.get("time") == "60"


def test_the_reference_shows_lines_as_they_are_written() -> None:
    results = [result("/srv/b.zip", Status.HIT, hits=[replace(hit("in.jpg"), algorithms=("md5", "sha256"))])]
    shown = (ROOT / "docs/reference/scan-reports.md").read_text()
    assert f"```json\n{made(json_lines, results, bytes=1234, passed_over=0)}```" in shown
    assert ", ".join(f"`{name}`" for name in COLUMNS) in shown
    assert all(f"| `{status}` |" in shown for status in Status)
    assert all(f"| `{suffix}` |" in shown for suffix in FORMS)


@pytest.mark.parametrize("form", [spreadsheet, json_lines, junit])
def test_rows_are_written_as_they_come(form: Form) -> None:
    taken = 0

    def rows() -> Iterator[FileResult]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield EACH[0]

    pieces = form(summed(EACH), rows(), PLAIN)
    for _ in range(5):
        next(pieces)
    assert taken <= 5
    assert sum(1 for _ in pieces) >= 990


# ---------------------------------------------------------------- names

ANY_NAME = st.text(
    st.one_of(
        st.characters(codec=None),
        st.sampled_from(
            [
                "\udc80",
                "\udcff",
                "\u202e",
                "\u2028",
                "\x00",
                "\x1b",
                "<",
                ">",
                "&",
                '"',
                "'",
                "=",
                "\ufffe",
                "\n",
            ]
        ),
    ),
    max_size=30,
)


@given(name=ANY_NAME, part=ANY_NAME, reason=ANY_NAME, status=st.sampled_from(Status), hidden=st.booleans())
def test_every_form_holds_any_name(
    name: str, part: str, reason: str, status: Status, *, hidden: bool
) -> None:
    hits = [hit(part)] if status is Status.HIT else []
    results = [replace(result(name, status, reasons=[reason], hits=hits), source=name)]
    names = HIDDEN if hidden else PLAIN
    texts = {form: made(form, results, names, sources=(name,)) for form in FORMS.values()}
    require_self_contained(texts[page])
    (row,) = csv.DictReader(io.StringIO(texts[spreadsheet], newline=""))
    assert not row["path"].lstrip().startswith(("=", "+", "-", "@", "\t"))
    line = json.loads(texts[json_lines].splitlines()[0])
    assert hidden or line["path"] == name
    ET.fromstring(texts[junit])  # what we wrote ourselves


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_redacted_report_names_nothing(form: Form) -> None:
    secret = "kunde-meier"
    results = [
        result(f"/srv/{secret}/a.zip", Status.HIT, hits=[hit(f"{secret}.jpg"), hit("#2")]),
        result(
            f"/srv/{secret}/b",
            Status.UNREADABLE,
            reasons=[f"cannot open /srv/{secret}/b", reason_of(secret, "Input/output error")],
        ),
        result(f"/srv/{secret}/c", Status.PARTLY, reasons=[reason_of(f"x — y/{secret}.jpg", ENCRYPTED)]),
    ]
    results = [replace(each, source=f"/srv/{secret}") for each in results]
    assert secret in made(form, results, sources=(f"/srv/{secret}",))
    text = made(form, results, HIDDEN, sources=(f"/srv/{secret}",))
    assert secret not in text
    assert ENCRYPTED in text
    assert "Input/output error" in text
    assert HIDDEN.path(f"/srv/{secret}/a.zip") in text


def test_tokens_are_the_same_in_every_report_and_differ_between_partners(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    first = tokens_of(one)
    assert first.path("/srv/a") == tokens_of(one).path("/srv/a") != tokens_of(other).path("/srv/a")
    assert first.path("/srv/a") != first.path("/srv/b")
    assert first.path("a").partition("-")[2] != first.part("a").partition("-")[2]
    assert first.part("#2") == "#2"
    assert first.key.hex() not in repr(first)
    assert stat.S_IMODE((one / "report-names.key").stat().st_mode) == 0o600


# ---------------------------------------------------------------- writing


@pytest.mark.parametrize("suffix", FORMS)
def test_a_report_is_its_owners_alone_and_replaces_the_last(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"r{suffix.upper()}"
    path.write_text("the last one")
    require_place(path)
    write_report(path, summed(EACH), EACH, PLAIN)
    assert path.read_text() == made(FORMS[suffix], EACH) if suffix != ".csv" else path.stat().st_size > 100
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_report_that_fails_leaves_the_last_one(tmp_path: Path) -> None:
    def broken() -> Iterator[FileResult]:
        yield EACH[0]
        raise OSError(28, "No space left on device")

    path = tmp_path / "r.csv"
    path.write_text("the last one")
    with pytest.raises(OSError, match="No space"):
        write_report(path, summed(EACH), broken(), PLAIN)
    assert path.read_text() == "the last one"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["r.pdf", "r", "missing/r.html", "folder.html"])
def test_what_would_fail_after_the_scan_is_refused_before(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(UsageError):
        require_place(tmp_path / name)
    with pytest.raises(UsageError, match=r"\.html, \.csv, \.jsonl, \.xml"):
        form_of(tmp_path / "r.pdf")
