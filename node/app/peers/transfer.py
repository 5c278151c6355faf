"""Transfers of an opened node: writing one for a peer, and syncing from one instead of from the network."""

import json
from collections.abc import Mapping
from pathlib import Path

from keys.key import StatementPrivateKey
from keys.trust.names import is_origin_of
from node.app.peers.sync import PeerSyncs
from node.errors import InputRefusedError
from node.files import input_file
from node.identity.identity import Identity
from node.objects.medium import MediumObjects
from node.peers.sync.reports import SyncReport
from node.peers.transfer.read import HeldList, receive
from node.peers.transfer.write import Exported, Exporter
from node.store.store import Store
from protocol.limits import MAX_LOG_SIZE
from protocol.lists.grant import read_grant

_MAX_HELD_BYTES = 256 * 1024


def export_to(
    identity: Identity, store: Store, peer: str, folder: Path, *, held: Mapping[str, HeldList]
) -> Exported:
    """Write what `peer` may read, and does not hold yet, into `folder`."""
    exporter = Exporter(
        store,
        identity.trust,
        identity.clock,
        node=identity.settings.node,
        signer=identity.signer(StatementPrivateKey),
    )
    return exporter.export(peer, MediumObjects(folder), held=held)


async def import_from(
    identity: Identity, store: Store, peer: str, folder: Path, *, beyond_limits: bool = False
) -> SyncReport:
    """Sync the lists of `peer` from what it exported into `folder`; `beyond_limits` as in `PeerSyncs`."""
    carried = receive(
        store, MediumObjects(folder), peer, node=identity.settings.node, now=identity.clock.now()
    )
    return await PeerSyncs(identity, store, carried.time, beyond_limits=beyond_limits).run_over(peer, carried)


def read_held(path: Path, node: str) -> dict[str, HeldList]:
    """What a file says that the other agency made with `transfer held`, by origin.

    One that does not say how far a list is opened counts as opened for nothing.

    Raises:
        InputRefusedError: it cannot be read, or is not about lists of this node.
    """
    try:
        with input_file(path) as stream:
            found = json.loads(stream.read(_MAX_HELD_BYTES))
        opened = found.get("opened", {})
        lists = {
            str(origin): HeldList(int(size), read_grant(opened.get(origin)))
            for origin, size in found["lists"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputRefusedError(
            "{path} is not what `sigfed transfer held` prints",
            path,
            hint="make it with: --json transfer held",
        ) from None
    if not all(
        is_origin_of(origin, node) and 0 <= held.size <= MAX_LOG_SIZE for origin, held in lists.items()
    ):
        raise InputRefusedError("{path} is not about lists of {node}", path, node)
    return lists
