"""Commands in this process: half the price of a fork, and what they leave open shows as it does in any test.

What a process would have of its own is put in its place while the command runs, and put back after it: arguments,
environment, folder, standard streams (real files: commands ask for their numbers), clock, price of keys, journal, what
it remembers of members that it asked. Only one runs here at a time. Each runs in a thread of its own, so it may start
an event loop whoever waits for it.
"""

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock, Thread
from unittest.mock import patch

import pytest

from node.cli.main import main
from node.clock import SystemClock
from node.identity import outside_note, rollback
from support.moving_time import changed, goes_by
from support.preloaded import customizations, run_forked

_PROCESSES = frozenset({"agent", "demo", "icap", "run", "scan", "signer"})
"""Commands that take signals or hold a process of their own; whatever has such a word is a process.

So is what is to die, and what goes by a moved clock where threads of the test go by another one.
"""
_PLAIN_CLOCK = SystemClock.now
_STREAMS = (("0", "rb"), ("1", "wb"), ("2", "wb"))
_ONE_AT_A_TIME = Lock()
_SWITCH = Lock()
"""Held while one environment takes the place of the other: a thread that reads then would find half of it."""
_OWN: list[dict[str, str]] = []
"""The environment of this process while that of a command is in its place."""


def own_environment() -> dict[str, str]:
    """The environment of this process, whatever a command has in its place in another thread."""
    with _SWITCH:
        return dict(_OWN[-1] if _OWN else os.environ)


def run_command(
    arguments: Sequence[str], *, typed: bytes, variables: Mapping[str, str], folder: Path, patience: float
) -> tuple[int, bytes, bytes]:
    """Exit code, standard output and standard error of a command: here, or in a fork where it cannot be."""
    codes: list[int | None] = []
    with ExitStack() as ended:
        streams = Path(ended.enter_context(TemporaryDirectory()))
        (streams / "0").write_bytes(typed)
        files = [ended.enter_context((streams / name).open(mode)) for name, mode in _STREAMS]

        def run() -> None:
            codes.append(run_here(arguments, variables, folder, [file.fileno() for file in files]))

        thread = Thread(target=run, name=str(arguments), daemon=True)
        thread.start()
        thread.join(patience)
        out, err = (streams / "1").read_bytes(), (streams / "2").read_bytes()
    assert codes, f"{arguments} did not end: {err.decode()}"
    if codes[0] is None:
        return run_forked(arguments, typed=typed, variables=variables, folder=folder, patience=patience)
    return codes[0], out, err


def run_here(
    arguments: Sequence[str], variables: Mapping[str, str], folder: Path, streams: Sequence[int]
) -> int | None:
    """Exit code of a command with these numbers of open files; None, and nothing done, where it has to be a process."""
    clock = variables.get("CLOCK_FILE", "")
    moves = bool(clock) and SystemClock.now is not _PLAIN_CLOCK and not goes_by(Path(clock))
    apart = bool(_PROCESSES & set(arguments) or moves or "DIE_AT" in variables or customizations(variables))
    if apart or not _ONE_AT_A_TIME.acquire(blocking=False):
        return None
    try:
        with (
            _in_place(arguments, variables, folder, streams),
            patch("node.cli.main.forbid_core_dumps"),  # for good, and this process goes on
            pytest.raises(SystemExit) as ended,
        ):
            main()
    finally:
        _ONE_AT_A_TIME.release()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@contextmanager
def _in_place(
    arguments: Sequence[str], variables: Mapping[str, str], folder: Path, streams: Sequence[int]
) -> Iterator[None]:
    journal, back = logging.getLogger("sigfed"), Path.cwd()
    level, handlers = journal.level, [*journal.handlers]
    with (
        open(streams[0], closefd=False) as stdin,
        open(streams[1], "w", closefd=False) as stdout,
        open(streams[2], "w", buffering=1, closefd=False) as stderr,
        patch.multiple(sys, stdin=stdin, stdout=stdout, stderr=stderr, argv=["sigfed", *arguments]),
        patch.object(rollback, "_asked", {}),
        patch.object(outside_note, "_kept", {}),
        _environment(variables),
        changed(os.environ),
    ):
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(back)
            journal.setLevel(level)
            journal.handlers[:] = handlers


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    with _SWITCH:
        _OWN.append(dict(os.environ))
        _put(variables)
    try:
        yield
    finally:
        with _SWITCH:
            _put(_OWN.pop())


def _put(variables: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)
