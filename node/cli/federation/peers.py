"""`sigfed peer`: the agencies this node follows and that may read here."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from keys.message import Message
from node.cli.exit_codes import ExitCode
from node.cli.options import AS_IF_TWO, BEYOND_LIMITS
from node.cli.output import listing
from node.cli.persons.actor import acting_person, request_approval, require_two, two_decide
from node.cli.session import Session, session, wait_for
from node.errors import NodeError

if TYPE_CHECKING:
    from node.app.peers.sync import PeerSync
    from node.peers.sync.reports import SyncReport
    from protocol.lists.grant import Grant

app = typer.Typer(help="Agencies whose lists this node follows.", no_args_is_help=True)


_GRANT = typer.Option(help="Collections whose openings it may read here, comma-separated.")
_ALGORITHMS = typer.Option(help="Kinds of hashes, comma-separated, as md5,sha1; default: all.")
_UNTIL = typer.Option(help="Last day of the grant, YYYY-MM-DD; default: no end.")


@app.command("add")
def add(
    context: typer.Context,
    node: Annotated[str, typer.Argument(help="Name of a member.")],
    grant: Annotated[str, _GRANT],
    algorithms: Annotated[str, _ALGORITHMS] = "",
    until: Annotated[str, _UNTIL] = "",
    by: Annotated[str, AS_IF_TWO] = "",
) -> None:
    """Follow a member's lists, and let it read ours; where two persons decide, more than baseline is asked for."""
    from node.access.grants import first_part, grant_words, widens
    from node.access.notation import grant_of
    from node.app.peers.membership import membership

    here = session(context)
    wanted = grant_of(grant, algorithms, until)
    first = first_part(wanted) if two_decide(here) else wanted
    who = acting_person(here, by) if widens(first, wanted) else ""
    with membership(here.identity()) as members:
        peer = members.add_peer(node, first)
    if who:
        here.output.talk(f"{node} is followed, and may read {grant_words(first)} here")
        _request(here, node, wanted, by=who)
        return
    here.output.result(
        {"peer": peer.name, "grant": grant, "algorithms": algorithms, "url": peer.url},
        f"{peer.name} may read {_words(grant, algorithms)} here",
    )
    here.output.following("sigfed run", f"sigfed peer sync {peer.name}")


@app.command("grant")
def change_grant(
    context: typer.Context,
    node: Annotated[str, typer.Argument(help="Name of a peer.")],
    grant: Annotated[str, _GRANT],
    algorithms: Annotated[str, _ALGORITHMS] = "",
    until: Annotated[str, _UNTIL] = "",
    by: Annotated[str, AS_IF_TWO] = "",
) -> None:
    """Replace what a peer may read here: less at once, more when a second person approves it."""
    from node.access.grants import Grants
    from node.access.notation import grant_of
    from node.rotation.store import open_shelf

    here = session(context)
    wanted = grant_of(grant, algorithms, until)
    identity = here.identity()
    with open_shelf(identity) as shelf:
        grants = Grants(shelf.storage, identity.clock)
        wider = grants.widens(node, wanted)
        if not wider:
            grants.narrow(node, wanted)
    if wider:
        require_two(here)
        _request(here, node, wanted, by=acting_person(here, by))
        return
    here.output.result(
        {"peer": node, "grant": grant, "algorithms": algorithms},
        f"{node} may read {_words(grant, algorithms)} here",
    )


@app.command("remove")
def remove(context: typer.Context, node: Annotated[str, typer.Argument(help="Name of a peer.")]) -> None:
    """Follow a peer no more and serve it nothing; what is held of its lists stays and counts."""
    from node.app.peers.membership import membership

    here = session(context)
    with membership(here.identity()) as members:
        members.remove_peer(node)
    here.output.result({"peer": node, "removed": True}, f"{node} is no peer any more")
    here.output.following("sigfed peer ls")


def _words(grant: str, algorithms: str) -> str:
    return f"{grant} ({algorithms} only)" if algorithms else grant


def _request(here: Session, node: str, wanted: "Grant", *, by: str) -> None:
    from node.access.grants import Grants, grant_payload, grant_words
    from node.rotation.store import open_shelf

    identity = here.identity()
    with open_shelf(identity) as shelf:
        held = Grants(shelf.storage, identity.clock).get(node)
    request_approval(
        here,
        "peer.grant",
        subject=Message(
            "{peer} may read {grant} here (now: {held})", node, grant_words(wanted), grant_words(held)
        ),
        payload=grant_payload(node, wanted),
        by=by,
    )


@app.command("ls")
def ls(context: typer.Context) -> None:
    """Peers: what they may read, and how far their lists are held."""
    from node.access.callers import stored_grant
    from node.access.grants import grant_words
    from node.identity.store import read_shelf
    from node.lists.catalogue import report_lists

    here = session(context)
    with read_shelf(here.identity()) as shelf:
        with shelf.storage.read() as unit:
            peers = list(unit.peers.ls())
        followed = [report.log for report in report_lists(shelf) if report.log.kind == "peer_list"]
    rows = []
    for peer in peers:
        lists = {log.name: log.head.size for log in followed if log.node == peer.name}
        if here.output.as_json:
            here.output.result(
                {
                    "peer": peer.name,
                    "url": peer.url,
                    "grant": json.loads(peer.grant),
                    "lists": lists,
                    "synced_ms": peer.synced_ms,
                    "outcome": peer.outcome,
                }
            )
        held = ", ".join(f"{name} at {size:,}" for name, size in lists.items()) or "nothing yet"
        rows.append((peer.name, grant_words(stored_grant(peer)), held, peer.outcome or "never synced"))
    if not here.output.as_json:
        here.output.result(
            {}, *listing(("peer", "may read here", "holding", "last sync"), rows, none="no peers")
        )


@app.command("sync")
def sync(
    context: typer.Context,
    node: Annotated[str, typer.Argument(help="Only this peer; default: all.")] = "",
    beyond_limits: Annotated[bool, BEYOND_LIMITS] = False,
) -> int:
    """Fetch what peers published since the last sync, verified; resumes where it stopped."""
    from node.app.peers.sync import PeerSyncs
    from node.cli.exit_codes import exit_code
    from node.rotation.store import open_shelf

    here = session(context)
    identity = here.identity()
    with open_shelf(identity) as shelf:
        syncs = wait_for(PeerSyncs(identity, shelf, beyond_limits=beyond_limits).run(only=node))
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
        here.output.result(
            {
                "peer": done.report.peer,
                "found": [one.words for one in done.gossip.found],
                "refused": done.gossip.refused,
                "outcome": done.gossip.words,
            },
            f"{done.report.peer} tells: {done.gossip.words}",
        )
    if done.unacknowledged is not None and done.report.error is None:
        here.output.talk(f"{done.report.peer} was not told what is held of its lists: {done.unacknowledged}")
    here.output.talk(f"{done.report.peer}: {done.received:,} bytes received, {done.sent:,} sent")


def tell_report(here: Session, report: "SyncReport", *, received: int = 0) -> None:
    """Print what a sync did with each list; `received` bytes came over the network."""
    peer = report.peer
    for one in report.lists:
        here.output.result(
            {
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
            },
            f"{one.origin}: {one.words}",
            *([f"  evidence kept: {one.evidence}"] if one.evidence else []),
        )
    if report.error is not None:
        here.output.result({"peer": peer, "outcome": str(report.error)}, f"{peer}: {report.error}")
    if isinstance(report.failure, NodeError) and report.failure.hint:
        here.output.talk(f"  {report.failure.hint}")
