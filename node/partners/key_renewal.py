"""Replacing a partner's key: the old one vouches for the next, and both count for a day.

The day lets processes that began with the old key end, and a partner whose reply was lost ask again: the same request
is answered again, and changes nothing. Within it the old key renews nothing else. So whoever stole the key and renews
with it shuts the partner out, and is noticed at the partner's next renewal; nobody renews beside it.
"""

import asyncio
from datetime import timedelta
from typing import Final

from keys.errors import KeysError
from keys.key import AuthPublicKey
from node.audit.actors import NODE
from node.audit.log import enqueue, new_record
from node.clock import Clock, milliseconds
from node.errors import ConflictError, VerificationError
from node.store.partners.records import PartnerRecord
from node.store.store import Store
from node.trust.own import OwnTrust
from protocol.enrolment import renewal_string
from protocol.messages import RenewalReply, RenewalRequest

OVERLAP: Final = timedelta(days=1)


class PartnerRenewal:
    """Renews the keys of this node's partners."""

    def __init__(self, store: Store, trust: OwnTrust, clock: Clock) -> None:
        self._store = store
        self._trust = trust
        self._clock = clock

    def renew(self, name: str, request: RenewalRequest) -> RenewalReply:
        """Let the next key of the partner `name` count, and the one before it for a day more.

        Raises:
            VerificationError: the request is not signed by the key that counts and by the next one.
            ConflictError: another key has followed the one that signed.
        """
        now_ms = milliseconds(self._clock.now())
        with self._store.read() as unit:
            partner = unit.partners.get(name)
        if request.auth_key == partner.auth_key and partner.old_key is not None:
            self._verify(partner, request, old=partner.old_key)
            return RenewalReply(old_until_ms=partner.old_until_ms)
        if partner.old_key is not None and self._is_signed(partner, request, old=partner.old_key):
            raise ConflictError("another key of {name} has followed the one that signed", name)
        self._verify(partner, request, old=partner.auth_key)
        until_ms = now_ms + OVERLAP // timedelta(milliseconds=1)
        with self._store.write() as unit:
            unit.partners.renew_key(
                name, request.auth_key, old=partner.auth_key, key_ms=now_ms, old_until_ms=until_ms
            )
            record = new_record(self._store, actor=NODE, action="partner.renew", subject=name, now_ms=now_ms)
            enqueue(unit, record)
        return RenewalReply(old_until_ms=until_ms)

    def _is_signed(self, partner: PartnerRecord, request: RenewalRequest, *, old: bytes) -> bool:
        try:
            self._verify(partner, request, old=old)
        except VerificationError:
            return False
        return True

    def _verify(self, partner: PartnerRecord, request: RenewalRequest, *, old: bytes) -> None:
        string = renewal_string(
            root_sha256=self._trust.roots()[0].sha256,
            partner=partner.name,
            old_key=old,
            auth_key=request.auth_key,
        )
        try:
            AuthPublicKey.from_bytes(old).verify(string, request.old_signature)
            AuthPublicKey.from_bytes(request.auth_key).verify(string, request.auth_signature)
        except KeysError as exc:
            raise VerificationError("the renewal is not signed by both keys of the partner") from exc
        if request.auth_key == old:
            raise VerificationError("a key does not follow itself")


class ServedRenewals:
    """`protocol.api.RenewalApi` for one partner."""

    def __init__(self, renewal: PartnerRenewal, partner: str) -> None:
        self._renewal = renewal
        self._partner = partner

    async def renew(self, subset: str, request: RenewalRequest) -> RenewalReply:
        """Let the partner's next key count."""
        del subset  # a partner follows one, and its token covers it
        return await asyncio.to_thread(self._renewal.renew, self._partner, request)
