"""The pins of a node's TLS keys: those that ended are taken off, and successors are pinned ahead of their time.

A pin has no window in the node document, so the key ring says when a TLS key counts, and each one follows the one
before it. Whoever holds a document of the last months knows the key that is served: no holder is needed then.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from keys.roles import Role
from keys.trust.lifecycle import Stage, successor_window
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import MAX_PINS
from node.ports.keyring import RingKey
from node.trust.own import window

_LASTS: Final = frozenset({Stage.GENERATED, Stage.PUBLISHED, Stage.ACTIVE})


def with_next_pins(
    document: NodeDocument, ring: Iterable[RingKey], make: Callable[[], bytes]
) -> NodeDocument:
    """The document with TLS keys until its last day, as far as there is room; `make` gives the pin of a new one."""
    keys = [key for key in ring if key.role is Role.TLS]
    ended = {key.managed.kid for key in keys if _has_ended(key, document.valid.start)}
    document = _without(document, ended)
    pins = {pin.hex() for pin in document.pins}
    windows = [key.managed.valid for key in keys if key.managed.kid in pins]
    first = window(document.valid.start, Role.TLS.info.days)  # where the ring has not taken it in yet
    last = max(windows, key=lambda each: each.end, default=first)
    room = MAX_PINS - max(len(endpoint.tls_spki_sha256) for endpoint in document.endpoints)
    made: list[bytes] = []
    while last.end < document.valid.end and len(made) < room:
        made.append(make())
        last = successor_window(last)
    endpoints = (
        replace(endpoint, tls_spki_sha256=(*endpoint.tls_spki_sha256, *made))
        for endpoint in document.endpoints
    )
    return replace(document, endpoints=tuple(endpoints))


def _has_ended(key: RingKey, now: datetime) -> bool:
    """A running node may present a key for a minute after its successor began: who syncs then must know both."""
    if key.stage is Stage.RETIRED:
        return now >= key.managed.valid.end
    return key.stage not in _LASTS


def _without(document: NodeDocument, ended: Iterable[str]) -> NodeDocument:
    """The document without ended pins, but for an endpoint that would have none left."""
    gone = {bytes.fromhex(kid) for kid in ended}
    endpoints = []
    for endpoint in document.endpoints:
        left = tuple(pin for pin in endpoint.tls_spki_sha256 if pin not in gone)
        endpoints.append(replace(endpoint, tls_spki_sha256=left or endpoint.tls_spki_sha256))
    return replace(document, endpoints=tuple(endpoints))
