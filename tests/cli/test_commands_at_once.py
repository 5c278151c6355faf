"""Commands of a test at the same time: one of them in this process, the others in forks, all of them alike."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.agencies import LIST, found_agency, numbered, table, written
from support.preloaded import run_forked
from support.processes import environment
from support.this_process import run_command


def test_an_environment_is_whole_while_commands_come_and_go(tmp_path: Path) -> None:
    def ask() -> int:
        variables = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        return run_command(["--version"], typed=b"", variables=variables, folder=tmp_path, patience=60)[0]

    whole = environment()
    with ThreadPoolExecutor(1) as pool:
        asked = [pool.submit(ask) for _ in range(20)]
        while not asked[-1].done():
            assert environment() == whole
    assert {one.result() for one in asked} == {0}


def test_a_fork_keeps_the_order_of_a_table_as_this_process_does(tmp_path: Path) -> None:
    cli = found_agency(tmp_path, name="fr", country="FR")
    contents = numbered("in a row", 8)
    cli.done("list", "create", LIST)
    path = written(tmp_path / "rows.csv", table(*contents))
    words = ["--home", str(cli.home), "entry", "import", path, "--list", LIST, "--basis", "own"]
    code, _, err = run_forked(words, typed=b"", variables=cli.variables(), folder=tmp_path, patience=60)
    assert code == 0, err.decode()
    places = [
        cli.done("entry", "explain", "--hash-from", "-", typed=row.partition(",")[0])["waiting"][0]["index"]
        for row in table(*contents).splitlines()[1:]
    ]
    assert places == sorted(places)
