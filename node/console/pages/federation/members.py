"""Members and peers: who counts, who is followed, how fresh, and what each may read here.

Whoever becomes a member is in the signed register, which holders of targets keys sign: the page writes a proposal for
them. Following, granting and syncing need no holder.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from keys.message import Message
from keys.trust.fingerprint import to_words
from node.access.grants import grant_words
from node.access.notation import collection_of, grant_of
from node.access.sessions import Visitor
from node.access.stored_grant import stored_grant
from node.acts import members, peers
from node.acts.act import OPERATORS, Done, Node
from node.app.peers.member_proposals import propose_member, propose_removal
from node.app.peers.sync import PeerSyncs
from node.console.languages import translated as _
from node.console.pages.acts import action, do
from node.console.pages.federation.freshness import statuses
from node.console.parts import Action, Led, Page, Section, Values
from node.console.world import World
from node.errors import NotFoundError
from node.judgement.coverage import Counts, difference, state_words
from node.judgement.recall import report_withdrawals
from node.peers.status import MemberStatus
from protocol.lists.event import collection_name
from protocol.lists.grant import Grant

_HERE: Final = "/console/members"
_ONE: Final = "/console/members/member"
_TRIED: Final = "tried"
"""In the query of the page of a member: it shows what the grant in it would change."""
SYNC_SECONDS: Final = 60.0
"""Somebody waits for it; what came until then is kept, and the next sync goes on from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """A member, and what concerns it beside its own standing."""

    standing: MemberStatus
    grant: str
    """What it may read here, in words; empty for who is no peer."""
    unapplied: int
    """Withdrawals of own lists that it has not applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersPage:
    """What the page of all members shows."""

    own_words: str
    """The fingerprint of this node, to be read to others."""
    country: str
    rows: Sequence[MemberRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Entries of one collection and kind."""

    collection: str
    algorithm: str
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a peer could read more and less under another grant."""

    words: str
    more: Sequence[Change]
    less: Sequence[Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPage:
    """What the page of one member shows."""

    row: MemberRow
    words: str
    authority_for: Sequence[str]
    grant: Grant | None
    grant_state: str
    """`in force`, or why nothing is granted now."""
    typed: Mapping[str, str]
    """The grant as somebody types it, or as it was typed to be tried."""
    tried: Tried | None
    """What another grant would change; None: none was tried, or the visitor changes none."""


def gather(world: World, _visitor: Visitor, _query: Values) -> MembersPage:
    """All of them."""
    settings = world.identity.settings
    return MembersPage(
        own_words=to_words(world.identity.trust.roots()[0].sha256),
        country=settings.country,
        rows=_rows(world),
    )


def gather_one(world: World, visitor: Visitor, query: Values) -> MemberPage:
    """One; another grant is tried for whoever may change it. Raises `NotFoundError`."""
    row = _row(world, query.require("node", _("the name of the member")))
    member, peer = row.standing.member, row.standing.peer
    grant = None if peer is None else stored_grant(peer)
    # Own lists are read whole for it: nobody has that done who only looks.
    is_tried = grant is not None and _TRIED in query and visitor.role in OPERATORS
    tried = _tried(world, row.standing.node, query) if is_tried else None
    fields = None if grant is None else grant.to_json()
    return MemberPage(
        row=row,
        words=to_words(member.root_sha256),
        authority_for=[collection_name(number) for number in sorted(member.authority_for)],
        grant=grant,
        grant_state="" if grant is None else state_words(grant, world.identity.clock.now()),
        tried=tried,
        typed=_typed(query)
        if tried is not None
        else {
            "collections": ", ".join(fields["collections"] if fields else ()) or "baseline",
            "algorithms": ", ".join((fields and fields["algorithms"]) or ()),
            "until": ""
            if grant is None or grant.until is None
            else f"{grant.until - timedelta(days=1):%Y-%m-%d}",
        },
    )


def _tried(world: World, node: str, query: Values) -> Tried:
    wanted = _wanted(query)
    more, less = difference(world.store, node, wanted, now=world.identity.clock.now())
    return Tried(words=grant_words(wanted), more=_changes(more), less=_changes(less))


def _changes(counts: Counts) -> Sequence[Change]:
    return [
        Change(collection=collection_name(collection), algorithm=algorithm.name.lower(), entries=count)
        for (collection, algorithm), count in sorted(counts.items())
    ]


def _rows(world: World) -> list[MemberRow]:
    with world.store.read() as unit:
        standings = statuses(world, unit)
    waiting: dict[str, int] = {}
    for report in report_withdrawals(world.store):
        for state in report.peers if report.published_ms is not None else ():
            waiting[state.peer] = waiting.get(state.peer, 0) + (not state.applied)
    return [
        MemberRow(
            standing=one,
            grant="" if one.peer is None else grant_words(stored_grant(one.peer)),
            unapplied=waiting.get(one.node, 0),
        )
        for one in standings
    ]


def _row(world: World, node: str) -> MemberRow:
    for row in _rows(world):
        if row.standing.node == node:
            return row
    raise NotFoundError("{node} is no member of the register", node, hint="see who is on the page of members")


def sync(world: World, _visitor: Visitor, form: Values) -> Led:
    """Fetch what a peer published since the last sync."""
    node = form.require("node", _("the name of the peer"))
    syncs = PeerSyncs(world.identity, world.store)
    done = asyncio.run(syncs.run_for(node, seconds=SYNC_SECONDS))
    if done.failure is not None and not done.lists:
        raise done.failure
    return Led(f"{_ONE}?node={node}", f"{node}: {_(done.report.words)}")


def try_grant(_world: World, _visitor: Visitor, form: Values) -> Led:
    """Show what another grant would change, older entries too; nothing is changed."""
    node = form.require("node", _("the name of the peer"))
    _wanted(form)
    return Led(f"{_ONE}?{urlencode({'node': node, **_typed(form), _TRIED: 'yes'})}", "")


def _typed(values: Values) -> dict[str, str]:
    return {name: values.text(name) for name in ("collections", "algorithms", "until")}


def remove_member(world: World, visitor: Visitor, form: Values) -> Led:
    """Follow a member no more and serve it nothing, and propose a register in which it does not count."""
    node, name = form.require("node", _("the name of the member")), ""

    def remove(_node: Node) -> Done:
        nonlocal name
        name = propose_removal(world.identity, node)
        said = Message(
            "{node} is no longer followed and may read nothing here. It counts until the holders of the targets keys"
            " have signed proposal {name} and it was put in force; release every subset anew then.",
            node,
            name,
        )
        return Done(said=said, outcome="proposed")

    done = do(world, visitor, members.remove, members.Removed(node=node, work=remove))
    return Led(f"/console/keys#proposal-{name}", _(done.said))


def propose(world: World, visitor: Visitor, form: Values) -> Led:
    """Write a proposal of a register with one more member."""
    url, words = form.require("url", _("the address")), form.require("words", _("the fingerprint"))
    country = form.text("country").upper()
    authority = [part.strip() for part in form.text("authority").split(",") if part.strip()]

    def add(_node: Node) -> Done:
        name = propose_member(
            world.identity,
            url,
            words,
            country=country or None,
            authority_for=frozenset(map(collection_of, authority)),
        )
        said = Message(
            "Proposal {name} waits on the page of keys: nothing of it counts before the holders of targets keys"
            " have signed it and it was put in force",
            name,
        )
        return Done(said=said, outcome="proposed")

    given = members.Added(url=url, country=country, authority=authority, work=add)
    return Led(_HERE, _(do(world, visitor, members.add, given).said))


def _wanted(form: Values) -> Grant:
    collections = form.require("collections", _("the collections"))
    return grant_of(collections, form.text("algorithms"), form.text("until"))


PAGES: Final = (
    Page(
        name="members",
        path=_HERE,
        title="Members and peers",
        gather=gather,
        section=Section.FEDERATION,
        live=True,
    ),
    Page(name="member", path=_ONE, title="Member", gather=gather_one),
)

ACTIONS: Final = (
    action(members.add, path=f"{_HERE}/propose", page="members", name="member-propose", by=propose),
    Action(name="peer-sync", path=f"{_ONE}/sync", page="member", act=sync, roles=OPERATORS),
    action(peers.grant, path=f"{_ONE}/grant", page="member", to=_ONE, of="node"),
    Action(name="grant-diff", path=f"{_ONE}/try", page="member", act=try_grant, roles=OPERATORS),
    action(peers.add, path=f"{_ONE}/follow", page="member", to=_ONE, of="node", name="peer-follow"),
    action(members.remove, path=f"{_ONE}/remove-member", page="member", by=remove_member),
    action(peers.remove, path=f"{_ONE}/remove", page="member", to=_ONE, of="node"),
)
