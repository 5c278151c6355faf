"""What the look-up index and the tombstones say of digests, without their openings.

A damaged opening keeps no shredding and no report back. Of two digests that share a look-up key each counts as listed
while the other is.
"""

from collections.abc import Iterable

from node.store.lists.records import LogKind
from node.store.unit import Unit
from node.store.vault import Vault
from protocol.digest import Digest


def listed_among(vault: Vault, unit: Unit, digests: Iterable[Digest]) -> frozenset[Digest]:
    """Those that a list lists or disputes."""
    asked = list(digests)
    if not asked:
        return frozenset()
    keys = dict(zip(asked, vault.keys_of(asked).tolist(), strict=True))
    listed = {hit.key for hit in unit.entries.find(list(keys.values())) if hit.ended is None}
    return frozenset(digest for digest, key in keys.items() if key in listed)


def gone_among(vault: Vault, unit: Unit, digests: Iterable[Digest]) -> frozenset[Digest]:
    """Those that nothing new may hold: this node shredded them, or a peer did and nobody lists or disputes them."""
    graves = unit.tombstones.ls()
    if not graves:
        return frozenset()
    own = {log.id for log in unit.logs.ls(LogKind.OWN_LIST)}
    by_us, by_any = {each.mac for each in graves if each.log_id in own}, {each.mac for each in graves}
    shredded = {digest: mac for digest in digests if (mac := vault.tombstone_of(digest)) in by_any}
    listed = listed_among(vault, unit, shredded)
    return frozenset(digest for digest, mac in shredded.items() if mac in by_us or digest not in listed)
