"""The threat model: no threat without a test, no test of a threat that the page does not have."""

import re

from support.documentation import built
from support.threats import PAGE, ROOT, marked, threats

TEXT = PAGE.read_text(encoding="utf-8")
THREATS = threats(TEXT)
TESTS = ROOT / "tests"


def test_every_threat_has_a_test_and_every_mark_a_threat() -> None:
    assert len(THREATS) > 80
    assert {name for name, _, _ in marked(TESTS)} == {name for name, _ in THREATS}


def test_every_threat_is_there_once_and_no_cell_is_empty() -> None:
    names = [name for name, _ in THREATS]
    assert len(set(names)) == len(names)
    assert [name for name, cells in THREATS if not all(cells)] == []
    assert len(re.findall(r"^\| \*\*", TEXT, re.MULTILINE)) == len(THREATS), "a row that cannot be read"


def test_a_person_can_read_it() -> None:
    assert len(TEXT.encode()) < 32_000


def test_the_table_has_each_marked_test_in_its_row() -> None:
    last = built(PAGE.stem, TEXT).partition("| threat | tests |")[2]
    rows = dict(row.strip("| ").split(" | ") for row in last.strip().splitlines()[1:])
    assert list(rows) == [name for name, _ in THREATS]
    for name, path, function in marked(TESTS):
        assert function.removeprefix("test_").replace("_", " ") in rows[name]
        assert str(path.relative_to(TESTS).with_suffix("")) in rows[name]
