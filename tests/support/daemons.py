"""Daemons of a partner's machine, from the moment they listen until they are stopped by their own process id."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any, Self

from support.processes import Cli, wait_until


class Daemon:
    """`sigfed agent` or `sigfed icap`; its journal is kept at the most talkative level."""

    def __init__(self, cli: Cli, *arguments: str, variables: dict[str, str] | None = None) -> None:
        place = cli.home.with_name(f"{cli.home.name}-{arguments[0]}")
        self.journal, self._answers = place.with_suffix(".log"), place.with_suffix(".out")
        with self._answers.open("wb") as answers, self.journal.open("ab") as journal:
            self.process = subprocess.Popen(
                cli.command(["-vv", *arguments]),
                stdin=subprocess.DEVNULL,
                stdout=answers,
                stderr=journal,
                env=cli.variables() | (variables or {}),
                cwd=cli.home.parent,
            )
        try:
            wait_until(self._serves)
        except BaseException:
            self.stop()
            raise
        self.answered: dict[str, Any] = json.loads(self._answers.read_bytes())

    def _serves(self) -> bool:
        assert self.process.poll() is None, self.journal.read_text()
        return self._answers.read_bytes().endswith(b"\n")

    def stop(self) -> int:
        """End it as a service manager does; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(30)
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


def sockets(folder: Path) -> list[Path]:
    """Sockets that lie in a folder."""
    return [path for path in folder.iterdir() if path.is_socket()]
