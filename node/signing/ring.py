"""The keys of a key ring by name, and as the text that is kept of them."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from keys.encoding import format_time
from keys.errors import KeysError
from keys.roles import Role
from keys.trust.lifecycle import Lineage, ManagedKey, Stage
from keys.trust.window import Window
from node.errors import NotFoundError, StoreError
from node.files import decode_state, encode_state
from node.ports.keyring import RingKey

_VERSION: Final = 1


def get_key(ring: Iterable[RingKey], name: str) -> RingKey:
    """The key that people call `name`; raises `NotFoundError`."""
    for key in ring:
        if key.name == name:
            return key
    raise NotFoundError("this node has no key {name}", name, hint="see them with: sigfed key status")


def encode_ring(keys: Iterable[RingKey]) -> bytes:
    """The text of these keys, as `decode_ring` reads it."""
    fields = {"v": _VERSION, "keys": [_fields(key) for key in keys]}
    return encode_state(fields) + b"\n"


def _fields(key: RingKey) -> dict[str, str | int]:
    managed = key.managed
    return {
        "kid": managed.kid,
        "role": managed.lineage.role,
        "of": managed.lineage.of,
        "algorithm": managed.lineage.algorithm,
        "label": key.label,
        "public": key.public,
        "start": format_time(managed.valid.start),
        "end": format_time(managed.valid.end),
        "stage": managed.stage,
        "since": format_time(key.since),
        "serial": key.serial,
        "allowed_by": key.allowed_by,
    }


def decode_ring(data: bytes) -> tuple[RingKey, ...]:
    """The keys that a file of a ring names; raises `StoreError`."""
    with suppress(KeysError, ValueError, KeyError, TypeError):
        fields = decode_state(data)
        if fields["v"] == _VERSION:
            return tuple(map(_key, fields["keys"]))
    raise StoreError("the key ring is damaged", hint="restore ring.json from a backup")


def _key(fields: Mapping[str, Any]) -> RingKey:
    lineage = Lineage(Role(fields["role"]), str(fields["of"]), str(fields["algorithm"]))
    window = Window(_time(fields["start"]), _time(fields["end"]))
    return RingKey(
        managed=ManagedKey(str(fields["kid"]), lineage, window, Stage(fields["stage"])),
        label=str(fields["label"]),
        since=_time(fields["since"]),
        public=str(fields["public"]),
        serial=int(fields["serial"]),
        allowed_by=str(fields["allowed_by"]),
    )


def _time(text: object) -> datetime:
    return datetime.fromisoformat(str(text)).astimezone(UTC)
