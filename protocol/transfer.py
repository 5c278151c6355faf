"""The head of a transfer: who wrote the files on a carried medium, for whom, when, and what it may read in them.

The files themselves are those that a node serves over HTTP, and are judged by the same rules. Only what a connection
would have told is here: the time at which the heads were the newest, and of what the openings are given.
It is the payload of a statement (`keys.trust.statement`), so the time is signed. Spec: docs/spec/transfer.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keys.trust.names import is_node_name, is_origin_of
from protocol.digest import Algorithm
from protocol.encoding import CborValue, encode_cbor
from protocol.errors import MalformedError, NotCanonicalError
from protocol.fields import Fields, array_of, increasing, number_of, text_of
from protocol.limits import MAX_LOG_SIZE
from protocol.lists.grant import Grant
from protocol.subset.manifest import MAX_TIME_MS

KIND: Final = "transfer"
"""Of the statement."""
MAX_TRANSFER_BYTES: Final = 32_768

_FORMAT: Final = 1
_MAX_COLLECTION: Final = 2**16 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What `node` wrote for `peer` at `time_ms`; raises `MalformedError` for names that are none."""

    node: str
    peer: str
    time_ms: int
    """Milliseconds since 1970: when the heads were the newest."""
    granted: frozenset[int]
    """Collections whose openings are given: of these every event is opened."""
    algorithms: frozenset[Algorithm] | None = None
    """Of these alone, where it is not None; of all otherwise."""
    lists: Mapping[str, int]
    """Size of each list, by origin."""

    def __post_init__(self) -> None:
        if not is_node_name(self.node) or not is_node_name(self.peer):
            raise MalformedError("transfer: a name that is not a node's")
        if not all(is_origin_of(origin, self.node) for origin in self.lists):
            raise MalformedError("transfer: a log of another node")

    @property
    def grant(self) -> Grant:
        """The grant by which openings are in the transfer."""
        return Grant(collections=self.granted, algorithms=self.algorithms)

    def to_bytes(self) -> bytes:
        """Deterministic CBOR."""
        lists: list[CborValue] = [[origin, size] for origin, size in sorted(self.lists.items())]
        fields: dict[int, CborValue] = {
            0: _FORMAT,
            1: self.node,
            2: self.peer,
            3: self.time_ms,
            4: sorted(self.granted),
            5: lists,
        }
        return encode_cbor(fields if self.algorithms is None else {**fields, 6: sorted(self.algorithms)})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Transfer":
        """The one value that `data` is the encoding of; raises `MalformedError`."""
        fields = Fields(data, name="transfer", max_bytes=MAX_TRANSFER_BYTES)
        fields.number(0, minimum=_FORMAT, maximum=_FORMAT)
        node, peer = fields.text(1), fields.text(2)
        time_ms = fields.number(3, maximum=MAX_TIME_MS)
        granted = fields.items(4, _collection)
        lists = fields.items(5, _list)
        algorithms = fields.optional_items(6, _algorithm)
        fields.finish()
        origins = [origin for origin, _ in lists]
        if not increasing(granted) or not increasing(algorithms or ()) or origins != sorted(set(origins)):
            raise NotCanonicalError("transfer: collections, algorithms or lists that are not in order")
        return cls(
            node=node,
            peer=peer,
            time_ms=time_ms,
            granted=frozenset(granted),
            algorithms=None if algorithms is None else frozenset(algorithms),
            lists=dict(lists),
        )


def _collection(value: CborValue, where: str) -> int:
    return number_of(value, where, maximum=_MAX_COLLECTION)


def _algorithm(value: CborValue, where: str) -> Algorithm:
    return Algorithm(number_of(value, where, minimum=1, maximum=max(Algorithm)))


def _list(value: CborValue, where: str) -> tuple[str, int]:
    parts = array_of(value, where)
    if len(parts) != 2:
        raise MalformedError("{where} is not an origin and a size", where)
    return text_of(parts[0], where), number_of(parts[1], where, maximum=MAX_LOG_SIZE)
