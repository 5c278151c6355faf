"""What peers may read and partners may ask: narrowed by one person, widened by two.

A wider grant gives hashes away that cannot be called back, so it is asked for and approved
(`node.access.approvals`); a narrower one takes effect at once. What was approved is stored whole.
"""

import json
from collections.abc import Mapping

from keys.message import Message
from node.access.approvals import TAKES_TWO
from node.access.quotas import candidates_a_day, evaluations_for
from node.access.stored_grant import stored_grant
from node.clock import Clock
from node.errors import ForbiddenError
from node.fields import dumped
from node.store.accounts.records import Approval
from node.store.store import Store
from node.store.unit import Unit
from protocol.lists.event import BASELINE, collection_name
from protocol.lists.grant import NOTHING, Grant


class Grants:
    """The grants of this node's peers."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def get(self, peer: str) -> Grant:
        """What a peer may read now; raises `NotFoundError`."""
        with self._store.read() as unit:
            return self._held(unit, peer)

    def widens(self, peer: str, grant: Grant) -> bool:
        """Whether `grant` covers something that the peer may not read now; raises `NotFoundError`."""
        return widens(self.get(peer), grant)

    def narrow(self, peer: str, grant: Grant) -> None:
        """Replace a peer's grant by one that covers no more.

        Raises:
            NotFoundError: there is no such peer.
            ForbiddenError: it covers more.
        """
        with self._store.write(alone=True) as unit:
            if widens(self._held(unit, peer), grant):
                raise ForbiddenError(TAKES_TWO)
            _put(unit, peer, grant)

    def _held(self, unit: Unit, peer: str) -> Grant:
        held = stored_grant(unit.peers.get(peer))
        ended = held.until is not None and held.until <= self._clock.now()
        return NOTHING if ended else held


def carry_out_grant(unit: Unit, approval: Approval) -> str:
    """Replace a peer's grant by the approved one; raises `NotFoundError`."""
    fields = json.loads(approval.payload)
    grant = Grant.from_json(fields["grant"])
    _put(unit, fields["peer"], grant)
    return Message("{peer} may read {grant} here", fields["peer"], grant_words(grant))


def _put(unit: Unit, peer: str, grant: Grant) -> None:
    unit.peers.get(peer)
    unit.peers.update_grant(peer, json.dumps(grant.to_json()))


def peer_standing(unit: Unit, peer: str) -> Mapping[str, object]:
    """What a peer may read, and since when it is one; raises `NotFoundError`."""
    held = unit.peers.get(peer)
    return {"grant": stored_grant(held).to_json(), "added_ms": held.added_ms}


def partner_standing(unit: Unit, partner: str) -> Mapping[str, object]:
    """How often a partner may ask; raises `NotFoundError`."""
    held = unit.partners.get(partner)
    return {"evaluations_per_day": held.evaluations_per_day, "suspended": held.suspended}


def grant_payload(peer: str, grant: Grant) -> bytes:
    """The payload of a request to widen a grant."""
    fields = {"peer": peer, "grant": grant.to_json()}
    return dumped(fields)


def widens(old: Grant, new: Grant) -> bool:
    """Whether `new` covers a collection, an algorithm or a day that `old` does not."""
    if not new.collections:
        return False
    in_time = old.until is None or (new.until is not None and new.until <= old.until)
    return not (old.includes(new) and in_time)


def first_part(grant: Grant) -> Grant:
    """What one person alone may give a new peer: the collection that is shared with partners anyway."""
    return Grant(collections=grant.collections & {BASELINE}, algorithms=grant.algorithms, until=grant.until)


def grant_words(grant: Grant) -> str:
    """A grant for people."""
    if grant == NOTHING:
        return Message("nothing without end")
    names: str = ", ".join(map(collection_name, sorted(grant.collections))) or Message("nothing")
    if grant.algorithms is not None:
        algorithms = ", ".join(sorted(item.name.lower() for item in grant.algorithms))
        names = Message("{names} ({algorithms} only)", names, algorithms)
    if grant.until is None:
        return Message("{names} without end", names)
    return Message("{names} until {time}", names, f"{grant.until:%Y-%m-%d %H:%M} UTC")


class PartnerTerms:
    """Whether partners may ask, and how often."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def suspend(self, partner: str) -> bool:
        """Refuse a partner from now on; True when it had not enrolled yet, and its invitation is void instead.

        Raises:
            NotFoundError: it neither enrolled nor was invited.
        """
        with self._store.write() as unit:
            if unit.partners.void_invitation(partner):
                return True
            unit.partners.set_suspended(partner, suspended=True)
        return False

    def resume(self, partner: str) -> None:
        """Let a partner ask again; raises `NotFoundError`."""
        with self._store.write() as unit:
            unit.partners.set_suspended(partner, suspended=False)

    def evaluations(self, partner: str, files_per_day: int) -> tuple[int, int]:
        """Evaluations a day that a partner has now, and those for so many files; raises `NotFoundError`."""
        with self._store.read() as unit:
            held = unit.partners.get(partner)
            bits = unit.subsets.get(held.subset).filter.screen_bits
        return held.evaluations_per_day, evaluations_for(files_per_day, bits)

    def candidates(self, partner: str, evaluations: int) -> int:
        """Hashes of its choice that so many evaluations decide about; raises `NotFoundError`."""
        with self._store.read() as unit:
            bits = unit.subsets.get(unit.partners.get(partner).subset).filter.screen_bits
        return candidates_a_day(evaluations, bits)

    def lower(self, partner: str, evaluations: int) -> None:
        """Give a partner fewer evaluations a day; raises `NotFoundError`, or `ForbiddenError` for more."""
        with self._store.write(alone=True) as unit:
            if evaluations > unit.partners.get(partner).evaluations_per_day:
                raise ForbiddenError(TAKES_TWO)
            unit.partners.set_quota(partner, evaluations)


def carry_out_quota(unit: Unit, approval: Approval) -> str:
    """Give a partner the approved evaluations a day; raises `NotFoundError`."""
    fields = json.loads(approval.payload)
    unit.partners.set_quota(fields["partner"], fields["evaluations_per_day"])
    return Message(
        "{name} may ask for {count} evaluations a day",
        fields["partner"],
        f"{fields['evaluations_per_day']:,}",
    )


def quota_payload(partner: str, evaluations: int) -> bytes:
    """The payload of a request to raise a quota."""
    fields = {"partner": partner, "evaluations_per_day": evaluations}
    return dumped(fields)
