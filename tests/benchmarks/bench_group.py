"""Group arithmetic against others that do the same: libsodium behind our own interface, `voprf` and OpenMined's PSI.

Whole operations as Python calls them, from inputs or bytes of the wire to bytes of the wire or outputs, in turns:
`voprf` leaves elements undecoded and unencoded until it is asked, so it is asked. Processor time of one thread, so that
what else the machine does falls on no side; of two threads, time on the clock, which wants two idle cores.
OpenMined's proves nothing and hashes otherwise: its request, response and setup stand beside our blinding, evaluation
and release. Run it as `python -m benchmarks.bench_group` with `tests` and the repository on the path.
"""

import ctypes
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench_evaluation_direct import make_batches
from benchmarks.results import Better, Result, in_turns, report, turns_of

from node.evaluator.local_evaluator import InProcessEvaluator
from node.group.build_hook import compile_kernel
from node.group.sodium import load_sodium
from node.ports.evaluator import EpochSecret
from protocol.oprf.client import Blinding, blind, finalize
from protocol.oprf.group import Group
from protocol.oprf.kernel import PATHS, KernelGroup
from protocol.oprf.server import Evaluation, evaluate, outputs
from protocol.oprf.suite import epoch_key
from support.kernel import INSTALLED, SOURCES, is_installed

ITEMS = 12_000
"""Of each operation and size, on each side, in all turns together."""
TURNS = 7
OPERATIONS = ("evaluating with proof", "blinding", "finalizing with verification", "an entry of a release")
UNPROVEN = OPERATIONS[0]
LEAST = {1000: 6.0, 64: 5.0}
"""Times of the best that does the same, with eight lanes; of one that proves nothing five."""
LEAST_UNPROVEN = 5.0
PORTABLE_SIZES = (8, 1000)
LEAST_SCALING = 1.8
BURST = {PATHS[0]: 64, PATHS[1]: 256}
"""Elements of a batch: some milliseconds, as long as a busy machine leaves both of its cores alone now and then."""
BURSTS = 1200
EPOCH = 1_000_000
LEAST_EPOCH = {PATHS[0]: 1.4, PATHS[1]: 6.0}

Side = Mapping[str, Callable[[], object]]


def kernels(folder: Path) -> dict[str, KernelGroup]:
    """The paths that this processor has."""
    library = INSTALLED
    if not is_installed():
        library = folder / "kernel.so"
        failure = compile_kernel(SOURCES, library)
        assert not failure, failure
    found = {}
    for path, name in enumerate(PATHS):
        copy = folder / f"{name}.so"
        shutil.copy(library, copy)
        group = KernelGroup(ctypes.CDLL(str(copy)), path)
        if group.name == name:
            found[name] = group
    return found


class Ours:
    """The four operations on one batch, with one group; what it computes is compared with libsodium's."""

    def __init__(self, group: Group, size: int) -> None:
        self._group = group
        self._inputs = [number.to_bytes(42, "big") for number in range(size)]
        self._key = epoch_key(group, bytes(32))
        self._blinding: Blinding = blind(group, self._inputs, entropy=os.urandom)
        self._answer: Evaluation = self._evaluate()
        assert self._finalize() == outputs(load_sodium(), self._key, self._inputs)

    @property
    def calls(self) -> Side:
        return dict(
            zip(OPERATIONS, (self._evaluate, self._blind, self._finalize, self._release), strict=True)
        )

    def _evaluate(self) -> Evaluation:
        return evaluate(self._group, self._key, self._blinding.elements, entropy=os.urandom)

    def _blind(self) -> Blinding:
        return blind(self._group, self._inputs, entropy=os.urandom)

    def _finalize(self) -> list[bytes]:
        answer = self._answer
        public = self._key.public
        return finalize(self._group, self._blinding, answer.elements, proof=answer.proof, public=public)

    def _release(self) -> list[bytes]:
        return outputs(self._group, self._key, self._inputs)


def voprf_calls(size: int) -> Side:
    """The same with `voprf` of PyPI."""
    from voprf import ristretto

    inputs = [number.to_bytes(42, "big") for number in range(size)]
    evaluator = ristretto.Evaluator(bytes(range(32)))
    public = evaluator.public_key

    def asked() -> list[tuple[ristretto.Client, bytes]]:
        return [(client, blinded.serialize()) for client, blinded in map(ristretto.Client.blind, inputs)]

    clients, sent = zip(*asked(), strict=True)

    def answered() -> bytes:
        return evaluator.evaluate_batch(list(map(ristretto.BlindedInput.deserialize, sent))).serialize()

    answer = answered()

    def finalized() -> list[bytes]:
        read: Any = ristretto.VerifiableBatchOutput.deserialize(answer)
        return ristretto.Client.finalize_batch(list(clients), read, public)

    calls = (answered, asked, finalized, lambda: [evaluator.evaluate_known_input(one) for one in inputs])
    assert finalized() == calls[-1]()
    return dict(zip(OPERATIONS, calls, strict=True))


def openmined_calls(size: int) -> Side:
    """What comes near in OpenMined's private set intersection, without a proof and without verification."""
    from private_set_intersection.python import DataStructure, client, server

    inputs = [f"{number:042d}" for number in range(size)]
    asking, answering = client.CreateWithNewKey(True), server.CreateWithNewKey(True)
    request = asking.CreateRequest(inputs)
    calls = (
        lambda: answering.ProcessRequest(request),
        lambda: asking.CreateRequest(inputs),
        None,
        lambda: answering.CreateSetupMessage(0.001, size, inputs, DataStructure.RAW),
    )
    return {name: call for name, call in zip(OPERATIONS, calls, strict=True) if call is not None}


def timed(call: Callable[[], object], times: int) -> float:
    """Microseconds of processor time of this thread, of one call."""
    started = time.thread_time()
    for _ in range(times):
        call()
    return (time.thread_time() - started) / times * 1e6


def compared(group: Group, size: int, divisor: int) -> Iterator[tuple[str, float, float, str]]:
    """Operation, how often faster than the best that proves, than one that does not, and the times."""
    sides: dict[str, Side] = {
        group.name: Ours(group, size).calls,
        "libsodium": Ours(load_sodium(), size).calls,
        "voprf": voprf_calls(size),
        "openmined-psi": openmined_calls(size),
    }
    turns, times = turns_of(TURNS, divisor), max(1, ITEMS // TURNS // size // divisor)
    for operation in OPERATIONS:
        here = [(name, side[operation]) for name, side in sides.items() if operation in side]
        runs = in_turns(turns, *((lambda call=call: timed(call, times)) for _, call in here))
        taken = {name: [one / size for one in run] for (name, _), run in zip(here, runs, strict=True)}
        proven = [
            name
            for name in taken
            if name != group.name and (operation != UNPROVEN or name != "openmined-psi")
        ]
        best = median(
            min(taken[name][turn] for name in proven) / taken[group.name][turn] for turn in range(turns)
        )
        unproven = (
            median(
                other / own
                for own, other in zip(taken[group.name], taken.get("openmined-psi", []), strict=False)
            )
            if operation == UNPROVEN
            else 0.0
        )
        words = ", ".join(f"{name} {median(run):.2f}" for name, run in taken.items())
        yield operation, best, unproven, f"{words} µs of processor time an item"


def scaling(group: Group, divisor: int) -> Result:
    """Evaluating with proof in two threads against one, on the clock.

    The least of each side is of a moment in which nothing else ran; turns are short, so that there is one.
    """
    bursts, size = max(2, BURSTS // divisor), BURST[group.name]
    key, batches = epoch_key(group, bytes(32)), make_batches(group, batches=2, size=size)

    def clocked(pool: ThreadPoolExecutor) -> float:
        started = time.perf_counter()
        list(pool.map(lambda batch: evaluate(group, key, batch, entropy=os.urandom), batches))
        return time.perf_counter() - started

    with ThreadPoolExecutor(1) as single, ThreadPoolExecutor(2) as double:
        one, two = map(min, in_turns(bursts, lambda: clocked(single), lambda: clocked(double)))
    return Result(
        name=f"{group.name}: two threads against one",
        value=one / two,
        limit=LEAST_SCALING,
        better=Better.HIGHER,
        detail=f"two batches of {size} evaluated with proof in {one * 1e3:.1f} and {two * 1e3:.1f} ms;"
        f" the least of {bursts} turns each",
    )


def epoch(group: Group, divisor: int) -> Result:
    """All answers of a new epoch, in the two threads of an evaluation process, once with libsodium and once without."""
    entries = [number.to_bytes(42, "big") for number in range(max(8, EPOCH // divisor))]
    secret = EpochSecret(subset="baseline", epoch=1, seed=bytes(32))

    def made(by: Group) -> tuple[float, float]:
        with InProcessEvaluator(by, [secret]) as evaluator:
            clock, processor = time.perf_counter(), time.process_time()
            evaluator.outputs("baseline", 1, entries)
            return time.perf_counter() - clock, time.process_time() - processor

    (before, slow), (after, fast) = made(load_sodium()), made(group)
    return Result(
        name=f"{group.name}: the answers of an epoch",
        value=slow / fast,
        limit=LEAST_EPOCH[group.name],
        better=Better.HIGHER,
        detail=f"{len(entries):,} in {fast:.1f} s of processor time, {after:.1f} s on the clock,"
        f" against {slow:.1f} and {before:.1f} s of libsodium",
    )


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """Each path that the processor has against the best of the others."""
    with tempfile.TemporaryDirectory() as name:
        found = kernels(Path(name))
        yield epoch(list(found.values())[-1], divisor)
        for path, group in found.items():
            lanes = path == PATHS[1]
            for size in LEAST if lanes else PORTABLE_SIZES:
                for operation, best, unproven, detail in compared(group, size, divisor):
                    yield Result(
                        name=f"{path}: {operation}, {size:,} at once",
                        value=best,
                        limit=LEAST[size] if lanes else 1.0,
                        better=Better.HIGHER,
                        detail=detail,
                    )
                    if lanes and operation == UNPROVEN:
                        yield Result(
                            name=f"{path}: {operation}, {size:,} at once, against none",
                            value=unproven,
                            limit=LEAST_UNPROVEN,
                            better=Better.HIGHER,
                            detail=detail,
                        )
            yield scaling(group, divisor)


if __name__ == "__main__":
    sys.exit(report([measure], sys.argv[1:]))
