"""Asking other agencies who holds a hash: privately, by the look-ups that partners use.

A member that offers its holdings invites this agency to them as it invites a partner; each such enrolment lives in a
folder of its own below the node's home. The member learns how much is asked, and never what.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from keys.errors import SigfedError
from node.errors import AlreadyExistsError, PeerUnreachableError, VerificationError
from node.files import said_of
from node.home import Home
from node.hoster.client import Enrolled, enrol, look_up, update
from node.hoster.folder import PartnerFolder
from node.hoster.lookup.examiner import Hit
from node.hoster.trust.node import known
from node.identity.identity import Identity
from protocol.digest import Digest
from protocol.enrolment import PIN_BYTES, Invitation


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A member whose holdings may be asked about."""

    home: Home
    node: str
    subset: str | None = None
    """None where the enrolment cannot be read."""
    contact: str | None = None
    failure: SigfedError | None = None
    """Why it cannot be read, and the member not be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderAnswer:
    """What one member answered about each file: a hit, or None; or why it did not answer."""

    holder: Holder
    hits: Sequence[Hit | None] = ()
    failure: SigfedError | None = None


async def join(identity: Identity, text: str, *, seconds: float | None = None) -> Enrolled:
    """Enrol this agency with the string that a member made for it.

    Raises:
        VerificationError: the string is not from a member of the register.
        AlreadyExistsError: this agency is enrolled with that member already.
        PeerUnreachableError: it took longer than `seconds`.
    """
    invitation = Invitation.from_text(text)
    members = identity.trust.members().members
    if not any(member.root_sha256.startswith(invitation.pin) for member in members):
        raise VerificationError(
            "the string is not from a member of this agency's register",
            hint="add it first: sigfed member add",
        )
    home = identity.home.asking(invitation.pin)
    if PartnerFolder(home.partner).exists:
        raise AlreadyExistsError(
            "this agency may ask {node} already", _holder(home).node, hint="ask with: sigfed entry holders"
        )
    try:
        async with asyncio.timeout(seconds):
            return await enrol(home, text)
    except TimeoutError:
        raise PeerUnreachableError("no answer within {number} seconds", f"{seconds:.0f}") from None


def holders(identity: Identity) -> list[Holder]:
    """The members that this agency may ask, by name; of who was removed from the register nothing is asked."""
    members = {
        member.root_sha256[:PIN_BYTES].hex(): member.node for member in identity.trust.members().members
    }
    homes = [home for home in identity.home.askers if home.folder.name in members]
    found = [_held(home, members[home.folder.name]) for home in homes]
    return sorted((holder for holder in found if holder), key=lambda holder: holder.node)


async def ask(holder: Holder, files: Sequence[Sequence[Digest]]) -> HolderAnswer:
    """What a member says about files by their hashes, on its newest release; its failures are an answer too."""
    try:
        await update(holder.home)
        return HolderAnswer(holder=_holder(holder.home), hits=await look_up(holder.home, files))
    except TimeoutError:
        raise  # whoever asks says how long it waits
    except (SigfedError, OSError) as exc:
        return HolderAnswer(holder=holder, failure=said_of(exc))


async def ask_all(
    members: Sequence[Holder], files: Sequence[Sequence[Digest]], *, seconds: float | None = None
) -> list[HolderAnswer]:
    """What each of them says, in their order, asked side by side; who takes longer than `seconds` did not answer."""
    return await asyncio.gather(*(_ask_within(member, files, seconds) for member in members))


async def _ask_within(
    holder: Holder, files: Sequence[Sequence[Digest]], seconds: float | None
) -> HolderAnswer:
    try:
        async with asyncio.timeout(seconds):
            return await ask(holder, files)
    except TimeoutError:
        return HolderAnswer(
            holder=holder, failure=PeerUnreachableError("no answer within {number} seconds", f"{seconds:.0f}")
        )


def _held(home: Home, node: str) -> Holder | None:
    """The member that an enrolment is with, even if it cannot be read; None: it was begun, and did not come about."""
    try:
        return _holder(home) if PartnerFolder(home.partner).exists else None
    except (SigfedError, OSError) as exc:
        return Holder(home=home, node=node, failure=said_of(exc))


def _holder(home: Home) -> Holder:
    enrolment, _ = PartnerFolder(home.partner).load()
    document = known(enrolment).document
    return Holder(home=home, node=document.node, subset=enrolment.subset, contact=document.contact)
