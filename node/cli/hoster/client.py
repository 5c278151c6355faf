"""Commands of a partner: `enroll`, `update`, `renew`, `check`."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.exit_codes import ExitCode, exit_code
from node.cli.hoster.each_subset import each_subset
from node.cli.options import QUERIES, STDIN
from node.cli.prompts import ask_hidden
from node.cli.session import Session, session, wait_for
from node.fields import Fact
from node.hoster.hits.instructions import FOUND, UNDO
from node.pages.text import counted

if TYPE_CHECKING:
    from node.hoster.client import Checked, Updated
    from node.hoster.lookup.examiner import Hit
    from node.hoster.release.update import UpdateReport
    from node.hoster.settle import Settled

LEAVES = (
    "What leaves this machine: your IP address, batches of blinded values, as many whatever was found, and the",
    "version you hold. What never leaves: file names, files, and hashes of what is not on the list. A hit is",
    "recorded here. A hash leaves by sigfed hit report, sigfed propose, and, where you switch it on, sigfed disclose",
    "alone, with your name and the time; and of a reported hit sigfed hit resolve tells what you did, and when.",
)
AT_ONCE = (
    "more files passed the screen than the batch holds: they were asked about at once, and the node sees that"
)
SELF_TEST = "self-test passed: the published test file is a hit, another is not"


def enroll(
    context: typer.Context,
    from_stdin: Annotated[bool, STDIN] = False,
    also: Annotated[
        bool, typer.Option("--also", help="Follow this subset beside those that the home follows.")
    ] = False,
) -> None:
    """Enrol with the one string an agency gave, and fetch the first release."""
    from node.hoster.client import enrol
    from node.hoster.cover import cover_words
    from node.hoster.settings import load_partner_settings

    here = session(context)
    text = sys.stdin.readline() if from_stdin else ask_hidden("Enrolment string")
    done = wait_for(enrol(here.homes[0], text, also=also))
    here.output.result(
        {
            "partner": done.enrolment.partner,
            "node": done.node,
            "subset": done.enrolment.subset,
            "evaluations_per_day": done.enrolment.evaluations_per_day,
            "grace_days": done.enrolment.grace_days,
            "version": done.report.new,
            "entries": done.report.entries,
            **_screen_facts(done.report),
        },
        f"enrolled as {done.enrolment.partner} with {done.node}, subset {done.enrolment.subset}",
        _line(done.report, done.bytes_received),
        *([SELF_TEST] if done.report.tested == "asked" else []),
        f"{done.enrolment.evaluations_per_day:,} evaluations a day;"
        f" verdicts stay valid {done.enrolment.grace_days} days past a release's end",
        *_screen_words(done.report),
        cover_words(load_partner_settings(here.homes[0].folder).cover, done.enrolment.evaluations_per_day),
    )
    here.output.talk(*LEAVES)
    here.output.following("sigfed check FILE", "run sigfed update every hour")
    if also:
        here.output.following(
            "start the daemons again, those that run: they judge by this subset as well from then on"
        )


@each_subset
def update(
    context: typer.Context,
    whole: Annotated[
        bool, typer.Option("--whole", help="Fetch whole files, when those here are damaged.")
    ] = False,
) -> None:
    """Fetch the newest release, verify it, and put it in force."""
    from node.hoster.client import update as run_update
    from node.hoster.events import FAILURES, Events
    from node.hoster.settle import settle

    here = session(context)
    events = Events.of(here.home)
    try:
        done = wait_for(run_update(here.home, whole=whole))
    except FAILURES as exc:
        here.output.talk(*events.failed(exc))
        raise
    report = done.report
    settled = wait_for(settle(here.home, anew=report.anew, verified=report.held))
    here.output.result(
        _facts(done, settled),
        _line(report, done.bytes_received),
        *([SELF_TEST] if report.tested and (report.tested == "asked" or not report.old) else []),
        *(_screen_words(report) if report.new != report.old else ()),
        *_unusual(report),
        *(["  this partner's key was replaced by a new one"] if done.renewed else []),
        *_settled(settled),
    )
    here.output.talk(*([UNDO] if settled.to_undo else []), *([settled.problem] if settled.problem else []))
    if done.not_renewed is not None:
        here.output.talk(
            f"the key should be replaced, and was not: {done.not_renewed}",
            done.not_renewed.hint or "try again later",
        )
    here.output.talk(*events.updated(report))
    here.output.following("sigfed hit report --all" if settled.found else "sigfed check FILE")


def _facts(done: "Updated", settled: "Settled") -> dict[str, Fact]:
    report = done.report
    return {
        "subset": report.subset,
        "old": report.old,
        "new": report.new,
        "added": report.added,
        "removed": report.removed,
        "entries": report.entries,
        "bytes_received": done.bytes_received,
        "not_after": report.not_after.isoformat() if report.not_after else None,
        "member_changes": list(report.member_changes),
        "witnesses": list(report.backing.witnesses),
        "witnesses_needed": report.backing.needed,
        "ahead": report.ahead,
        "gone": report.gone,
        "warnings": list(report.warnings),
        "tested": report.tested,
        **_screen_facts(report),
        "renewed": done.renewed,
        "hits_closed": settled.closed,
        "hits_withdrawn": settled.to_undo,
        "disputes_answered": settled.answered,
        "resolutions_told": settled.told,
        "hits_purged": settled.purged,
        "hits_found": len(settled.found),
    }


def _screen_facts(report: "UpdateReport") -> dict[str, int | None]:
    made_by = report.made_by
    return {
        "screen_rule": None if made_by is None else made_by.screen_rule,
        "odds": None if made_by is None else made_by.odds(),
    }


def _screen_words(report: "UpdateReport") -> list[str]:
    made_by = report.made_by
    if made_by is None:
        return [
            "  screen by the old rule: of a file of which not all three hashes are given the node is asked"
        ]
    if not made_by.screen_bits:
        return ["  no screen: the node is asked about every file"]
    told = f"whoever reads this folder can tell, at odds of up to {made_by.odds():,} to 1, whether a file is listed"
    return [f"  screen by rule {made_by.screen_rule}: {told}"]


def renew(context: typer.Context) -> None:
    """Replace this partner's key with a new one; sigfed update does so in time by itself."""
    from node.hoster.client import renew as run_renew

    here = session(context)
    wait_for(run_renew(here.home))
    here.output.result(
        {"renewed": True}, "this partner's key was replaced by a new one; the old one counts for a day more"
    )
    here.output.following("sigfed update")


@each_subset
def check(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(help="Files to look up.")] = None,
    hash_from: Annotated[str, QUERIES] = "",
) -> int:
    """Ask privately whether files are on the list; exit code 1 when one is."""
    from node.errors import UsageError
    from node.hoster.client import check as run_check

    here = session(context)
    if bool(files) == bool(hash_from):
        raise UsageError("name files, or --hash-from", hint="sigfed check FILE…")
    told = partial(tell_verdict, here)
    done = wait_for(
        run_check(here.home, files=files or [], hash_from=hash_from, others=here.others, tell=told)
    )
    return tell_checked(here, done)


def tell_checked(here: Session, done: "Checked") -> int:
    """Tell what else came of a look-up, after its verdicts; gives the exit code."""
    for name, reason in done.unreadable:
        here.output.failure(
            {"file": name, "verdict": "unreadable", "reason": reason}, f"{name}: UNREADABLE {reason}"
        )
    for name in done.not_asked:
        here.output.result(
            {"file": name, "verdict": "not-asked"}, f"{name}: not asked, this subset is of other hashes"
        )
    for name in done.unanswered:
        here.output.failure({"file": name, "verdict": "unanswered"}, f"{name}: NOT LOOKED UP")
    _summary(here, done)
    if any(hit for _, hit in done.verdicts):
        return ExitCode.HITS
    if done.stopped is not None:
        return exit_code(done.stopped)
    return ExitCode.PARTIAL if done.unreadable else ExitCode.OK


def tell_verdict(here: Session, name: str, hit: "Hit | None") -> None:
    """Tell what a file is."""
    if hit is None:
        here.output.result({"file": name, "verdict": "clean"}, f"{name}: not on the list")
        return
    countries = list(dict.fromkeys(source.country for source in hit.sources))
    fields: dict[str, Fact] = {
        "file": name,
        "verdict": "test-file" if hit.test_file else "hit",
        "weak": hit.weak,
        "collection": hit.collection,
        "countries": countries,
        "algorithms": [algorithm.name.lower() for algorithm in hit.algorithms],
        "sources": [{"list": source.origin, "index": source.index} for source in hit.sources],
    }
    if hit.test_file:
        here.output.result(fields, f"{name}: the published test file (not material)")
        return
    here.output.result(
        fields,
        f"{name}: {f'HIT {hit.collection}'.rstrip()}, listed by {' and '.join(countries) or 'the federation'}"
        + (" (weak: one old hash only; a person must look)" if hit.weak else ""),
    )


def _summary(here: Session, done: "Checked") -> None:
    from node.hoster.client import FOLDER

    hits = sum(hit is not None and not hit.test_file for _, hit in done.verdicts)
    here.output.talk(
        f"{len(done.verdicts)} looked up, {hits} on the list; "
        + (
            f"{done.evaluated} blinded values were sent, the node learned nothing else"
            if done.evaluated
            else "the node was not asked"
        )
    )
    here.output.following(*(f"sigfed scan {name}" for name, reason in done.unreadable if reason == FOLDER))
    if done.at_once:
        here.output.talk(AT_ONCE)
    if done.stopped is not None:
        here.output.talk(f"{len(done.unanswered)} were not looked up: {done.stopped}")
        here.output.following("the same command again, later, for the files that were not looked up")
    if done.recorded:
        here.output.talk(f"{counted(len(done.recorded), 'hit')} recorded here; nobody was told yet")
        here.output.following(FOUND, "sigfed hit report --all")


def _settled(settled: "Settled") -> list[str]:
    """What became of hits, a line each."""
    counts = (
        (settled.closed, "hit", "closed: no release lists {it} any more, and nothing of {it} is reported"),
        (settled.to_undo, "reported hit", "withdrawn: no release lists {it} any more; sigfed hit ls"),
        (settled.answered, "dispute", "answered by the agency: sigfed hit ls"),
    )
    return [
        f"  {counted(count, noun)} {words.format(it='it' if count == 1 else 'them')}"
        for count, noun, words in counts
        if count
    ] + [
        *(
            [f"  {counted(len(settled.found), 'hit')} in scanned files recorded here; nobody was told yet"]
            if settled.found
            else []
        ),
        *([f"  told what became of {counted(settled.told, 'reported hit')}"] if settled.told else []),
        *([f"  purged {counted(settled.purged, 'hit')}, finished long ago"] if settled.purged else []),
    ]


def _unusual(report: "UpdateReport") -> list[str]:
    """What a person should know about the federation and its witnesses, a line each."""
    lines = [f"  the federation changed: {change}" for change in report.member_changes]
    lines += [f"  {warning}" for warning in report.warnings]
    if report.ahead:
        lines.append(
            f"  release {report.ahead} took {report.gone:,} answers away; for the rest it waits for"
            f" {report.backing.missing} more of the members that cosign"
        )
    elif report.backing.missing:
        lines.append(f"  release {report.new}: {report.backing.words}")
    return lines


def _line(report: "UpdateReport", received: int) -> str:
    if report.old == report.new:
        return f"{report.subset} {report.new}: up to date, {received:,} bytes"
    return (
        f"{report.subset} {report.old} → {report.new}, {report.added:,} added, {report.removed:,} removed,"
        f" verified, {received:,} bytes"
    )
