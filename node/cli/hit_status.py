"""What `sigfed status` says about hits, cases and proposals, in both homes; nothing, where there are none."""

from typing import TYPE_CHECKING

from node.cli.output import Fact, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.partner.hits import SpooledHit
    from node.runtime.home import Home
    from node.runtime.opening import Identity
    from node.services.storage.shelf import Shelf


def agency_status(identity: "Identity", shelf: "Shelf") -> tuple[dict[str, Fact], list[str]]:
    """Fields and lines about partners' reports, disputes and proposals; overdue disputes first."""
    from node.runtime.hits import casework

    with shelf.storage.read() as unit:
        reports = sum(hit.closed_ms is None for hit in unit.hits.ls())
        proposed = sum(proposal.closed_ms is None for proposal in unit.proposals.ls())
    work = casework(identity, shelf)
    waiting, late = sum(case.answered_ms is None for case in work.ls()), len(work.overdue())
    lines = [
        *([f"{counted(late, 'dispute')} of partners overdue: sigfed case ls"] if late else []),
        *(
            [f"{counted(waiting - late, 'dispute')} of partners to answer: sigfed case ls"]
            if waiting > late
            else []
        ),
        *([f"{counted(reports, 'reported hit')} open: sigfed hit ls"] if reports else []),
        *(
            [f"{counted(proposed, 'proposal')} of partners to look at: sigfed proposal ls"]
            if proposed
            else []
        ),
    ]
    found: dict[str, Fact] = {
        "open_hits": reports,
        "open_cases": waiting,
        "overdue_cases": late,
        "open_proposals": proposed,
    }
    return found, lines


def partner_hits_status(home: "Home") -> tuple[dict[str, Fact], list[str], list[str]]:
    """Fields, lines and next steps about the hits found here, and about proposals that are not sent."""
    from node.clock import SystemClock, milliseconds
    from node.runtime.hit_spool import hit_spool
    from node.runtime.proposal_folder import proposal_folder

    hits, moment_ms = hit_spool(home).ls(), milliseconds(SystemClock().now())
    waiting, late = sum(hit.waiting for hit in hits), sum(hit.overdue(moment_ms) for hit in hits)
    unsent = sum(proposal.waiting for proposal in proposal_folder(home).ls())
    lines = [
        *([f"{counted(waiting, 'hit')} not reported yet"] if waiting else []),
        *([f"{counted(unsent, 'proposal')} not sent yet"] if unsent else []),
        *([f"{counted(late, 'hit')} found more than a day ago and not resolved"] if late else []),
    ]
    steps = [
        *(["sigfed hit report --all"] if waiting else []),
        *(["sigfed proposal send --all"] if unsent else []),
        *(["sigfed hit ls, then sigfed hit resolve ID --action removed, once you acted"] if late else []),
    ]
    untold, untold_lines, untold_steps = _untold(home, hits)
    found: dict[str, Fact] = {
        "unreported_hits": waiting,
        "unresolved_hits": late,
        "unsent_proposals": unsent,
        "untold_hits": untold,
    }
    return found, lines + untold_lines, steps + untold_steps


def _untold(home: "Home", hits: "Sequence[SpooledHit]") -> tuple[Fact, list[str], list[str]]:
    """By reporter, hits that it was not told of: a duty to tell somebody must not be forgotten in silence."""
    from node.names import PARTNER_NAME

    if not (home.folder / PARTNER_NAME).exists():
        return {}, [], []
    from node.runtime.partner_reporters import standings

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
