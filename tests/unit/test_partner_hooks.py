"""Programs that an operator has run after an update: real ones, good and bad. None of them stops anything."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.hoster.hooks import Facts, Hooks
from node.hoster.settings import HookSettings
from support.processes import wait_until

FACTS: Facts = {"subset": "baseline", "version": 7, "message": "a\0b $HOME `id`"}


def program(folder: Path, text: str) -> str:
    """A shell script that is a program."""
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def told(*argv: str, seconds: int = 60) -> list[str]:
    """What is said about this program."""
    return list(Hooks(HookSettings(on_update=argv, timeout_seconds=seconds)).updated(FACTS))


def test_it_gets_facts_as_variables_and_as_json(tmp_path: Path) -> None:
    script = program(tmp_path, f"env > {tmp_path}/env; cat > {tmp_path}/stdin")

    assert told(script) == []

    variables = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert variables["SIGFED_EVENT"] == "on_update"
    assert (variables["SIGFED_SUBSET"], variables["SIGFED_VERSION"]) == ("baseline", "7")
    assert variables["SIGFED_MESSAGE"] == "ab $HOME `id`", "no shell read it"
    assert json.loads((tmp_path / "stdin").read_text()) == {"event": "on_update", **FACTS}


def test_it_gets_no_other_variables_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMEBODYS_TOKEN", "a secret")

    assert told(program(tmp_path, f"env > {tmp_path}/env")) == []

    assert "SOMEBODYS_TOKEN" not in (tmp_path / "env").read_text()


def test_arguments_are_not_read_by_a_shell(tmp_path: Path) -> None:
    (line,) = told("/usr/bin/touch", f"{tmp_path}/a; touch {tmp_path}/b")

    assert f"cannot touch '{tmp_path}/a; touch {tmp_path}/b'" in line
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("/no/such/program",), "could not be started (No such file or directory)"),
        (("/bin/false",), "ended with 1:"),
        (("/bin/a\0b",), "could not be started"),
        (("/etc/hostname",), "could not be started (Permission denied)"),
    ],
)
def test_what_goes_wrong_is_told(argv: tuple[str, ...], says: str) -> None:
    (line,) = told(*argv)

    assert says in line


def test_what_it_says_is_told_when_it_fails_and_is_short(tmp_path: Path) -> None:
    (line,) = told(program(tmp_path, f"echo first; echo {'x' * 500} >&2; exit 3"))

    assert line == f"the program of on_update ended with 3 ({'x' * 200}): {tmp_path}/program"


def _has_ended(pid: int) -> bool:
    """Whether a process is gone, or waits for nothing but to be told of."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_one_that_hangs_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child"
    script = program(tmp_path, f"sleep 600 & echo $! > {child}; wait")
    communicate = subprocess.Popen.communicate

    def begun(process: "subprocess.Popen[bytes]", *given: Any, **named: Any) -> Any:
        wait_until(lambda: child.exists() and child.read_text().endswith("\n"))  # its time begins then
        return communicate(process, *given, **named)

    monkeypatch.setattr(subprocess.Popen, "communicate", begun)

    (line,) = told(script, seconds=1)

    assert "was ended after 1 s" in line
    wait_until(lambda: _has_ended(int(child.read_text())))


def test_a_child_that_stays_and_input_that_nobody_reads_keep_nobody_waiting(tmp_path: Path) -> None:
    script = program(tmp_path, f"sleep 600 & echo $! > {tmp_path}/child")

    assert told(script) == []

    os.kill(int((tmp_path / "child").read_text()), 9)


@pytest.mark.parametrize("event", ["updated", "failed", "outdated"])
def test_without_a_program_nothing_happens(event: str) -> None:
    run: Iterator[str] = getattr(Hooks(HookSettings()), event)(FACTS)
    assert list(run) == []
