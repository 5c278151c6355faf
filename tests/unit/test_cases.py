"""Case data comes out as it went in, and no cell can shift another."""

from hypothesis import given
from hypothesis import strategies as st

from node.formats.rows import NO_CASE, ImportRow
from node.lists.imports.case_data import pack_cases
from node.lists.imports.dedupe import Fresh
from protocol.digest import Algorithm, Digest
from support.case_rows import CaseRow, unpack_cases

DIGESTS = tuple(Digest(Algorithm.MD5, bytes((n,)) * 16) for n in range(3))
CELLS = st.text(st.characters(exclude_categories=()), max_size=12)
CASES = st.dictionaries(CELLS, CELLS, max_size=3)


def fresh(count: int, case: dict[str, str], source_id: str) -> Fresh:
    return Fresh(ImportRow(2, DIGESTS[:count], 1, case, source_id), DIGESTS[:count], b"")


def plain(text: str) -> str:
    return "".join(" " if c in "\x1d\x1e\x1f" else c for c in text)


@given(st.dictionaries(st.integers(0, 1000), st.tuples(st.integers(1, 3), CASES, CELLS), max_size=6))
def test_every_row_comes_back_with_separators_as_spaces(
    placed: dict[int, tuple[int, dict[str, str], str]],
) -> None:
    """Rows by the offset of their first entry, in any order."""
    wanted = [
        (offset, count, plain(source_id), {n: plain(v) for n, v in case.items()})
        for offset, (count, case, source_id) in sorted(placed.items())
        if case or source_id
    ]
    rows = unpack_cases(pack_cases((fresh(*item) for item in placed.values()), placed))
    found = sorted((row.offset, row.entries, plain(row.source_id), _plain(row)) for row in rows)
    assert [item[:2] for item in found] == [item[:2] for item in wanted]
    assert found == wanted


def _plain(row: CaseRow) -> dict[str, str]:
    return {name: plain(value) for name, value in row.case.items()}


def test_without_case_data_there_is_nothing() -> None:
    assert pack_cases([Fresh(ImportRow(2, DIGESTS, 1, NO_CASE, ""), DIGESTS, b"")], [0]) == b""
    assert list(unpack_cases(b"")) == []
