"""Overlays as they are kept, for who judges lists and pulls nothing. What they are: `node.peers.sync.overlays`."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from node.errors import StoreError
from node.objects.logfiles import Item
from node.objects.sealed_names import overlay_name
from node.store.lists.records import LogRecord
from node.store.peers.records import OverlayRecord
from node.store.vault import Vault
from protocol.limits import EVENT_BYTES

_INDEX: Final = 8
_LENGTH: Final = 2


def seal_items(vault: Vault, log: LogRecord, items: Iterable[Item]) -> bytes:
    """What an overlay upon `log` has, encrypted as its record has it."""
    return vault.seal(overlay_name(log.id), _encoded(items))


def overlay_items(vault: Vault, log: LogRecord, overlays: Sequence[OverlayRecord]) -> tuple[Item, ...]:
    """What lies upon the head of `log` now; nothing if it moved since."""
    for record in overlays:
        if record.log_id == log.id and (record.base_size, record.base_root) == (log.head.size, log.head.root):
            return tuple(_decoded(vault.unseal(overlay_name(log.id), record.sealed)))
    return ()


def _encoded(items: Iterable[Item]) -> bytes:
    return b"".join(
        index.to_bytes(_INDEX) + event + len(opening or b"").to_bytes(_LENGTH) + (opening or b"")
        for index, event, opening in items
    )


def _decoded(data: bytes) -> Iterator[Item]:
    at = 0
    while at < len(data):
        start = at + _INDEX + EVENT_BYTES + _LENGTH
        end = start + int.from_bytes(data[start - _LENGTH : start])
        if end > len(data):
            raise StoreError("a stored overlay is damaged", hint="sync again: it will be fetched anew")
        event = data[at + _INDEX : at + _INDEX + EVENT_BYTES]
        yield int.from_bytes(data[at : at + _INDEX]), event, data[start:end] or None
        at = end
