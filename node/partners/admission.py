"""Admitting partners: an invitation is one string, and it enrols one partner once.

Unknown, used and expired invitations are refused alike, so that nobody can find out by trying which exist. Using an
invitation up and storing the partner's key is one transaction.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from keys.errors import KeysError
from keys.key import AuthPublicKey
from node.access.quotas import candidates_a_day, evaluations_for
from node.access.stored_grant import INVITATION_DAYS
from node.audit.actors import NODE
from node.audit.log import enqueue, new_record
from node.clock import Clock, Entropy, milliseconds
from node.errors import ConflictError, GoneError, NotFoundError, UsageError, VerificationError
from node.objects.sealed_names import invite_name
from node.store.partners.records import InviteRecord, PartnerRecord
from node.store.store import Store
from node.trust.own import OwnTrust
from protocol.audit import AuditRecord
from protocol.enrolment import PIN_BYTES, SECRET_BYTES, Invitation, check_mac, enrolment_string, invite_id
from protocol.errors import ProtocolError
from protocol.messages import EnrolmentReply, EnrolmentRequest

MAX_INVITED_FILES: Final = 1_000_000
"""A day. A quota beyond it takes two persons, as every later raise does."""
GRACE_DAYS = 7
"""Past a release's `not_after`; a holiday without staff does not blind a partner."""

_MAX_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """What the operator hands to the partner, once: it is not kept in the clear."""

    text: str
    evaluations_per_day: int
    candidates_per_day: int
    """Hashes of its choice that these decide about: the screen clears the rest."""
    days: int = INVITATION_DAYS


class Admission:
    """Invitations and enrolments of this node."""

    def __init__(self, store: Store, trust: OwnTrust, *, clock: Clock, entropy: Entropy) -> None:
        self._store = store
        self._trust = trust
        self._clock = clock
        self._entropy = entropy

    def invite(
        self, partner: str, subset: str, *, files_per_day: int, screen_bits: int, agency: str = ""
    ) -> Invited:
        """Invite a partner to a subset, or the member `agency` under the name `partner` to one of holdings.

        An invitation of it that has ended unused is replaced.

        Raises:
            UsageError: a name that cannot be one, or that is an agency's; a subset of holdings without a member; more
                files a day than one person gives away.
            AlreadyExistsError: it is enrolled, or has an invitation that can still be used.
            MalformedError: this node's address cannot stand in an invitation.
        """
        if not 0 < len(partner) <= _MAX_NAME or not partner.isprintable() or " " in partner:
            raise UsageError("a partner's name has 1 to {most} characters and no spaces", _MAX_NAME)
        if files_per_day > MAX_INVITED_FILES:
            raise UsageError(
                "one person invites for at most {most} files a day",
                f"{MAX_INVITED_FILES:,}",
                hint="invite for less; two persons raise it with: sigfed partner quota",
            )
        self._refuse_agency(partner)
        self._require_audience(subset, agency)
        secret = self._entropy(SECRET_BYTES)
        url, pin = self._trust.document().endpoints[0].url, self._trust.root().sha256[:PIN_BYTES]
        invitation = Invitation(url=url, pin=pin, secret=secret)
        evaluations = evaluations_for(files_per_day, screen_bits)
        now = self._clock.now()
        record = InviteRecord(
            invite_id=invite_id(secret),
            partner=partner,
            subset=subset,
            sealed_secret=self._store.vault.seal(invite_name(invite_id(secret)), secret),
            evaluations_per_day=evaluations,
            expires_ms=milliseconds(now + timedelta(days=INVITATION_DAYS)),
        )
        with self._store.write() as unit:
            unit.partners.invite(record, now_ms=milliseconds(now))
        return Invited(
            text=invitation.to_text(),
            evaluations_per_day=evaluations,
            candidates_per_day=candidates_a_day(evaluations, screen_bits),
        )

    def _require_audience(self, subset: str, agency: str) -> None:
        """What one agency lists is for members alone: no partner may take it for what several agreed on."""
        with self._store.read() as unit:
            holdings = unit.subsets.get(subset).filter.holdings
        others = {member.node for member in self._trust.members().members} - {self._trust.root().node}
        if holdings and agency not in others:
            raise UsageError(
                "{subset} is of holdings: it is for members of the federation",
                subset,
                hint="name one: --agency NODE",
            )
        if agency and not holdings:
            raise UsageError("{subset} is for partners", subset, hint="make one for agencies: --holdings")

    def _refuse_agency(self, name: str) -> None:
        """Whoever reads of the two would take one for the other."""
        with self._store.read() as unit:
            agencies = {peer.name for peer in unit.peers.ls()}
        agencies |= {member.node for member in self._trust.members().members} | {self._trust.root().node}
        if name in agencies:
            raise UsageError("{name} is the name of an agency; a partner needs another", name)

    def enrol(self, request: EnrolmentRequest) -> EnrolmentReply:
        """Store a partner's key and use its invitation up.

        Raises:
            GoneError: the invitation is unknown, expired, or used by another key.
            VerificationError: the request was not made with the invitation's secret, or not for this node.
        """
        now_ms = milliseconds(self._clock.now())
        # Anybody may ask, so nothing is locked before the invitation has been found good; using it up decides.
        with self._store.read() as unit:
            invite = unit.partners.invitation(request.invite_id)
        if invite is None or invite.expires_ms <= now_ms:
            raise _gone()
        if invite.used_ms is not None:
            self._check_repeated(invite, request)
            return self._reply(invite)
        self._verify(invite, request)
        try:
            with self._store.write() as unit:
                unit.partners.use_up(invite.invite_id, now_ms=now_ms)
                unit.partners.add(_partner(invite, request, now_ms))
                enqueue(unit, self._record(invite, now_ms))
        except ConflictError as exc:
            raise _gone() from exc
        return self._reply(invite)

    def _record(self, invite: InviteRecord, now_ms: int) -> AuditRecord:
        return new_record(
            self._store,
            actor=NODE,
            action="partner.enrol",
            subject=invite.partner,
            now_ms=now_ms,
            details={"subset": invite.subset},
        )

    def _check_repeated(self, invite: InviteRecord, request: EnrolmentRequest) -> None:
        """The reply may have been lost: who enrolled is answered again, anybody else as if there were no invitation."""
        try:
            with self._store.read() as unit:
                partner = unit.partners.get(invite.partner)
            self._verify(invite, request)
        except (NotFoundError, VerificationError) as exc:
            raise _gone() from exc
        if partner.suspended or partner.auth_key != request.auth_key:
            raise _gone()

    def _reply(self, invite: InviteRecord) -> EnrolmentReply:
        return EnrolmentReply(
            partner=invite.partner,
            subset=invite.subset,
            origin=f"{self._trust.root().node}/subsets/{invite.subset}",
            evaluations_per_day=invite.evaluations_per_day,
            grace_days=GRACE_DAYS,
        )

    def _verify(self, invite: InviteRecord, request: EnrolmentRequest) -> None:
        secret = self._store.vault.unseal(invite_name(invite.invite_id), invite.sealed_secret)
        document, root = self._trust.document(), self._trust.root()
        failure: Exception | None = None
        for pin in document.pins:
            string = enrolment_string(root_sha256=root.sha256, spki_sha256=pin, auth_key=request.auth_key)
            try:
                check_mac(secret, string, request)
                AuthPublicKey.from_bytes(request.auth_key).verify(string, request.auth_signature)
            except (ProtocolError, KeysError) as exc:
                failure = exc
            else:
                return
        raise VerificationError(
            "the enrolment was not made with this invitation", hint="paste the whole string again"
        ) from failure


class ServedEnrolment:
    """`protocol.api.EnrolmentApi` of this node."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    async def enrol(self, request: EnrolmentRequest) -> EnrolmentReply:
        """Register the partner's keys; the invitation is used up."""
        return await asyncio.to_thread(self._admission.enrol, request)


def askers(store: Store) -> list[str]:
    """Names of the partners that members are, to ask about holdings, and that are not suspended."""
    with store.read() as unit:
        holdings = {subset.name for subset in unit.subsets.ls() if subset.filter.holdings}
        return [one.name for one in unit.partners.ls() if one.subset in holdings and not one.suspended]


def _partner(invite: InviteRecord, request: EnrolmentRequest, now_ms: int) -> PartnerRecord:
    return PartnerRecord(
        name=invite.partner,
        subset=invite.subset,
        auth_key=request.auth_key,
        evaluations_per_day=invite.evaluations_per_day,
        added_ms=now_ms,
        key_ms=now_ms,
    )


def _gone() -> GoneError:
    return GoneError(
        "the invitation is not valid (any more)", hint="ask the agency for a new one; each enrols once"
    )
