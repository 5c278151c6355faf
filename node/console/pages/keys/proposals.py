"""Proposals that wait for holders of offline keys: carried to them, taken back signed, put in force or thrown away.

They are shown on the page of the keys. Nothing of a proposal counts before its holders have signed it elsewhere: no
passphrase of an offline key is ever typed into a browser.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys.message import Message
from keys.trust.proposals.words import Wanted, changes, wanted
from keys.trust.tuf.target_files import REVOKED_FILE
from node.access.sessions import Visitor
from node.acts import keys
from node.acts.act import SECURITY, Done, Node
from node.console.languages import translated as _
from node.console.pages.acts import action, do
from node.console.parts import Download, File, Led, Values
from node.console.world import World
from node.rotation import proposals
from node.rotation.next_root import publish_proposal
from node.rotation.proposals import Waiting
from node.rotation.revoke import settle
from node.rotation.rotate import advance_keys

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


def take_back(world: World, visitor: Visitor, form: Values) -> Led:
    """Keep a proposal that a holder signed elsewhere."""
    name, signed = form.require("proposal", _("the proposal")), form.require("signed", _("the signed file"))

    def keep(_node: Node) -> Done:
        back = row_of_proposal(proposals.take_back(world.identity.home, name, signed))
        if back.complete:
            return Done(
                said=Message("Proposal {name} is signed by everybody who must. Put it in force now.", name)
            )
        said = Message.counted(
            "The signed file of proposal {name} was taken in; {count} more must sign.",
            "The signed file of proposal {name} was taken in; {count} more must sign.",
            back.missing,
            name,
        )
        return Done(said=said)

    done = do(world, visitor, keys.take_back, keys.Proposal(proposal=name, work=keep))
    return Led(f"{_PAGE}#proposal-{name}", _(done.said))


def publish(world: World, visitor: Visitor, form: Values) -> Led:
    """Put in force what the holders signed, and let the keys take the steps that this allows."""
    name = form.require("proposal", _("the proposal"))
    identity, waiting = world.identity, proposals.get(world.identity.home, name)

    def put_in_force(_node: Node) -> Done:
        publish_proposal(identity, waiting.opened)
        steps = advance_keys(identity, world.store).steps
        if REVOKED_FILE in waiting.opened.proposal.changed:
            settle(identity, world.store)
        proposals.discard(identity.home, name)
        named = {key.managed.kid: key.name for key in identity.ring.read()}
        became = [Message("{key} is {stage}", named[step.kid], Message(step.after.value)) for step in steps]
        said = Message("Proposal {name} is in force.", name)
        return Done(said=Message.joined(" ", [said, Message.joined("; ", became)]) if became else said)

    return Led(
        _PAGE, _(do(world, visitor, keys.publish, keys.Proposal(proposal=name, work=put_in_force)).said)
    )


def discard(world: World, visitor: Visitor, form: Values) -> Led:
    """Forget a proposal."""
    name = form.require("proposal", _("the proposal"))

    def forget(_node: Node) -> Done:
        proposals.discard(world.identity.home, name)
        return Done(
            said=Message(
                "Proposal {name} was thrown away; nothing of it counts. A key that was stopped for it stays stopped.",
                name,
            )
        )

    return Led(_PAGE, _(do(world, visitor, keys.discard, keys.Proposal(proposal=name, work=forget)).said))


def proposal_file(world: World, _visitor: Visitor, query: Values) -> File:
    """A proposal, to be carried to its holders."""
    waiting = proposals.get(world.identity.home, query.require("name", _("the proposal")))
    return File(waiting.path.name, "application/json", waiting.path.read_bytes())


ACTIONS: Final = (
    action(keys.take_back, path=f"{_PAGE}/signed", page="keys", by=take_back, most_bytes=9_000_000),
    action(keys.publish, path=f"{_PAGE}/publish", page="keys", by=publish),
    action(keys.discard, path=f"{_PAGE}/discard", page="keys", by=discard),
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
