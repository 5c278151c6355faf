"""A service manager: what it starts, it starts again a second after it ended, until the block is left."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Self

from support.preloaded import Forked
from support.processes import Cli, forked, process_state, wait_until

_Process = Forked | subprocess.Popen[bytes]
AGAIN = 1.0
"""Seconds after which what ended is started again."""


@dataclass(slots=True)
class _Service:
    begin: "Callable[[Path], _Process]"
    log: Path
    process: "_Process"
    ended: float = 0.0
    held: bool = False


class Services:
    """Programs by name; what each says goes into a file of that name in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._services: dict[str, _Service] = {}
        self._lock = Lock()
        self._over = Event()
        self._thread = Thread(target=self._watch, name="services")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for name in self._services:
            self.end(name)  # nothing of it is kept

    def start(self, name: str, command: Sequence[str | Path], variables: Mapping[str, str]) -> None:
        """Run a program that does not fork from now on."""
        self._keep(name, partial(_begin, command, variables))

    def serve(self, name: str, cli: Cli, *arguments: str) -> None:
        """Run a command of the product from now on: a fork of what is loaded already, whenever it starts."""
        self._keep(name, partial(_serve, cli, arguments))

    def _keep(self, name: str, begin: Callable[[Path], _Process]) -> None:
        log = self.folder / f"{name}.log"
        service = _Service(begin, log, begin(log))
        with self._lock:
            self._services[name] = service

    def has(self, name: str) -> bool:
        """Whether a program of this name was started."""
        return name in self._services

    def log(self, name: str) -> str:
        """What it has said."""
        return self._services[name].log.read_text(errors="replace")

    def kill(self, name: str) -> int:
        """Kill a program, which starts again; its process id."""
        process = self._services[name].process
        process.kill()
        assert process.wait() == -signal.SIGKILL, f"{name} had ended before"
        return process.pid

    def end(self, name: str) -> None:
        """Kill a program for good."""
        service = self._services[name]
        service.held = True
        service.process.kill()
        service.process.wait()

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Whatever ends it, it is not started again before the block ends."""
        self._services[name].held = True
        try:
            yield
        finally:
            self._services[name].held = False

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            with self._lock:
                services = [*self._services.values()]
            for service in services:
                self._look_after(service)

    def _look_after(self, service: _Service) -> None:
        if service.process.poll() is None:
            return
        now = time.monotonic()
        service.ended = service.ended or now
        if not service.held and now > service.ended + AGAIN:
            service.process = service.begin(service.log)
            service.ended = 0.0


def _begin(command: Sequence[str | Path], variables: Mapping[str, str], log: Path) -> _Process:
    with log.open("ab") as said:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=variables, cwd="/"
        )


def _serve(cli: Cli, arguments: Sequence[str], log: Path) -> _Process:
    with Path(os.devnull).open() as nothing, log.open("ab") as said:
        return forked(cli, arguments, cli.variables(), (nothing, said, said))


def kill_pid(pid: int, number: int = signal.SIGKILL) -> int:
    """Kill a process that another one started, and wait until it is gone; its process id."""
    os.kill(pid, number)
    wait_until(lambda: not _lives(pid))
    return pid


def _lives(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return process_state(pid) != "Z"
    return False
