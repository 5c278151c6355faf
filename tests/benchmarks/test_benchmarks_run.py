"""Every benchmark runs, in a tiny size: what it measured there says nothing, that it measured does."""

import math
import subprocess
import sys
from collections.abc import Iterator

import pytest
from benchmarks import bench_group, bench_pdq, results
from benchmarks.__main__ import ALL
from benchmarks.results import Better, Measure, Result, in_turns, report, table

from support.processes import ROOT
from support.programs import needed
from support.this_process import own_environment

TINY = 2000
EACH = {measure.__module__.rpartition(".")[2]: measure for measure in ALL}
del EACH["bench_scale"]
"""It takes longer than all the others: `test_the_long_one_runs` once, with all that it can have."""


@pytest.mark.slow
@pytest.mark.parametrize("measure", EACH.values(), ids=EACH)
def test_it_runs(measure: Measure) -> None:
    if measure is bench_pdq.measure:
        pytest.importorskip(
            "pdqhash", reason="pip install -e '.[peers]' (compiles: apt install g++ python3-dev)"
        )
    if measure is bench_group.measure:
        needed("cc")
        pytest.importorskip("private_set_intersection", reason="pip install -e '.[peers]'")
    found = list(measure(divisor=TINY))
    assert found
    assert all(math.isfinite(result.value) and result.limit > 0 for result in found)
    assert len({result.name for result in found}) == len(found)


@pytest.mark.slow
def test_the_long_one_runs() -> None:
    """As the program that people type: it finds by itself what a run of tests shares."""
    variables = own_environment() | {"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"}
    del variables["SIGFED_RUN_FOLDER"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_scale", "50", "--postgresql", "--bucket", "--loaded"],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [
        line for line in done.stdout.splitlines() if "two lists of 50 hashes, PostgreSQL, a bucket" in line
    ]
    assert len(rows) == 5, done.stderr


def test_all_have_names_of_their_own() -> None:
    modules = [measure.__module__ for measure in ALL]
    assert len(set(modules)) == len(modules) == 17


def _result(value: float, better: Better = Better.LOWER, unit: str = "times") -> Result:
    return Result(
        name="a figure", value=value, limit=0.85, better=better, unit=unit, detail="this against that"
    )


@pytest.mark.parametrize(
    ("value", "better", "holds"),
    [
        (0.84, Better.LOWER, True),
        (0.85, Better.LOWER, True),
        (0.86, Better.LOWER, False),
        (0.84, Better.HIGHER, False),
        (0.85, Better.HIGHER, True),
        (math.nan, Better.HIGHER, False),
        (math.nan, Better.LOWER, False),
    ],
)
def test_a_limit_is_kept_on_its_side(value: float, better: Better, *, holds: bool) -> None:
    assert _result(value, better).holds is holds


def test_the_table_shows_what_is_beyond() -> None:
    text = table([_result(0.5, Better.HIGHER, "%"), _result(0.5), _result(3, unit="MiB")])
    assert "| 50.0%    | at least 85.0% | BEYOND |" in text
    assert "| 0.5      | at most 0.85   | ok     |" in text
    assert "| 3 MiB    | at most 1 MiB  | BEYOND |" in text
    assert len({len(line) for line in text.splitlines()}) == 1


@pytest.mark.parametrize(("value", "code"), [(0.8, 0), (0.9, 1)])
@pytest.mark.parametrize(("arguments", "divisor"), [([], 1), (["--quick"], results.QUICK)])
def test_the_exit_code_says_whether_all_limits_were_kept(
    value: float, code: int, arguments: list[str], divisor: int, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def measure(*, divisor: int = 1) -> Iterator[Result]:
        asked.append(divisor)
        yield _result(value)

    assert report([measure], arguments) == code
    assert asked == [divisor]
    assert "a figure" in capsys.readouterr().out


def test_sides_take_turns() -> None:
    order: list[str] = []

    def side(name: str) -> float:
        order.append(name)
        return len(order)

    assert in_turns(2, lambda: side("a"), lambda: side("b")) == [[1, 3], [2, 4]]
    assert order == ["a", "b", "a", "b"]
