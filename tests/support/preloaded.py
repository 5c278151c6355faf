"""Commands in processes that have the program loaded already: a fork of a server that only imported it.

Most of a short command is the import of libraries. A fork spares that and is else a process like any other: its own
arguments, environment, folder, standard streams, signals and exit code.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver, reduction, spawn, util
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path
from pkgutil import walk_packages
from runpy import run_path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any
from unittest.mock import patch

from typing_extensions import override

import node
from support.machine import hurry

_PACKAGES = (
    "access acts app audit backup cli evidence hoster identity judgement lists partners peers recipients remote"
    " rotation signer_host signing objects store/accounts store/hits store/lists store/partners store/peers"
    " store/subsets subsets trust web witnesses"
)
_LOADED = (
    "support.dying_command",
    "support.forked_evaluators",
    "support.moving_time",
    "support.source_order",
    "_strptime",
    "apscheduler.executors.asyncio",
    "cryptography.hazmat.backends.openssl.backend",
    "encodings.ascii",
    "encodings.cp437",
    "encodings.idna",
    "numpy.ma",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "typer._adapters",
    *(
        module.name
        for package in _PACKAGES.split()
        for module in walk_packages([f"{node.__path__[0]}/{package}"], f"node.{package.replace('/', '.')}.")
    ),
    "support.command_line",
    "support.dying",
)
"""What commands, and others that begin in a fork, import when they need it."""
_SPAWN = util.spawnv_passfds
_PATIENCE = 120.0
"""Seconds, as of commands."""
_ONE_AT_A_TIME = Lock()
"""Starting a process also looks after others: two threads must not read one exit code."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An open file that the command gets; it has its own number there."""

    number: int

    @override
    def __reduce__(self) -> tuple[object, ...]:
        return _arrived, (reduction.DupFd(self.number),)


def _arrived(handed: Any) -> Stream:
    return Stream(handed.detach())


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command to run."""

    arguments: Sequence[str]
    variables: Mapping[str, str]
    folder: Path
    streams: Sequence[Stream]
    """Standard input, output and error."""


def _server() -> ForkServerContext:
    with _ONE_AT_A_TIME:
        return _started()


@cache
def _started() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *_LOADED])
    with patch.object(util, "spawnv_passfds", _spawn_on_our_path):
        forkserver.ensure_running()
    return context


def share() -> None:
    """Start the server, for this process and the forks that it will have."""
    _server()

    def running() -> None:
        """It is no child of theirs, so they cannot ask; who finds nobody there fails."""

    os.register_at_fork(after_in_child=lambda: setattr(forkserver._forkserver, "ensure_running", running))


def _spawn_on_our_path(_program: bytes, arguments: Sequence[str], files: Sequence[int]) -> int:
    """Python before 3.14 does not hand its path on, and a module that it does not find it does without.

    Our environment stays as it is: a command in another thread (`support.this_process`) keeps it to put it back.
    """
    env = ["env", f"PYTHONPATH={os.pathsep.join(sys.path)}"]
    return _SPAWN(b"/usr/bin/env", [*env, *arguments], files)


@contextmanager
def _without_main() -> Iterator[None]:
    """Processes that start inside do not import the program that runs here: pytest takes longer than most commands."""
    prepare = spawn.get_preparation_data

    def prepared(name: str) -> dict[str, Any]:
        return {key: value for key, value in prepare(name).items() if not key.startswith("init_main_")}

    with patch.object(spawn, "get_preparation_data", prepared):
        yield


def called_in_fork(work: Callable[..., None], *arguments: object) -> int:
    """Exit code (negative: the signal that ended it) of a process that calls a function of a module."""
    code = wait_for_forked(start_in_fork(work, *arguments), _PATIENCE)
    assert code is not None, "it did not end"
    return code


def start_in_fork(work: Callable[..., None], *arguments: object) -> ForkServerProcess:
    """A process that begins to call a function of a module."""
    process = _server().Process(target=work, args=arguments)
    with _ONE_AT_A_TIME, _without_main():
        process.start()
    return process


def barrier(parties: int) -> Barrier:
    """Where as many of these processes wait for each other."""
    return _server().Barrier(parties)


def start_forked(order: Order) -> ForkServerProcess:
    """A command that begins to run."""
    return start_in_fork(_obey, order)


def start_in_files(
    arguments: Sequence[str], *, variables: Mapping[str, str], folder: Path, streams: Path
) -> ForkServerProcess:
    """A command that reads a file `0` of the folder `streams`, and writes to the end of `1` and `2` there."""
    output = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    with ExitStack() as opened:
        files = [
            os.open(streams / str(number), flags, 0o600)
            for number, flags in enumerate((os.O_RDONLY, output, output))
        ]
        for file in files:
            opened.callback(os.close, file)
        return start_forked(
            Order(
                arguments=arguments,
                variables=variables,
                folder=folder,
                streams=[Stream(file) for file in files],
            )
        )


def wait_for_forked(process: ForkServerProcess, patience: float | None) -> int | None:
    """Its exit code (negative: the signal that ended it); None when it has not ended in so many seconds."""
    with _ONE_AT_A_TIME:
        ended = process.exitcode is not None  # its pipe may stand open a moment longer
    if not ended and not wait([process.sentinel], patience):
        return None
    with _ONE_AT_A_TIME:
        process.join()
    return process.exitcode


class Forked:
    """A command that runs, with what `subprocess.Popen` has for it."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self.pid: int = process.pid or 0

    @property
    def returncode(self) -> int | None:
        """As far as somebody has looked."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return wait_for_forked(self._process, 0)

    def wait(self, timeout: float | None = None) -> int:
        code = wait_for_forked(self._process, timeout)
        if code is None:
            raise subprocess.TimeoutExpired("sigfed", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ends at this moment
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Begun(Forked):
    """One whose caller reads what it printed once it has ended."""

    def __init__(self, arguments: Sequence[str], *, variables: Mapping[str, str], folder: Path) -> None:
        self._kept = TemporaryDirectory()
        self._streams = Path(self._kept.name)
        (self._streams / "0").touch()
        super().__init__(start_in_files(arguments, variables=variables, folder=folder, streams=self._streams))

    def communicate(self, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Standard output and standard error; once."""
        self.wait(timeout)
        with self._kept:
            return (self._streams / "1").read_bytes(), (self._streams / "2").read_bytes()


def run_forked(
    arguments: Sequence[str], *, typed: bytes, variables: Mapping[str, str], folder: Path, patience: float
) -> tuple[int, bytes, bytes]:
    """Exit code (negative: the signal that ended it), standard output and standard error of a command."""
    with TemporaryDirectory() as name:
        streams = Path(name)
        (streams / "0").write_bytes(typed)
        process = start_in_files(arguments, variables=variables, folder=folder, streams=streams)
        code = wait_for_forked(process, patience)
        if code is None:
            process.kill()
            wait_for_forked(process, patience)
        assert code is not None, f"{arguments} did not end: {(streams / '2').read_text()}"
        return code, (streams / "1").read_bytes(), (streams / "2").read_bytes()


def _obey(order: Order) -> None:
    from node.cli.main import main
    from support.dying_command import arm
    from support.forked_evaluators import evaluators_forked
    from support.moving_time import changed
    from support.source_order import keep_order

    hurry()
    keep_order()
    for number, stream in enumerate(order.streams):
        os.dup2(stream.number, number)
        os.close(stream.number)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(order.variables)
    os.chdir(order.folder)
    sys.argv = ["sigfed", *order.arguments]
    sys.orig_argv = [sys.executable, "-m", "node", *order.arguments]
    with changed(os.environ), ExitStack() as ends:
        for file in customizations(os.environ):
            run_path(str(file))
        if "run" in order.arguments:  # its evaluators are subject to the same
            ends.enter_context(evaluators_forked())
        if place := os.environ.pop("DIE_AT", ""):
            arm(place)
        main()


def customizations(variables: Mapping[str, str]) -> list[Path]:
    """What Python loads at the start of a process with this environment, from folders that are on its path alone."""
    folders = variables.get("PYTHONPATH", "").split(os.pathsep)
    return [file for folder in folders if (file := Path(folder, "sitecustomize.py")).is_file()]
