"""What `sigfed status` says about hits, cases and proposals, in both homes; nothing, where there are none."""

from typing import TYPE_CHECKING

from node.cli.output import Fact
from node.cli.times import moment
from node.pages.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.home import Home
    from node.hoster.hits.spool import SpooledHit
    from node.identity.identity import Identity
    from node.store.store import Store


def agency_status(identity: "Identity", store: "Store") -> tuple[dict[str, Fact], list[str]]:
    """Fields and lines about partners' reports, disputes, proposals and disclosed look-ups; overdue disputes first."""
    from node.partners.hits.overview import hit_counts

    now_ms = identity.now_ms
    hits = hit_counts(store, now_ms=now_ms)
    with store.read() as unit:
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


def partner_hits_status(home: "Home") -> tuple[dict[str, Fact], list[str], list[str]]:
    """Fields, lines and next steps about the hits found here, and about proposals that are not sent."""
    from node.clock import SystemClock, milliseconds
    from node.hoster.hits.homes import hit_spool
    from node.hoster.proposals.folder import own_proposals

    hits, moment_ms = hit_spool(home).ls(), milliseconds(SystemClock().now())
    waiting, unsaid = sum(hit.waiting for hit in hits), sum(hit.untold for hit in hits)
    unresolved, to_undo = [hit for hit in hits if hit.unresolved], sum(hit.to_undo for hit in hits)
    late = sum(hit.overdue(moment_ms) for hit in unresolved)
    soon = min((hit.due_ms for hit in unresolved if not hit.overdue(moment_ms)), default=0)
    unsent = sum(proposal.waiting for proposal in own_proposals(home).ls())
    lines = [
        *(
            [f"{counted(to_undo, 'hit')} withdrawn, and to be undone: sigfed hit ls --open"]
            if to_undo
            else []
        ),
        *([f"{counted(waiting, 'hit')} not reported yet"] if waiting else []),
        *([f"{counted(unsent, 'proposal')} not sent yet"] if unsent else []),
        *([f"{counted(late, 'hit')} found more than a day ago and not resolved"] if late else []),
        *(
            [f"{counted(len(unresolved) - late, 'hit')} to resolve, the first by {moment(soon)}"]
            if soon
            else []
        ),
        *([f"{counted(unsaid, 'resolution')} not told yet"] if unsaid else []),
    ]
    steps = [
        *(["sigfed hit report --all"] if waiting or unsaid else []),
        *(["sigfed proposal send --all"] if unsent else []),
        *(
            ["sigfed hit ls --open, then sigfed hit resolve ID --action removed, once you acted"]
            if unresolved
            else []
        ),
    ]
    untold, untold_lines, untold_steps = _untold(home, hits)
    counts: dict[str, Fact] = {
        "unreported_hits": waiting,
        "unresolved_hits": len(unresolved),
        "overdue_hits": late,
        "withdrawn_hits": to_undo,
        "untold_resolutions": unsaid,
        "unsent_proposals": unsent,
        "untold_hits": untold,
    }
    return counts, lines + untold_lines, steps + untold_steps


def _untold(home: "Home", hits: "Sequence[SpooledHit]") -> tuple[Fact, list[str], list[str]]:
    """By reporter, hits that it was not told of: a duty to tell somebody must not be forgotten in silence."""
    from node.names import PARTNER_NAME

    if not (home.folder / PARTNER_NAME).exists():
        return {}, [], []
    from node.hoster.hits.reporters import standings

    found = standings(home, hits)
    left = [each for each in found if each.untold]
    lines = [
        *(f"{counted(each.untold, 'hit')} not told to {each.name} yet" for each in left),
        *(f"{each.name} cannot be told of hits: {each.problem}" for each in found if each.problem),
    ]
    return (
        {each.name: each.untold for each in found},
        lines,
        [f"sigfed hit report --all --to {each.name}" for each in left],
    )
