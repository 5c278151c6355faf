"""What pages about one thing are asked for, at the busy agency: a query by the name of the page."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from node.app.approvals import open_approvals
from node.app.partners.hits import casework
from node.console.world import World
from node.judgement import quarantine
from node.partners.hits.overview import reported_hits
from node.recipients.accreditation import Recipients, Wanted, recipient_payload
from node.store.accounts.records import Approval
from protocol.lists.event import BASELINE
from protocol.lists.grant import Grant


def _request(world: World) -> str:
    open_one, *_ = [one for one in open_approvals(world.identity, world.store).ls() if one.outcome == "open"]
    return f"number={open_one.id}"


def _hit(world: World) -> str:
    resolved, *_ = [hit.record for hit in reported_hits(world.store) if hit.resolution]
    return f"hit={resolved.partner}/{resolved.report_id.hex()}"


def _dispute(world: World) -> str:
    case, *_ = casework(world.identity, world.store).ls()
    return f"case={case.partner}/{case.report_id.hex()}"


def _proposal(world: World) -> str:
    with world.store.read() as unit:
        first, *_ = unit.proposals.ls()
    return f"proposal={first.partner}/{first.proposal_id.hex()}"


def _aside(world: World) -> str:
    first, *_ = quarantine.ls(world.store, world.identity.trust.members())
    return f"id={first.id}"


def _own_entry(_: World) -> str:
    return "list=fr.example/lists/csam&index=0"


def _waiting_entry(_: World) -> str:
    return "list=nl.example/lists/csam&index=2"


def _recipient(world: World) -> str:
    """The busy agency has none: one is added as two persons would have."""
    clock = world.identity.clock
    recipients = Recipients(world.store, clock)
    if recipients.ls():
        return "name=hotline"
    grant = Grant(collections=frozenset({BASELINE}), until=clock.now() + timedelta(days=30))
    payload = recipient_payload(Wanted(name="hotline", grant=grant, purpose="notice and takedown"))
    approval = Approval(id=1, kind="", subject="", payload=payload, requested_by="", requested_ms=0)
    with world.store.write() as unit:
        recipients.carry_out_add(unit, approval)
    return "name=hotline"


EXAMPLES: Mapping[str, Callable[[World], str]] = {
    "recipient": _recipient,
    "record": lambda _: "number=0",
    "member": lambda _: "node=nl.example",
    "partner": lambda _: "name=hoster",
    "release": lambda _: "name=baseline",
    "rotate": lambda _: "key=auth-1&rehearse=yes",
    "revoke": lambda _: "key=log-lists-csam-1&reason=compromise&last_good=14",
    "aside": _aside,
    "dispute": _dispute,
    "hit": _hit,
    "proposal": _proposal,
    "entry": _own_entry,
    "holders": _own_entry,
    "entry-shred": _own_entry,
    "entry-withdraw": _own_entry,
    "review-file": _waiting_entry,
    "review-many": lambda _: "peer=nl.example",
    "task": _request,
}
