"""What the store knows about the steps of keys: who must know a successor, who does, and what time it surely is."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from keys.errors import KeysError
from keys.roles import Role
from keys.trust.lifecycle import Facts, Lineage
from keys.trust.listed_keys import ListedKey
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import LogStatus
from keys.trust.tuf.repository import open_timestamp
from node.clock import Clock, milliseconds, moment_of
from node.objects.rekey import storage_keys_in_use
from node.ports.keyring import RingKey
from node.store.unit import Unit
from node.trust.others.refresh import newest_root
from node.trust.others.time import newest_time_ms
from node.trust.tuf.repository import TIMESTAMP_LASTS

BELIEVED: Final = timedelta(days=7)
"""So far after the newest time that another node signed, the own clock is believed about what ends. Keys that follow
each other overlap for longer: whatever ends by a clock that is ahead by less, its successor counts already."""


def facts_of(
    unit: Unit, keys: Iterable[RingKey], document: NodeDocument, listed: Iterable[ListedKey], clock: Clock
) -> Facts:
    """The facts of this moment for `keys.trust.lifecycle.advance`."""
    held, in_use = list(keys), storage_keys_in_use(unit)
    return Facts(
        now=clock.now(),
        sure=_sure(unit, clock.now()),
        listed=frozenset(key.kid for key in listed),
        peers=frozenset(peer.name for peer in unit.peers.ls()),
        acknowledged=_acknowledged(unit, held),
        allowed={key.managed.kid: key.allowed_by for key in held if key.allowed_by},
        in_use=frozenset(key.managed.kid for key in held if key.role is Role.STORAGE and key.label in in_use),
        needed=needed(document),
    )


def _sure(unit: Unit, now: datetime) -> datetime | None:
    """Until when time has come by what others signed; None where nobody did."""
    # What is dated ahead of this clock says no more than this clock does.
    times = [min(now, said) for said in _said_current(unit)]
    if newest_ms := newest_time_ms(unit):
        times.append(moment_of(min(newest_ms, milliseconds(now))))
    return max(times) + BELIEVED if times else None


def _said_current(unit: Unit) -> Iterator[datetime]:
    """When each peer last said that its trust files are current: every few hours, as long as it runs."""
    for peer in unit.peers.ls():
        if not peer.trust.timestamp:
            continue
        try:
            yield open_timestamp(peer.trust.timestamp, newest_root(peer)).expires - TIMESTAMP_LASTS
        except KeysError:
            continue  # of keys that were replaced, or damaged: a sync says so


def needed(document: NodeDocument) -> frozenset[Lineage]:
    """Where a key must sign now, or serve."""
    roles = (Role.AUTH, Role.TOKEN, Role.STATEMENT, Role.SNAPSHOT, Role.TIMESTAMP, Role.TLS, Role.STORAGE)
    logs = (Lineage(Role.LOG, log.origin) for log in document.logs if log.status is LogStatus.ACTIVE)
    subsets = (Lineage(Role.OPRF, subset.name) for subset in document.subsets)
    witness = [Lineage(Role.WITNESS, document.witness.name)] if document.witness else []
    return frozenset((*map(Lineage, roles), *logs, *subsets, *witness))


def _acknowledged(unit: Unit, keys: Iterable[RingKey]) -> Mapping[str, frozenset[str]]:
    """By kid, the peers that hold a node document which lists it."""
    told = unit.trust_acknowledgements.ls()
    return {
        key.managed.kid: frozenset(each.peer for each in told if 0 < key.serial <= each.serial)
        for key in keys
    }
