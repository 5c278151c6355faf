"""Which partners may show PDQ values in the clear, and how many: nobody by itself, more by two persons, less by one.

Whoever may ask what is near can find out an entry bit by bit, so every partner has few values a day, and is stopped
where too many of them are about one entry (`node.partners.disclosed_lookup`). Letting it go on takes what more
takes. Spec: docs/spec/disclosed.md.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from keys.message import Message
from node.access.approvals import TAKES_TWO
from node.access.quotas import fill
from node.clock import Clock, milliseconds
from node.errors import ForbiddenError, UsageError
from node.fields import dumped
from node.store.accounts.records import Approval
from node.store.partners.records import Allowance, DisclosureRecord
from node.store.store import Store
from node.store.unit import Unit
from protocol.digest import Algorithm

MOST_VALUES_A_DAY: Final = 1_000

_MILLI: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """What a partner may show, and what it has shown."""

    values_per_day: int
    left: int
    """Values that it could show at once now."""
    asked: int
    met: int
    stopped_ms: int | None


class DisclosureTerms:
    """The disclosed look-ups of this node's partners."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def get(self, partner: str) -> Disclosure:
        """What a partner may show; raises `NotFoundError`."""
        with self._store.read() as unit:
            record = self._record(unit, partner, unit.disclosure.find(partner))
        filled = fill(record.allowance, record.values_per_day, self._clock.now())
        return Disclosure(
            values_per_day=record.values_per_day,
            left=0 if record.stopped_ms is not None else filled.level // _MILLI,
            asked=record.asked,
            met=record.met,
            stopped_ms=record.stopped_ms,
        )

    def widens(self, partner: str, values: int) -> bool:
        """Whether so many values a day are more than it may show now.

        Raises:
            NotFoundError: there is no such partner.
            UsageError: more than anybody may, or its subset has no PDQ values, or is one agency's own.
        """
        if not 0 <= values <= MOST_VALUES_A_DAY:
            raise UsageError(
                "at most {most} values a day: more would spell the list out", f"{MOST_VALUES_A_DAY:,}"
            )
        with self._store.read() as unit:
            held = self._record(unit, partner, unit.disclosure.find(partner))
            if values:
                _require_near(unit, partner)
        return _widens(held, values)

    def lower(self, partner: str, values: int) -> None:
        """Let a partner show no more than now, 0: nothing; raises `NotFoundError`, or `ForbiddenError` for more."""
        with self._store.write() as unit:
            held = self._record(unit, partner, unit.disclosure.lock(partner))
            if _widens(held, values):
                raise ForbiddenError(TAKES_TWO)
            unit.disclosure.put(replace(held, values_per_day=values))

    def carry_out(self, unit: Unit, approval: Approval) -> str:
        """Let a partner show the approved values a day, and count anew what they are about."""
        fields = json.loads(approval.payload)
        partner, values = fields["partner"], fields["values_per_day"]
        held = self._record(unit, partner, unit.disclosure.lock(partner))
        begun = held.allowance if held.values_per_day else self._full(held.allowance, values)
        unit.disclosure.put(replace(held, values_per_day=values, allowance=begun, stopped_ms=None))
        unit.disclosure.forget_about(partner)
        return Message("{name} may show {count} PDQ values a day", partner, f"{values:,}")

    def _full(self, allowance: Allowance, values: int) -> Allowance:
        """Who begins need not wait a day; what was used of the month stays used."""
        return replace(allowance, level=values * _MILLI, level_ms=milliseconds(self._clock.now()))

    def _record(self, unit: Unit, partner: str, kept: DisclosureRecord | None) -> DisclosureRecord:
        """What is kept, or that nothing is allowed."""
        unit.partners.get(partner)
        if kept is not None:
            return kept
        empty = Allowance(level=0, level_ms=milliseconds(self._clock.now()), month="", used=0)
        return DisclosureRecord(partner=partner, values_per_day=0, allowance=empty)


def _widens(held: DisclosureRecord, values: int) -> bool:
    return values > held.values_per_day or (values > 0 and held.stopped_ms is not None)


def standing(unit: Unit, partner: str) -> Mapping[str, object]:
    """What a partner may show, and whether it was stopped or suspended; raises `NotFoundError`."""
    suspended, held = unit.partners.get(partner).suspended, unit.disclosure.find(partner)
    values, stopped_ms = (held.values_per_day, held.stopped_ms) if held else (0, None)
    return {"values_per_day": values, "stopped_ms": stopped_ms, "suspended": suspended}


def asked_words(partner: str, values: int, held: Disclosure) -> Message:
    """What a request is about, for people."""
    return Message(
        "{name} may show {count} PDQ values a day (now: {held})"
        if held.stopped_ms is None
        else "{name} may show {count} PDQ values a day (now: {held}), and go on after it was stopped",
        partner,
        f"{values:,}",
        f"{held.values_per_day:,}",
    )


def disclosure_payload(partner: str, values: int) -> bytes:
    """The payload of a request to let a partner show values."""
    fields = {"partner": partner, "values_per_day": values, "stopped_ms": None}
    return dumped(fields)


def _require_near(unit: Unit, partner: str) -> None:
    subset = unit.subsets.get(unit.partners.get(partner).subset)
    if subset.filter.holdings:
        raise UsageError(
            "{name} is a subset of holdings: agencies ask each other about equal hashes alone", subset.name
        )
    if not any(subset.filter.covers(each, Algorithm.PDQ) for each in subset.filter.collections):
        raise UsageError(
            "{name} has no PDQ values", subset.name, hint="make one that has: sigfed subset create --pdq"
        )
