"""What a command loads: its own part. The table of commands, which answers the help, says what the commands say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from node.cli.command_table import ROWS, Row
from node.cli.command_tree import Loaded
from support.loaded import LIBRARIES, loaded
from support.processes import ROOT


def commands_of(modules: set[str]) -> set[str]:
    """The modules of commands among them."""
    return modules & {f"node.cli.{row.module}" for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_table_says_of_a_command_what_the_command_says(row: Row) -> None:
    command = Loaded()[row.name]

    assert (command.name, command.get_short_help_str(200), command.rich_help_panel) == (
        row.name,
        row.help,
        row.panel,
    )


def test_no_name_is_twice_in_the_table() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("arguments", [("--help",), ()], ids=["asked for", "no arguments"])
def test_the_help_of_all_loads_no_command_and_no_library(arguments: tuple[str, ...]) -> None:
    modules = loaded(arguments)

    assert commands_of(modules) == set()
    assert modules & (LIBRARIES | {"pydantic"}) == set()


def test_a_command_loads_no_other() -> None:
    assert commands_of(loaded(("check", "--help"))) == {"node.cli.hoster.client"}


def test_the_help_of_commands_loads_no_library() -> None:
    modules = loaded(*((row.name, "--help") for row in ROWS))

    assert commands_of(modules) == {f"node.cli.{row.module}" for row in ROWS}
    assert modules & LIBRARIES == set()


def test_keys_are_loaded_without_the_clients_of_other_peoples_key_services(tmp_path: Path) -> None:
    for name in ("boto3", "hvac"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('it was loaded')")
    program = "import keys.trust.tuf.root, sys; print('boto3' in sys.modules); import boto3"

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("False\n", "it was loaded\n"), "it is there for whoever asks for it"


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_arrays_come_without_threads() -> None:
    program = """
import os, sys
from node.cli.main import main
try:
    main()
except SystemExit:
    import numpy
    sys.stderr.write(str(len(os.listdir("/proc/self/task"))))
"""
    kept = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", program, "--help"],
        env=kept,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr == "1"
