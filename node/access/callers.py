"""Who may call: peers with the keys of their node documents, partners with the key they enrolled.

Scopes come from grants and subsets as they are now. A grant that cannot be read gives no scope, a suspended partner
no credential.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from keys.errors import KeysError
from keys.key import AuthPublicKey
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import DatedKey
from node.access.stored_grant import stored_grant
from node.clock import Clock, milliseconds
from node.errors import NotFoundError, RateLimitedError
from node.ports.callers import LOG_READ, CallerKind, Credential, open_scope, query_scope
from node.ports.replay import MAX_LIVE_PER_ISSUER
from node.store.partners.records import PartnerRecord
from node.store.peers.records import PeerRecord
from node.store.store import Store
from node.store.unit import Unit
from node.trust.others.refresh import held_document
from node.trust.others.revocations import signing
from protocol.lists.grant import Grant

_REPLAY_RETRY_SECONDS = 60
KEPT_AT_LEAST: Final = timedelta(minutes=10)
"""How long a used id is remembered, however soon its assertion ends: a clock that was ahead and is set back by less
makes no used assertion good again. One that jumps further ahead, and back within the minute that an assertion lives,
does: who copied a partner's assertion in that minute gets a token for it. An agency's needs its TLS key besides."""


class StoredCallers:
    """`node.ports.callers.CallerDirectory` over the peers and partners of the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def credential(self, client: str, kid: str) -> Credential | None:
        """The credential of a client's key, or None.

        A partner may found a node of its name: whose key it is tells as whom it calls.
        """
        with self._store.read() as unit:
            try:
                found = self._peer(unit, unit.peers.get(client), kid)
            except NotFoundError:
                found = None
            try:
                return found or _partner(unit.partners.get(client), kid, self._clock.now())
            except NotFoundError:
                return None

    def _peer(self, unit: Unit, peer: PeerRecord, kid: str) -> Credential | None:
        now = self._clock.now()
        try:
            document = held_document(peer, now)
        except KeysError:
            return None
        dated = _named(signing(unit, document), kid)
        if dated is None or not dated.valid.covers(now):
            return None
        scopes = _scopes(stored_grant(peer), now)
        return Credential(
            client=peer.name,
            kind=CallerKind.PEER,
            key=dated.key,
            scopes=scopes,
            tls_spki_sha256=document.pins,
        )


def _named(document: NodeDocument, kid: str) -> DatedKey[AuthPublicKey] | None:
    """The auth key of that id: its own short name, or else the name that the document lists it under.

    In this order, because tokens name the short name later, and must find the key that they were given for.
    """
    by_name = {dated.kid: dated for dated in document.auth_keys}
    return (by_name | {dated.key.kid: dated for dated in document.auth_keys}).get(kid)


def _scopes(grant: Grant, now: datetime) -> frozenset[str]:
    readable = {open_scope(number) for number in grant.collections if grant.covers(number, now)}
    return frozenset({LOG_READ, *readable}) if readable else frozenset()


def _partner(partner: PartnerRecord, kid: str, now: datetime) -> Credential | None:
    if partner.suspended:
        return None
    scopes = frozenset({query_scope(partner.subset)})
    for key in partner_keys(partner, now):
        if key.kid == kid:
            return Credential(client=partner.name, kind=CallerKind.PARTNER, key=key, scopes=scopes)
    return None


def partner_keys(partner: PartnerRecord, now: datetime) -> Iterator[AuthPublicKey]:
    """The keys of a partner that count: its own, and the one before it until its day."""
    raw = [partner.auth_key]
    if partner.old_key is not None and milliseconds(now) < partner.old_until_ms:
        raw.append(partner.old_key)
    for each in raw:
        with suppress(KeysError):
            yield AuthPublicKey.from_bytes(each)


class StoredReplays:
    """`node.ports.replay.ReplayGuard` over the store, shared by all workers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def spend(self, issuer: str, jti: str, *, expires: datetime, now: datetime) -> None:
        """Record the first use of an id.

        Raises:
            ReplayedError: the id was used before.
            RateLimitedError: the issuer has too many remembered ids.
        """
        with self._store.write() as unit:
            unit.replays.forget(before_ms=milliseconds(now))
            if unit.replays.count(issuer) >= MAX_LIVE_PER_ISSUER:
                raise RateLimitedError(
                    "too many assertions in a short time", retry_after_seconds=_REPLAY_RETRY_SECONDS
                )
            kept_until = max(expires, now + KEPT_AT_LEAST)
            unit.replays.spend(issuer, jti, expires_ms=milliseconds(kept_until))
