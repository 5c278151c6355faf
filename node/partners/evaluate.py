"""Evaluating for a partner: room first, then the right subset and epoch, the quota, the batch, and last the key.

The quota is charged before anything that depends on the elements is done, so a batch that is refused is paid for too.
What the evaluator was too busy or too dead to answer is given back.
An epoch outside its window is answered before it: who must update first has asked nothing. The event loop waits on
neither the store nor the key.
"""

import asyncio
from datetime import datetime
from typing import Protocol

from node.clock import Clock
from node.errors import EvaluatorDownError, GoneError, RateLimitedError, UsageError
from node.ports.evaluator import Evaluator
from node.store.store import Store
from node.subsets.epochs import Epochs
from protocol.messages import EvaluationReply, EvaluationRequest
from protocol.oprf.group import check_batch
from protocol.oprf.server import Evaluation
from protocol.subset.identity import subset_id


class Quota(Protocol):
    """Whatever counts a partner's evaluations."""

    def spend(self, name: str, count: int, *, now: datetime) -> None:
        """Take `count` evaluations from a partner's allowance; raises `OverQuotaError`."""
        ...

    def refund(self, name: str, count: int, *, now: datetime) -> None:
        """Give back `count` evaluations that were not made."""
        ...


class Evaluating:
    """Answers partners' evaluation requests."""

    def __init__(
        self, store: Store, quota: Quota, evaluator: Evaluator, clock: Clock, *, epochs: Epochs
    ) -> None:
        self._store = store
        self._quota = quota
        self._evaluator = evaluator
        self._clock = clock
        self._epochs = epochs
        self._ids: dict[str, bytes] = {}
        """Of subsets that were asked for: an origin never changes."""

    async def evaluate(self, partner: str, subset: str, request: EvaluationRequest) -> EvaluationReply:
        """Evaluate and prove a batch in the name of `partner`.

        Raises:
            NotFoundError: there is no such subset or partner.
            UsageError: the request is for another subset than its address.
            GoneError: the epoch does not answer now.
            OverQuotaError: the evaluations are used up.
            OprfError: an element is not canonical, is the identity, or occurs twice.
            RateLimitedError: the answer would be late; nothing was taken from the quota.
            EvaluatorDownError: the evaluator died.
        """
        with self._evaluator.reserved(request.count):
            evaluation = await self._evaluated(partner, subset, request)
        return EvaluationReply(
            epoch=request.epoch,
            request_id=request.request_id,
            elements=evaluation.elements,
            proof=evaluation.proof,
        )

    async def _evaluated(self, partner: str, subset: str, request: EvaluationRequest) -> Evaluation:
        await asyncio.to_thread(self._admit, partner, subset, request)
        check_batch(request.elements, request.count)
        try:
            return await self._evaluator.evaluate(subset, request.epoch, request.elements)
        except (RateLimitedError, EvaluatorDownError, GoneError):
            now = self._clock.now()
            await asyncio.to_thread(self._quota.refund, partner, request.count, now=now)
            raise

    def _admit(self, partner: str, subset: str, request: EvaluationRequest) -> None:
        if request.subset_id != self._id(subset):
            raise UsageError("the request is for another subset than its address")
        now = self._clock.now()
        self._epochs.require(subset, request.epoch, now=now)
        self._quota.spend(partner, request.count, now=now)

    def _id(self, subset: str) -> bytes:
        if subset not in self._ids:
            with self._store.read() as unit:
                self._ids[subset] = subset_id(unit.subsets.get(subset).origin)
        return self._ids[subset]
