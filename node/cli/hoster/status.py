"""`sigfed status` of a partner: what is held and how fresh, and which hits wait for somebody."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from node.cli.output import moment
from node.cli.session import Session
from node.fields import Fact
from node.pages.text import counted

if TYPE_CHECKING:
    from node.home import Home
    from node.hoster.hits.spool import SpooledHit
    from node.hoster.status import PartnerStatus


def partner_status(here: Session) -> None:
    """The state of a partner's client."""
    from node.hoster.cover import cover_words
    from node.hoster.settings import load_partner_settings
    from node.hoster.status import read_partner_status

    now = read_partner_status(here.home)
    found, hit_lines, steps = _hits(here.home)
    enrolment, end_ms = now.enrolment, now.not_after_ms
    here.output.result(
        {
            "partner": enrolment.partner,
            "subset": enrolment.subset,
            "version": now.version,
            "entries": now.entries,
            "not_after_ms": end_ms,
            "grace_days": enrolment.grace_days,
            "confirmed_ms": enrolment.confirmed_ms,
            "evaluations_left": now.evaluations_left,
            "evaluations_per_day": enrolment.evaluations_per_day,
            "cover": now.cover.value,
            "witnesses": list(now.backing.witnesses) if now.backing else [],
            "witnesses_needed": now.backing.needed if now.backing else 0,
            "cosigned_ms": now.cosigned_ms,
            "ahead": now.ahead,
            "gone": now.gone,
            "evidence": [str(folder) for folder in now.evidence],
            "unconfirmed_files": now.unconfirmed,
            "group": here.group(load_partner_settings(here.home.folder).group),
            **found,
        },
        f"{enrolment.partner}, subset {enrolment.subset}, release {now.version or 'none yet'}",
        f"valid until {moment(end_ms)}, then {enrolment.grace_days} days of grace"
        if now.version
        else "no release is held",
        *now.words,
        f"the node confirmed what is held on {moment(enrolment.confirmed_ms)}",
        *_left(now),
        cover_words(now.cover, enrolment.evaluations_per_day),
        *hit_lines,
    )
    here.output.following(*(steps or ["sigfed check FILE" if now.version else "sigfed update"]))


def _left(now: "PartnerStatus") -> Iterator[str]:
    if now.evaluations_left is not None:
        yield (
            f"about {now.evaluations_left:,} of {now.enrolment.evaluations_per_day:,} evaluations a day are left"
        )


def _hits(home: "Home") -> tuple[dict[str, Fact], list[str], list[str]]:
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
