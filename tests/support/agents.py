"""A real ssh-agent, with keys that ssh-keygen made."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.programs import needed


class Agent:
    """One agent and the folder of its key files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "agent.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            ["ssh-agent", "-D", "-a", str(self.socket)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while self.run("ssh-add", "-l", check=False).returncode == 2:
            assert self._process.poll() is None, "the agent runs"

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def make(self, name: str, kind: str = "ed25519") -> str:
        """Make a key, load it, and give its fingerprint."""
        path = self.folder / name
        self.run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", str(path))
        self.load(name)
        return self.run("ssh-keygen", "-l", "-f", str(path)).stdout.split()[1]

    def load(self, name: str) -> None:
        self.run("ssh-add", "-q", str(self.folder / name))

    def run(self, *command: str, check: bool = True, text: str = "") -> "subprocess.CompletedProcess[str]":
        environ = os.environ | {"SSH_AUTH_SOCK": str(self.socket)}
        return subprocess.run(command, env=environ, check=check, capture_output=True, text=True, input=text)


@contextmanager
def running_agent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    """An agent that SSH_AUTH_SOCK names; skips the test where there is none."""
    needed("ssh-agent")
    agent = Agent(folder)
    agent.start()
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
    try:
        yield agent
    finally:
        agent.stop()
