"""Hits that partners reported, handled by one person."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from keys.message import Message, marked
from node.acts.act import Done, Field, Node, act
from node.fields import Fact
from node.short_ids import SHORT
from node.store.accounts.records import PersonRole

if TYPE_CHECKING:
    from node.store.hits.records import HitRecord

HANDLING: Final = frozenset({PersonRole.ANALYST, PersonRole.OPERATOR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A report: the first digits of its id, perhaps after `PARTNER/`."""

    hit: Annotated[str, Field(label=marked("the hit"), record=True)]


@act("hit.close", roles=HANDLING, title=marked("Close it: it is dealt with"))
def close(node: Node, given: Named) -> Done:
    """Mark a report as dealt with."""
    report = _find(node, given)
    with node.store.write() as unit:
        unit.hits.close(report, closed_ms=node.identity.now_ms)
    return _done(report, Message("It counts as dealt with."), "ls --open", state="closed")


@act("hit.hold", roles=HANDLING, title=marked("Hold it: an authority may ask for it"))
def hold(node: Node, given: Named) -> Done:
    """Keep a report from being purged."""
    report = _find(node, given)
    with node.store.write() as unit:
        unit.hits.hold(report, held_ms=node.identity.now_ms)
    said = Message("It is not purged before somebody says otherwise.")
    return _done(report, said, f"show {_short(report)}", held=True)


@act("hit.unhold", roles=HANDLING, title=marked("Hold it no longer"))
def unhold(node: Node, given: Named) -> Done:
    """Let a report that was held be purged in its time."""
    report = _find(node, given)
    with node.store.write() as unit:
        unit.hits.hold(report, held_ms=None)
    return _done(report, Message("It is purged in its time."), f"show {_short(report)}", held=False)


def _find(node: Node, given: Named) -> "HitRecord":
    from node.partners.hits.cases import get_hit

    return get_hit(node.store, given.hit)


def _short(report: "HitRecord") -> str:
    return report.report_id.hex()[:SHORT]


def _done(report: "HitRecord", said: Message, then: str, **fact: Fact) -> Done:
    return Done(
        said=said,
        facts={"hit": report.report_id.hex(), "partner": report.partner, **fact},
        following=(f"sigfed hit {then}",),
    )
