"""`sigfed quarantine`: what guards set aside, logs that stand still, blocks of removed members, and letting them in."""

from typing import TYPE_CHECKING, Annotated

import typer

from node.acts import quarantine
from node.cli import acts
from node.cli.output import listing, moment
from node.cli.session import session
from node.fields import Fact

if TYPE_CHECKING:
    from node.judgement.quarantine import QuarantineItem

app = typer.Typer(help="What waits until people have looked at it.", no_args_is_help=True)

_Id = Annotated[str, typer.Argument(metavar="ID", help="Its number, or the name of a removed member.")]


@app.command("ls")
def ls(context: typer.Context) -> None:
    """Everything that is set aside, with the reason."""
    from node.judgement.quarantine import ls as everything

    here = session(context)
    identity = here.identity()
    with here.reading() as store:
        found = everything(store, identity.trust.members())
    rows = ((one.id, one.words, moment(one.since_ms) if one.since_ms else "-", one.reason) for one in found)
    header = ("id", "what", "since", "why")
    here.output.each(map(_fields, found), listing(header, rows, none="nothing is set aside"))
    if found:
        here.output.following("sigfed quarantine show ID")


@app.command("show")
def show(context: typer.Context, name: _Id) -> None:
    """One item: peer, reason, since when, how much, the evidence to hand on, and what releasing it would do."""
    from node.judgement.quarantine import get

    here = session(context)
    identity = here.identity()
    with here.reading() as store:
        aside = get(store, identity.trust.members(), name)
    here.output.result(
        _fields(aside),
        f"{aside.id}: {aside.words}",
        f"  of:        {aside.node}",
        f"  why:       {aside.reason}",
        f"  since:     {moment(aside.since_ms) if aside.since_ms else 'unknown'}",
        *([f"  released:  {moment(aside.released_ms)}"] if aside.released_ms else []),
        *(f"  evidence:  {one.sha256[:16]} ({one.kind})" for one in aside.evidence),
        f"  releasing: {aside.consequence}",
    )
    here.output.following(
        *(f"sigfed evidence export {one.sha256[:16]} FOLDER" for one in aside.evidence[:1]),
        *_of_flood(identity.settings.node, aside),
        f"sigfed quarantine release {aside.id} --reason TEXT",
    )


acts.add(app, [quarantine.release])


def _of_flood(own: str, aside: "QuarantineItem") -> list[str]:
    """What can be done about an entry that is reported too often: its owner can withdraw it, others can dispute it."""
    from node.store.lists.records import FLOOD

    if aside.kind != FLOOD:
        return []
    reports = f"sigfed hit ls --list {aside.origin}"
    if aside.node == own:
        name = aside.origin.rpartition("/")[2]
        return [reports, f"sigfed entry withdraw --list {name} --index {aside.first}, if it is an error"]
    return [
        reports,
        f"sigfed review show {aside.origin}:{aside.first}",
        f"tell {aside.node}: it is its entry; sigfed entry dispute blocks it until it answers",
    ]


def _fields(aside: "QuarantineItem") -> dict[str, Fact]:
    return {
        "id": aside.id,
        "kind": aside.kind,
        "node": aside.node,
        "origin": aside.origin,
        "reason": aside.reason,
        "since_ms": aside.since_ms,
        "count": aside.count,
        "first": aside.first,
        "evidence": [one.sha256 for one in aside.evidence],
        "released_ms": aside.released_ms or 0,
    }
