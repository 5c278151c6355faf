"""A forked command is to a test what a started one is: its own input, output, environment, exit code and end."""

import os
import subprocess
from collections.abc import Iterator, Sequence

import pytest

from support.forking import forking


@pytest.fixture(scope="module")
def command() -> Iterator[Sequence[str]]:
    with forking() as found:
        yield found


def test_input_and_output_are_its_own(command: Sequence[str]) -> None:
    done = subprocess.run(
        [*command, "json.tool", "--compact"], input=b'{"a": 1}', capture_output=True, check=True
    )
    assert done.stdout == b'{"a":1}\n'
    assert done.stderr == b""


def test_exit_code_and_environment_are_its_own(command: Sequence[str]) -> None:
    environment = os.environ | {"SIGFED_HOME": "/nowhere/at/all"}
    done = subprocess.run([*command, "node", "list", "ls"], capture_output=True, env=environment, check=False)
    assert done.returncode == 10
    assert done.stderr.startswith(b"sigfed: no node lives in /nowhere/at/all\n")
    again = subprocess.run([*command, "node", "--help"], capture_output=True, check=False)
    assert again.returncode == 0, "what one command did is nothing to the next"


def test_it_is_ended_by_a_signal(command: Sequence[str]) -> None:
    with subprocess.Popen([*command, "http.server", "0"], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith(b"Serving HTTP")
        server.terminate()
        assert server.stdout.read() == b"", "nobody holds its output open any more"
    assert server.returncode == 128 + 15
