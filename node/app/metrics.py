"""What the metrics of a running node say of its store, keys and trust files, read when somebody asks.

A fact that cannot be read is left out, and the number of such is a fact itself: monitoring must see that it sees less.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from keys.errors import SigfedError
from node.app.expiry import findings
from node.app.health.storage import Storage, StoragePart
from node.audit.reader import count_unsigned
from node.identity.identity import Identity
from node.identity.outside_note import silent
from node.identity.rollback import is_confirmed
from node.judgement import quarantine
from node.metrics import Gauge
from node.store.lists.records import LogKind
from node.store.store import Store
from node.trust.expiry import TermState, Thing

_UNNAMED: Final = frozenset({Thing.INVITATION, Thing.PARTNER_KEY, Thing.RECIPIENT, Thing.RECIPIENT_KEY})
"""Things that are called by names of companies: of these only the first to end is told, and not whose it is."""


def facts(identity: Identity, store: Store, storage: Storage, group: str) -> Iterator[Gauge]:
    """Everything that can be read now; `group` is what the evaluation process computes with, empty if there is none."""
    help_ = "What does the group arithmetic of the evaluation process."
    yield Gauge(name="sigfed_group", help=help_, labels=("name",), values={(group,): 1} if group else {})
    refused = storage.refusals()
    yield Gauge(
        name="sigfed_writable",
        help="Whether what the node writes to takes anything.",
        labels=("place",),
        values={(place,): place not in refused for place in StoragePart},
    )
    failed = 0
    for read in (_expiry, _keys, _peers, _logs, _confirmed, _aside):
        try:
            yield from list(read(identity, store))
        except (SigfedError, OSError):
            failed += 1
    help_ = "Groups of facts that could not be read."
    yield Gauge(name="sigfed_unreadable_facts", help=help_, values={(): failed})


def _expiry(identity: Identity, store: Store) -> Iterator[Gauge]:
    left: dict[tuple[str, ...], float] = {}
    standings = Counter({str(standing): 0 for standing in TermState})
    for found in findings(identity, store):
        thing = found.term.thing
        place = (thing.replace(" ", "_"), "" if thing in _UNNAMED else found.term.of)
        left[place] = min(left.get(place, float("inf")), found.left.total_seconds())
        standings[found.standing] += 1
    yield Gauge(
        name="sigfed_expiry_seconds",
        help="Seconds until something ends; negative when it has ended.",
        labels=("what", "of"),
        values=left,
    )
    yield Gauge(
        name="sigfed_expiries",
        help="Things that end, by how far they have come: late is past half of its life.",
        labels=("standing",),
        values={(standing,): count for standing, count in standings.items()},
    )


def _keys(identity: Identity, _: Store) -> Iterator[Gauge]:
    counted: dict[tuple[str, ...], float] = {}
    for key in identity.ring.read():
        place = (str(key.role), str(key.stage))
        counted[place] = counted.get(place, 0) + 1
    yield Gauge(
        name="sigfed_keys", help="Online keys by role and stage.", labels=("role", "stage"), values=counted
    )


def _peers(identity: Identity, store: Store) -> Iterator[Gauge]:
    now_ms = identity.now_ms
    with store.read() as unit:
        ages: dict[tuple[str, ...], float] = {
            (peer.name,): (now_ms - (peer.synced_ms or peer.added_ms)) / 1000 for peer in unit.peers.ls()
        }
    yield Gauge(
        name="sigfed_peer_sync_age_seconds",
        help="Seconds since the last sync with a peer that succeeded.",
        labels=("peer",),
        values=ages,
    )


def _logs(_: Identity, store: Store) -> Iterator[Gauge]:
    with store.read() as unit:
        logs = unit.logs.ls(*LogKind)
    own = [log for log in logs if log.kind is LogKind.OWN_LIST]
    yield Gauge(
        name="sigfed_log_size",
        help="Entries of a log that is written or followed.",
        labels=("origin",),
        values={(log.origin,): log.head.size for log in logs},
    )
    yield Gauge(
        name="sigfed_waiting_events",
        help="Changes of an own list that wait for publication.",
        labels=("origin",),
        values={(log.origin,): log.tail - log.head.size for log in own},
    )


def _confirmed(identity: Identity, _: Store) -> Iterator[Gauge]:
    yield Gauge(
        name="sigfed_confirmed",
        help="Whether enough members have said that this node was not put back.",
        values={(): is_confirmed(identity)},
    )
    yield Gauge(
        name="sigfed_silent_members",
        help="Members that did not say so when too few did.",
        labels=("member",),
        values={(node,): 1 for node in silent(identity)},
    )


def _aside(identity: Identity, store: Store) -> Iterator[Gauge]:
    aside = len(quarantine.ls(store, identity.trust.members()))
    with store.read() as unit:
        evidence = sum(1 for one in unit.evidence.ls() if one.released_ms is None)
    yield Gauge(name="sigfed_quarantined", help="Things that guards set aside.", values={(): aside})
    yield Gauge(
        name="sigfed_evidence", help="Contradictions nobody has decided about.", values={(): evidence}
    )
    yield Gauge(
        name="sigfed_audit_unsigned", help="Audit records not signed yet.", values={(): count_unsigned(store)}
    )
