"""The evaluation process: it holds the keys, and answers its parent and nobody else.

It has no socket and reads no file but the libraries that it computes with. The secrets come over its standard input,
never by argument or environment; when that ends, its parent is gone, and it ends too.
"""

import os
import signal
import sys
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock
from typing import IO

from node.clock import system_entropy
from node.core_dumps import forbid_core_dumps
from node.errors import GoneError, NodeError
from node.evaluator.bench import Bench
from node.evaluator.frames import (
    Kind,
    Reply,
    Request,
    Status,
    read_frame,
    unpack_inputs,
    unpack_secrets,
    write_frame,
)
from node.group.load import load_group
from node.names import GroupChoice
from protocol.errors import OprfError
from protocol.oprf.server import Evaluation

READY = 0
"""Number of the reply that nobody asked for: the process is ready, or says why it is not."""


class Service:
    """Takes requests in and gives replies out, in whatever order they are done."""

    def __init__(self, bench: Bench, replies: IO[bytes]) -> None:
        self._bench = bench
        self._replies = replies
        self._lock = Lock()

    def serve(self, requests: IO[bytes]) -> None:
        """Answer until the requests end."""
        while (data := read_frame(requests)) is not None:
            request = Request.from_bytes(data)
            try:
                self._take(request)
            except Exception as exc:  # noqa: BLE001 - a bad request must not stop the others
                self._refuse(request.number, exc)

    def reply(self, number: int, body: bytes, status: Status = Status.DONE) -> None:
        """Send one reply; nothing happens when the parent is gone."""
        with self._lock, suppress(OSError, ValueError):
            write_frame(self._replies, Reply(number=number, status=status, body=body).to_bytes())

    def _take(self, request: Request) -> None:
        number, subset, epoch = request.number, request.subset, request.epoch
        if request.kind is Kind.HOLD:
            self.reply(number, b"".join(self._bench.hold(unpack_secrets(request.body))))
        elif request.kind is Kind.EVALUATE:
            evaluation = self._bench.evaluate(subset, epoch, request.body)
            evaluation.add_done_callback(lambda done: self._evaluated(number, done))
        else:
            outputs = self._bench.outputs(subset, epoch, unpack_inputs(request.body))
            outputs.add_done_callback(lambda done: self._computed(number, done))

    def _evaluated(self, number: int, done: "Future[Evaluation]") -> None:
        error = done.exception()
        if error is not None:
            self._refuse(number, error)
            return
        evaluation = done.result()
        self.reply(number, evaluation.elements + evaluation.proof)

    def _computed(self, number: int, done: "Future[list[bytes]]") -> None:
        error = done.exception()
        if error is not None:
            self._refuse(number, error)
            return
        self.reply(number, b"".join(done.result()))

    def _refuse(self, number: int, error: BaseException) -> None:
        if isinstance(error, GoneError):
            self.reply(number, str(error).encode(), Status.GONE)
        elif isinstance(error, OprfError):
            self.reply(number, str(error).encode(), Status.REFUSED)
        else:
            self.reply(number, type(error).__name__.encode(), Status.FAILED)


def main() -> None:
    """Run the process on its standard input and output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    forbid_core_dumps()
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints must not write into a frame
    run(sys.stdin.buffer, replies, "libsodium" if sys.argv[1:] == ["libsodium"] else "fastest")


def run(requests: IO[bytes], replies: IO[bytes], choice: GroupChoice = "fastest") -> None:
    """Say with which group the process is ready, or why it is not; then answer until the requests end."""
    try:
        group = load_group(choice)
    except NodeError as exc:
        write_frame(replies, Reply(number=READY, status=Status.FAILED, body=str(exc).encode()).to_bytes())
        return
    bench = Bench(group, entropy=system_entropy)
    service = Service(bench, replies)
    service.reply(READY, group.name.encode())
    service.serve(requests)
    bench.close()
