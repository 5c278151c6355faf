"""Taking a key back, and letting a log go on whose key was stolen: what it ends is shown before anything is done.

The key is stopped on this node at once. That everybody else refuses it, and which key signs instead, is signed by
holders of targets keys elsewhere: both wait as a proposal on the page of keys.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys.message import Message, marked
from keys.trust.node_parts import FinalCheckpoint
from keys.trust.revocations import Reason
from node.access.sessions import Visitor
from node.acts import keys
from node.acts.act import SECURITY, Done, Node
from node.console.languages import translated as _
from node.console.pages.acts import action, do
from node.console.pages.keys.rows import PURPOSES
from node.console.parts import Led, Page, Values
from node.console.world import World
from node.errors import AlreadyExistsError, UsageError
from node.ports.keyring import RingKey
from node.rotation import proposals
from node.rotation.doubt import vouched
from node.rotation.revocation import Doubted, History, consequences, history, last_good, reason_of
from node.rotation.revoke import check, confirm_by_witnesses, log_of, resume, revoke, settle

_KEYS: Final = "/console/keys"
_HERE: Final = "/console/keys/revoke"
REASONS: Final = (
    (Reason.COMPROMISE, marked("Somebody else has it, or may have it")),
    (Reason.LOST, marked("Nobody has it any more")),
    (Reason.SUPERSEDED, marked("Another key takes its place early")),
    (Reason.CEASED, marked("What it was for has ended")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What would be done, once everything is chosen."""

    sentences: Sequence[str]
    doubted: Doubted | None
    """Of a stolen log key: what was published since."""
    vouched: str
    """How many witnesses know its history up to there; empty where nothing can be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoking:
    """What the page shows."""

    key: RingKey
    purpose: str
    reasons: Sequence[tuple[Reason, str]]
    reason: Reason | None
    history: History | None
    """Of a stolen log key."""
    size: int | None
    """The last good one that was chosen."""
    ending: Ending | None
    """None: something is still to be chosen."""


def gather(world: World, _visitor: Visitor, query: Values) -> Revoking:
    """A key, with as much of its end as was chosen.

    Raises:
        NotFoundError: there is no such key.
        UsageError: it is taken back in another way, or the log never had the size that was chosen.
    """
    key = check(world.identity, query.require("key", _("the key")))
    reason = reason_of(query.text("reason")) if query.text("reason") else None
    published = None if reason is None else _history(world, key, reason)
    size = None if published is None else _size(query)
    chosen = reason is not None and (published is None or size is not None)
    return Revoking(
        key=key,
        purpose=PURPOSES[key.role],
        reasons=REASONS,
        reason=reason,
        history=published,
        size=size,
        ending=_ending(world, key, reason, published, size) if chosen and reason is not None else None,
    )


def _ending(
    world: World, key: RingKey, reason: Reason, published: History | None, size: int | None
) -> Ending:
    good = _good(world, published, size)
    return Ending(
        sentences=tuple(consequences(key, reason, good)),
        doubted=None if published is None or good is None else published.after(good.size),
        vouched=vouched(world.store, published.log, good.size).words
        if published and good and good.size
        else "",
    )


def _history(world: World, key: RingKey, reason: Reason) -> History | None:
    log = log_of(world.store, key)
    return None if log is None or reason is not Reason.COMPROMISE else history(world.store, log)


def _size(values: Values) -> int | None:
    """The size as it was typed, or else picked from the table."""
    for name in ("earlier", "last_good"):
        if values.text(name):
            return values.number(name)
    return None


def _good(world: World, published: History | None, size: int | None) -> FinalCheckpoint | None:
    if published is None:
        return None
    if size is None:
        raise UsageError("the last good publication is missing", hint="pick it from the table, then go on")
    return last_good(world.store, published, size)


def take_back(world: World, visitor: Visitor, form: Values) -> Led:
    """Stop a key here, and propose to the holders what everybody else is told."""
    identity = world.identity
    key = check(identity, form.require("key", _("the key")))
    reason = reason_of(form.require("reason", _("the reason")))
    good = _good(world, _history(world, key, reason), _size(form))
    if not form.ticked("sure"):
        raise UsageError("nobody said that this was read", hint="read what will happen, then tick the box")
    base = f"revoke-{key.name}"
    if waiting := [one.name for one in proposals.ls(identity.home) if one.name.startswith(f"{base}-")]:
        raise AlreadyExistsError(
            "proposal {waiting} waits already",
            waiting[0],
            hint="have it signed, or throw it away, on the page of keys",
        )
    name, proposing = proposals.begin(identity, base)

    def stop(_node: Node) -> Done:
        done = revoke(proposing, world.store, key, reason=reason, last_good=good, signers=())
        stopped = ", ".join(done.taken_back)
        if not proposals.path_of(identity.home, name).exists():
            settle(identity, world.store)
            return Done(said=Message("{keys}: the holders signed this before", stopped))
        said = Message(
            "{keys}: stopped here. Nobody else knows before the holders of the targets keys have signed proposal"
            " {name}: have that done now, and telephone the other agencies.",
            stopped,
            name,
        )
        return Done(said=said, outcome="proposed")

    size = None if good is None else good.size
    done = do(
        world, visitor, keys.revoke, keys.Revoked(name=key.name, reason=reason, last_good=size, work=stop)
    )
    return Led(f"{_KEYS}#proposal-{name}" if done.outcome == "proposed" else _KEYS, _(done.said))


def go_on(world: World, visitor: Visitor, form: Values) -> Led:
    """Ask the witnesses about a log whose key was stolen, and propose to say where it goes on."""
    origin, name = form.require("log", _("the log")), ""

    def propose(_node: Node) -> Done:
        nonlocal name
        standing = asyncio.run(confirm_by_witnesses(world.identity, world.store, origin))
        name, proposing = proposals.begin(world.identity, f"resume-{origin.partition('/')[2]}")
        size = resume(proposing, world.store, origin, standing, signers=())
        said = Message(
            "{log} goes on from size {size} once the holders of the targets keys have signed proposal {name}.",
            origin,
            size,
            name,
        )
        return Done(said=said, outcome="proposed")

    done = do(world, visitor, keys.resume, keys.Resumed(log=origin, work=propose))
    return Led(f"{_KEYS}#proposal-{name}", _(done.said))


PAGES: Final = (Page(name="revoke", path=_HERE, title="Take a key back", gather=gather, roles=SECURITY),)

ACTIONS: Final = (
    action(keys.revoke, path=_HERE, page="revoke", by=take_back),
    action(keys.resume, path="/console/keys/resume", page="keys", by=go_on),
)
