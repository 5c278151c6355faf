"""One party's command line, kept open: command after command in one process, with its clock in the month that is told.

Importing the product takes longer than most commands, and a month is a hundred of them. Each is run as `python -m node`
runs it, with its own arguments and standard input; what it answers is handed back as one line of JSON. Its clock goes
by a file, as in `node.demo.later`.
"""

import io
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from keys.message import Message
from node.clock import SystemClock
from node.demo.later import VARIABLE, moved
from node.demo.processes import Facts, Outcome, Seat, StepFailedError, last_words, shown

_MODULE: Final = "node.demo.command_line"
_STOP_SECONDS: Final = 10


class CommandLine:
    """A party at work; from here on until `close` its process runs."""

    def __init__(self, seat: Seat) -> None:
        """Start the process; `seat.clock` is what its clock goes by."""
        self.seat = seat
        with seat.journal.open("ab") as journal:
            # A session of its own: Ctrl-C must not end a command in the middle of what others wait for.
            self._process = subprocess.Popen(  # noqa: S603 - our own program, arguments never pass a shell
                [sys.executable, "-P", "-m", _MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=journal,
                env=seat.environment(),
                start_new_session=True,
                text=True,
                encoding="utf-8",
            )

    def __call__(self, *arguments: str, typed: str = "", exits: Sequence[int] = (0,)) -> Outcome:
        """Run one command to its end.

        Raises:
            StepFailedError: it ended with another code than `exits`, or the process is gone.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.seat.note(f"$ {shown(arguments)}")
        whole = ["--home", str(self.seat.home), "--json", "-vv", *arguments]
        self._process.stdin.write(json.dumps({"arguments": whole, "typed": typed}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        told: Facts = json.loads(answer or '{"exit": -1, "out": ""}')
        if told["exit"] not in exits:
            raise StepFailedError(
                "{arguments} ended with {exit}: {journal}",
                shown(arguments),
                told["exit"],
                last_words(self.seat.journal),
                hint=Message("its journal is {journal}", self.seat.journal),
            )
        results = tuple(json.loads(line) for line in told["out"].splitlines())
        return Outcome(exit=told["exit"], results=results, seconds=0)

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
    file = Path(os.environ.pop(VARIABLE))
    SystemClock.now = lambda _clock: moved(file)  # type: ignore[assignment,method-assign]
    asked, answers = sys.stdin, sys.stdout
    for line in asked:
        order = json.loads(line)
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
