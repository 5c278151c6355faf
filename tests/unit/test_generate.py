"""Made-up lists: as large as asked for, shared as asked for, the same again, and taken by an import as they are."""

import json
from pathlib import Path

import pytest

from node.cli.main import run
from node.demo.generate import CATEGORIES, Shape, generate
from node.formats import read_rows
from node.formats.rows import ImportRow
from protocol.digest import Algorithm, Digest
from protocol.lists.event import BASELINE, INVESTIGATIVE, OTHER

SHAPE = Shape(hashes=5000, shared=0.3)


def files_of(path: Path) -> list[ImportRow]:
    with path.open("rb") as stream:
        rows = list(read_rows(stream, collection=BASELINE, categories=CATEGORIES))
    assert all(isinstance(row, ImportRow) for row in rows), "nothing is refused"
    return [row for row in rows if isinstance(row, ImportRow)]


def made(folder: Path, shape: Shape = SHAPE) -> dict[str, list[ImportRow]]:
    return {path.stem: files_of(path) for path, _ in generate(folder, ["fr", "nl"], shape)}


def test_lists_are_as_large_and_as_much_shared_as_asked_for(tmp_path: Path) -> None:
    lists = made(tmp_path)
    files = {agency: {row.digests for row in rows} for agency, rows in lists.items()}
    assert [sum(len(row.digests) for row in rows) for rows in lists.values()] == [5000, 5000]
    assert len(files["fr"] & files["nl"]) == pytest.approx(0.3 * len(files["fr"]), rel=0.02)
    hashes: list[set[Digest]] = [{each for row in rows for each in row.digests} for rows in lists.values()]
    assert [len(some) for some in hashes] == [5000, 5000], "none twice"


def test_lists_look_like_real_ones(tmp_path: Path) -> None:
    rows = made(tmp_path)["fr"]
    kinds = {frozenset(each.algorithm for each in row.digests) for row in rows[:-1]}
    exact = frozenset({Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256})
    assert kinds == {
        exact,
        exact | {Algorithm.PDQ},
        frozenset({Algorithm.MD5, Algorithm.SHA1}),
        frozenset({Algorithm.SHA256}),
    }
    assert {row.collection for row in rows} == {BASELINE, INVESTIGATIVE, OTHER}


def test_the_same_seed_gives_the_same_and_a_longer_list_begins_as_a_shorter_one(tmp_path: Path) -> None:
    first = made(tmp_path)
    assert made(tmp_path) == first
    assert made(tmp_path, Shape(hashes=9000, shared=0.3))["nl"][: len(first["nl"]) - 1] == first["nl"][:-1]
    other = made(tmp_path, Shape(hashes=5000, shared=0.3, seed=2))
    assert not {row.digests for row in other["fr"]} & {row.digests for row in first["fr"]}


def test_the_command_writes_them_and_no_help_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--json", "dev", "generate", str(tmp_path), "--hashes", "70", "--agencies", "a,b,c"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(Path(one["file"]).name, one["hashes"]) for one in told] == [
        (f"{name}.csv", 70) for name in "abc"
    ]
    assert [len(files_of(Path(one["file"]))) for one in told] == [one["files"] for one in told]
    assert run(["dev", "generate", str(tmp_path), "--agencies", "../a"]) == 2
    assert "slash" in capsys.readouterr().err
    assert run(["--help"]) == 0
    assert "dev" not in capsys.readouterr().out.split()
