import io

import pytest

from node.errors import InputRefusedError, UsageError
from node.formats import ImportRow, read_icse, read_rows
from node.formats.icse import REQUIRED
from protocol.digest import Algorithm
from support.tables import ICSE_CASE, ICSE_HEADER, accepted, icse_row, md5, outcome, photodna, sha1, stream

EMPTY_MD5 = md5("")
EMPTY_SHA1 = sha1("")


def test_a_row_becomes_digests_collection_and_local_case_data() -> None:
    (row,) = accepted(read_icse(stream(ICSE_HEADER, icse_row("a"))))
    assert row.line == 2
    assert {digest.algorithm: digest.value.hex() for digest in row.digests} == {
        Algorithm.MD5: md5("a"),
        Algorithm.SHA1: sha1("a"),
        Algorithm.PHOTODNA: photodna("a").lower(),
    }
    assert row.collection == 1
    assert row.source_id == "img-a"
    assert row.case == ICSE_CASE


def test_names_the_columns_it_leaves_out() -> None:
    reading = read_icse(stream(ICSE_HEADER + ";Colour", icse_row("a") + ";red"))
    assert reading.form == "icse"
    assert reading.left_out == ("ZZ40", "Lace", "Colour")
    (row,) = accepted(reading)
    assert "red" not in row.case.values()


@pytest.mark.parametrize(("flag", "collection"), [("Yes", 1), ("No", 3), ("yes", 1), ("NO", 3), (" Yes ", 1)])
def test_baseline_decides_the_collection(flag: str, collection: int) -> None:
    (row,) = accepted(read_icse(stream(ICSE_HEADER, icse_row("a", Baseline=flag))))
    assert row.collection == collection


def test_twelve_columns_are_enough_in_any_order() -> None:
    names = list(reversed(REQUIRED))
    cells = dict(zip(ICSE_HEADER.split(";"), icse_row("a").split(";"), strict=True))
    (row,) = accepted(read_icse(stream(";".join(names), ";".join(cells[name] for name in names))))
    assert len(row.digests) == 3
    assert "Agency" not in row.case


REFUSED = {
    "md5 too short": (icse_row("a", MD5="abc123"), "md5: not 32 hexadecimal digits"),
    "md5 odd": (icse_row("a", MD5=md5("a")[:-1]), "md5: not 32 hexadecimal digits"),
    "md5 not hex": (icse_row("a", MD5="g" * 32), "md5: not 32 hexadecimal digits"),
    "md5 with spaces inside": (icse_row("a", MD5="ab " * 10 + "ab"), "md5: not 32 hexadecimal digits"),
    "md5 of other digits": (icse_row("a", MD5="\u0661" * 32), "md5: not 32 hexadecimal digits"),
    "sha1 in the md5 column": (icse_row("a", MD5=sha1("a")), "md5: not 32 hexadecimal digits"),
    "PhotoDNA as base64": (icse_row("a", PhotoDNA="QUJD" * 48), "photodna: not 288 hexadecimal digits"),
    "no hash": (icse_row("a", MD5="", SHA1="", PhotoDNA=" "), "the row has no hash"),
    "empty file": (icse_row("a", MD5=EMPTY_MD5), "md5: digest of the empty file"),
    "empty file, sha1": (icse_row("a", SHA1=EMPTY_SHA1), "sha1: digest of the empty file"),
    "constant md5": (icse_row("a", MD5="00" * 16), "md5: every byte is the same"),
    "constant PhotoDNA": (icse_row("a", PhotoDNA="00FF" * 72), "photodna: constant PhotoDNA value"),
    "no flag": (icse_row("a", Baseline=""), "Baseline: neither Yes nor No"),
    "cut flag": (icse_row("a", Baseline="Ye"), "Baseline: neither Yes nor No"),
    "too many columns": (icse_row("a", Agency="A;B"), "17 columns where the header names 16"),
    "too few columns": ("a;b", "2 columns where the header names 16"),
    "wrong delimiter": (icse_row("a").replace(";", ","), "1 columns where the header names 16"),
    "open quote": (icse_row("a", Agency='"A'), "a quoted cell does not end on its line, or text follows it"),
}


@pytest.mark.parametrize(("line", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses_the_line_and_goes_on(line: str, reason: str) -> None:
    results = list(read_icse(stream(ICSE_HEADER, icse_row("1"), line, icse_row("2"))))
    assert outcome(results) == {2: "ok", 3: reason, 4: "ok"}


@pytest.mark.parametrize("line", [line for line, _ in REFUSED.values()], ids=REFUSED.keys())
def test_a_reason_never_repeats_a_cell(line: str) -> None:
    (refused,) = read_icse(stream(ICSE_HEADER, line))
    assert not isinstance(refused, ImportRow)
    cells = [cell for cell in line.split(";") if len(cell) > 3]
    assert not [cell for cell in cells if cell in refused.reason]


def test_a_file_that_ends_inside_a_line() -> None:
    cut = icse_row("2")[:90]
    results = read_icse(stream(ICSE_HEADER, icse_row("1"), cut, last=""))
    assert outcome(results) == {2: "ok", 3: "the file ends inside this line: 3 of 16 columns, no line end"}


def test_a_complete_last_line_needs_no_line_end() -> None:
    assert len(accepted(read_icse(stream(ICSE_HEADER, icse_row("1"), icse_row("2"), last="")))) == 2


def test_a_10_mb_line_is_refused_by_its_number() -> None:
    results = read_icse(stream(ICSE_HEADER, icse_row("1"), "x" * 10_000_000, icse_row("2")))
    assert outcome(results) == {2: "ok", 3: "the line has more than 65536 characters", 4: "ok"}


def test_bom_crlf_blank_lines_and_quotes() -> None:
    text = "\r\n".join(["\ufeff" + ICSE_HEADER, icse_row("1", Agency='"A; ""B"""'), "", icse_row("2"), ""])
    rows = accepted(read_icse(io.BytesIO(text.encode())))
    assert [row.line for row in rows] == [2, 4]
    assert rows[0].case["Agency"] == 'A; "B"'


def test_a_line_that_is_not_utf8_is_that_line_alone() -> None:
    data = "\n".join([ICSE_HEADER, icse_row("1", Agency="Pol\u00edcia"), icse_row("2")]).encode("latin-1")
    assert outcome(read_icse(io.BytesIO(data))) == {2: "the line is not UTF-8 text", 3: "ok"}


def test_comma_instead_of_semicolon_says_what_was_expected() -> None:
    comma = stream(ICSE_HEADER.replace(";", ","), icse_row("a").replace(";", ","))
    with pytest.raises(InputRefusedError) as caught:
        read_icse(comma)
    assert str(caught.value) == (
        "expected columns separated by semicolon (';'), found them separated by comma (',')"
    )
    assert "declare the delimiter" in caught.value.hint
    comma.seek(0)
    assert len(accepted(read_icse(comma, delimiter=","))) == 1


def test_no_such_delimiter() -> None:
    with pytest.raises(UsageError):
        read_icse(stream(ICSE_HEADER), delimiter="|")


def test_missing_columns_are_named() -> None:
    header = ICSE_HEADER.replace("Media Type;", "").replace("PhotoDNA", "Photo")
    with pytest.raises(InputRefusedError, match="lacks PhotoDNA, Media Type"):
        read_icse(stream(header))


def test_a_column_twice() -> None:
    with pytest.raises(InputRefusedError, match="same name"):
        read_icse(stream(ICSE_HEADER + ";MD5"))


def test_an_incomplete_export_is_not_read_as_another_table() -> None:
    """Its Baseline column would be passed over and every row land in one collection."""
    with pytest.raises(InputRefusedError, match="not an ICSE export"):
        read_rows(stream("MD5;SHA1;Image ID;Baseline", f"{md5('a')};{sha1('a')};1;No"), collection=1)


def test_recognised_by_its_header() -> None:
    assert read_rows(stream(ICSE_HEADER, icse_row("a")), collection=4).form == "icse"
