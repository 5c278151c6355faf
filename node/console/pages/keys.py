"""The keys: how old each is, who knows it, what is due; and replacing one, rehearsed first, with nobody surprised.

What holders of offline keys must sign is prepared here as a proposal and signed by them elsewhere: no passphrase of an
offline key is ever typed into a browser.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from keys.roles import Role
from keys.trust.lifecycle import KNOWN_TO_NOBODY, NO_PEER_NEEDS, Facts, Stage, advance, next_due, overlap
from keys.trust.proposal_words import Wanted, changes, wanted
from node.console.languages import translated as _
from node.console.languages import translated_plural
from node.console.partly import partly
from node.console.parts import EVERYBODY, SECURITY, Action, Done, Download, File, Page, Section, Values
from node.console.visitors import Visitor
from node.console.world import World
from node.errors import UsageError
from node.ports.keyring import RingKey
from node.runtime import waiting_proposals
from node.runtime.next_root import publish_proposal
from node.runtime.rehearsing import rehearse
from node.runtime.replacing import REPLACED, Proposed, replace_key
from node.runtime.revoking import settle
from node.runtime.rotating import advance_keys, allow, key_facts
from node.runtime.waiting_proposals import Waiting
from node.services.trust.adopting import as_listed
from node.services.trust.rehearsing import Rehearsed
from node.services.trust.revoking import not_resumed
from node.services.trust.succeeding import SUCCEEDED
from node.services.trust.trusting import REVOKED_NAME
from node.signing.ring import find_key

PURPOSES: Final[Mapping[Role, str]] = MappingProxyType(
    {
        Role.ROOT: "Root",
        Role.TARGETS: "Trust files",
        Role.SNAPSHOT: "Snapshot",
        Role.TIMESTAMP: "Timestamp",
        Role.LOG: "Lists and releases",
        Role.WITNESS: "Witness",
        Role.AUTH: "Asking peers",
        Role.TOKEN: "Access tokens",
        Role.STATEMENT: "Receipts",
        Role.TLS: "Connections",
        Role.OPRF: "Private look-ups",
        Role.STORAGE: "Stored data",
    }
)
"""What people call the keys of a role."""

_PAGE: Final = "/console/keys"
_GONE: Final = frozenset({Stage.REVOKED, Stage.LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One key."""

    key: RingKey
    purpose: str
    tone: str
    """Of its stage: good, waits, bad or rest."""
    spent: int
    """Percent of its life that is over."""
    missing: Sequence[str]
    """Peers that should know it and have not said so."""
    peers: int
    """How many should; 0: nobody needs to."""
    replaced: bool
    """Whether it can be given a successor here."""
    taken_back: bool
    """Whether it can be taken back here, and was not."""

    @property
    def later(self) -> bool:
        """Whether everybody knows it, and it begins by itself when its time has come."""
        return self.key.stage is Stage.PUBLISHED and not self.missing

    @property
    def waits(self) -> bool:
        """Whether it is published and begins once everybody knows it."""
        return self.key.stage is Stage.PUBLISHED and bool(self.missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKey:
    """A root or targets key, which a person keeps."""

    holder: str
    roles: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningHolder:
    """A holder who may sign a proposal."""

    name: str
    signed: Sequence[str]
    """What of it he signed."""
    missing: Sequence[str]
    """What of it lacks signatures that his key can make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalRow:
    """A proposal that waits for its holders."""

    name: str
    path: str
    changes: Sequence[str]
    wanted: Sequence[Wanted]

    @property
    def holders(self) -> Sequence[SigningHolder]:
        """Who signed what, and who can still sign what is missing; by name."""
        names = sorted({name for want in self.wanted for name in (*want.signed, *want.able)})
        return [
            SigningHolder(
                name=name,
                signed=list(dict.fromkeys(want.what for want in self.wanted if name in want.signed)),
                missing=list(
                    dict.fromkeys(want.what for want in self.wanted if want.missing and name in want.able)
                ),
            )
            for name in names
        ]

    @property
    def missing(self) -> int:
        """How many more holders must sign at least."""
        return max((want.missing for want in self.wanted), default=0)

    @property
    def able(self) -> Sequence[str]:
        """To whom the file can be carried."""
        return [holder.name for holder in self.holders if holder.missing]

    @property
    def complete(self) -> bool:
        """Whether everybody signed who must."""
        return not any(want.missing for want in self.wanted)


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
    facts = key_facts(identity, world.shelf, ring)
    listed = as_listed(ring, facts.listed)
    shown = [key for key in listed if key.stage is not Stage.DESTROYED]
    managed = [key.managed for key in listed]
    due = next_due(managed, facts.now)
    names = {key.managed.kid: key.name for key in listed}
    root = identity.trust.root()
    signing = {key.managed.lineage for key in listed if key.stage is Stage.ACTIVE}
    rows = [_row(key, facts, followed=key.managed.lineage in signing) for key in sorted(shown, key=_order)]
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
        proposals=[_proposal(one) for one in waiting_proposals.ls(identity.home)],
        doubted=not_resumed(identity.trust.revocations()),
    )


def _order(key: RingKey) -> tuple[int, str, datetime]:
    return list(Role).index(key.role), key.managed.lineage.of, key.managed.valid.start


def _row(key: RingKey, facts: Facts, *, followed: bool) -> KeyRow:
    valid = key.managed.valid
    life = valid.end - valid.start
    spent = (facts.now - valid.start) / life if life else 1.0
    nobody = key.role in NO_PEER_NEEDS
    return KeyRow(
        key=key,
        purpose=PURPOSES[key.role],
        tone=_tone(key, spent),
        spent=round(100 * min(1.0, max(0.0, spent))),
        missing=() if nobody else sorted(facts.missing(key.managed)),
        peers=0 if nobody else len(facts.peers),
        replaced=key.role in REPLACED,
        # One that is stopped already is offered again while nothing signs in its place: what the holders were to
        # sign may have been thrown away.
        taken_back=key.role in SUCCEEDED and (key.stage not in _GONE or not followed),
    )


def _tone(key: RingKey, spent: float) -> str:
    if key.stage in {Stage.REVOKED, Stage.LOST}:
        return "bad"
    if key.stage is Stage.ACTIVE:
        return "waits" if spent > 0.5 else "good"
    return "waits" if key.stage in {Stage.GENERATED, Stage.PUBLISHED} else "rest"


def _proposal(waiting: Waiting) -> ProposalRow:
    return ProposalRow(
        name=waiting.name,
        path=str(waiting.path),
        changes=changes(waiting.opened),
        wanted=wanted(waiting.opened),
    )


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
    earliest: datetime
    latest: datetime
    rehearsed: Sequence[Rehearsed] | None
    """The rehearsal that was asked for with this page; None: none was."""


def gather_rotation(world: World, _visitor: Visitor, query: Values) -> Rotation:
    """The plan for one key, and a rehearsal if one is asked for.

    Raises:
        NotFoundError: there is no such key.
        UsageError: its successor comes with a next root.
    """
    identity = world.identity
    key = _named(world, query.require("key", _("the key")))
    facts = key_facts(identity, world.shelf, identity.ring.read())
    life = timedelta(days=key.role.info.days)
    return Rotation(
        key=key,
        purpose=PURPOSES[key.role],
        overlap=overlap(life),
        life=life,
        peers=0 if key.role in NO_PEER_NEEDS else len(facts.peers),
        listed=key.role not in KNOWN_TO_NOBODY,
        earliest=facts.now,
        latest=facts.now + timedelta(days=179),
        rehearsed=tuple(rehearse(identity)) if query.ticked("rehearse") else None,
    )


def _named(world: World, name: str) -> RingKey:
    identity = world.identity
    ring = identity.adopt_keys()
    key = find_key(as_listed(ring, key_facts(identity, world.shelf, ring).listed), name)
    if key.role not in REPLACED:
        raise UsageError(
            _("{name} is named by the root").format(name=name),
            hint=_("prepare the next root on the page of the keys: it replaces it"),
        )
    return key


def prepare(world: World, _visitor: Visitor, form: Values) -> Done:
    """Make a successor and the proposal that lists it; what nobody lists begins at once."""
    key = _named(world, form.require("key", _("the key")))
    at, of = _day(form.text("at")), key.managed.lineage.of
    name, proposing = waiting_proposals.begin(world.identity, f"rotate-{key.name}")
    made = replace_key(proposing, world.shelf, key.role, of, at=at)
    if isinstance(made, Proposed):
        said = _("The next key is made. The holders of the targets keys have to sign proposal {name}.")
        return Done(f"{_PAGE}#proposal-{name}", said.format(name=name))
    said = _("{key} is {stage}; it counts from {day} on.")
    key, start = made.key, made.key.managed.valid.start
    return Done(_PAGE, said.format(key=key.name, stage=_(key.stage.value), day=f"{start:%Y-%m-%d}"))


def take_back(world: World, _visitor: Visitor, form: Values) -> Done:
    """Keep a proposal that a holder signed elsewhere."""
    name = form.require("proposal", _("the proposal"))
    back = _proposal(
        waiting_proposals.take_back(world.identity.home, name, form.require("signed", _("the signed file")))
    )
    if back.complete:
        said = _("Proposal {name} is signed by everybody who must. Put it in force now.")
        return Done(f"{_PAGE}#proposal-{name}", said.format(name=name))
    said = translated_plural(
        "The signed file of proposal {name} was taken in; {count} more must sign.",
        "The signed file of proposal {name} was taken in; {count} more must sign.",
        back.missing,
    )
    return Done(f"{_PAGE}#proposal-{name}", said.format(name=name, count=back.missing))


def publish(world: World, _visitor: Visitor, form: Values) -> Done:
    """Put in force what the holders signed, and let the keys take the steps that this allows."""
    name = form.require("proposal", _("the proposal"))
    identity, waiting = world.identity, waiting_proposals.get(world.identity.home, name)
    before = identity.trust.in_force()
    with partly({}, stands=lambda: identity.trust.in_force() != before):
        publish_proposal(identity, waiting.opened)
    with partly({}):
        steps = advance_keys(identity, world.shelf).steps
        if REVOKED_NAME in waiting.opened.proposal.changed:
            settle(identity, world.shelf)
        waiting_proposals.discard(identity.home, name)
    keys = {key.managed.kid: key.name for key in world.identity.ring.read()}
    said = _("Proposal {name} is in force.").format(name=name)
    became = "; ".join(
        _("{key} is {stage}").format(key=keys[step.kid], stage=_(step.after.value)) for step in steps
    )
    return Done(_PAGE, f"{said} {became}".strip())


def discard(world: World, _visitor: Visitor, form: Values) -> Done:
    """Forget a proposal."""
    name = form.require("proposal", _("the proposal"))
    waiting_proposals.discard(world.identity.home, name)
    said = _(
        "Proposal {name} was thrown away; nothing of it counts. A key that was stopped for it stays stopped."
    )
    return Done(_PAGE, said.format(name=name))


def let_begin(world: World, visitor: Visitor, form: Values) -> Done:
    """Let a key begin that some peers do not know yet."""
    key = _named(world, form.require("key", _("the key")))
    allow(world.identity, world.shelf, key, by=visitor.person)
    said = _("{key} may begin although not every peer has said that it knows it.")
    return Done(_PAGE, said.format(key=key.name))


def proposal_file(world: World, _visitor: Visitor, query: Values) -> File:
    """A proposal, to be carried to its holders."""
    waiting = waiting_proposals.get(world.identity.home, query.require("name", _("the proposal")))
    return File(waiting.path.name, "application/json", waiting.path.read_bytes())


def _day(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as exc:
        raise UsageError(_("a day is written YYYY-MM-DD")) from exc


PAGES: Final = (
    Page(name="keys", path=_PAGE, title="Keys", gather=gather, section=Section.FEDERATION, roles=EVERYBODY),
    Page(
        name="rotate",
        path="/console/keys/rotate",
        title="Replace a key",
        gather=gather_rotation,
        roles=SECURITY,
    ),
)

ACTIONS: Final = (
    Action(
        name="key-rotate",
        path="/console/keys/rotate",
        page="rotate",
        act=prepare,
        roles=SECURITY,
        record="key.rotate",
        fresh=True,
        told=("key", "at"),
    ),
    Action(
        name="key-take-back",
        path="/console/keys/signed",
        page="keys",
        act=take_back,
        roles=SECURITY,
        record="key.take-back",
        fresh=True,
        told=("proposal",),
        most_bytes=9_000_000,
    ),
    Action(
        name="key-publish",
        path="/console/keys/publish",
        page="keys",
        act=publish,
        roles=SECURITY,
        record="key.publish",
        strict=True,
        fresh=True,
        told=("proposal",),
    ),
    Action(
        name="key-discard",
        path="/console/keys/discard",
        page="keys",
        act=discard,
        roles=SECURITY,
        record="key.discard",
        fresh=True,
        told=("proposal",),
    ),
    Action(
        name="key-allow",
        path="/console/keys/allow",
        page="keys",
        act=let_begin,
        roles=SECURITY,
        record="key.allow",
        fresh=True,
        told=("key",),
    ),
)

DOWNLOADS: Final = (
    Download(
        name="proposal-file",
        path="/console/keys/proposal",
        make=proposal_file,
        roles=SECURITY,
        record="key.carry",
    ),
)
