"""Evaluation in threads: a batch is cut in two, so that one request alone uses both cores.

libsodium releases the interpreter lock, so threads of one process suffice. Requests are worked on in the order in which
they come; while the last part of one is being proven, the other thread has begun the next. Whoever finishes the last
part of a batch proves it.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Final, Generic, TypeVar

from node.clock import Entropy
from node.errors import GoneError
from node.ports.evaluator import EpochSecret
from protocol.oprf.group import Group
from protocol.oprf.server import Evaluation, Part, evaluate_part, join, outputs, split
from protocol.oprf.suite import KeyPair, epoch_key
from protocol.slices import slices

THREADS: Final = 2
INPUTS_AT_ONCE: Final = 512
"""Own inputs in one piece of work: a partner's batch waits for few of them."""

_Piece = TypeVar("_Piece")
_Whole = TypeVar("_Whole")


class Bench:
    """The keys, and the threads that work with them."""

    def __init__(self, group: Group, *, entropy: Entropy) -> None:
        self._group = group
        self._entropy = entropy
        self._keys: Mapping[tuple[str, int], KeyPair] = {}
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="evaluator")

    def hold(self, secrets: Sequence[EpochSecret]) -> list[bytes]:
        """Work with these keys from now on, and with no others; returns their public keys (32 bytes each).

        Raises:
            OprfError: a seed of another length than 32 bytes.
        """
        pairs = [epoch_key(self._group, secret.seed) for secret in secrets]
        self._keys = {(s.subset, s.epoch): pair for s, pair in zip(secrets, pairs, strict=True)}
        return [pair.public for pair in pairs]

    def public(self, subset: str, epoch: int) -> bytes:
        """The public key of an epoch (32 bytes); raises `GoneError`."""
        return self._key(subset, epoch).public

    def evaluate(self, subset: str, epoch: int, elements: bytes) -> "Future[Evaluation]":
        """Begin to evaluate and prove a batch; raises as `Evaluator.evaluate`, at once or through the future."""
        key = self._key(subset, epoch)
        pieces = split(elements, THREADS)
        works = [partial(evaluate_part, self._group, key, piece) for piece in pieces]
        return self._begin(works, partial(self._join, key))

    def outputs(self, subset: str, epoch: int, inputs: Sequence[bytes]) -> "Future[list[bytes]]":
        """Begin to compute the PRF outputs (64 bytes each) of one or more own inputs; raises `GoneError`."""
        key = self._key(subset, epoch)
        works = [partial(outputs, self._group, key, part) for part in slices(inputs, INPUTS_AT_ONCE)]
        return self._begin(works, _flat)

    def close(self) -> None:
        """Finish what was begun, and stop."""
        self._threads.shutdown()

    def _key(self, subset: str, epoch: int) -> KeyPair:
        try:
            return self._keys[subset, epoch]
        except KeyError:
            raise GoneError(
                "epoch {epoch} of {subset} is not evaluated any more",
                epoch,
                subset,
                hint="fetch the newest release first",
            ) from None

    def _join(self, key: KeyPair, parts: Sequence[Part]) -> Evaluation:
        return join(self._group, key, parts, entropy=self._entropy)

    def _begin(
        self, works: Sequence[Callable[[], _Piece]], finish: Callable[[Sequence[_Piece]], _Whole]
    ) -> "Future[_Whole]":
        batch = _Batch(works, finish)
        for place in range(len(works)):
            self._threads.submit(batch.work, place)
        return batch.whole


class _Batch(Generic[_Piece, _Whole]):
    """Pieces of work whose results become one, in the thread that ends last."""

    def __init__(
        self, works: Sequence[Callable[[], _Piece]], finish: Callable[[Sequence[_Piece]], _Whole]
    ) -> None:
        assert works, "a batch without work would never end"
        self.whole: Future[_Whole] = Future()
        self.whole.set_running_or_notify_cancel()  # whoever gives up waiting does not stop the work
        self._works = works
        self._finish = finish
        self._done: dict[int, _Piece] = {}
        self._lock = Lock()

    def work(self, place: int) -> None:
        """Do one piece; a failure of one is the failure of the whole."""
        try:
            piece = self._works[place]()
            with self._lock:
                self._done[place] = piece
                last = len(self._done) == len(self._works)
            if last:
                self.whole.set_result(self._finish([self._done[at] for at in range(len(self._works))]))
        except BaseException as exc:  # noqa: BLE001 - whatever it is, whoever waits must hear of it
            with self._lock:
                if not self.whole.done():
                    self.whole.set_exception(exc)


def _flat(parts: Sequence[list[bytes]]) -> list[bytes]:
    return [output for part in parts for output in part]
