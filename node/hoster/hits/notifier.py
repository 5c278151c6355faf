"""Telling somebody other than the agency about hits that the agency confirmed; each of them once.

Decides which hits may be told. One that the agency did not confirm may be off the list since; one that is disputed or
was a false positive accuses nobody; one that rests on an old hash alone is told when a person names it. What was told
is written with the hit before the next one is told.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from node.clock import Clock, milliseconds
from node.errors import NodeError, PeerRefusedError, VerificationError
from node.hoster.hits.notification import Notification
from node.hoster.hits.resolutions import Action
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.ports.reporters import Entry, OutsideHit, Reporter
from protocol.statement.case import CaseAnswer, Outcome
from protocol.statement.receipt import Receipt

_LONGEST_REFERENCE: Final = 128
_LONGEST_FAILURE: Final = 200


class NotNotified(StrEnum):
    """Why a hit is not told to anybody but the agency, in words."""

    UNCONFIRMED = "the agency has not confirmed it"
    DISPUTED = "it is disputed, and the agency has not rejected that"
    FALSE_POSITIVE = "it was a false positive"
    WITHDRAWN = "no release lists it any more"
    WEAK = "it is weak: a person must look, then name it by its id"


@dataclass(frozen=True, slots=True)
class Named:
    """A reporter and the entry that it was made from."""

    entry: Entry
    reporter: Reporter

    def told(self, hit: SpooledHit) -> Notification:
        """How far it told of a hit."""
        found = [each for each in hit.told if each.destination == self.reporter.destination]
        return (
            found[0]
            if found
            else Notification(reporter=self.entry.name, destination=self.reporter.destination)
        )

    def with_told(self, hit: SpooledHit, told: Notification) -> SpooledHit:
        """The hit with that in place of what was kept of this reporter."""
        others = (each for each in hit.told if each.destination != told.destination)
        return replace(hit, told=(*others, told))


def why_not(hit: SpooledHit, answer: CaseAnswer | None, *, named_by_person: bool) -> NotNotified | None:
    """Why nobody but the agency may be told of a hit; None: they may. `answer` is the agency's to its dispute."""
    if not hit.receipt:
        return NotNotified.UNCONFIRMED
    if hit.ended_ms:
        return NotNotified.WITHDRAWN
    if hit.action is Action.FALSE_POSITIVE:
        return NotNotified.FALSE_POSITIVE
    if hit.case and (answer is None or answer.outcome is not Outcome.REJECTED):
        return NotNotified.DISPUTED
    if hit.weak and not named_by_person:
        return NotNotified.WEAK
    return None


class Notifier:
    """Tells of the hits in one spool; whoever uses it keeps others from changing the spool meanwhile."""

    def __init__(self, spool: HitSpool, clock: Clock) -> None:
        self._spool = spool
        self._clock = clock

    async def notify(self, hit: SpooledHit, to: Named, receipt: Receipt) -> SpooledHit:
        """The hit with what became of telling it; one that was told stays as it is.

        Raises:
            NodeError: as `Reporter.submit`; the reason is kept with the hit.
        """
        if to.told(hit).reference:
            return hit
        kept = _Kept(self._spool, hit, to)
        try:
            done = await to.reporter.submit(_outside(hit, to.entry, receipt), kept)
        except NodeError as exc:
            kept.change(failure=str(exc)[:_LONGEST_FAILURE])
            raise
        except Exception as exc:  # noqa: BLE001 -- whatever another's code does
            # A package of another's failed: what it says may hold what it was given.
            kept.change(failure=f"it failed: {type(exc).__name__}")
            raise VerificationError(
                "the reporter {name} failed: {kind}",
                to.entry.name,
                type(exc).__name__,
                hint="tell the maker of its package; the hit stays to be told",
            ) from None
        if not 0 < len(done.reference) <= _LONGEST_REFERENCE:
            kept.change(failure="it gave no reference")
            raise PeerRefusedError("the reporter {name} gave no reference", to.entry.name, status=0)
        return kept.change(reference=done.reference, told_ms=milliseconds(self._clock.now()), failure="")


class _Kept:
    """What a reporter remembers of one hit: a `node.ports.reporters.Progress` in the spool."""

    def __init__(self, spool: HitSpool, hit: SpooledHit, to: Named) -> None:
        self._spool = spool
        self._hit = hit
        self._to = to

    @property
    def text(self) -> str:
        return self._to.told(self._hit).progress

    def keep(self, text: str) -> None:
        self.change(progress=text)

    def change(self, **fields: Any) -> SpooledHit:
        """Write the hit with these fields of what was told."""
        told = replace(self._to.told(self._hit), **fields)
        self._hit = self._spool.save(self._to.with_told(self._hit, told))
        return self._hit


def _outside(hit: SpooledHit, entry: Entry, receipt: Receipt) -> OutsideHit:
    digest = hit.sent.report.digest
    return OutsideHit(
        id=hit.id,
        partner=hit.sent.report.partner,
        agency=receipt.node,
        found_ms=hit.found_ms,
        confirmed_ms=receipt.received_ms,
        collection=hit.collection,
        countries=hit.countries,
        weak=hit.weak,
        algorithm=digest.algorithm.name.lower(),
        digest=digest.value.hex() if entry.sends_hash else None,
        name=hit.name if entry.sends_name else None,
    )
