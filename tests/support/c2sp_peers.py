"""Programs of others from PyPI in a virtual environment of their own: a C2SP witness and verifier, NCMEC's API.

They need a newer Python than this project, so they are not among its dependencies. `SIGFED_C2SP_PEERS` names the folder
of the environment; without it the tests that need them are skipped with what to type.
"""

import asyncio
import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocol.tlog.note import VerifierKey
from protocol.witness.cosign import Refuse, Status
from support.processes import free_port
from support.programs import needed_in

VARIABLE = "SIGFED_C2SP_PEERS"
PACKAGES = ("aics-witness==0.1.0", "aics-tlog==0.2.1", "ncmec-cybertip==0.1.1")
_HINT = f"python3.13 -m venv DIR && DIR/bin/pip install {' '.join(PACKAGES)} (any Python from 3.13 on)"
_PATIENCE_SECONDS = 30.0


def program(name: str) -> Path:
    """A program of the environment; skips the test when there is none."""
    return needed_in(VARIABLE, f"bin/{name}", _HINT) / "bin" / name


def package(name: str) -> None:
    """Skip the test when the environment has no package of that name."""
    needed_in(VARIABLE, f"lib/*/site-packages/{name}", _HINT)


def run(name: str, *arguments: str, code: int = 0) -> str:
    """What a program prints; fails unless it ends with `code`."""
    done = subprocess.run(
        [str(program(name)), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_SECONDS,
    )
    assert done.returncode == code, f"{name} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class ForeignWitness:
    """A running witness as `protocol.api.WitnessApi`; it speaks plain HTTP on the loopback."""

    url: str
    key: VerifierKey
    config: Path

    def post(self, body: bytes) -> tuple[int, str, bytes]:
        """Status, content type and body of the answer to add-checkpoint."""
        request = urllib.request.Request(f"{self.url}/add-checkpoint", data=body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS) as reply:
                return reply.status, reply.headers["Content-Type"], reply.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.headers["Content-Type"], refused.read()

    async def add_checkpoint(self, body: bytes) -> bytes | Refuse:
        status, _, answer = await asyncio.to_thread(self.post, body)
        if status == 200:
            return answer
        size = int(answer) if status == Status.BEHIND else None
        return Refuse(Status(status), answer.decode(), size)

    async def witnessed(self, origin_sha256: str) -> bytes:
        return await asyncio.to_thread(self._shown, origin_sha256)

    def _shown(self, origin_sha256: str) -> bytes:
        with urllib.request.urlopen(f"{self.url}/{origin_sha256}/checkpoint", timeout=10) as reply:
            found: bytes = reply.read()
        return found

    def evidence(self) -> Any:
        """The contradictions that it kept."""
        return json.loads(run("aics-witness", "evidence", "--config", str(self.config)) or "[]")


@contextmanager
def foreign_witness(folder: Path, *logs: VerifierKey) -> Iterator[ForeignWitness]:
    """A witness that is no sigfed node, which knows the logs with these keys."""
    config, port = folder / "witness.json", free_port()
    common = ("--config", str(config))
    listen = f"127.0.0.1:{port}"
    vkey = run("aics-witness", "init", *common, "--name", "witness.example/w1", "--listen", listen).split()[
        -1
    ]
    for key in logs:
        run("aics-witness", "add-log", *common, "--origin", key.name, "--vkey", key.to_text())
    with subprocess.Popen(
        [str(program("aics-witness")), "serve", *common], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait_for(f"http://{listen}/", process)
            yield ForeignWitness(f"http://{listen}", VerifierKey.from_text(vkey), config)
        finally:
            process.terminate()
            process.wait(timeout=_PATIENCE_SECONDS)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, "the witness ended"
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except urllib.error.HTTPError as answered:
            answered.close()
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the witness did not start")
