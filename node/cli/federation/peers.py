"""`sigfed peer`: the agencies this node follows and that may read here."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from node.acts.peers import ACTS
from node.cli import acts
from node.cli.exit_codes import ExitCode
from node.cli.options import BEYOND_LIMITS
from node.cli.output import listing
from node.cli.session import Session, session, wait_for
from node.errors import NodeError
from node.fields import Fact

if TYPE_CHECKING:
    from node.app.peers.sync import PeerSync
    from node.peers.sync.reports import SyncReport

app = typer.Typer(help="Agencies whose lists this node follows.", no_args_is_help=True)


acts.add(app, ACTS)


@app.command("ls")
def ls(context: typer.Context) -> None:
    """Peers: what they may read, and how far their lists are held."""
    from node.access.grants import grant_words
    from node.access.stored_grant import stored_grant
    from node.store.lists.records import LogKind

    here = session(context)
    with here.reading() as store, store.read() as unit:
        peers, followed = unit.peers.ls(), unit.logs.ls(LogKind.PEER_LIST)
    found = [(peer, {log.name: log.head.size for log in followed if log.node == peer.name}) for peer in peers]
    rows = (
        (peer.name, grant_words(stored_grant(peer)), _held(lists), peer.outcome or "never synced")
        for peer, lists in found
    )
    here.output.each(
        (
            {
                "peer": peer.name,
                "url": peer.url,
                "grant": json.loads(peer.grant),
                "lists": lists,
                "synced_ms": peer.synced_ms,
                "outcome": peer.outcome,
            }
            for peer, lists in found
        ),
        listing(("peer", "may read here", "holding", "last sync"), rows, none="no peers"),
    )


def _held(lists: Mapping[str, int]) -> str:
    return ", ".join(f"{name} at {size:,}" for name, size in lists.items()) or "nothing yet"


@app.command("sync")
def sync(
    context: typer.Context,
    node: Annotated[str, typer.Argument(help="Only this peer; default: all.")] = "",
    beyond_limits: Annotated[bool, BEYOND_LIMITS] = False,
) -> int:
    """Fetch what peers published since the last sync, verified; resumes where it stopped."""
    from node.app.peers.sync import PeerSyncs
    from node.cli.exit_codes import exit_code

    here = session(context)
    identity = here.identity()
    with here.writing() as store:
        syncs = wait_for(PeerSyncs(identity, store, beyond_limits=beyond_limits).run(only=node))
    for done in syncs:
        _tell(here, done)
    if not syncs:
        here.output.talk("no peers")
        here.output.following("sigfed peer add NODE --grant baseline")
        return ExitCode.OK
    code = max((exit_code(done.failure) for done in syncs if done.failure), default=ExitCode.OK)
    if any(done.gossip and done.gossip.found for done in syncs):
        here.output.following("sigfed evidence ls")
    if code == ExitCode.OK:
        here.output.following("sigfed list ls", "sigfed subset release NAME")
    return code


def _tell(here: Session, done: "PeerSync") -> None:
    tell_report(here, done.report, received=done.received)
    if done.gossip is not None and done.gossip.words:
        fields: dict[str, Fact] = {
            "peer": done.report.peer,
            "found": [one.words for one in done.gossip.found],
            "refused": done.gossip.refused,
            "outcome": done.gossip.words,
        }
        ours = done.gossip.error is not None and done.gossip.error is done.failure
        tell = here.output.failure if ours else here.output.result
        tell(fields, f"{done.report.peer} tells: {done.gossip.words}")
    if done.unacknowledged is not None and done.report.error is None:
        here.output.talk(f"{done.report.peer} was not told what is held of its lists: {done.unacknowledged}")
    here.output.talk(f"{done.report.peer}: {done.received:,} bytes received, {done.sent:,} sent")


def tell_report(here: Session, report: "SyncReport", *, received: int = 0) -> None:
    """Print what a sync did with each list; `received` bytes came over the network."""
    peer = report.peer
    for one in report.lists:
        fields: dict[str, Fact] = {
            "peer": peer,
            "origin": one.origin,
            "old": one.old_size,
            "new": one.new_size,
            "adds": one.adds,
            "withdrawals": one.withdrawals,
            "opened": one.opened,
            "quarantined": one.quarantined,
            "bytes": received,
            "outcome": one.words,
            "evidence": one.evidence,
        }
        tell = here.output.result if one.error is None else here.output.failure
        tell(
            fields,
            f"{one.origin}: {one.words}",
            *([f"  evidence kept: {one.evidence}"] if one.evidence else []),
        )
    if report.error is not None:
        here.output.failure({"peer": peer, "outcome": str(report.error)}, f"{peer}: {report.error}")
    if isinstance(report.failure, NodeError) and report.failure.hint:
        here.output.talk(f"  {report.failure.hint}")
