"""`sigfed` for shells, from a program that is loaded already: most of a short command is the import of libraries.

Shells find a small program of that name. It hands its arguments, environment, folder and standard streams to us, who
run the command here (`support.this_process`) or fork it (`support.preloaded`); then it passes on what signals it gets.
It ends as the command ends.
"""

import marshal
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingMixIn, UnixStreamServer
from tempfile import TemporaryDirectory
from threading import Thread

from typing_extensions import override

from support.preloaded import Order, Stream, start_forked, wait_for_forked
from support.this_process import run_here

_PROGRAM = """#!{python} -IS
import marshal, os, signal, socket, sys
asked = socket.socket(socket.AF_UNIX)
asked.connect({address!r})
order = marshal.dumps((sys.argv[1:], dict(os.environ), os.getcwd()))
socket.send_fds(asked, [len(order).to_bytes(4)], [0, 1, 2])
asked.sendall(order)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(number) is not signal.SIG_IGN:
        signal.signal(number, lambda number, _: asked.sendall(bytes([number])))
code = int.from_bytes(asked.recv(2), signed=True)
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


@contextmanager
def shell_program(*, apart: bool = False) -> Iterator[Path]:
    """A folder with the program, for the front of `PATH`; set `apart` for commands that all get signals."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        address = folder / "asked"
        program = folder / "sigfed"
        program.write_text(_PROGRAM.format(python=sys.executable, address=str(address)))
        program.chmod(0o700)
        with _Server(str(address), _Command) as server:
            server.apart = apart
            thread = Thread(target=server.serve_forever, daemon=True)
            thread.start()
            yield folder
            server.shutdown()
            thread.join()


class _Server(ThreadingMixIn, UnixStreamServer):
    """One thread a command that runs; they end with the processes that asked."""

    apart = False


class _Command(BaseRequestHandler):
    """One command, from its order to its exit code."""

    request: socket.socket
    server: _Server

    @override
    def handle(self) -> None:
        size, numbers, _flags, _address = socket.recv_fds(self.request, 4, 3)
        try:
            arguments, variables, folder = marshal.loads(self._read(int.from_bytes(size)))
            code = None if self.server.apart else run_here(arguments, variables, Path(folder), numbers)
            process = (
                None
                if code is not None
                else start_forked(
                    Order(
                        arguments=arguments,
                        variables=variables,
                        folder=Path(folder),
                        streams=[Stream(number) for number in numbers],
                    )
                )
            )
        finally:
            for number in numbers:
                os.close(number)
        if process is not None:
            code = self._ended(process)
        assert code is not None
        with suppress(BrokenPipeError):  # who asked was killed
            self.request.sendall(code.to_bytes(2, signed=True))

    def _ended(self, process: ForkServerProcess) -> int:
        """Its exit code, with every signal passed on to it."""
        while process.sentinel not in wait([process.sentinel, self.request]):
            signals = self.request.recv(1)
            if not signals:
                process.kill()
                break
            os.kill(process.pid or 0, signals[0])
        code = wait_for_forked(process, 60)
        assert code is not None, "a killed command does not end"
        return code

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.request.recv(size - len(data))
            assert part, "it went away"
            data += part
        return data
