"""What `sigfed status` says about hits, cases and proposals of partners; nothing, where there are none."""

from typing import TYPE_CHECKING

from node.fields import Fact
from node.pages.text import counted

if TYPE_CHECKING:
    from node.identity.identity import Identity
    from node.store.store import Store


def agency_status(identity: "Identity", store: "Store") -> tuple[dict[str, Fact], list[str]]:
    """Fields and lines about partners' reports, disputes, proposals and disclosed look-ups; overdue disputes first."""
    now_ms = identity.now_ms
    with store.read() as unit:
        hits = unit.hits.counts(now_ms=now_ms)
        proposed, stopped = unit.proposals.open_count(), len(unit.disclosure.stopped())
        due = [case.due_ms for case in unit.partner_cases.ls() if case.answered_ms is None]
    waiting, late = len(due), sum(each <= now_ms for each in due)
    told = (
        (late, f"{counted(late, 'dispute')} of partners overdue: sigfed case ls"),
        (waiting - late, f"{counted(waiting - late, 'dispute')} of partners to answer: sigfed case ls"),
        (
            hits.withdrawn,
            f"{counted(hits.withdrawn, 'reported hit')} withdrawn, to be undone: sigfed hit ls --open",
        ),
        (
            hits.overdue,
            f"{counted(hits.overdue, 'reported hit')} overdue, no word what became of it: sigfed hit ls --overdue",
        ),
        (
            hits.open,
            f"{counted(hits.open, 'reported hit')} open, {hits.resolved:,} of them resolved: sigfed hit ls --open",
        ),
        (proposed, f"{counted(proposed, 'proposal')} of partners to look at: sigfed proposal ls"),
        (
            stopped,
            f"disclosed look-ups of {counted(stopped, 'partner')} stopped, too many alike: sigfed partner ls",
        ),
    )
    lines = [line for count, line in told if count > 0]
    counts: dict[str, Fact] = {
        "open_hits": hits.open,
        "resolved_hits": hits.resolved,
        "overdue_hits": hits.overdue,
        "withdrawn_hits": hits.withdrawn,
        "open_cases": waiting,
        "overdue_cases": late,
        "open_proposals": proposed,
        "stopped_disclosures": stopped,
    }
    return counts, lines
