"""Readers are total: whatever a file holds, it ends in rows, refused rows or an InputRefusedError."""

import csv
import io
import json
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from node.errors import InputRefusedError
from node.formats import ImportRow, RefusedRow, read_columns, read_icse, read_rows
from node.formats.benign import read_benign
from node.formats.json_items import items_of
from node.formats.lines import Lines
from support.tables import ICSE_HEADER, accepted, icse_row, md5, sha256

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12)
MESSY_LINE = st.one_of(
    st.text(max_size=40).map(str.encode),
    st.binary(max_size=40),
    st.builds(lambda name: icse_row(name).encode(), st.integers(0, 99).map(str)),
    st.builds(lambda cells: ";".join(cells).encode(), st.lists(CELL, min_size=16, max_size=16)),
)


@given(st.binary(max_size=300))
def test_arbitrary_bytes(data: bytes) -> None:
    for read in (read_icse, lambda stream: read_columns(stream, collection=1)):
        try:
            results = list(read(io.BytesIO(data)))
        except InputRefusedError:
            continue
        assert all(isinstance(result, ImportRow | RefusedRow) for result in results)


@given(st.lists(MESSY_LINE, max_size=12), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_messy_lines_below_a_good_header(lines: list[bytes], end: bytes, closed: bool) -> None:
    data = end.join([ICSE_HEADER.encode(), *lines]) + (end if closed else b"")
    results = list(read_rows(io.BytesIO(data), collection=1))
    numbers = [result.line for result in results]
    assert numbers == sorted(set(numbers))
    assert set(numbers) <= set(range(2, data.count(b"\n") + 2))
    good = {icse_row(str(n)).encode() for n in range(100)}
    assert sum(isinstance(result, ImportRow) for result in results) >= sum(line in good for line in lines)


@given(
    st.lists(st.tuples(st.integers(0, 50).map(str), CELL.map(str.strip)), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_csv_writes_is_read_back(
    rows: list[tuple[str, str]], delimiter: str, quoting: int, end: str
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    writer.writerow(["md5", "id", "sha256"])
    writer.writerows([md5(name), identity, sha256(name)] for name, identity in rows)
    found = accepted(read_columns(io.BytesIO(out.getvalue().encode()), collection=1))
    assert [(row.digests[0].value.hex(), row.source_id) for row in found] == [
        (md5(name), identity) for name, identity in rows
    ]


@given(st.binary(max_size=200), st.integers(1, 20))
def test_lines_do_not_depend_on_how_the_stream_is_cut(data: bytes, step: int) -> None:
    class Cut:
        def __init__(self) -> None:
            self._stream = io.BytesIO(data)

        def read(self, _size: int = -1) -> bytes:
            return self._stream.read(max(step, 16))

    try:
        whole = list(Lines(io.BytesIO(data)))
    except InputRefusedError:
        return
    assert list(Lines(Cut())) == whole  # type: ignore[arg-type]  # read() is all that is used


@given(st.integers(0, 700))
def test_a_cut_file_loses_only_its_end(length: int) -> None:
    data = "\n".join([ICSE_HEADER, *(icse_row(str(n)) for n in range(3))]).encode()
    kept = data[: len(ICSE_HEADER) + 1 + length]
    full = list(read_icse(io.BytesIO(data)))
    results = list(read_icse(io.BytesIO(kept)))
    assert results[:-1] == full[: max(len(results) - 1, 0)]
    assert all(isinstance(result, ImportRow) for result in results[:-1])
    if len(kept) < len(data) and not kept.endswith(b"Yes") and results and kept[-1:] != b"\n":
        assert isinstance(results[-1], RefusedRow)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(alphabet='{}[]",:0a \\valuemd5', max_size=80).map(str.encode),
        st.lists(_JSON, max_size=5).map(lambda values: json.dumps({"value": values}).encode()),
    )
)
def test_arbitrary_bytes_are_no_trouble_to_the_readers_of_benign_sets(data: bytes) -> None:
    try:
        results = list(read_benign(io.BytesIO(data)))
    except InputRefusedError:
        return
    assert all(isinstance(result, ImportRow | RefusedRow) for result in results)


@given(st.lists(_JSON, max_size=6), st.integers(1, 20), st.sampled_from([None, 1]))
def test_items_are_those_that_json_has(values: list[object], chunk: int, indent: int | None) -> None:
    data = json.dumps({"before": values, "value": values}, indent=indent, ensure_ascii=False).encode()
    with patch("node.formats.json_items._CHUNK", chunk):
        assert list(items_of(io.BytesIO(data), "value")) == values
