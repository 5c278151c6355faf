"""Replacing a key: planned and rehearsed first, with nobody surprised; and letting a successor begin early.

What holders of offline keys must sign is prepared here as a proposal, and signed by them elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from keys.message import Message
from keys.trust.lifecycle import KNOWN_TO_NOBODY, NO_PEER_NEEDS, Facts, overlap
from node.access.notation import start_of_day
from node.access.sessions import Visitor
from node.acts import keys
from node.acts.act import SECURITY, Done, Node
from node.console.languages import translated as _
from node.console.pages.acts import action, do
from node.console.pages.keys.rows import PURPOSES
from node.console.parts import Led, Page, Values
from node.console.world import World
from node.errors import UsageError
from node.ports.keyring import RingKey
from node.rotation import proposals
from node.rotation.rehearsal import rehearse
from node.rotation.rotate import key_facts
from node.rotation.successors import REPLACED, Proposed, replace_key
from node.signing.ring import get_key
from node.trust.adopt import as_listed
from node.trust.rehearsal import Rehearsed

_PAGE: Final = "/console/keys"
_HERE: Final = "/console/keys/rotate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What the page of one rotation shows."""

    key: RingKey
    purpose: str
    overlap: timedelta
    life: timedelta
    peers: int
    listed: bool
    """Whether holders must sign, because trust files name the key."""
    latest: datetime
    rehearsed: Sequence[Rehearsed] | None
    """The rehearsal that was asked for with this page; None: none was."""


def gather(world: World, _visitor: Visitor, query: Values) -> Rotation:
    """The plan for one key, and a rehearsal if one is asked for.

    Raises:
        NotFoundError: there is no such key.
        UsageError: its successor comes with a next root.
    """
    identity = world.identity
    key, facts = _named(world, query.require("key", _("the key")))
    life = timedelta(days=key.role.info.days)
    return Rotation(
        key=key,
        purpose=PURPOSES[key.role],
        overlap=overlap(life),
        life=life,
        peers=0 if key.role in NO_PEER_NEEDS else len(facts.peers),
        listed=key.role not in KNOWN_TO_NOBODY,
        latest=facts.now + timedelta(days=179),
        rehearsed=tuple(rehearse(identity)) if query.ticked("rehearse") else None,
    )


def _named(world: World, name: str) -> tuple[RingKey, Facts]:
    """A key that can be replaced here, with what is known of all keys."""
    ring = world.identity.adopt_keys()
    facts = key_facts(world.identity, world.store, ring)
    key = get_key(as_listed(ring, facts.listed), name)
    if key.role not in REPLACED:
        raise UsageError(
            "{name} is named by the root",
            name,
            hint="prepare the next root on the page of the keys: it replaces it",
        )
    return key, facts


def prepare(world: World, visitor: Visitor, form: Values) -> Led:
    """Make a successor and the proposal that lists it; what nobody lists begins at once."""
    key, _facts = _named(world, form.require("key", _("the key")))
    at, of, name = start_of_day(form.text("at")), key.managed.lineage.of, ""

    def replace(_node: Node) -> Done:
        nonlocal name
        name, proposing = proposals.begin(world.identity, f"rotate-{key.name}")
        made = replace_key(proposing, world.store, key.role, of, at=at)
        if isinstance(made, Proposed):
            said = Message(
                "The next key is made. The holders of the targets keys have to sign proposal {name}.", name
            )
            return Done(said=said, outcome="proposed")
        key_made, start = made.key, made.key.managed.valid.start
        said = Message(
            "{key} is {stage}; it counts from {day} on.",
            key_made.name,
            Message(key_made.stage.value),
            start.strftime("%Y-%m-%d"),
        )
        return Done(said=said)

    done = do(
        world, visitor, keys.rotate, keys.Rotated(role=key.role, of=of, at=form.text("at"), work=replace)
    )
    return Led(f"{_PAGE}#proposal-{name}" if done.outcome == "proposed" else _PAGE, _(done.said))


PAGES: Final = (Page(name="rotate", path=_HERE, title="Replace a key", gather=gather, roles=SECURITY),)

ACTIONS: Final = (
    action(keys.rotate, path=_HERE, page="rotate", by=prepare),
    action(
        keys.allow,
        path="/console/keys/allow",
        page="keys",
        to=_PAGE,
        read=lambda form: keys.Named(name=form.require("key", _("the key"))),
    ),
)
