"""Following another node's TUF repository over any connection: fetching what `keys.trust.follow` wants.

What was accepted before a failure is kept with it: a root that replaces stolen keys counts although the rest is
withheld. Two signed files of one number become evidence. How slowly one answer may come is the connection's matter, how
long all of them may take together is decided here. Spec: docs/spec/trust.md, "Following".
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from keys.errors import ForkedTrustError, KeysError, RolledBackError, ThresholdError
from keys.trust.envelope import open_envelope
from keys.trust.follow import Following, Wanted
from keys.trust.held_trust import HeldTrust
from keys.trust.members import KIND as MEMBERS
from keys.trust.node_document import KIND as NODE
from keys.trust.tuf.repository import TIMESTAMP_FILE
from keys.trust.tuf.root import open_roots
from node.errors import (
    NodeError,
    NotFoundError,
    PeerUnreachableError,
    StoreError,
    TrustForkError,
    VerificationError,
)
from protocol.api import TufApi
from protocol.trustfork import TrustFork, content_pair

RUN_SECONDS: Final = 900.0
"""For a whole run: many answers, each of which comes just in time, must not keep a reader for days."""
LAG_SECONDS: Final = 3.0
"""Of several machines behind one address, one may show what is new so much later than another."""

_JUDGED: Final = frozenset({NODE, MEMBERS})
_AGAIN: Final = "what came is kept, and the next visit goes on from there"
_OLDER: Final = "its operator installs a newer version of sigfed there; what is held stays in force"


@dataclass(frozen=True, slots=True)
class Followed:
    """What is held after a run, and why it did not reach what is current, if it did not."""

    held: HeldTrust
    failure: Exception | None = None

    def reached(self) -> HeldTrust:
        """What is current; raises the failure."""
        if self.failure is not None:
            raise self.failure
        return self.held


async def follow(held: HeldTrust, api: TufApi, now: datetime, *, seconds: float = RUN_SECONDS) -> Followed:
    """Follow from what is held to what is current at `now`, for so many seconds at most.

    Failures are outcomes: `NotFoundError` for a node without a repository, `VerificationError` for older files,
    `TrustForkError` for two of one number, `KeysError` for others that do not verify, `PeerUnreachableError` when the
    time is over, and what the connection raises.
    Only what the own store raises, and a `KeysError` for what is held when that is damaged, comes as an exception.
    """
    run = Following(held, now)
    try:
        async with asyncio.timeout(seconds):
            try:
                await _finish(run, api)
            except RolledBackError:
                await asyncio.sleep(LAG_SECONDS)
                run = Following(run.held, now)
                await _finish(run, api)
    except TimeoutError:
        return Followed(run.held, PeerUnreachableError("its trust files did not come in time", hint=_AGAIN))
    except StoreError:
        raise
    except ForkedTrustError as exc:
        return Followed(run.held, _fork(exc, run.held))
    except RolledBackError as exc:
        return Followed(run.held, VerificationError(exc.message))
    except (NodeError, KeysError) as exc:
        return Followed(run.held, exc)
    return Followed(run.held)


async def _finish(run: Following, api: TufApi) -> None:
    while run.wanted is not None:
        run.take(await _fetch(api, run.wanted))


async def _fetch(api: TufApi, wanted: Wanted) -> bytes | None:
    try:
        if wanted.is_target:
            return await api.tuf_target(wanted.name, max_bytes=wanted.max_bytes)
        return await api.tuf_metadata(wanted.name, held=wanted.held, max_bytes=wanted.max_bytes)
    except NotFoundError as exc:
        if wanted.may_be_missing:
            return None
        if wanted.name == TIMESTAMP_FILE:
            raise NotFoundError("it serves no TUF repository", hint=_OLDER) from exc
        raise


def _fork(error: ForkedTrustError, held: HeldTrust) -> VerificationError:
    """Evidence, where others can judge by it; of the rest there is only the refusal."""
    if error.what not in _JUDGED:
        return VerificationError(error.message)
    root = open_roots(held.roots, held.pin)[-1]
    try:
        contents = [open_envelope(data, error.what, root) for data in (error.held, error.shown)]
    except ThresholdError:  # by keys that were replaced: whoever stole those could convict anybody
        return VerificationError(error.message)
    evidence = TrustFork(node=error.node, what=error.what, one=error.held, other=error.shown).to_bytes()
    return TrustForkError(error.message, evidence=evidence, pair=content_pair(*contents))
