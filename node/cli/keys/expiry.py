"""What of the node ends, as `sigfed status` tells it: what is past its half, and the next step with its date."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from node.fields import Fact

if TYPE_CHECKING:
    from node.identity.identity import Identity
    from node.store.store import Store
    from node.trust.expiry import Finding


def expiry_status(identity: "Identity", store: "Store") -> tuple[Mapping[str, Fact], Sequence[str], str]:
    """Fields, lines, and the next step with its date."""
    from node.app.expiry import findings
    from node.trust.expiry import late, next_due

    found = findings(identity, store)
    due = next_due(found)
    assert due is not None, "a node has a root, which ends"
    overdue = late(found)
    told: dict[str, Fact] = {"ends": [_fields(one) for one in overdue], "next_due": _fields(due)}
    return told, [f"{one.standing}: {one.words}" for one in overdue], _dated(due, now=bool(overdue))


def _fields(found: "Finding") -> dict[str, Fact]:
    return {
        "what": found.term.thing,
        "of": found.term.of,
        "standing": found.standing,
        "alarm": found.term.alarm.isoformat(timespec="seconds"),
        "end": found.term.end.isoformat(timespec="seconds"),
        "stops": found.consequence.stops,
        "who": found.consequence.who,
        "step": found.consequence.step,
    }


def _dated(due: "Finding", *, now: bool) -> str:
    when = "now" if now else f"from {due.term.alarm:%Y-%m-%d} on"
    return f"{when}: {due.consequence.step} ({due.term.name}, until {due.term.end:%Y-%m-%d})"
