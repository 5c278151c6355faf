"""An evaluator in this process: for a command that releases without a running node, and for tests."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Self

from node.clock import Entropy, system_entropy
from node.evaluator.bench import Bench
from node.ports.evaluator import EpochSecret
from protocol.oprf.group import Group
from protocol.oprf.server import Evaluation


class InProcessEvaluator:
    """`node.ports.evaluator.Evaluator` over threads of this process; a context manager."""

    def __init__(
        self, group: Group, secrets: Sequence[EpochSecret], *, entropy: Entropy = system_entropy
    ) -> None:
        self._bench = Bench(group, entropy=entropy)
        self._bench.hold(secrets)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads."""
        self._bench.close()

    def hold(self, secrets: Sequence[EpochSecret]) -> None:
        """Work with these keys from now on, and with no others."""
        self._bench.hold(secrets)

    def public(self, subset: str, epoch: int) -> bytes:
        """The public key of an epoch (32 bytes); raises `GoneError`."""
        return self._bench.public(subset, epoch)

    def reserved(self, _count: int) -> AbstractContextManager[None]:
        """There is room."""
        return nullcontext()

    async def evaluate(self, subset: str, epoch: int, elements: bytes) -> Evaluation:
        """Evaluate and prove one batch; raises as the port says."""
        return await asyncio.wrap_future(self._bench.evaluate(subset, epoch, elements))

    def outputs(self, subset: str, epoch: int, inputs: Sequence[bytes]) -> list[bytes]:
        """The PRF outputs (64 bytes each) of own inputs; raises as the port says."""
        return self._bench.outputs(subset, epoch, inputs).result() if inputs else []
