"""`sigfed hit` in a partner's home: what was found, reported, disputed and resolved."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from node.cli.exit_codes import ExitCode, exit_code, unfinished
from node.cli.hoster.notify import tell_them, told_facts, told_lines
from node.cli.output import listing, moment, spelled
from node.cli.session import Session, wait_for
from node.clock import SystemClock, milliseconds
from node.errors import UsageError
from node.fields import Fact
from node.hoster.hits.instructions import UNDO, unverified
from node.pages.text import counted
from node.short_ids import SHORT

if TYPE_CHECKING:
    from node.hoster.hits.exchange import Shown
    from node.hoster.hits.resolutions import Action
    from node.hoster.hits.spool import SpooledHit


def list_hits(here: Session, *, unresolved: bool, overdue: bool) -> None:
    """Hits, oldest first: all, the unresolved ones, or those of them whose day is over."""
    from node.hoster.hits.homes import hits

    moment_ms = now_ms()
    found = [
        hit
        for hit in hits(here.home)
        if not (
            (unresolved and not (hit.unresolved or hit.to_undo)) or (overdue and not hit.overdue(moment_ms))
        )
    ]
    rows = (
        (
            hit.id[:SHORT],
            hit.state,
            moment(hit.found_ms),
            hit.collection or "-",
            hit.name,
            _notes(hit, moment_ms),
        )
        for hit in found
    )
    here.output.each(
        (_facts(hit, moment_ms) for hit in found),
        listing(("id", "state", "found", "collection", "file", ""), rows, none="no hits"),
    )
    waiting = any(hit.waiting or hit.untold for hit in found)
    to_resolve, to_undo = any(hit.unresolved for hit in found), any(hit.to_undo for hit in found)
    here.output.following(
        *([UNDO] if to_undo else []),
        *(["sigfed hit report --all"] if waiting else []),
        *(["sigfed hit resolve ID --action removed, once you acted"] if to_resolve else []),
        *([] if waiting or to_resolve or to_undo else ["sigfed check FILE"]),
    )


def show_hit(here: Session, text: str) -> int:
    """One hit with what was signed about it; the exit code says whether all of that verifies."""
    from node.hoster.hits.exchange import show

    shown = wait_for(show(here.home, text))
    moment_ms = now_ms()
    here.output.result(_facts(shown.hit, moment_ms) | _signed(shown), *_lines(shown, moment_ms))
    here.output.following(*_steps(shown))
    if shown.problem is None:
        return ExitCode.OK
    here.output.talk(f"  {shown.problem}")
    return exit_code(shown.problem)


def report_hits(here: Session, ids: Sequence[str], *, every: bool) -> int:
    """Report hits; the exit code says whether all that was asked for is done."""
    from node.hoster.hits.exchange import report

    if bool(ids) == every:
        raise UsageError("name hits, or --all", hint="sigfed hit ls")
    done = wait_for(report(here.home, ids))
    for hit in done.hits:
        here.output.result(_facts(hit, now_ms()), *_reported(hit))
    for hit, why in done.failed:
        here.output.failure(_facts(hit, now_ms()), f"{hit.id[:SHORT]}: not told yet, {why} ({hit.name})")
    if not (done.hits or done.failed or done.stopped):
        here.output.result({"reported": 0}, "nothing waits to be reported")
    if done.unverified:
        here.output.talk(unverified(done.unverified))
    if done.problem:
        here.output.talk(f"{counted(done.left, 'hit')} not told yet: {done.problem}")
        here.output.following("sigfed hit report --all, later; nothing is lost meanwhile")
        return unfinished(done, some=bool(done.hits))
    here.output.following(
        *([UNDO] if any(hit.to_undo for hit in done.hits) else []),
        "sigfed hit evidence ID -o FILE",
        "sigfed hit resolve ID --action removed, once you acted",
    )
    return ExitCode.PARTIAL if any(hit.refused for hit in done.hits) else ExitCode.OK


def write_evidence(here: Session, text: str, out: Path) -> None:
    """Fetch, verify and write the evidence of a reported hit."""
    from node.files import replace_named
    from node.hoster.hits.exchange import evidence

    hit, data = wait_for(evidence(here.home, text))
    replace_named(out, [data])
    here.output.result(
        {"hit": hit.id, "file": str(out), "bytes": len(data)},
        f"{out}: {len(data):,} bytes, verified; it holds the hash, so it is as confidential as the hit",
    )
    here.output.following(
        f"sigfed evidence verify {out} --words WORDS, anywhere, with the agency's fingerprint words"
    )


def dispute_hit(here: Session, text: str, *, reason: str, contact: str) -> None:
    """Open a case at the agency."""
    from node.hoster.hits.exchange import dispute
    from protocol.statement.case import CaseState

    hit = wait_for(dispute(here.home, text, reason=reason, contact=contact))
    state = CaseState.from_bytes(hit.case)
    here.output.result(
        {"hit": hit.id, "opened_ms": state.opened_ms, "due_ms": state.due_ms},
        f"{hit.id[:SHORT]}: disputed; the agency answers by {moment(state.due_ms)}",
    )
    here.output.talk(
        "What was sent: the id of your report, your reason and contact. Until the answer the hit stands."
    )
    tell_them(here, hit, "it is disputed")
    here.output.following(f"sigfed hit show {hit.id[:SHORT]}, to see the answer")


def resolve_hit(here: Session, text: str, action: "Action") -> None:
    """Record what became of the file."""
    from node.hoster.hits.exchange import resolve

    done = wait_for(resolve(here.home, text, action))
    hit = done.hit
    here.output.result(
        _facts(hit, now_ms()), f"{hit.id[:SHORT]}: {action}, recorded {moment(hit.resolved_ms)}"
    )
    here.output.talk(done.said)
    if action.value == "false-positive":
        tell_them(here, hit, "it was wrong")
    here.output.following(
        *(["sigfed hit report --all"] if hit.waiting else []),
        *(
            [f"sigfed hit dispute {hit.id[:SHORT]} --reason TEXT"]
            if action.value == "false-positive" and not hit.ended_ms
            else []
        ),
        "sigfed hit ls",
    )


def hold_hit(here: Session, text: str, *, held: bool) -> None:
    """Keep a hit from being purged, or let it go in its time; nobody is told."""
    from node.hoster.hits.retention import hold

    hit = hold(here.home, text, held=held)
    short = hit.id[:SHORT]
    here.output.result(
        _facts(hit, now_ms()),
        f"{short}: it is not purged before somebody says otherwise"
        if held
        else f"{short}: it is purged in its time",
    )
    here.output.following(f"sigfed hit show {short}")


def purge_hits(here: Session, *, dry_run: bool) -> None:
    """Delete hits that are finished and older than is configured, or say how many that would be."""
    from node.hoster.hits import retention
    from node.hoster.settings import load_partner_settings

    days = load_partner_settings(here.home.folder).retention.hit_days
    find = retention.would_purge if dry_run else retention.purge_hits
    found = find(here.home)
    verb = "would be purged" if dry_run else "purged"
    here.output.result(
        {"hits": found, "days": days, "dry_run": dry_run},
        f"{counted(found, 'hit')} {verb}: finished more than {counted(days, 'day')} ago"
        if days
        else "hits are kept for ever: [retention] hit_days is 0",
    )
    if not dry_run:
        retention.scrub(here.home)  # what was removed is told before: this may fail, and is done again
    here.output.following("sigfed hit purge" if dry_run and found else "sigfed hit ls")


def _facts(hit: "SpooledHit", moment_ms: int) -> dict[str, Fact]:
    return {
        "hit": hit.id,
        "file": hit.name,
        "state": hit.state,
        "found_ms": hit.found_ms,
        "collection": hit.collection,
        "countries": list(hit.countries),
        "weak": hit.weak,
        "reported": bool(hit.receipt),
        "refused": hit.refused,
        "disputed": bool(hit.case),
        "action": hit.action.value if hit.action else None,
        "resolved_ms": hit.resolved_ms,
        "due_ms": hit.due_ms,
        "overdue": hit.overdue(moment_ms),
        "resolution_told": bool(hit.acknowledged),
        "held": hit.held,
        "ended_ms": hit.ended_ms,
        "instead": hit.instead,
    }


def _signed(shown: "Shown") -> dict[str, Fact]:
    receipt, answer = shown.receipt, shown.answer
    return {
        "version": shown.hit.sent.report.version,
        "received_ms": receipt.received_ms if receipt else 0,
        "answer": answer.outcome.name.lower() if answer else None,
        "answer_reason": answer.reason if answer else "",
        "ended_version": shown.end.version if shown.end else 0,
        "resolution_told_ms": shown.acknowledged.received_ms if shown.acknowledged else 0,
        "before": [{"action": done.action.value, "done_ms": done.done_ms} for done in shown.hit.before],
        "told": told_facts(shown.hit),
    }


def _lines(shown: "Shown", moment_ms: int) -> list[str]:
    hit, report = shown.hit, shown.hit.sent.report
    lines = [
        f"{spelled(hit.id)}: {hit.name}",
        (
            f"  {hit.state}; found {moment(hit.found_ms)} by {report.digest.algorithm.name.lower()}"
            f" in release {report.version}"
        ),
        f"  {hit.collection or 'on the list'}, listed by {' and '.join(hit.countries) or 'the federation'}",
    ]
    if hit.weak:
        lines.append(
            "  weak: only one old hash matched, and such matches can be forged; a person must look first"
        )
    if shown.receipt:
        lines.append(f"  receipt of {shown.receipt.node}, {moment(shown.receipt.received_ms)}, verified")
    if hit.waiting and hit.tried:
        lines.append("  an attempt to report it was not answered; the agency may have it")
    if hit.refused:
        lines.append(f"  not taken: {hit.refused}")
    lines += _end_lines(shown)
    lines += told_lines(hit)
    held = ["  held: it is not purged"] if hit.held else []
    return [*lines, *_case_lines(shown), *_resolution_lines(shown, moment_ms), *held]


def _end_lines(shown: "Shown") -> list[str]:
    hit, end = shown.hit, shown.end
    if not hit.ended_ms:
        return []
    signed = f"; {end.node} signed that it ended with release {end.version}, verified" if end else ""
    return [
        f"  withdrawn {moment(hit.ended_ms)}: no release lists this hash any more{signed}",
        *([f"  the file is listed by another of its hashes: {hit.instead[:SHORT]}"] if hit.instead else []),
        *([f"  {UNDO}"] if hit.to_undo else []),
    ]


def _resolution_lines(shown: "Shown", moment_ms: int) -> list[str]:
    hit = shown.hit
    if hit.overdue(moment_ms):
        return ["  what became of the file is not recorded, and a day has passed"]
    if hit.action is None:
        return (
            [f"  what becomes of the file is to be recorded by {moment(hit.due_ms)}"]
            if hit.unresolved
            else []
        )
    known = shown.acknowledged
    told = f"; {known.node} was told {moment(known.received_ms)}, verified" if known else ""
    return [
        *(f"  {done.action}, recorded {moment(done.done_ms)}, corrected since" for done in hit.before),
        f"  {hit.action}, recorded {moment(hit.resolved_ms)}{told}",
        *([f"  not told: {hit.not_told}"] if hit.not_told else []),
    ]


def _case_lines(shown: "Shown") -> list[str]:
    from protocol.statement.case import CaseState

    if not shown.hit.case:
        return []
    state = CaseState.from_bytes(shown.hit.case)
    if shown.answer is None and shown.hit.answered:
        return ["  disputed; the answer does not count"]
    if shown.answer is None:
        return [f"  disputed {moment(state.opened_ms)}; an answer is due by {moment(state.due_ms)}"]
    word = shown.answer.outcome.name.lower()
    return [f"  disputed; {word}, {moment(shown.answer.answered_ms)}, signed: {shown.answer.reason}"]


def _steps(shown: "Shown") -> list[str]:
    short = shown.hit.id[:SHORT]
    if shown.hit.waiting:
        return [f"sigfed hit report {short}"]
    if shown.hit.to_undo:
        return [UNDO, f"sigfed hit resolve {short} --action false-positive, once it is undone"]
    steps = (
        [] if not shown.hit.unresolved else [f"sigfed hit resolve {short} --action removed, once you acted"]
    )
    return steps or ["sigfed hit ls"]


def _reported(hit: "SpooledHit") -> list[str]:
    short = hit.id[:SHORT]
    if hit.withdrawn:
        kept = "; the agency keeps it with that, signed" if hit.end else ""
        return [f"{short}: withdrawn, no release lists it any more{kept} ({hit.name})"]
    if hit.refused:
        return [f"{short}: not taken, {hit.refused} ({hit.name})"]
    return [
        f"{short}: reported, {hit.collection}, receipt verified ({hit.name})",
        *([f"{short}: told that it was {hit.action}, receipt verified"] if hit.acknowledged else []),
        *([f"{short}: not told, {hit.not_told}"] if hit.not_told else []),
    ]


def _notes(hit: "SpooledHit", moment_ms: int) -> str:
    notes = [
        *(["weak: a person must look"] if hit.weak else []),
        *(["not resolved within a day"] if hit.overdue(moment_ms) else []),
        *(["not told yet"] if hit.untold else []),
        *(["to undo"] if hit.to_undo else []),
        *(["dispute answered"] if hit.answered else []),
    ]
    return ", ".join(notes)


def now_ms() -> int:
    """The time in milliseconds since 1970."""
    return milliseconds(SystemClock().now())
