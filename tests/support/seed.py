"""The process that `support.collected_once` starts: it collects, and forks a worker for each who asks.

It is no plugin, and loads none before pytest does: pytest rewrites their assertions.
"""

import os
import random
import select
import signal
import sys
from collections.abc import Generator, Sequence
from socket import recv_fds, socket
from time import monotonic, sleep
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

import _pytest.config
import pytest
from _pytest.capture import CaptureManager
from _pytest.tmpdir import TempPathFactory
from pluggy import HookCaller

_STREAMS = 3
_PATIENCE = 10.0
"""Seconds, as pytest-xdist has with workers."""


class _Told:
    """What a worker tells while it collects."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed:
            self.events.append(("pytest_collectreport", {"report": report}))

    def pytest_warning_recorded(
        self,
        warning_message: object,
        when: str,
        nodeid: str,
        location: tuple[str, int, str] | None,
    ) -> None:
        told = {"warning_message": warning_message, "when": when, "nodeid": nodeid, "location": location}
        self.events.append(("pytest_warning_recorded", told))


def grow(arguments: Sequence[str], listening: int) -> None:
    """Collect, and be the parent of workers until nobody can write to standard input; in a worker, be that."""
    config = _pytest.config._prepareconfig([*arguments], None)
    from xdist.remote import setup_config

    setup_config(config, None)
    config.workerinput = MappingProxyType({})  # type: ignore[attr-defined]
    told = _Told()
    config.pluginmanager.register(told)
    try:
        session = pytest.Session.from_config(config)
        config._do_configure()
        config.hook.pytest_sessionstart(session=session)
        config.hook.pytest_collection(session=session)
        config.pluginmanager.unregister(told)
        capture = config.pluginmanager.getplugin("capturemanager")
        capture.stop_global_capturing()  # its files would be everybody's
        if "support.preloaded" in sys.modules:
            sys.modules["support.preloaded"].share()
        if _forked(listening):
            _Worker(session, capture, told).serve()
    except (KeyboardInterrupt, pytest.UsageError):  # a worker that collects for itself says what is wrong
        pass
    finally:
        config._ensure_unconfigure()


def _forked(listening: int) -> bool:
    """True in each worker; False here, once the run is over."""
    workers: set[int] = set()
    with socket(fileno=listening) as asked:
        while listening in select.select([listening, 0], [], [])[0]:
            worker, _ = asked.accept()
            _, streams, _, _ = recv_fds(worker, 1, _STREAMS)
            if not (pid := os.fork()):
                for number, stream in enumerate(streams):
                    os.dup2(stream, number)
                    os.close(stream)
                worker.send(b" ")
                worker.detach()  # whoever waits at its other end learns of our end
                return True
            workers.add(pid)
            worker.close()
            for stream in streams:
                os.close(stream)
    _end(workers)
    return False


def _end(workers: set[int]) -> None:
    """They end by themselves, with what they started, once nobody talks to them; what hangs is killed."""
    until = monotonic() + _PATIENCE
    while workers and monotonic() < until:
        workers -= {pid for pid in workers if os.waitpid(pid, os.WNOHANG)[0]}
        sleep(0.02)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)


class _Worker:
    """What pytest-xdist makes of a fork: it is given what is collected where it would begin to collect."""

    def __init__(self, session: pytest.Session, capture: CaptureManager, told: _Told) -> None:
        self._session = session
        self._capture = capture
        self._told = told
        self._path = [*sys.path]
        self._known = session.config.pluginmanager.get_plugins()
        """All but the one that tells the controller."""

    def serve(self) -> None:
        random.seed()
        sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
        self._session.config.pluginmanager.register(self)
        with patch.object(_pytest.config, "_prepareconfig", self._config):
            exec(eval(sys.stdin.readline()), vars(sys.modules["__main__"]))  # as execnet would

    @pytest.hookimpl(wrapper=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> Generator[None, object, object]:
        begin = self._of_worker("pytest_collection")

        def collected(session: pytest.Session) -> None:
            begin(session=session)
            for name, words in self._told.events:
                self._of_worker(name)(**words)
            self._of_worker("pytest_collection_finish")(session=session)

        with (
            patch.object(pytest.Session, "from_config", lambda _: self._session),
            patch.object(config, "_do_configure", self._configure),
            patch.object(config.hook, "pytest_sessionstart", self._of_worker("pytest_sessionstart")),
            patch.object(config.hook, "pytest_collection", collected),
        ):
            return (yield)

    def _of_worker(self, name: str) -> HookCaller:
        return self._session.config.pluginmanager.subset_hook_caller(name, self._known)

    def _config(self, _arguments: Sequence[str], _plugins: object) -> pytest.Config:
        sys.path[:] = self._path
        self._capture.start_global_capturing()
        self._capture.suspend_global_capture()
        return self._session.config

    def _configure(self) -> None:
        from support.machine import own_folder

        own_folder()
        config = self._session.config
        config._tmp_path_factory = TempPathFactory.from_config(config, _ispytest=True)  # type: ignore[attr-defined]
