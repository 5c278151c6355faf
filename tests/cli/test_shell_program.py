"""The `sigfed` that shells of manuals find behaves as an installed one: streams, folder, exit codes, signals."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.shell_program import shell_program


@pytest.fixture(scope="module", params=[False, True], ids=["here", "forked"])
def program(request: pytest.FixtureRequest) -> Iterator[str]:
    with shell_program(apart=request.param) as folder:
        yield str(folder / "sigfed")


@pytest.fixture(scope="module")
def forked() -> Iterator[str]:
    with shell_program(apart=True) as folder:
        yield str(folder / "sigfed")


def _waiting(program: str, folder: Path) -> subprocess.Popen[bytes]:
    """A command that waits for what it is to compare."""
    folder.joinpath("fetched").write_text('{"digests":0}\n')
    words = [program, "recipient", "near", "fetched", "--hash-from", "-"]
    return subprocess.Popen(words, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_a_command_has_the_streams_folder_and_variables_of_its_shell(program: str, tmp_path: Path) -> None:
    (tmp_path / "here.txt").write_text("made up")
    typed = f"{program} hash --paths here.txt 2>said | cat -; SIGFED_HOME=elsewhere {program} list ls 2>&1; exit 0"
    done = subprocess.run(typed, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "here.txt" in done.stdout
    assert str(tmp_path / "elsewhere") in done.stdout


def test_it_ends_with_the_exit_code_of_the_command(program: str) -> None:
    asked = subprocess.run([program, "--help"], capture_output=True, text=True, check=True)
    assert asked.stdout.startswith("Usage: sigfed ")
    assert subprocess.run([program, "nothing"], capture_output=True, check=False).returncode == 2


def test_a_signal_ends_it_as_it_ends_the_command(forked: str, tmp_path: Path) -> None:
    with _waiting(forked, tmp_path) as running:
        time.sleep(1)
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == -signal.SIGTERM


def test_the_command_does_not_outlive_it(forked: str, tmp_path: Path) -> None:
    """The command alone holds the other end of the streams then."""
    with _waiting(forked, tmp_path) as running:
        time.sleep(1)
        running.kill()
        assert running.stdout is not None
        assert running.stdout.read() == b""
