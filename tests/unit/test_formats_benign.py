"""Known-benign sets as they are published: what is read of them, what is refused and how it is named."""

import io
import json

import pytest

from node.errors import InputRefusedError
from node.formats import ImportRow, RefusedRow
from node.formats.benign import read_benign
from node.formats.json_items import MAX_ITEM, items_of
from protocol.digest import Algorithm, Digest
from support.tables import md5, sha1, sha256

NSRL = '"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode","SpecialCode"'
RDS3 = '"SHA-256","SHA-1","MD5","FileName","FileSize"'
MODEL = "http://github.com/ICMEC/ProjectVic/DataModels/1.2.xml#Media"


def read(text: str | bytes) -> list[ImportRow | RefusedRow]:
    return list(read_benign(io.BytesIO(text.encode() if isinstance(text, str) else text)))


def hashes(result: ImportRow | RefusedRow) -> dict[Algorithm, str]:
    assert isinstance(result, ImportRow), result
    return {digest.algorithm: digest.value.hex() for digest in result.digests}


def items(*values: object, **beside: object) -> str:
    return json.dumps({"odata.metadata": MODEL, **beside, "value": values})


@pytest.mark.parametrize(
    ("text", "algorithms"),
    [
        (
            f'{NSRL}\r\n"{sha1("a").upper()}","{md5("a").upper()}","7A5407CA","a, b.txt",3,1,"358",""\r\n',
            "sha1 md5",
        ),
        (f'{RDS3}\n"{sha256("a")}","{sha1("a")}","{md5("a")}","x",1\n', "sha1 md5 sha256"),
        (f"id,md5,sha1,sha256\n1,{md5('a')},{sha1('a')},{sha256('a')}\n", "md5 sha1 sha256"),
        (f"\ufeffMD5;SHA1\n{md5('a')};\n", "md5"),
        (items({"MediaID": 1, "MD5": md5("a").upper(), "SHA1": sha1("a"), "MediaSize": "3"}), "md5 sha1"),
        ("\ufeff" + items({"MD5": md5("a"), "SHA1": None, "Category": 0}, Cases=[{"value": [1]}]), "md5"),
    ],
    ids=["NSRL", "RDS 3", "own columns", "semicolons", "Non-RDS", "Non-RDS with a mark"],
)
def test_published_forms_are_read(text: str, algorithms: str) -> None:
    known = {"md5": md5("a"), "sha1": sha1("a"), "sha256": sha256("a")}
    (row,) = read(text)
    assert hashes(row) == {Algorithm[name.upper()]: known[name] for name in algorithms.split()}


def test_the_empty_file_is_benign() -> None:
    (row,) = read(f"md5\n{md5('')}\n")
    assert hashes(row) == {Algorithm.MD5: md5("")}


def test_rows_that_cannot_be_used_are_named_and_the_others_taken() -> None:
    bad = [f'"{sha1("a")}","{md5("a")[1:]}","x"', '"","","x"', '"x","y"', f'"{sha1("b")}","","a"b"']
    good = f'"{sha1("c")}","{md5("c")}","x"'
    results = read("\n".join(['"SHA-1","MD5","FileName"', *bad, good, ""]))
    assert [(row.line, row.reason) for row in results if isinstance(row, RefusedRow)] == [
        (2, "md5: not 32 hexadecimal digits"),
        (3, "the row has no hash"),
        (4, "2 columns where the header names 3"),
        (5, "a quoted cell does not end on its line, or text follows it"),
    ]
    assert hashes(results[-1]) == {Algorithm.SHA1: sha1("c"), Algorithm.MD5: md5("c")}


def test_a_list_of_illegal_material_is_not_taken_for_a_benign_one() -> None:
    """Project VIC lists have the same form; only their categories tell."""
    results = read(items({"MD5": md5("a"), "Category": 1}, {"MD5": md5("b"), "Category": "2"}))
    assert {row.reason for row in results if isinstance(row, RefusedRow)} == {
        "it has a category, so it is not of a known-benign set"
    }
    assert len(results) == 2


def test_a_category_tells_in_a_table_as_well() -> None:
    results = read(f"MD5,Category\n{md5('a')},1\n{md5('b')},0\n{md5('c')},\n")
    assert [isinstance(row, RefusedRow) for row in results] == [True, False, False]


@pytest.mark.parametrize("header", ["MD5;SHA1;Image ID;Baseline", "md5,collection", "Baseline\tMD5"])
def test_a_list_is_refused_with_the_name_of_the_command_that_reads_it(header: str) -> None:
    with pytest.raises(InputRefusedError, match="a list of material") as refused:
        read(header + "\n")
    assert "sigfed entry import" in refused.value.hint


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (3, "not an object"),
        ({"MD5": 3}, "a hash is not a text"),
        ({"FileName": "x"}, "the row has no hash"),
        ({"MD5": "zz"}, "md5: not 32 hexadecimal digits"),
        ({"MD5": "\u0660" * 32}, "md5: not 32 hexadecimal digits"),
    ],
    ids=["number", "hash as number", "no hash", "short", "other digits"],
)
def test_items_that_cannot_be_used_are_named(value: object, reason: str) -> None:
    results = read(items({"MD5": md5("a")}, value, {"MD5": md5("b")}))
    assert results[1] == RefusedRow(2, reason)
    assert [hashes(results[at])[Algorithm.MD5] for at in (0, 2)] == [md5("a"), md5("b")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("name,size\na,1\n", "no hash column"),
        ("md5,MD5\n", "twice"),
        ("{}", "no array value"),
        ('{"value": {}}', "is expected"),
        ('{"value": [{"MD5": ', "not JSON"),
        ('{"value": [1 2]}', "',' is expected"),
        ('{"value": [1,', "too early"),
        ('{"value": [1', "not JSON"),
        ('{"a": 1 "value": []}', "',' is expected"),
        (b'{"value": ["\xff"]}', "UTF-8"),
        ('{"value": [' + "[" * 100_000, "not JSON"),
        ('{"value": ["' + "a" * 2 * MAX_ITEM + '"]}', "more than"),
    ],
)
def test_what_is_no_such_file_is_refused(text: str | bytes, why: str) -> None:
    with pytest.raises(InputRefusedError, match=why):
        read(text)


def test_items_are_read_over_the_bounds_of_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.formats.json_items._CHUNK", 7)
    values = [1, -2.5e3, 'ü€😀 \\ " ]}', None, True, [], {"a": [{}]}, 10**30]
    data = json.dumps({"first": values, "value": values, "last": 0}, ensure_ascii=False).encode()
    assert list(items_of(io.BytesIO(data), "value")) == values


def test_a_value_never_shows_in_an_error() -> None:
    with pytest.raises(InputRefusedError) as caught:
        read('{"value": [{"MD5": "' + md5("a") + '" "')
    assert md5("a") not in str(caught.value)


def test_a_row_shows_no_hash_of_its_own() -> None:
    (row,) = read(f"md5\n{md5('a')}\n")
    assert isinstance(row, ImportRow)
    assert Digest(Algorithm.MD5, bytes.fromhex(md5("a"))) in row.digests
    assert md5("a") not in repr(row)
