"""Recipients, accredited holders of raw digests: who they are, what they may fetch, and their keys.

Whatever gives more away takes two persons (`node.access.approvals`): a new recipient, a wider grant, a later end.
What takes away takes one and counts at once. Each has an end, at most a year away. A key is shown once to whoever makes
it and kept as its SHA-256; a new one takes the place of the old, at once or when a day of both is over, and each ends
after a year, however often the grant was renewed. Collections that are private to an agency are not for recipients,
whatever a grant says. See docs/reference/recipients.md.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final

from keys.message import Message
from keys.trust.names import is_log_name
from node.access.approvals import TAKES_TWO, end_requests
from node.access.grants import grant_words, widens
from node.access.stored_grant import LONGEST_GRANT, key_end, stored_grant
from node.access.tokens import hash_token
from node.clock import Clock, Entropy, milliseconds
from node.errors import AlreadyExistsError, ForbiddenError, NotFoundError, UnauthenticatedError, UsageError
from node.fields import dumped
from node.store.accounts.records import Approval
from node.store.partners.records import RecipientRecord
from node.store.store import Store
from node.store.unit import Unit
from protocol.lists.event import PRIVATE_FROM, collection_name
from protocol.lists.grant import NOTHING, Grant

KEY_PREFIX: Final = "sfr_"
KEY_BYTES: Final = 32
OVERLAP: Final = timedelta(days=1)
"""How long two keys of a recipient count that changes over."""
MOST: Final = 256
"""Recipients of one node: each key that is shown is compared with all of theirs."""
MOST_PURPOSE: Final = 200
_ABOUT_RECIPIENTS: Final = frozenset({"recipient.add", "recipient.grant"})
_NONE: Final = bytes(32)
"""In the place of the hash of a key that was never made: nothing is known to hash to it."""
MAY_FETCH: Final = Message("may fetch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A recipient as somebody asks for it."""

    name: str
    grant: Grant
    purpose: str = ""


class Recipients:
    """The recipients of this node."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def check_new(self, wanted: Wanted) -> None:
        """Check that a recipient could be added so.

        Raises:
            UsageError: a name or purpose that is none, a grant of nothing or of what is private, no end or a late one.
            AlreadyExistsError: there is one of that name.
        """
        if not is_log_name(wanted.name):
            raise UsageError("a recipient is named with up to 64 small letters, digits and hyphens")
        if len(wanted.purpose) > MOST_PURPOSE:
            raise UsageError("a purpose has at most {most} characters", MOST_PURPOSE)
        self.check_grant(wanted.grant)
        with self._store.read() as unit:
            known = [each.name for each in unit.recipients.ls()]
        if wanted.name in known:
            raise AlreadyExistsError("there is a recipient {name} already", wanted.name)
        if len(known) >= MOST:
            raise UsageError("a node has at most {most} recipients", MOST, hint="remove one that has ended")

    def check_grant(self, grant: Grant) -> None:
        """Check that a recipient may have a grant like this at all; raises `UsageError`."""
        now = self._clock.now()
        private = sorted(number for number in grant.collections if number >= PRIVATE_FROM)
        if private:
            raise UsageError("collection {name} is private and never given away", collection_name(private[0]))
        if not grant.collections:
            raise UsageError("say which collections it may fetch")
        if grant.until is None or not now < grant.until <= now + LONGEST_GRANT:
            raise UsageError(
                "a recipient has an end, from tomorrow to a year from now", hint="--until YYYY-MM-DD"
            )

    def ls(self) -> tuple[RecipientRecord, ...]:
        """All recipients by name."""
        with self._store.read() as unit:
            return tuple(unit.recipients.ls())

    def get(self, name: str) -> RecipientRecord:
        """One recipient; raises `NotFoundError`."""
        with self._store.read() as unit:
            return unit.recipients.get(name)

    def widens(self, name: str, grant: Grant) -> bool:
        """Whether `grant` covers more, or for longer, than what the recipient may fetch now."""
        return self._widens(self.get(name), grant)

    def narrow(self, name: str, grant: Grant) -> None:
        """Replace a grant by one that covers no more, from now on.

        Raises:
            NotFoundError: there is no such recipient.
            ForbiddenError: it covers more, or for longer.
        """
        with self._store.write(alone=True) as unit:
            if self._widens(unit.recipients.get(name), grant):
                raise ForbiddenError(TAKES_TWO)
            unit.recipients.set_grant(name, json.dumps(grant.to_json()))

    def _widens(self, record: RecipientRecord, grant: Grant) -> bool:
        held = stored_grant(record)
        ended = held.until is None or held.until <= self._clock.now()
        return widens(NOTHING if ended else held, grant)

    def set_suspended(self, name: str, *, suspended: bool) -> None:
        """Refuse a recipient's key from now on, or accept it again until its end; raises `NotFoundError`."""
        with self._store.write() as unit:
            unit.recipients.set_suspended(name, suspended=suspended)

    def remove(self, name: str, *, by: str) -> Message:
        """Forget a recipient and its key, and end what was asked for about it; raises `NotFoundError`."""
        now_ms = milliseconds(self._clock.now())
        said = Message("{name} is forgotten, with its key; what it fetched, it keeps", name)
        with self._store.write() as unit:
            unit.recipients.remove(name)
            end_requests(
                unit,
                lambda one: one.kind in _ABOUT_RECIPIENTS and wanted_of(one).name == name,
                by=by,
                reason=said,
                now_ms=now_ms,
            )
        return said

    def make_key(self, name: str, *, entropy: Entropy) -> str:
        """A new key in the place of the one the recipient has: the only time that anybody sees it.

        Raises:
            NotFoundError: there is no such recipient.
        """
        return self._make_key(name, entropy, keep_until=None)

    def change_key(self, name: str, *, entropy: Entropy) -> str:
        """A new key, beside which the one the recipient has counts for a day more; raises `NotFoundError`."""
        return self._make_key(name, entropy, keep_until=self._clock.now() + OVERLAP)

    def _make_key(self, name: str, entropy: Entropy, *, keep_until: datetime | None) -> str:
        key = KEY_PREFIX + urlsafe_b64encode(entropy(KEY_BYTES)).decode().rstrip("=")
        now_ms, until_ms = milliseconds(self._clock.now()), milliseconds(keep_until) if keep_until else 0
        with self._store.write() as unit:
            unit.recipients.set_key(name, hash_token(key), now_ms=now_ms, keep_until_ms=until_ms)
        return key

    def carry_out_add(self, unit: Unit, approval: Approval) -> str:
        """Add the approved recipient, without a key; raises `AlreadyExistsError`."""
        wanted = wanted_of(approval)
        record = RecipientRecord(
            name=wanted.name,
            purpose=wanted.purpose,
            grant=json.dumps(wanted.grant.to_json()),
            added_ms=milliseconds(self._clock.now()),
        )
        unit.recipients.add(record)
        name, granted = record.name, grant_words(wanted.grant)
        return f"{name} may fetch {granted}; it needs a key: sigfed recipient key {name}"

    def any_entitled(self) -> bool:
        """Whether anybody may fetch anything now, or could when it is resumed."""
        return any(fetchable(each, self._clock.now()) for each in self.ls())


def carry_out_grant(unit: Unit, approval: Approval) -> str:
    """Replace a recipient's grant by the approved one; raises `NotFoundError`."""
    wanted = wanted_of(approval)
    unit.recipients.set_grant(wanted.name, json.dumps(wanted.grant.to_json()))
    return f"{wanted.name} may fetch {grant_words(wanted.grant)}"


def recognise(store: Store, key: str, now: datetime) -> RecipientRecord:
    """The recipient whose key this is; raises `UnauthenticatedError`, the same for whoever may fetch nothing.

    Every recipient's hash is compared, each in constant time, so the time of a refusal says nothing about a key.
    """
    shown = hash_token(key)
    with store.read() as unit:
        known = list(unit.recipients.ls())
    found = [(each, compare_digest(held, shown)) for each in known for held in _hashes(each, now)]
    for each, same in found:
        if same and is_served(each, now):
            return each
    raise refused()


def _hashes(record: RecipientRecord, now: datetime) -> tuple[bytes, bytes]:
    """The hashes of the keys that count, always two of them: how many there are is not to be timed."""
    overlaps = milliseconds(now) < record.old_until_ms
    return record.key_sha256 or _NONE, (record.old_key_sha256 if overlaps else b"") or _NONE


def require_same(store: Store, record: RecipientRecord, now: datetime) -> None:
    """Check that a recipient may still fetch what it began to fetch.

    Raises:
        UnauthenticatedError: its key or its grant was replaced, or it may fetch nothing any more.
    """
    try:
        with store.read() as unit:
            held = unit.recipients.get(record.name)
    except NotFoundError:
        raise refused() from None
    same = held.grant == record.grant and record.key_sha256 in _hashes(held, now)
    if not same or not is_served(held, now):
        raise refused()


def refused() -> UnauthenticatedError:
    """What whoever may fetch nothing is told, whatever the reason."""
    return UnauthenticatedError("a recipient's key is required")


def is_served(record: RecipientRecord, now: datetime) -> bool:
    """Whether a recipient that shows its key may fetch anything at `now`."""
    if not record.key_sha256 or record.suspended or now >= key_end(record):
        return False
    return bool(fetchable(record, now))


def state_words(record: RecipientRecord, now: datetime) -> Message:
    """How a recipient stands, in words."""
    grant = stored_grant(record)
    if record.suspended:
        return Message("suspended")
    if not fetchable(record, now):
        if grant.until is None:
            return Message("its grant covers nothing, or cannot be read")
        return Message("ended {day}", f"{grant.until:%Y-%m-%d}")
    if not record.key_sha256:
        return Message("has no key yet")
    end = key_end(record)
    return MAY_FETCH if now < end else Message("its key ended {day}", f"{end:%Y-%m-%d}")


def fetchable(record: RecipientRecord, now: datetime) -> frozenset[int]:
    """The collections that a recipient's grant opens at `now`; none without an end, and none that is private."""
    grant = stored_grant(record)
    if grant.until is None:
        return frozenset()
    return frozenset(number for number in grant.collections_at(now) if number < PRIVATE_FROM)


def standing(unit: Unit, name: str) -> Mapping[str, object]:
    """What a recipient may fetch, since when it is one, and whether it is suspended; raises `NotFoundError`."""
    held = unit.recipients.get(name)
    return {"grant": stored_grant(held).to_json(), "added_ms": held.added_ms, "suspended": held.suspended}


def recipient_payload(wanted: Wanted) -> bytes:
    """The payload of a request to add a recipient, or to give one another grant."""
    fields = {"recipient": wanted.name, "grant": wanted.grant.to_json(), "purpose": wanted.purpose}
    return dumped(fields)


def wanted_of(approval: Approval) -> Wanted:
    """What such a request asks for."""
    fields = json.loads(approval.payload)
    return Wanted(name=fields["recipient"], grant=Grant.from_json(fields["grant"]), purpose=fields["purpose"])
