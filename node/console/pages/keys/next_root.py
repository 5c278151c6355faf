"""The next root, prepared: a year more with the holders of today, or with other holders, keys and thresholds.

New holders make their keys on their own machines and bring the public half as a card. Nothing of a proposal counts
before its holders have signed it elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys.message import Message
from keys.trust.holder_card import read_card
from keys.trust.tuf.holders import Holder
from node.access.sessions import Visitor
from node.acts import keys
from node.acts.act import SECURITY, Done, Node
from node.console.languages import translated as _
from node.console.pages.acts import action, do
from node.console.parts import Led, Page, Values
from node.console.world import World
from node.identity.key_holders import ProposalFile
from node.rotation import proposals
from node.rotation.next_root import propose_root
from node.trust.next_root import RootChange

CARDS: Final = 4
"""Cards in one form; more holders come with a further root."""
_PATH: Final = "/console/keys/next-root"
_MOST_KEYS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRoot:
    """What the page shows: how it is today."""

    node: str
    holders: Sequence[str]
    root_keys: int
    threshold: int
    targets_keys: int
    targets_threshold: int
    cards: Sequence[str]
    """Names of the fields for cards."""


def gather(world: World, _visitor: Visitor, _query: Values) -> NextRoot:
    """Today's holders and thresholds."""
    root = world.identity.trust.root()
    return NextRoot(
        node=world.node,
        holders=[holder.name for holder in root.named_holders],
        root_keys=len(root.root_keys),
        threshold=root.threshold,
        targets_keys=len(root.targets_keys),
        targets_threshold=root.targets_threshold,
        cards=_card_fields(),
    )


def propose(world: World, visitor: Visitor, form: Values) -> Led:
    """Prepare a next root with new snapshot and timestamp keys, and with what else the form asks for.

    Raises:
        KeysError: a card is none, or another node's.
        NotFoundError: whoever shall go holds no key.
        UsageError: more signatures are asked for than there are keys.
    """
    change = RootChange(
        holders=[_holder(world, form.text(name)) for name in _card_fields() if form.text(name)],
        remove=[name.strip() for name in form.text("remove").split(",") if name.strip()],
        threshold=form.number("threshold", least=1, most=_MOST_KEYS) or None,
        targets_threshold=form.number("targets_threshold", least=1, most=_MOST_KEYS) or None,
    )
    name, proposing = proposals.begin(world.identity, "next-root")
    stolen = form.ticked("stolen_targets")

    def prepare(_node: Node) -> Done:
        made = propose_root(proposing, change, handover=not stolen)
        ProposalFile(proposals.path_of(world.identity.home, name)).write(made)
        said = Message("The next root is prepared. Its holders have to sign proposal {name}.", name)
        return Done(said=said, outcome="proposed")

    given = keys.next_root(name, change, stolen_targets=stolen, work=prepare)
    return Led(f"/console/keys#proposal-{name}", _(do(world, visitor, keys.propose, given).said))


def _card_fields() -> Sequence[str]:
    return [f"card{number}" for number in range(1, CARDS + 1)]


def _holder(world: World, text: str) -> Holder:
    return read_card(f"{text}\n".encode(), world.node)  # a form's fields come without the line's end


PAGES: Final = (Page(name="next-root", path=_PATH, title="The next root", gather=gather, roles=SECURITY),)

ACTIONS: Final = (action(keys.propose, path=_PATH, page="next-root", by=propose),)
