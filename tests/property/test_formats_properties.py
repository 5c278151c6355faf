"""Readers are total: whatever a file holds, it ends in rows, refused rows or an InputRefusedError."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from node.errors import InputRefusedError
from node.formats import ImportRow, RefusedRow, read_columns, read_icse, read_rows
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
