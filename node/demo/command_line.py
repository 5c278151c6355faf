"""Command lines that are kept open: command after command in one process.

Importing the product takes longer than most commands, and a walk is a hundred of them. Each is run as `python -m node`
runs it, with its own arguments, standard input and journal; what it answers is handed back as one line of JSON. Where a
month is told its clock goes by a file, as in `node.demo.moved_clock`.
"""

import io
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Timer
from typing import Final

from node.clock import SystemClock
from node.demo.moved_clock import VARIABLE, moved
from node.demo.processes import PYTHON, Outcome, Seat, failed, shown

_MODULE: Final = "node.demo.command_line"
COMMAND_SECONDS: Final = 120
_STOP_SECONDS: Final = 10


class CommandLines:
    """Where everybody types; as many processes run, from the first command until `close`, as commands at once."""

    def __init__(self) -> None:
        self._started: list[CommandLine] = []
        self._idle: list[CommandLine] = []

    def __call__(self, seat: Seat, *arguments: str, typed: str = "", exits: Sequence[int] = (0,)) -> Outcome:
        """Run one command to its end; from any thread. All seats go by one clock.

        Raises:
            StepFailedError: it ended with another code than `exits`, hung, or answered something else than JSON lines.
        """
        clock = SystemClock()
        seat.note(f"$ {shown(arguments)}")
        began = clock.now()
        code, answers = self._ended(seat, typed, arguments)
        try:
            results = tuple(json.loads(line) for line in answers.splitlines())
        except ValueError as exc:
            raise failed(seat, arguments, "answered something else than JSON lines") from exc
        if code not in exits:
            wanted = " or ".join(map(str, exits))
            raise failed(seat, arguments, f"ended with {code} instead of {wanted}")
        return Outcome(exit=code, results=results, seconds=(clock.now() - began).total_seconds())

    def _ended(self, seat: Seat, typed: str, arguments: Sequence[str]) -> tuple[int, str]:
        """Exit code and standard output of a command."""
        try:
            command_line = self._idle.pop()
        except IndexError:
            command_line = CommandLine(seat)
            self._started.append(command_line)
        ended = command_line.ended(seat, typed, arguments)
        if command_line.runs:
            self._idle.append(command_line)
        return ended

    def close(self) -> None:
        """End all processes."""
        for command_line in self._started:
            command_line.close()
        self._started.clear()
        self._idle.clear()


class CommandLine:
    """One of them."""

    def __init__(self, seat: Seat) -> None:
        """Start the process for who types there first."""
        with seat.journal.open("ab") as journal:
            # A session of its own: Ctrl-C must not end a command in the middle of what others wait for.
            self._process = subprocess.Popen(  # noqa: S603 - our own program, arguments never pass a shell
                [*PYTHON, _MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=journal,
                env=seat.environment(),
                start_new_session=True,
                text=True,
                encoding="utf-8",
            )

    @property
    def runs(self) -> bool:
        """Whether it takes another command."""
        return self._process.poll() is None

    def ended(self, seat: Seat, typed: str, arguments: Sequence[str]) -> tuple[int, str]:
        """Exit code and standard output of a command; what hangs is killed with its process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"arguments": seat.words(arguments), "typed": typed, "journal": str(seat.journal)}
        limit = Timer(COMMAND_SECONDS, self._process.kill)
        limit.start()
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        finally:
            limit.cancel()
        if not answer:
            return self._process.wait(), ""
        told = json.loads(answer)
        return told["exit"], told["out"]

    def close(self) -> None:
        """End the process, gently and then not."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


def main() -> None:
    """Run what is asked for until nobody asks any more."""
    name = os.environ.pop(VARIABLE, "")
    if name:
        SystemClock.now = lambda _clock: moved(Path(name))  # type: ignore[assignment,method-assign]
    asked, answers = sys.stdin, sys.stdout
    for line in asked:
        order = json.loads(line)
        with Path(order["journal"]).open("ab") as journal:
            os.dup2(journal.fileno(), sys.stderr.fileno())
        sys.stdin, sys.stdout = io.StringIO(order["typed"]), io.StringIO()
        code, said = _run(order["arguments"]), sys.stdout.getvalue()
        sys.stdin, sys.stdout = asked, answers
        answers.write(json.dumps({"exit": code, "out": said}) + "\n")
        answers.flush()


def _run(arguments: list[str]) -> int:
    sys.argv = ["sigfed", *arguments]
    try:
        runpy.run_module("node", run_name="__main__")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


if __name__ == "__main__":
    main()
