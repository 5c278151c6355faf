import io

import pytest

from node.errors import InputRefusedError, UsageError
from node.formats import ImportRow, read_columns, read_rows
from protocol.digest import Algorithm
from support.tables import accepted, md5, outcome, pdq, photodna, sha1, sha256, stream

FULL = "id,md5,sha1,sha256,pdq,photodna,collection"


def full_row(name: str, collection: str = "") -> str:
    return ",".join([name, md5(name), sha1(name), sha256(name), pdq(name), photodna(name), collection])


def test_all_columns() -> None:
    (row,) = accepted(read_columns(stream(FULL, full_row("a", "national")), collection=1))
    assert row.line == 2
    assert row.source_id == "a"
    assert row.collection == 2
    assert dict(row.case) == {}
    assert [(digest.algorithm, digest.value.hex()) for digest in row.digests] == [
        (Algorithm.MD5, md5("a")),
        (Algorithm.SHA1, sha1("a")),
        (Algorithm.SHA256, sha256("a")),
        (Algorithm.PDQ, pdq("a")),
        (Algorithm.PHOTODNA, photodna("a").lower()),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("declared", [True, False])
def test_the_delimiter_is_declared_or_read_from_the_header(delimiter: str, declared: bool) -> None:
    lines = [line.replace(",", delimiter) for line in (FULL, full_row("a"))]
    reading = read_columns(stream(*lines), collection=1, delimiter=delimiter if declared else None)
    assert len(accepted(reading)[0].digests) == 5


def test_the_delimiter_is_not_guessed_from_data() -> None:
    reading = read_columns(stream("sha256,note", f"{sha256('a')};x;y"), collection=1)
    assert outcome(reading) == {2: "1 columns where the header names 2"}


def test_one_column_and_nothing_else() -> None:
    (row,) = accepted(read_columns(stream("SHA-256", sha256("a").upper()), collection=2))
    assert (row.source_id, row.collection, len(row.digests)) == ("", 2, 1)


def test_cells_padded_by_a_spreadsheet() -> None:
    reading = read_columns(stream("md5,sha1,sha256", f" {md5('a')}  ,   , {sha256('a')[:-2]} "), collection=1)
    assert outcome(reading) == {2: "sha256: not 64 hexadecimal digits"}
    (row,) = accepted(read_columns(stream("md5,sha1", f" {md5('a')}  ,   "), collection=1))
    assert [digest.value.hex() for digest in row.digests] == [md5("a")]


@pytest.mark.parametrize("name", ["MD5", "md5", " Md5 ", '"MD5"', "M-D_5"])
def test_spelling_of_names_does_not_matter(name: str) -> None:
    assert len(accepted(read_columns(stream(f"{name},x", f"{md5('a')},1"), collection=1))) == 1


def test_columns_with_other_names_are_mapped() -> None:
    lines = ["Case;MD5 hash;md5", f"77;{md5('a')};not used"]
    reading = read_columns(stream(*lines), collection=1, mapping={"md5": "MD5 hash", "id": "case"})
    assert reading.left_out == ("md5",)
    (row,) = accepted(reading)
    assert row.source_id == "77"
    assert row.digests[0].value.hex() == md5("a")


def test_names_the_columns_it_leaves_out() -> None:
    assert read_columns(stream("md5,size,name", f"{md5('a')},1,x"), collection=1).left_out == ("size", "name")


COLLECTIONS = {"": 3, " ": 3, "baseline": 1, "Baseline ": 1, "other": 4, "2": 2, "1024": 1024, "65535": 65535}


@pytest.mark.parametrize(("text", "number"), COLLECTIONS.items(), ids=[f"'{text}'" for text in COLLECTIONS])
def test_collections(text: str, number: int) -> None:
    (row,) = accepted(read_columns(stream("md5,collection", f"{md5('a')},{text}"), collection=3))
    assert row.collection == number


@pytest.mark.threat("a supplier's unknown category")
@pytest.mark.parametrize("text", ["0", "5", "1023", "65536", "-1", "1.5", "worst", "\u0661"])
def test_collections_that_do_not_exist(text: str) -> None:
    lines = ["md5,collection", f"{md5('a')},{text}", f"{md5('b')},1"]
    results = outcome(read_columns(stream(*lines), collection=3))
    assert results[2].startswith("collection: ")
    assert results[3] == "ok"


HEADERS = {
    "data in the first line": (f"{md5('a')},{sha1('a')}", {}, "names no hash column"),
    "other delimiter": ("md5|sha1", {}, "names no hash column"),
    "only an id": ("id,name", {}, "names no hash column"),
    "one column twice": ("MD5,md5,sha1", {}, "one column twice"),
    "mapped column missing": ("md5,sha1", {"md5": "MD5 hash"}, "lacks the column mapped to md5"),
    "mapped under its own name": ("sha1", {"md5": "md5"}, "lacks the column mapped to md5"),
    "one column for two": ("h,sha1", {"md5": "h", "sha256": "h"}, "lacks the column mapped to"),
    "open quote": ('"md5,sha1', {}, "names no hash column"),
    "blank": ("   ", {}, "empty"),
    "too long": ("md5," + "x" * 100_000, {}, "header cannot be read"),
}


@pytest.mark.parametrize(("header", "mapping", "message"), HEADERS.values(), ids=HEADERS.keys())
def test_headers_that_make_no_sense(header: str, mapping: dict[str, str], message: str) -> None:
    with pytest.raises(InputRefusedError, match=message) as caught:
        read_columns(stream(header), collection=1, mapping=mapping)
    assert caught.value.hint
    assert md5("a") not in str(caught.value) + caught.value.hint


def test_an_empty_file() -> None:
    with pytest.raises(InputRefusedError, match="empty"):
        read_columns(io.BytesIO(b""), collection=1)


def test_another_delimiter_than_declared() -> None:
    with pytest.raises(InputRefusedError, match=r"separated by comma \(','\), found .* semicolon \(';'\)"):
        read_columns(stream("md5;sha1"), collection=1, delimiter=",")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [({"mapping": {"tlsh": "T"}}, "columns are md5"), ({"delimiter": "|"}, "delimiters are")],
)
def test_usage(arguments: dict[str, object], hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_columns(stream("md5"), collection=1, **arguments)  # type: ignore[arg-type]  # one table for both
    assert caught.value.hint.startswith(hint)


def test_read_rows_takes_a_mapped_icse_header_as_named_columns() -> None:
    lines = ["MD5;Image ID;Baseline", f"{md5('a')};7;No"]
    reading = read_rows(stream(*lines), collection=4, mapping={"id": "Image ID"})
    assert reading.form == "columns"
    assert [(row.source_id, row.collection) for row in accepted(reading)] == [("7", 4)]


def test_only_rows_of_the_named_categories_are_taken() -> None:
    """Project VIC's 0 is lawful: a list of what it grades must not begin with it."""
    lines = ["MD5,Grade", *(f"{md5(name)},{name}" for name in ("0", "1", " a ", ""))]
    reading = read_rows(stream(*lines), collection=1, mapping={"category": "Grade"}, categories=("1", "A"))
    taken = [isinstance(row, ImportRow) for row in reading]
    assert taken == [False, True, True, False]


def test_a_question_does_not_look_at_categories() -> None:
    assert len(accepted(read_columns(stream("MD5,Category", f"{md5('a')},0"), collection=1))) == 1


def test_duplicates_are_left_to_the_importing_service() -> None:
    assert len(accepted(read_columns(stream("md5", md5("a"), md5("a")), collection=1))) == 2
