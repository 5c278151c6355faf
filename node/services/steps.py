"""What the store knows about the steps of keys: who must know a successor, and who does."""

from collections.abc import Iterable, Mapping

from keys.roles import Role
from keys.trust.lifecycle import Facts, Lineage
from keys.trust.listed import ListedKey
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import LogStatus
from node.clock import Clock
from node.ports.keyring import RingKey
from node.ports.storage import Unit
from node.services.rekeying import storage_keys_in_use


def facts_of(
    unit: Unit, keys: Iterable[RingKey], document: NodeDocument, listed: Iterable[ListedKey], clock: Clock
) -> Facts:
    """The facts of this moment for `keys.trust.lifecycle.advance`."""
    held, in_use = list(keys), storage_keys_in_use(unit)
    return Facts(
        now=clock.now(),
        listed=frozenset(key.kid for key in listed),
        peers=frozenset(peer.name for peer in unit.peers.ls()),
        acknowledged=_acknowledged(unit, held),
        allowed={key.managed.kid: key.allowed_by for key in held if key.allowed_by},
        in_use=frozenset(key.managed.kid for key in held if key.role is Role.STORAGE and key.label in in_use),
        needed=needed(document),
    )


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
