"""`sigfed hit report --to`: agreeing to what leaves the company, and telling those named in `partner.toml`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from node.cli.exit_codes import ExitCode, exit_code
from node.cli.output import moment
from node.cli.prompts import confirm
from node.cli.session import Session, wait_for
from node.fields import Fact
from node.short_ids import SHORT

if TYPE_CHECKING:
    from node.hoster.hits.notifier import Named
    from node.hoster.hits.reporters import TellingOutcome
    from node.hoster.hits.spool import SpooledHit


def agree_first(here: Session, names: Sequence[str], *, yes: bool) -> None:
    """Say what leaves the company with each reporter that nobody agreed to yet, and ask.

    Before anything is sent, to the agency as well: a command that stops at a question has done nothing.
    """
    if not names:
        return
    from node.hoster.hits.reporters import agree, agreed, named_reporters

    for named in named_reporters(here.home, names):
        if agreed(here.home, named):
            continue
        here.output.talk(
            f"What leaves your company with {named.entry.name}, of each hit that the agency confirmed:",
            *(f"  {line}" for line in named.reporter.leaves),
        )
        confirm(f"Tell {named.entry.name} from now on?", yes=yes)
        agree(here.home, named)


def tell_hits(here: Session, ids: Sequence[str], names: Sequence[str]) -> int:
    """Tell each reporter; the exit code says whether all that may be told was."""
    if not names:
        return ExitCode.OK
    from node.hoster.hits.reporters import named_reporters, tell

    codes = []
    for named in named_reporters(here.home, names):
        outcome = wait_for(tell(here.home, ids, named))
        _say(here, named, outcome)
        codes.append(_code(outcome))
    return next((code for code in codes if code), ExitCode.OK)


def _say(here: Session, named: "Named", outcome: "TellingOutcome") -> None:
    name = outcome.reporter
    for hit in outcome.done:
        told = named.told(hit)
        here.output.result(
            _facts(hit, name, told.reference, ""),
            f"{hit.id[:SHORT]}: told {name}, {told.reference}, {moment(told.told_ms)}",
        )
    for hit, why in (*outcome.passed_over, *outcome.failed):
        here.output.failure(_facts(hit, name, "", str(why)), f"{hit.id[:SHORT]}: not told to {name}: {why}")
    if not (outcome.done or outcome.passed_over or outcome.failed or outcome.stopped):
        here.output.talk(f"nothing waits to be told to {name}")
    if outcome.stopped is not None:
        here.output.talk(
            f"{name}: {outcome.stopped}", *([outcome.stopped.hint] if outcome.stopped.hint else [])
        )
    if outcome.stopped is not None or outcome.failed:
        here.output.following(f"sigfed hit report --all --to {name}, later; nothing is lost meanwhile")


def _code(outcome: "TellingOutcome") -> int:
    if outcome.stopped is not None:
        return exit_code(outcome.stopped)
    return ExitCode.PARTIAL if outcome.failed else ExitCode.OK


def _facts(hit: "SpooledHit", name: str, reference: str, reason: str) -> dict[str, Fact]:
    return {
        "hit": hit.id,
        "reporter": name,
        "told": bool(reference),
        "reference": reference,
        "reason": reason,
    }


def told_facts(hit: "SpooledHit") -> list[Fact]:
    """Whom it was told besides the agency, for `sigfed hit show`."""
    return [
        {
            "reporter": each.reporter,
            "destination": each.destination,
            "reference": each.reference,
            "told_ms": each.told_ms,
            "failure": each.failure,
        }
        for each in hit.told
    ]


def tell_them(here: Session, hit: "SpooledHit", what: str) -> None:
    """Say who must be told `what` about a hit by a person: nothing that was told can be taken back from here."""
    here.output.talk(
        *(
            f"{each.reporter} was told of it ({each.reference}): tell them that {what}"
            for each in hit.told
            if each.reference
        )
    )


def told_lines(hit: "SpooledHit") -> list[str]:
    """The same for people."""
    return [
        f"  told {each.reporter} ({each.destination}): {each.reference}, {moment(each.told_ms)}"
        if each.reference
        else f"  not told to {each.reporter} ({each.destination}) yet: {each.failure or 'it was interrupted'}"
        for each in hit.told
    ]
