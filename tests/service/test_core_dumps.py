"""No process that holds a key leaves a picture of its memory behind, however it was started."""

import re
import resource
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from node.core_dumps import forbid_core_dumps
from support.agencies import found_agency
from support.memory import descendants
from support.processes import Cli, Running, wait_until

ASKS = """
import ctypes
from node.core_dumps import forbid_core_dumps
before = ctypes.CDLL(None).prctl(3)
forbid_core_dumps()
print(before, ctypes.CDLL(None).prctl(3))
"""


def most_bytes(pid: int) -> tuple[str, str]:
    """Of a core dump: the soft limit and the hard one."""
    found = re.search(r"Max core file size\s+(\S+)\s+(\S+)", Path(f"/proc/{pid}/limits").read_text())
    assert found
    return found[1], found[2]


@pytest.fixture(autouse=True)
def _allowed() -> None:
    """Dumps of this process and of what it starts: as far as it may."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


@pytest.mark.threat("a leaking text")
def test_a_node_and_all_that_it_starts_leave_none(tmp_path: Path) -> None:
    cli = found_agency(tmp_path, name="fr", country="FR")
    with Running(cli, apart=True) as node:
        found = [node.process.pid, *descendants(node.process.pid)]
        assert len(found) > 1, "the evaluation process is one of them"
        assert {most_bytes(pid) for pid in found} == {("0", "0")}


@pytest.mark.threat("a leaking text")
@pytest.mark.parametrize("command", [("enroll", "--stdin"), ("check", "--hash-from", "-")])
def test_a_command_that_waits_leaves_none(tmp_path: Path, command: tuple[str, ...]) -> None:
    """As every command does, from its first moment: which of them open a key is nobody's to remember."""
    words = Cli(tmp_path / "home").command(command)
    with ExitStack() as stack:
        waiting = stack.enter_context(
            subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        )
        stack.callback(waiting.kill)
        wait_until(lambda: waiting.poll() is not None or most_bytes(waiting.pid) == ("0", "0"))
        assert waiting.poll() is None


@pytest.mark.skipif(sys.platform != "linux", reason="needs prctl (Linux)")
def test_a_program_that_takes_dumps_over_a_pipe_is_handed_none() -> None:
    """The kernel asks no limit for it, but whether the process may be dumped at all."""
    done = subprocess.run([sys.executable, "-c", ASKS], capture_output=True, text=True, check=True)
    assert done.stdout == "1 0\n"


def test_where_the_limit_may_not_be_set_nothing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(resource, "setrlimit", refuse)
    monkeypatch.setattr(sys, "platform", "another")
    before = resource.getrlimit(resource.RLIMIT_CORE)
    forbid_core_dumps()
    assert resource.getrlimit(resource.RLIMIT_CORE) == before
