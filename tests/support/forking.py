"""The product's commands as processes of their own, forked from one that has imported the product already.

Importing is most of what a short command costs. A forked command has its own arguments, environment, folder, input,
output and exit code, as one that was started has; it shares with the others what they all have read from the same
files. A test puts a small client (`support/forked.py`) in the place of `python -m`: it hands its files over to the
server, waits, and ends as the command did.
"""

import contextlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

_PRELOADED: Final = (
    "node.cli.main",
    "node.runtime.partner",
    "node.runtime.rotating",
    "node.runtime.rotating_tls",
    "node.runtime.serving",
    "node.runtime.storage_keys",
    "node.runtime.syncing",
)
_MAX_REQUEST: Final = 1 << 20


@contextlib.contextmanager
def forking() -> Iterator[Sequence[str]]:
    """A server until the end; gives what to type instead of `python -m`."""
    with tempfile.TemporaryDirectory() as folder:  # a socket's path must be short
        address = Path(folder, "commands")
        with subprocess.Popen([sys.executable, "-P", __file__, str(address)]) as server:
            try:
                _wait(server, address)
                yield (sys.executable, "-I", "-S", str(Path(__file__).with_name("forked.py")), str(address))
            finally:
                server.terminate()


def _wait(server: "subprocess.Popen[bytes]", address: Path) -> None:
    """Return when the server listens."""
    while not address.exists():
        assert server.poll() is None, "the server ended"
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(0.05)


def serve(address: str) -> None:
    """Fork a process for every request."""
    for name in _PRELOADED:
        import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address + ".new")
        listener.listen(64)
        Path(address + ".new").rename(address)
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _look_after(connection)
            connection.close()


def _look_after(connection: socket.socket) -> None:
    """Run one command and say how it ended."""
    data, files, _, _ = socket.recv_fds(connection, _MAX_REQUEST, 3)
    while not data.endswith(b"\n"):
        data += connection.recv(_MAX_REQUEST)
    child = os.fork()
    if child == 0:
        connection.close()
        _become(json.loads(data), files)
    for file in files:
        os.close(file)
    connection.sendall(b"%d\n" % child)
    _, status = os.waitpid(child, 0)
    connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(request: dict[str, Any], files: list[int]) -> None:
    """Be the command; ends the process as it ends."""
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    module, *arguments = request["arguments"]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
