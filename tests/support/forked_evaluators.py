"""Evaluation processes of a node that runs in a fork: forks, too, of what the node was before it had a secret.

One that starts from nothing takes as long as the rest of the node's start, to load the program and test its kernel.
"""

import os
import select
import signal
import socket
import subprocess
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NoReturn
from unittest.mock import patch

from node.evaluator import process
from node.evaluator.child import main
from node.names import GroupChoice


@contextmanager
def evaluators_forked() -> Iterator[None]:
    """While the block runs, they are; this process has no thread yet."""
    ours, its = socket.socketpair(type=socket.SOCK_SEQPACKET)
    if not os.fork():
        ours.close()
        _fork_for(its)
    its.close()
    with ours, patch.object(process, "_started", partial(_Evaluator, ours)):
        yield


def _fork_for(orders: socket.socket) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    while True:
        choice, files, _flags, _address = socket.recv_fds(orders, 16, 3)
        if not choice:  # who asked is gone
            os._exit(0)
        number = os.fork()
        if not number:
            orders.close()
            _evaluate(choice.decode(), files)
        for file in files:
            os.close(file)
        orders.send(number.to_bytes(4))


def _evaluate(choice: str, files: list[int]) -> NoReturn:
    try:
        for number in (0, 1):
            os.dup2(files[number], number)
            os.close(files[number])  # the third stays, to tell that this process does
        with patch("sys.argv", ["-c", choice]):
            main()
    except BaseException:  # noqa: BLE001 - as a process that ends
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


class _Evaluator:
    """One of them, with what `subprocess.Popen` has for it."""

    def __init__(self, orders: socket.socket, choice: GroupChoice) -> None:
        (asked, requests), (replies, replied), (self._ended, ends) = (os.pipe() for _ in range(3))
        socket.send_fds(orders, [choice.encode()], [asked, replied, ends])
        for file in (asked, replied, ends):
            os.close(file)
        self.stdin, self.stdout = os.fdopen(requests, "wb"), os.fdopen(replies, "rb")
        self.pid = int.from_bytes(orders.recv(4))

    def wait(self, timeout: float | None = None) -> None:
        if not select.select([self._ended], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("evaluator", timeout or 0)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
