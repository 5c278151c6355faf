"""`sigfed witness`: who cosigns this agency's lists and release logs, and how many are missing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from keys.errors import SigfedError
from node.cli.exit_codes import ExitCode
from node.cli.output import moment, table
from node.cli.session import Session, session, wait_for
from node.fields import Fact
from node.files import said_of

if TYPE_CHECKING:  # commands that ask no witness start without them
    from node.identity.identity import Identity
    from node.store.peers.records import CosignerRecord
    from node.store.store import Store
    from node.witnesses.standings import Cosigned

_HEADER = ("  witness", "size", "since", "last cosigned", "answered")

app = typer.Typer(help="Witnesses of this agency's lists and releases.", no_args_is_help=True)


@app.command("ls")
def ls(context: typer.Context) -> None:
    """Who cosigned each list and release log, since when, and how many more must."""
    from node.identity.witnesses import own_standings

    here = session(context)
    identity = here.identity()
    with here.reading() as store:
        standings = own_standings(identity, store).ls()
        with store.read() as unit:
            records = list(unit.cosigners.ls())
    for standing in standings:
        own = [record for record in records if record.origin == standing.origin]
        here.output.result(
            {
                "origin": standing.origin,
                **standing_facts(standing),
                "witnesses": [_fields(record) for record in own],
            },
            f"{standing.origin}: size {standing.size:,}, {standing.words or 'no other member to cosign it'}",
            *(table(_HEADER, [_cells(record) for record in own]) if own else ()),
        )
    here.output.following(_next_step(standings))


@app.command("ask")
def ask(context: typer.Context) -> int:
    """Ask the other members to cosign what lacks a recent cosignature; a running node does so by itself."""
    from node.identity.witnesses import cosign_own

    here = session(context)
    identity = here.identity()
    with here.writing() as store:
        standings = wait_for(cosign_own(identity, store))
    for standing in standings.values():
        here.output.result(
            {"origin": standing.origin, **standing_facts(standing)},
            f"{standing.origin}: {standing.words or 'no other member to cosign it'}",
        )
        _tell_failures(here, standing)
    here.output.following("sigfed witness ls")
    return alarmed(standings.values())


def have_cosigned(identity: "Identity", store: "Store") -> "Asked":
    """Ask the members to cosign what is out; it stays out, whatever becomes of this."""
    from node.identity.witnesses import cosign_own

    try:
        return Asked(wait_for(cosign_own(identity, store)))
    except (SigfedError, OSError) as exc:
        return Asked({}, said_of(exc))


@dataclass(frozen=True, slots=True)
class Asked:
    """How own heads stand after the members were asked, by origin; why they could not be."""

    standings: "Mapping[str, Cosigned]"
    failure: SigfedError | None = None

    def facts(self, origin: str) -> dict[str, Fact]:
        """How a head stands, as fields of a result; None where that is not known, or nobody is asked any more."""
        standing = self.standings.get(origin)
        return standing_facts(standing) if standing else {"cosigned": None, "missing": None}

    def tell(self, here: Session, origin: str) -> None:
        """Say how a head stands; nothing where there is nobody to ask."""
        if self.failure is not None:
            here.output.talk("  not cosigned; ask again with: sigfed witness ask")
            return
        standing = self.standings.get(origin)
        if standing is None:
            return
        if standing.words:
            here.output.talk(f"  {standing.words}")
        _tell_failures(here, standing)

    def end(self) -> ExitCode:
        """The exit code; raises why the members could not be asked, once what is out was told."""
        if self.failure is not None:
            raise self.failure
        return alarmed(self.standings.values())


def alarmed(standings: "Iterable[Cosigned]") -> ExitCode:
    """The exit code after witnesses were asked: that one has cosigned another history is never a remark."""
    alarm = any(one.alarm for standing in standings for one in standing.asked)
    return ExitCode.VERIFICATION_FAILED if alarm else ExitCode.OK


def standing_facts(standing: "Cosigned") -> dict[str, Fact]:
    """How a head stands with the witnesses, as fields of a result."""
    return {"cosigned": standing.cosigned, "missing": standing.missing}


def witness_status(identity: "Identity", store: "Store") -> tuple[dict[str, Fact], list[str]]:
    """For the status: own logs that more witnesses must cosign, who claims another history of one, who was silent."""
    from node.identity.outside_note import silent
    from node.identity.witnesses import own_standings

    standings, quiet = own_standings(identity, store).ls(), silent(identity)
    missing = {one.origin: one.missing for one in standings if one.missing and one.followed}
    with store.read() as unit:
        alarms = [record for record in unit.cosigners.ls() if record.alarm]
    facts: dict[str, Fact] = {
        "uncosigned": missing,
        "alarms": [{"origin": one.origin, "witness": one.witness, "says": one.outcome} for one in alarms],
        "silent": dict(quiet),
    }
    lines = [
        f"{origin}: {count} more must cosign; ask them with: sigfed witness ask"
        for origin, count in missing.items()
    ]
    lines += [
        f"additions wait: {node} does not say whether this folder was put back: {why}"
        for node, why in quiet.items()
    ]
    lines += [f"ALARM: {one.witness} {one.outcome}: {one.origin}" for one in alarms]
    return facts, lines


def _tell_failures(here: Session, standing: "Cosigned") -> None:
    for one in standing.asked:
        if one.early or not one.lines:
            here.output.talk(f"  {'ALARM: ' if one.alarm else ''}{one.witness}: {one.words}")


def _fields(record: "CosignerRecord") -> dict[str, Fact]:
    return {
        "witness": record.witness,
        "size": record.size,
        "since_ms": record.since_ms,
        "cosigned_s": record.cosigned_s,
        "outcome": record.outcome,
        "alarm": record.alarm,
    }


def _cells(record: "CosignerRecord") -> tuple[str, ...]:
    return (
        f"  {record.witness}",
        f"{record.size:,}",
        moment(record.since_ms),
        moment(record.cosigned_s * 1000),
        f"{'ALARM: ' if record.alarm else ''}{record.outcome}",
    )


def _next_step(standings: "list[Cosigned]") -> str:
    if not standings:
        return "sigfed publish"
    if any(standing.missing for standing in standings):
        return "sigfed witness ask"
    return "a running node renews them by itself: sigfed run"
