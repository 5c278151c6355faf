"""Enrolling with one string: believe the node because of the string's pin, then hand it the partner's key.

The order is fixed: root against the pin, node document against the root, TLS key of the connection against the node
document; only then is anything sent, and what is sent proves the secret without telling it.
"""

from dataclasses import dataclass

from keys.errors import KeysError
from keys.key import AuthPrivateKey
from keys.trust.fingerprint import require_match
from keys.trust.held_trust import HeldTrust, open_held
from keys.trust.names import is_log_name
from node.clock import Clock, milliseconds
from node.errors import VerificationError, WrongPinError
from node.hoster.folder import Enrolment
from node.hoster.trust.node import Known, known_of
from node.store.peers.records import FetchedTrust
from protocol.api import EnrolmentApi
from protocol.enrolment import Invitation, enrolment_mac, enrolment_string
from protocol.messages import EnrolmentReply, EnrolmentRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """A node that is the one that the invitation names."""

    invitation: Invitation
    trust: HeldTrust
    spki_sha256: bytes
    """The TLS key of the connection, 32 bytes, which the node document names."""
    known: Known
    time_ms: int
    """When."""


def introduce(invitation: Invitation, found: FetchedTrust, clock: Clock) -> Introduction:
    """Believe what was found because of the invitation's pin.

    Raises:
        VerificationError: the files are not those of the node that invited.
        WrongPinError: the server does not have the TLS key that the node document names.
    """
    try:
        require_match(found.trust.pin, invitation.pin)
        known = known_of(found.trust)
        open_held(found.trust).check_current(clock.now())
    except KeysError as exc:
        raise refused(invitation, exc) from exc
    served = found.spki_sha256
    if served is None or served not in known.pins:
        raise WrongPinError(
            "the connection to {url} ends at another server than the node's",
            invitation.url,
            hint="a proxy may be inspecting TLS; exempt this address from inspection. Nothing was sent",
        )
    return Introduction(
        invitation=invitation,
        trust=found.trust,
        spki_sha256=served,
        known=known,
        time_ms=milliseconds(clock.now()),
    )


def refused(invitation: Invitation, error: KeysError) -> VerificationError:
    """Why what was found at the invitation's address is not believed."""
    return VerificationError(
        "the node at {url} is not the one that invited: {reason}",
        invitation.url,
        error,
        hint="ask the agency for a new invitation by telephone; nothing was sent",
    )


async def enrol(introduction: Introduction, api: EnrolmentApi, key: AuthPrivateKey) -> Enrolment:
    """Register `key` with the node; the invitation is used up.

    The same key may ask again while the invitation lasts, in case the reply was lost.

    Raises:
        GoneError: the invitation was used, has expired, or was never made.
    """
    reply = await api.enrol(_request(introduction, key))
    return Enrolment(
        url=introduction.invitation.url,
        partner=_checked_name(reply.partner),
        subset=reply.subset,
        origin=_checked_origin(reply, introduction.known),
        evaluations_per_day=reply.evaluations_per_day,
        grace_days=reply.grace_days,
        trust=introduction.trust,
        confirmed_ms=introduction.time_ms,
    )


def _request(introduction: Introduction, key: AuthPrivateKey) -> EnrolmentRequest:
    invitation = introduction.invitation
    string = enrolment_string(
        root_sha256=introduction.known.root.sha256,
        spki_sha256=introduction.spki_sha256,
        auth_key=key.public.raw,
    )
    return EnrolmentRequest(
        invite_id=invitation.invite_id,
        auth_key=key.public.raw,
        mac=enrolment_mac(invitation.secret, string),
        auth_signature=key.sign(string),
    )


def _checked_origin(reply: EnrolmentReply, known: Known) -> str:
    """The release log's origin, which must be the node's own: its checkpoints are verified under that name."""
    if not is_log_name(reply.subset) or reply.origin != f"{known.document.node}/subsets/{reply.subset}":
        raise VerificationError("the node granted a subset of another node")
    return reply.origin


def _checked_name(partner: str) -> str:
    """The name we are known by; it is shown on terminals, where control characters would be obeyed."""
    if not partner.isprintable():
        raise VerificationError("the node gave us a name that cannot be printed")
    return partner
