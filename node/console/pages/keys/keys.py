"""The keys: how old each is, who knows it, what is due, who holds the offline ones, and which proposals wait for them.

Here they are only shown: keys are replaced in `rotate` and taken back in `revoke`, proposals are handled in
`proposals`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from keys.trust.lifecycle import Stage, advance, next_due
from node.access.sessions import Visitor
from node.console.languages import translated as _
from node.console.pages.keys.proposals import ProposalRow, row_of_proposal
from node.console.pages.keys.rows import KeyRow, order, row_of
from node.console.parts import Page, Section, Values
from node.console.world import World
from node.rotation import proposals
from node.rotation.rotate import key_facts
from node.trust.adopt import as_listed
from node.trust.revoke import not_resumed


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKey:
    """A root or targets key, which a person keeps."""

    holder: str
    roles: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What the page shows."""

    rows: Sequence[KeyRow]
    later: Sequence[KeyRow]
    """Successors that everybody knows and whose time comes by itself."""
    destroyed: int
    holders: Sequence[HeldKey]
    root_threshold: int
    root_version: int
    root_ends: datetime
    alarms: Sequence[str]
    due: str
    due_at: datetime | None
    proposals: Sequence[ProposalRow]
    doubted: Sequence[str]
    """Logs whose key was stolen, and of which it was not said yet where they go on."""


def gather(world: World, _visitor: Visitor, _values: Values) -> Keys:
    """Everything, as it stands now."""
    identity = world.identity
    ring = identity.adopt_keys()
    facts = key_facts(identity, world.store, ring)
    listed = as_listed(ring, facts.listed)
    shown = [key for key in listed if key.stage is not Stage.DESTROYED]
    managed = [key.managed for key in listed]
    due = next_due(managed, facts.now)
    names = {key.managed.kid: key.name for key in listed}
    root = identity.trust.root()
    signing = {key.managed.lineage for key in listed if key.stage is Stage.ACTIVE}
    rows = [row_of(key, facts, followed=key.managed.lineage in signing) for key in sorted(shown, key=order)]
    return Keys(
        rows=[row for row in rows if not row.later],
        later=[row for row in rows if row.later],
        destroyed=len(listed) - len(shown),
        holders=[
            HeldKey(
                holder=holder.name,
                roles=[key.role.value for key in (holder.root, holder.targets) if key is not None],
            )
            for holder in root.named_holders
        ],
        root_threshold=root.threshold,
        root_version=root.version,
        root_ends=root.expires,
        alarms=[
            f"{names.get(alarm.kid) or alarm.lineage.of or alarm.lineage.role}: {alarm.kind}"
            for alarm in advance(managed, facts).alarms
        ],
        due="" if due is None else _("{key} is {stage}").format(key=names[due.kid], stage=_(due.stage.value)),
        due_at=None if due is None else due.at,
        proposals=[row_of_proposal(one) for one in proposals.ls(identity.home)],
        doubted=not_resumed(identity.trust.revocations()),
    )


PAGES: Final = (
    Page(name="keys", path="/console/keys", title="Keys", gather=gather, section=Section.FEDERATION),
)
