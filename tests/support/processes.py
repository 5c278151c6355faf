"""The product as a user meets it: a process a command, its exit code, what it prints, what it leaves behind.

A node that runs is always stopped by its own process id. Whatever a command is fed, a traceback is a failure.
"""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from fcntl import LOCK_NB, LOCK_SH, flock
from hashlib import sha256
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Self

import pytest
from typing_extensions import override

from node.clock import system_entropy
from node.demo import ports
from node.identity.lock import LOCK_NAME
from support.preloaded import Begun, Forked, Order, Stream, run_forked, start_forked
from support.programs import needed
from support.this_process import own_environment, run_command

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-P", "-m", "node")
"""`-P`: what lies in the working folder is not this program."""
MOVED_PROGRAM = (sys.executable, "-P", "-m", "support.moving_time")
"""The same with a clock that a story moves."""

_PATIENCE = 120.0
"""Seconds: on a machine that does much else, too, a command of two seconds takes one minute."""
_PAUSE, _LONGEST_PAUSE = 0.02, 0.2
"""Between two looks: whoever waits long looks less often, for looking takes a processor."""
_LOOKS = 8
"""At the kernel's table of locks: one look in thirty missed a lock while two processes locked and unlocked others."""


def passphrase_of(name: str) -> str:
    """What a person of an agency types."""
    return f"the passphrase of {name}\n"


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended."""

    exit: int
    out: str
    err: str

    @property
    def says_why(self) -> bool:
        """Whether standard error has more on it than what a sync moved."""
        return any(" bytes received, " not in line for line in self.err.splitlines())

    @property
    def results(self) -> list[dict[str, Any]]:
        """Its results; with `--json` nothing else may be on standard output."""
        lines = self.out.splitlines()
        found = [json.loads(line) for line in lines]
        assert all(isinstance(one, dict) for one in found), "a result is a JSON object"
        return found

    @property
    def first(self) -> dict[str, Any]:
        """Its first result."""
        return self.results[0]


@dataclass(frozen=True, slots=True)
class Cli:
    """The command line with one home folder."""

    home: Path
    clock_file: Path | None = None
    """Moves the clock of all that is run here; see `support.moving_time`."""
    cheap_keys: bool = False
    """Keys that a command makes open at once, instead of in half a second."""
    small_slices: bool = False
    """A list of a peer is fetched, staged and taken over bundle by bundle."""

    def command(self, arguments: Sequence[str], *, clock: str = "", program: Sequence[str] = ()) -> list[str]:
        """The whole command line; `clock` is an offset as `faketime` takes it."""
        moved = [str(needed("faketime")), "-f", clock] if clock else []
        default = MOVED_PROGRAM if self.clock_file else PROGRAM
        return [*moved, *(program or default), "--home", str(self.home), "--json", *arguments]

    def run(
        self,
        *arguments: str,
        typed: str = "",
        clock: str = "",
        program: Sequence[str] = (),
        before: Callable[[], None] | None = None,
        forked: bool = False,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> Finished:
        """Run one command to its end: in this process or a fork, unless it needs a process from the start.

        That is so with another program than the command line, where `faketime` moves the clock, and when the child has
        to do something before it. A `forked` one knows nothing of what commands in this process remember. `variables`
        are more of its environment.
        """
        if program or before:
            words = self.command(arguments, clock=clock, program=program)
            done = subprocess.run(
                words,
                input=typed.encode(),
                capture_output=True,
                # Whoever may write no more than some bytes leaves that much of a module's bytecode to others.
                env=self.variables() | ({"PYTHONDONTWRITEBYTECODE": "1"} if before else {}),
                cwd=self.home.parent,
                preexec_fn=before,
                timeout=_PATIENCE,
                check=False,
            )
            code, out, err = done.returncode, done.stdout, done.stderr
        else:
            asked = {**variables, **({"CLOCK_AHEAD": clock} if clock else {})}
            run = run_forked if forked else run_command
            code, out, err = self._ran("--json", *arguments, typed=typed, variables=asked, run=run)
        finished = Finished(code, out.decode(), err.decode())
        assert "Traceback" not in finished.err, finished.err
        assert finished.exit <= 1 or finished.exit in {3, 130} or finished.says_why, (
            "it failed without a word"
        )
        return finished

    def told(self, *arguments: str, typed: str = "") -> Finished:
        """Run one command as people do: results in words, and its talk."""
        code, out, err = self._ran(*arguments, typed=typed)
        finished = Finished(code, out.decode(), err.decode())
        assert code in {0, 1, 3, 130} or "next: " not in finished.err, (
            "a command that failed has no next step"
        )
        return finished

    def killed(self, place: str, *arguments: str) -> None:
        """Run a command that is killed at a place of `support.dying_command`, before it has any result."""
        code, out, err = self._ran("--json", *arguments, typed="", variables={"DIE_AT": place})
        assert (code, out) == (-signal.SIGKILL, b""), err.decode()

    def interrupted(self, place: str, *arguments: str) -> None:
        """Run a command that is interrupted at such a place, as by Ctrl-C."""
        code, out, err = self._ran("--json", *arguments, typed="", variables={"DIE_AT": f"{place} SIGINT"})
        assert (code, out, b"interrupted" in err) == (130, b"", True), err.decode()
        assert b"Traceback" not in err, err.decode()

    def _ran(
        self,
        *arguments: str,
        typed: str,
        variables: Mapping[str, str] = MappingProxyType({}),
        run: Callable[..., tuple[int, bytes, bytes]] = run_command,
    ) -> tuple[int, bytes, bytes]:
        return run(
            ["--home", str(self.home), *arguments],
            typed=typed.encode(),
            variables={**self.variables(), **variables},
            folder=self.home.parent,
            patience=_PATIENCE,
        )

    def done(self, *arguments: str, typed: str = "") -> dict[str, Any]:
        """The first result of a command that must succeed."""
        finished = self.run(*arguments, typed=typed)
        assert finished.exit == 0, finished.err
        return finished.first

    def run_as(self, name: str, *arguments: str) -> Finished:
        """Run one command as somebody, who types a passphrase for it."""
        return self.run(*arguments, "--as", name, typed=passphrase_of(name))

    def done_as(self, name: str, *arguments: str, typed: str = "") -> dict[str, Any]:
        """Likewise, with what else is typed; the first result of one that must succeed."""
        return self.done(*arguments, "--as", name, typed=passphrase_of(name) + typed)

    def agreed(self, *arguments: str, typed: str = "") -> dict[str, Any]:
        """What alice asks for and bruno approves; the result of that."""
        number = str(self.done_as("alice", *arguments, typed=typed)["approval"])
        return self.done_as("bruno", "approval", "approve", number)

    def add_persons(self, *names: str) -> None:
        """Operators of the agency, where nobody has to agree yet."""
        for name in names:
            self.done("person", "add", name, typed=2 * passphrase_of(name))

    def refused(
        self, code: int, says: str, *arguments: str, typed: str = "", clock: str = "", by: str = ""
    ) -> Finished:
        """A command, of a person if `by` names one, that must end with `code` and `says` and change nothing."""
        if by:
            arguments, typed = (*arguments, "--as", by), passphrase_of(by)
        for _ in range(3 if self._node_runs() else 1):  # a running node writes beside us, but not each time
            before = contents(self.home)
            finished = self.run(*arguments, typed=typed, clock=clock)
            assert (finished.exit, finished.out) == (code, ""), finished.err
            assert says in " ".join(finished.err.split())
            if contents(self.home) == before:
                return finished
        pytest.fail("a refused command changed something")

    def _node_runs(self) -> bool:
        with suppress(FileNotFoundError), (self.home / LOCK_NAME).open() as lock:
            try:
                flock(lock, LOCK_SH | LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def begin(self, *arguments: str, stops_at: str = "") -> Begun:
        """Start a command whose caller waits for it, or that stops at a place of `support.dying_command` first."""
        words = ["--home", str(self.home), "--json", *arguments]
        stops = {"DIE_AT": f"{stops_at} SIGSTOP"} if stops_at else {}
        begun = Begun(words, variables=self.variables() | stops, folder=self.home.parent)
        if stops_at:
            wait_until(lambda: process_state(begun.pid) == "T")
        return begun

    def start(self, *arguments: str, program: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """The same in a process of its own from the start, which is heard while it runs."""
        return subprocess.Popen(
            self.command(arguments, program=program),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.variables(),
            cwd=self.home.parent,
        )

    def variables(self) -> dict[str, str]:
        """The environment of its commands."""
        clock = {"CLOCK_FILE": str(self.clock_file)} if self.clock_file else {}
        asked = {"CHEAP_KEYS": self.cheap_keys, "SMALL_SLICES": self.small_slices}
        return environment() | clock | {name: "1" for name, wanted in asked.items() if wanted}

    def copied(self, to: Path) -> Self:
        """A second home like this one."""
        shutil.copytree(self.home, to, copy_function=copy_what_stays)
        return replace(self, home=to)

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a text file of the home."""
        path = self.home / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


class Daemon:
    """A command that serves, from the moment it says so until `stop`; its journal is kept at the most talkative level.

    A fork, unless it is to be `apart`: then it is a process of its own from the start. `options` stand before it.
    """

    def __init__(
        self,
        cli: Cli,
        *arguments: str,
        options: Sequence[str] = ("-vv",),
        variables: Mapping[str, str] | None = None,
        apart: bool = False,
    ) -> None:
        place = cli.home.with_name(f"{cli.home.name}-{arguments[0]}")
        self.journal, self._answers = place.with_suffix(".log"), place.with_suffix(".out")
        words, environ = [*options, *arguments], cli.variables() | dict(variables or {})
        with (
            Path(os.devnull).open() as nothing,
            self._answers.open("wb") as answers,
            self.journal.open("ab") as journal,
        ):
            streams = nothing, answers, journal
            begin = _apart if apart else forked
            self.process = begin(cli, words, environ, streams)
        try:
            wait_until(self._serves)
        except BaseException:
            self.stop()
            raise

    def _serves(self) -> bool:
        assert self.process.poll() is None, self.journal.read_text()
        return self._answers.read_bytes().endswith(b"\n")

    @property
    def answered(self) -> dict[str, Any]:
        """What it said when it listened."""
        found: dict[str, Any] = json.loads(self._answers.read_bytes())
        return found

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it as a service manager does; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        assert "Traceback" not in self.journal.read_text(), self.journal.read_text()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Running(Daemon):
    """`sigfed run`; a `quiet` one says as little as a service manager's."""

    def __init__(
        self,
        cli: Cli,
        *options: str,
        variables: Mapping[str, str] | None = None,
        quiet: bool = False,
        apart: bool = False,
    ) -> None:
        said = options if quiet else ("-vv", *options)
        self._database = cli.home / "sigfed.db"
        super().__init__(cli, "run", options=said, variables=variables, apart=apart)

    @override
    def stop(self, number: int = signal.SIGTERM) -> int:
        self._require_locks()
        return super().stop(number)

    def _require_locks(self) -> None:
        """A process that opens and closes SQLite's file by itself loses SQLite's locks, and then what others write."""
        if self.process.poll() is None and self._database.exists():
            mine = re.compile(rf"POSIX .* {self.process.pid} \S+:{self._database.stat().st_ino} ")
            # The kernel tells of its table in pieces: where others unlock meanwhile, it may pass over one.
            assert any(mine.search(Path("/proc/locks").read_text()) for _ in range(_LOOKS)), (
                "the node holds no lock on its database"
            )


def run_together(agencies: Sequence[Cli]) -> list[Running]:
    """Their nodes, started side by side: where one does not start, none is left to keep its port."""
    with ThreadPoolExecutor(max(len(agencies), 1)) as pool:
        starting = [pool.submit(Running, cli) for cli in agencies]
    if any(one.exception() for one in starting):
        for one in starting:
            if one.exception() is None:
                one.result().stop()
    return [one.result() for one in starting]


def forked(
    cli: Cli, words: Sequence[str], variables: Mapping[str, str], streams: Sequence[IO[Any]]
) -> Forked | subprocess.Popen[bytes]:
    """A command that begins to run in a program that is loaded already, with these standard streams."""
    order = Order(
        arguments=["--home", str(cli.home), "--json", *words],
        variables=variables,
        folder=cli.home.parent,
        streams=[Stream(stream.fileno()) for stream in streams],
    )
    return Forked(start_forked(order))


def _apart(
    cli: Cli, words: Sequence[str], variables: Mapping[str, str], streams: Sequence[IO[Any]]
) -> "Forked | subprocess.Popen[bytes]":
    stdin, stdout, stderr = streams
    return subprocess.Popen(
        cli.command(words), stdin=stdin, stdout=stdout, stderr=stderr, env=variables, cwd=cli.home.parent
    )


def copy_what_stays(source: str, target: str) -> None:
    """Copy a file of a folder in which somebody works: what has gone meanwhile was temporary."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)


def environment() -> dict[str, str]:
    """The environment of a command: nothing of it names another home."""
    kept = {name: value for name, value in own_environment().items() if not name.startswith("SIGFED_")}
    return kept | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "COLUMNS": "100"}


def wait_until(met: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    end, pause = time.monotonic() + _PATIENCE, _PAUSE
    while not met():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(pause)
        pause = min(1.2 * pause, _LONGEST_PAUSE)


def process_state(pid: int) -> str:
    """As /proc says it in a letter: `T` for a stopped process, `Z` for one whose exit code nobody has read yet."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def waits_for_file(pid: int) -> bool:
    """Whether a process waits for a file that another one locked."""
    return any(
        "->" in (words := line.split()) and str(pid) in words
        for line in Path("/proc/locks").read_text().splitlines()
    )


def free_port() -> int:
    """As `free_ports`."""
    return free_ports(1)[0]


def listens(port: int, process: subprocess.Popen[bytes], journal: Path) -> bool:
    """Whether the port of a process that was just started answers; fails with its journal where it has ended."""
    assert process.poll() is None, journal.read_text()
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def free_ports(number: int) -> list[int]:
    """Different ports of the loopback that nobody listens on now, and that nothing else of this run is given.

    No outgoing connection takes them meanwhile.
    """
    return ports.free_ports(number, _next_place)


def _next_place(size: int) -> bytes:
    """Thousand for each of twelve workers, in turn: what begins to listen late finds no other on its port."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 12
    return (1000 * worker + next(_PLACES) % 1000).to_bytes(size)


_PLACES = count(int.from_bytes(system_entropy(2)))
"""Threads take from it at once, which a generator of our own would not stand."""


_KEPT_IN_PASSING = (".lock", ".token", "-wal", "-shm", "-journal", "allowance.json")
_ROWS_IN_PASSING = ('INSERT INTO "lease"', "INSERT INTO \"kept\" VALUES('fact','last-update'")


def contents(folder: Path) -> dict[str, str]:
    """What a folder holds: a hash of each file, and of what a database says rather than how it is laid out.

    Not looked at are an access token that is kept for the next command, what is left of a quota, how the last update
    ended, and which home may write: a copied one says so when it first does. A running node may write beside us: a
    file that goes away between its listing and its reading is not held.
    """
    held = {
        str(path.relative_to(folder)): _content(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(_KEPT_IN_PASSING)
    }
    return {name: content for name, content in held.items() if content is not None}


def _content(path: Path) -> str | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if path.suffix == ".db" and data.startswith(b"SQLite format 3"):
        data = _dump(path)
    return sha256(data).hexdigest()


def _dump(path: Path) -> bytes:
    database = sqlite3.connect(path)
    try:
        rows = database.iterdump()
        return "\n".join(row for row in rows if not row.startswith(_ROWS_IN_PASSING)).encode()
    except sqlite3.DatabaseError:
        return path.read_bytes()
    finally:
        database.close()
