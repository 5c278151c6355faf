"""Where the parties sit, what a command of theirs came to, and the services that they leave running.

A server is always stopped by the process id it was started with. Nothing here knows what the commands mean.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from keys.message import Message
from node.clock import Clock
from node.demo.moved_clock import VARIABLE
from node.errors import NodeError

Facts = Mapping[str, Any]
"""One JSON line of a command."""

PYTHON: Final = (sys.executable, "-P", "-m")  # -P: a folder `node` where we stand is not this program
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 15
_PAUSE: Final = 0.05
_COMPLAINT: Final = "sigfed: "


class StepFailedError(NodeError):
    """A command of the walk did not do what it does for a user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended and what it answered."""

    exit: int
    results: tuple[Facts, ...]
    seconds: float

    @property
    def first(self) -> Facts:
        """Its first answer; empty when it gave none."""
        return self.results[0] if self.results else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where one party sits: its home folder, and the file that takes its journal."""

    home: Path
    journal: Path
    clock: Path | None = None
    """File that its clock goes by, where weeks pass in a walk; see `node.demo.moved_clock`."""

    def command(self, arguments: Sequence[str]) -> list[str]:
        """The whole command line."""
        program = "node.demo.moved_clock" if self.clock else "node"
        return [*PYTHON, program, *self.words(arguments)]

    def words(self, arguments: Sequence[str]) -> list[str]:
        """The arguments of a command with those that every command here has."""
        return ["--home", str(self.home), "--json", "-vv", *arguments]

    def environment(self) -> dict[str, str]:
        """The user's environment without what would point a command at another home."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SIGFED_")}
        return kept | ({VARIABLE: str(self.clock)} if self.clock else {})

    def note(self, line: str) -> None:
        """Write a line of ours into the journal."""
        with self.journal.open("a", encoding="utf-8") as journal:
            journal.write(line + "\n")


def shown(arguments: Sequence[str]) -> str:
    """What a user would have typed."""
    return " ".join(["sigfed", *(f"'{word}'" if " " in word else word for word in arguments)])


@dataclass(frozen=True, slots=True)
class Service:
    """A command that serves until it is stopped, and what its answer holds once it does."""

    arguments: tuple[str, ...]
    sign: bytes


NODE: Final = Service(("run",), b'"serving"')
CONSOLE: Final = Service(("console", "run"), b'"url"')
"""A partner's."""


def started(seat: Seat, arguments: Sequence[str], answers: Path) -> "subprocess.Popen[bytes]":
    """A command that begins to run; what it answers goes into a file."""
    with answers.open("wb") as standard_output, seat.journal.open("ab") as journal:
        # A session of its own: Ctrl-C must reach it through `stop`, after the commands that need it.
        return subprocess.Popen(  # noqa: S603 - our own program, arguments never pass a shell
            seat.command(arguments),
            stdin=subprocess.DEVNULL,
            stdout=standard_output,
            stderr=journal,
            env=seat.environment(),
            start_new_session=True,
        )


def failed(seat: Seat, arguments: Sequence[str], how: str) -> StepFailedError:
    """What to raise for a command that failed so; it names the journal."""
    return StepFailedError(
        "{arguments} {how}: {journal}",
        shown(arguments),
        how,
        last_words(seat.journal),
        hint=Message("its journal is {journal}", seat.journal),
    )


def last_words(journal: Path) -> str:
    """The last line of a journal, which is where a command says why it failed; an indented hint belongs to it."""
    lines = journal.read_text(encoding="utf-8", errors="replace").splitlines()
    while lines and (not lines[-1].strip() or lines[-1].startswith(" ")):
        lines.pop()
    return lines[-1] if lines else "it said nothing"


def last_complaint(journal: Path) -> str:
    """The last line of a journal in which a command, not the running node, said why it failed."""
    lines = journal.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line for line in reversed(lines) if line.startswith(_COMPLAINT)), "it said nothing")


class Server:
    """A node that runs, or another service, from the moment it answers until `stop`."""

    def __init__(self, seat: Seat, *, clock: Clock, service: Service = NODE) -> None:
        """Start it and wait until it listens; raises `StepFailedError` when it does not."""
        seat.note(f"$ {shown(service.arguments)}")
        began = clock.now()
        self._service = service
        self._answers = seat.home.with_name(f"{seat.home.name}.serving")
        self._process = started(seat, service.arguments, self._answers)
        try:
            self._wait(seat)
        except BaseException:
            self.stop()
            raise
        self.seconds = (clock.now() - began).total_seconds()

    def _wait(self, seat: Seat) -> None:
        for _ in range(int(_START_SECONDS / _PAUSE)):
            if self._service.sign in self._answers.read_bytes():
                return
            try:
                code = self._process.wait(_PAUSE)
            except subprocess.TimeoutExpired:
                continue
            raise failed(seat, self._service.arguments, f"ended with {code} before it served")
        raise failed(seat, self._service.arguments, f"did not serve within {_START_SECONDS} seconds")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def stop(self) -> None:
        """End it, gently and then not."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._answers.unlink(missing_ok=True)
