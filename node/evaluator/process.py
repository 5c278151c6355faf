"""The node's end of its evaluation process: start it, ask it, start it again when it died.

Requests go out and replies come in through two threads, so the event loop never waits on a pipe. Several requests are
under way at once, which keeps both threads of the process busy. What was under way when the process died fails; the
next request starts a new one. A secret is forgotten by changing over to a new process that never had it: the old one
finishes what it has, and its memory goes with it.
"""

import asyncio
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from itertools import count
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Final, Self

from node.errors import EvaluatorDownError, GoneError
from node.evaluator.child import READY
from node.evaluator.frames import (
    Kind,
    Reply,
    Request,
    Status,
    pack_inputs,
    pack_secrets,
    read_frame,
    unpack_outputs,
    write_frame,
)
from node.evaluator.queue import Queue
from node.journal import Journal
from node.names import GroupChoice
from node.ports.evaluator import EpochSecret
from protocol.errors import OprfError
from protocol.oprf.group import ELEMENT_BYTES
from protocol.oprf.proof import PROOF_BYTES
from protocol.oprf.server import Evaluation
from protocol.slices import slices

START_SECONDS: Final = 60
END_SECONDS: Final = 10
_INPUTS_A_FRAME: Final = 1024
_FRAMES_AHEAD: Final = 2

_CHILD: Final = "from node.evaluator.child import main; main()"
_journal = Journal("evaluator")

Secrets = Callable[[], Sequence[EpochSecret]]
"""Asked for at each start, and when an epoch is asked for that is new."""


class EvaluatorProcess:
    """`node.ports.evaluator.Evaluator` in a process of its own; a context manager."""

    def __init__(self, secrets: Secrets, choice: GroupChoice = "fastest") -> None:
        self._secrets = secrets
        self._choice = choice
        self._link: _Link | None = None
        self._publics: Mapping[tuple[str, int], bytes] = {}
        self._lock = Lock()
        self._queue = Queue()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the process and hand it the secrets.

        Raises:
            EvaluatorDownError: it does not start.
        """
        with self._lock:
            self._renew()

    def renew(self) -> None:
        """Change over to a new process that holds the secrets there are now; what is under way is finished.

        Raises:
            EvaluatorDownError: no new one starts; the old one goes on.
        """
        with self._lock:
            self._renew()

    def close(self) -> None:
        """End the process after what is under way."""
        with self._lock:
            if self._link is not None:
                self._link.close()
                self._link = None

    @property
    def held(self) -> frozenset[tuple[str, int]]:
        """Subset and number of the epochs whose secrets it was given."""
        return frozenset(self._publics)

    def public(self, subset: str, epoch: int) -> bytes:
        """The public key of an epoch (32 bytes); raises `GoneError`. Blocks as `outputs` does."""
        self._ready(subset, epoch)
        return self._publics[subset, epoch]

    def reserved(self, count: int) -> AbstractContextManager[None]:
        """Room for a batch of `count` elements while the block lasts; raises `RateLimitedError`."""
        return self._queue.reserved(count)

    async def evaluate(self, subset: str, epoch: int, elements: bytes) -> Evaluation:
        """Evaluate and prove one batch; raises as the port says, and `EvaluatorDownError` when the process died."""
        began = await self._queue.turn()
        try:
            future = await self._ask(subset, epoch, elements)
        except BaseException:
            self._queue.done(began, 0)
            raise
        # Who gives up waiting now leaves the turn to the process until it has done the batch.
        future.add_done_callback(lambda _: self._queue.done(began, len(elements) // ELEMENT_BYTES))
        reply = await asyncio.wrap_future(future)
        return Evaluation(reply[:-PROOF_BYTES], reply[-PROOF_BYTES:])

    async def _ask(self, subset: str, epoch: int, elements: bytes) -> "Future[bytes]":
        future = None
        while future is None:  # a process that is being replaced takes nothing new
            link = self._at_hand(subset, epoch)
            if link is None:
                link = await asyncio.to_thread(self._ready, subset, epoch)
            future = link.ask(Kind.EVALUATE, subset, epoch, elements)
        return future

    def outputs(self, subset: str, epoch: int, inputs: Sequence[bytes]) -> list[bytes]:
        """The PRF outputs (64 bytes each) of own inputs; blocks. Raises as `evaluate` does."""
        ahead: deque[Future[bytes]] = deque()
        found: list[bytes] = []
        for part in slices(inputs, _INPUTS_A_FRAME):
            ahead.append(self._begin_outputs(subset, epoch, pack_inputs(part)))
            if len(ahead) > _FRAMES_AHEAD:
                found += unpack_outputs(ahead.popleft().result())
        for future in ahead:
            found += unpack_outputs(future.result())
        return found

    def _begin_outputs(self, subset: str, epoch: int, body: bytes) -> "Future[bytes]":
        future = None
        while future is None:  # a process that is being replaced takes nothing new
            future = self._ready(subset, epoch).ask(Kind.OUTPUTS, subset, epoch, body)
        return future

    @property
    def group(self) -> str:
        """Name of the group that the process computes with; empty while there is none."""
        return "" if self._link is None else self._link.group

    @property
    def pid(self) -> int | None:
        """Id of the process; None while there is none."""
        return None if self._link is None else self._link.pid

    def _at_hand(self, subset: str, epoch: int) -> "_Link | None":
        """The link, if nothing has to be done first."""
        link = self._link
        return link if link is not None and link.alive and (subset, epoch) in self._publics else None

    def _ready(self, subset: str, epoch: int) -> "_Link":
        """A link to a process that has the key; raises `GoneError`, `EvaluatorDownError`."""
        with self._lock:
            if self._link is None or not self._link.alive:
                _journal.warning("restart")
                self._renew()
            elif (subset, epoch) not in self._publics:
                self._hold(self._link)
            if (subset, epoch) not in self._publics:
                raise GoneError(
                    "epoch {epoch} of {subset} is not evaluated any more",
                    epoch,
                    subset,
                    hint="fetch the newest release first",
                )
            assert self._link is not None
            return self._link

    def _renew(self) -> None:
        old, new = self._link, _Link(self._choice)
        try:
            self._hold(new)
        except BaseException:
            new.close()
            raise
        self._link = new
        if old is not None:
            old.close()

    def _hold(self, link: "_Link") -> None:
        secrets = self._secrets()
        asked = link.ask(Kind.HOLD, "", 0, pack_secrets(secrets))
        assert asked is not None, "a link is asked under the lock that closes it"
        publics = asked.result(START_SECONDS)
        self._publics = {
            (secret.subset, secret.epoch): publics[32 * at : 32 * at + 32]
            for at, secret in enumerate(secrets)
        }


class _Link:
    """One process and the pipes to it."""

    def __init__(self, choice: GroupChoice) -> None:
        self._process = _started(choice)
        self._numbers = count(READY + 1)
        self._lock = Lock()
        self._asked: dict[int, Future[bytes]] = {READY: _begun()}
        self._frames: SimpleQueue[bytes | None] = SimpleQueue()
        self._closing = False
        self._over = False
        self._threads = [Thread(target=work, daemon=True) for work in (self._send, self._receive)]
        ready = self._asked[READY]
        for thread in self._threads:
            thread.start()
        try:
            self.group = ready.result(START_SECONDS).decode()
        except (EvaluatorDownError, TimeoutError) as exc:
            self.close()
            raise EvaluatorDownError("the evaluation process does not start: {reason}", exc) from exc

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return not (self._over or self._closing)

    def ask(self, kind: Kind, subset: str, epoch: int, body: bytes) -> "Future[bytes] | None":
        """Send a request; the future has the reply's body, or its failure. None: it is closing, ask its successor."""
        future = _begun()
        with self._lock:
            if self._closing:
                return None
            if self._over:
                raise _down()
            number = next(self._numbers)
            self._asked[number] = future
            request = Request(number=number, kind=kind, subset=subset, epoch=epoch, body=body)
            self._frames.put(request.to_bytes())
        return future

    def close(self) -> None:
        """End of requests: the process finishes what it has and ends; it is killed if it does not."""
        with self._lock:
            self._closing = True
            self._frames.put(None)
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        assert self._process.stdin is not None
        with suppress(OSError), self._process.stdin as pipe:  # a process that died: the receiver tells
            while (frame := self._frames.get()) is not None:
                write_frame(pipe, frame)

    def _receive(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            while (data := read_frame(pipe)) is not None:
                reply = Reply.from_bytes(data)
                with self._lock:
                    future = self._asked.pop(reply.number)
                _settle(future, reply)
        self._end()

    def _end(self) -> None:
        with self._lock:
            self._over = True
            lost, self._asked = list(self._asked.values()), {}
        self._frames.put(None)
        for future in lost:
            future.set_exception(_down())


def _started(choice: GroupChoice) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-P", "-c", _CHILD, choice],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},  # noqa: PTH109
    )


def _begun() -> "Future[bytes]":
    future: Future[bytes] = Future()
    future.set_running_or_notify_cancel()  # whoever gives up waiting must not break the receiver
    return future


def _settle(future: "Future[bytes]", reply: Reply) -> None:
    text = reply.body.decode(errors="replace") if reply.status is not Status.DONE else ""
    if reply.status is Status.DONE:
        future.set_result(reply.body)
    elif reply.status is Status.GONE:
        future.set_exception(GoneError(text, hint="fetch the newest release first"))
    elif reply.status is Status.REFUSED:
        future.set_exception(OprfError(text))
    else:
        future.set_exception(EvaluatorDownError("the evaluation process failed: {text}", text))


def _down() -> EvaluatorDownError:
    return EvaluatorDownError("the evaluation process ended", hint="it is started again by the next request")
