"""Proposals that wait for holders of offline keys: carried to them, taken back signed, put in force or thrown away.

They are shown on the page of the keys. Nothing of a proposal counts before its holders have signed it elsewhere: no
passphrase of an offline key is ever typed into a browser.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys.trust.proposals.words import Wanted, changes, wanted
from node.console.languages import translated as _
from node.console.languages import translated_plural
from node.console.partly import partly
from node.console.parts import SECURITY, Action, Done, Download, File, Values
from node.console.visitors import Visitor
from node.console.world import World
from node.rotation import proposals
from node.rotation.next_root import publish_proposal
from node.rotation.proposals import Waiting
from node.rotation.revoke import settle
from node.rotation.rotate import advance_keys
from node.trust.own import REVOKED_NAME

_PAGE: Final = "/console/keys"


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


def row_of_proposal(waiting: Waiting) -> ProposalRow:
    """A proposal as it stands: what it changes, who signed, who has to."""
    return ProposalRow(
        name=waiting.name,
        path=str(waiting.path),
        changes=changes(waiting.opened),
        wanted=wanted(waiting.opened),
    )


def take_back(world: World, _visitor: Visitor, form: Values) -> Done:
    """Keep a proposal that a holder signed elsewhere."""
    name = form.require("proposal", _("the proposal"))
    back = row_of_proposal(
        proposals.take_back(world.identity.home, name, form.require("signed", _("the signed file")))
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
    identity, waiting = world.identity, proposals.get(world.identity.home, name)
    before = identity.trust.in_force()
    with partly({}, stands=lambda: identity.trust.in_force() != before):
        publish_proposal(identity, waiting.opened)
    with partly({}):
        steps = advance_keys(identity, world.store).steps
        if REVOKED_NAME in waiting.opened.proposal.changed:
            settle(identity, world.store)
        proposals.discard(identity.home, name)
    keys = {key.managed.kid: key.name for key in world.identity.ring.read()}
    said = _("Proposal {name} is in force.").format(name=name)
    became = "; ".join(
        _("{key} is {stage}").format(key=keys[step.kid], stage=_(step.after.value)) for step in steps
    )
    return Done(_PAGE, f"{said} {became}".strip())


def discard(world: World, _visitor: Visitor, form: Values) -> Done:
    """Forget a proposal."""
    name = form.require("proposal", _("the proposal"))
    proposals.discard(world.identity.home, name)
    said = _(
        "Proposal {name} was thrown away; nothing of it counts. A key that was stopped for it stays stopped."
    )
    return Done(_PAGE, said.format(name=name))


def proposal_file(world: World, _visitor: Visitor, query: Values) -> File:
    """A proposal, to be carried to its holders."""
    waiting = proposals.get(world.identity.home, query.require("name", _("the proposal")))
    return File(waiting.path.name, "application/json", waiting.path.read_bytes())


ACTIONS: Final = (
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
