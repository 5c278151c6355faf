"""The beat of a partner's home: one batch about what scans stored and what earlier versions found, whatever that is."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from node.errors import NodeError, StoreLockedError
from node.home import Home
from node.hoster.client import covered_examiner
from node.hoster.cover import BATCH, Cover
from node.hoster.folder import PartnerFolder
from node.hoster.hits.ends import keep_outputs, unjudged
from node.hoster.hits.homes import alone, hit_spool
from node.hoster.hits.spool import SpooledHit
from node.hoster.lookup.held_releases import HeldReleases
from node.hoster.own_node import MEANS, Means, pace_of
from node.hoster.scan.judge import Asking, Batch, Screening
from node.hoster.scan.scans import default_state
from node.hoster.scan.state import ScanState, open_state, state_key
from node.hoster.settings import load_partner_settings
from node.hoster.store.release import MappedRelease


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatResult:
    """What a beat brought."""

    found: tuple[SpooledHit, ...] = ()
    """Hits in stored files that are new."""
    problem: str = ""
    """Why the batch was not answered, in words."""


async def beat(
    home: Home, *, anew: float = 0.0, verified: MappedRelease | None = None, means: Means = MEANS
) -> BeatResult:
    """Judge what is stored by the release in force, and send one batch; without cover neither is done.

    `anew` is with which probability a stored hash has to be asked about since an update, `verified` the release that it
    verified. What is not answered waits for the next beat: nothing is tried again before.
    """
    begun = asyncio.get_running_loop().time()
    if load_partner_settings(home.folder).cover is Cover.OFF:
        return BeatResult()
    enrolment, held = HeldReleases(PartnerFolder(home.partner), verified).in_force()
    if held is None:
        return BeatResult()
    found: list[SpooledHit] = []
    try:
        examiner = covered_examiner(home, enrolment, held, means=means)

        def asking(state: ScanState) -> Asking:
            return Asking(state, Screening(held), examiner, hit_spool(home), means.clock, found=found)

        hits = unjudged(hit_spool(home), held)
        batch = Batch(BATCH)
        with _stored(home) as state:
            if state is not None:
                batch = asking(state).update(pace_of(home, enrolment, held), anew=anew, besides=len(hits))
        asked = [*batch.digests, *(hit.sent.report.digest for hit in hits)]
        # Meanwhile a scan may have the state: it does not wait for the node.
        outputs = await examiner.evaluate(asked, elements=batch.size, begun=begun)
        if hits:
            with alone(home) as spool:
                keep_outputs(spool, hits, outputs[len(batch.digests) :])
        with _stored(home) as state:
            if state is not None:
                asking(state).conclude(batch, outputs)
    except NodeError as exc:
        return BeatResult(found=tuple(found), problem=exc.message)
    return BeatResult(found=tuple(found))


@contextmanager
def _stored(home: Home) -> Iterator[ScanState | None]:
    """What scans stored; None while there is nothing, or a scan has it for itself."""
    path = default_state(home)
    with ExitStack() as stack:
        state = None
        if path.exists():
            with suppress(StoreLockedError):
                state = stack.enter_context(open_state(path, state_key(home.partner)))
        yield state
