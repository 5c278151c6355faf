"""What a node says about itself, signed by its root: addresses, keys, logs, subsets, limits.

One document is one frozen value; successors of keys stand in it ahead of their time, so a rotation needs no new one.
Rules across its parts are kept here: everything belongs to the node, names are unique, no key serves two roles. That
serial numbers only grow is the reader's to remember. Spec: docs/spec/trust.md, "Node document".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from keys.encoding import MAX_INTEGER, dump, load
from keys.errors import MalformedTrustError
from keys.key import AuthPublicKey, StatementPublicKey, TokenPublicKey
from keys.roles import Role
from keys.signer import Signer
from keys.trust.envelope import open_envelope, seal
from keys.trust.names import is_node_name, is_origin_of
from keys.trust.node_parts import DatedKey, Endpoint, LogInfo, NodeLimits, SubsetInfo, WitnessInfo, read_key
from keys.trust.tuf.root import RootContent
from keys.trust.window import Window

KIND: Final = "node"
VERSION: Final = 1
MAX_NODE_DOCUMENT_BYTES: Final = 512_000
MAX_CONTACT: Final = 200

_REMEMBERED: Final = 16
"""Documents that are not parsed and verified anew, of the same bytes under the same root."""
_WHERE: Final = "node document"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDocument:
    """A node document; raises `MalformedTrustError` when its parts do not fit together."""

    node: str
    serial: int
    valid: Window
    endpoints: tuple[Endpoint, ...]
    auth_keys: tuple[DatedKey[AuthPublicKey], ...]
    token_keys: tuple[DatedKey[TokenPublicKey], ...]
    statement_keys: tuple[DatedKey[StatementPublicKey], ...]
    logs: tuple[LogInfo, ...]
    witness: WitnessInfo | None
    subsets: tuple[SubsetInfo, ...]
    limits: NodeLimits
    contact: str | None = None
    """Whom other agencies ask about entries: a mail address, a telephone number, an office."""
    revoked_sha256: bytes | None = None
    """SHA-256 of the node's newest `revoked.json`; None where nothing was ever revoked."""

    def __post_init__(self) -> None:
        if not is_node_name(self.node):
            raise MalformedTrustError("{where}: node is not a node name", _WHERE)
        if not 1 <= self.serial <= MAX_INTEGER:
            raise MalformedTrustError("{where}: serial is out of range", _WHERE)
        if self.contact is not None:
            _check_contact(self.contact)
        if self.revoked_sha256 is not None and len(self.revoked_sha256) != 32:
            raise MalformedTrustError("{where}: revoked_sha256 is not 32 bytes", _WHERE)
        for keys in (self.auth_keys, self.token_keys, self.statement_keys):
            _require_unique((key.kid for key in keys), "kid")
        _require_unique((log.origin for log in self.logs), "origin")
        _require_unique((subset.name for subset in self.subsets), "subset")
        self._check_owner()
        _require_one_role(self.key_roles())

    @property
    def pins(self) -> frozenset[bytes]:
        """The TLS keys that the node has, now or next, at any of its endpoints, and as a client of others."""
        return frozenset(pin for endpoint in self.endpoints for pin in endpoint.tls_spki_sha256)

    def _check_owner(self) -> None:
        origins = [log.origin for log in self.logs]
        origins += [log.predecessor for log in self.logs if log.predecessor is not None]
        if not all(is_origin_of(origin, self.node) for origin in origins):
            raise MalformedTrustError("{where}: a log of another node", _WHERE)
        if self.witness is not None and not self.witness.name.startswith(self.node + "/"):
            raise MalformedTrustError("{where}: a witness of another node", _WHERE)

    def key_roles(self) -> Iterator[tuple[bytes, Role]]:
        """The 32 bytes and the role of every key in the document, OPRF keys included."""
        for keys in (self.auth_keys, self.token_keys, self.statement_keys):
            yield from ((dated.key.raw, dated.key.role) for dated in keys)
        witness = self.witness.vkeys if self.witness else ()
        for vkey in (*(vkey for log in self.logs for vkey in log.vkeys), *witness):
            yield vkey.key.raw, vkey.key.role
        for epoch in (epoch for subset in self.subsets for epoch in subset.epochs):
            yield epoch.pk, Role.OPRF


def to_json(document: NodeDocument) -> bytes:
    """The payload for `document`: the same values give the same bytes."""
    return dump(
        {
            "v": VERSION,
            "node": document.node,
            "serial": document.serial,
            "valid": document.valid.to_fields(),
            "endpoints": [endpoint.to_fields() for endpoint in document.endpoints],
            "auth_keys": [key.to_fields() for key in document.auth_keys],
            "token_keys": [key.to_fields() for key in document.token_keys],
            "statement_keys": [key.to_fields() for key in document.statement_keys],
            "logs": [log.to_fields() for log in document.logs],
            "witness": None if document.witness is None else document.witness.to_fields(),
            "subsets": [subset.to_fields() for subset in document.subsets],
            "limits": document.limits.to_fields(),
            **({} if document.contact is None else {"contact": document.contact}),
            **({} if document.revoked_sha256 is None else {"revoked_sha256": document.revoked_sha256.hex()}),
        }
    )


def from_json(data: bytes) -> NodeDocument:
    """The document in a payload; unknown fields are ignored, a field given twice is refused.

    Raises `MalformedTrustError`, or `MalformedKeyError` for a key that is not admissible.
    """
    fields = load(data, max_bytes=MAX_NODE_DOCUMENT_BYTES, where=_WHERE, error=MalformedTrustError)
    fields.integer("v", least=VERSION, most=VERSION)
    return NodeDocument(
        node=fields.text("node"),
        serial=fields.integer("serial"),
        valid=Window.read(fields),
        endpoints=tuple(map(Endpoint.read, fields.nested_list("endpoints"))),
        auth_keys=tuple(read_key(item, AuthPublicKey) for item in fields.nested_list("auth_keys")),
        token_keys=tuple(read_key(item, TokenPublicKey) for item in fields.nested_list("token_keys")),
        statement_keys=tuple(
            read_key(item, StatementPublicKey) for item in fields.nested_list("statement_keys")
        ),
        logs=tuple(map(LogInfo.read, fields.nested_list("logs"))),
        witness=None if fields.absent("witness") else WitnessInfo.read(fields.nested("witness")),
        subsets=tuple(map(SubsetInfo.read, fields.nested_list("subsets"))),
        limits=NodeLimits.read(fields.nested("limits")),
        contact=None if fields.absent("contact") else fields.text("contact", longest=MAX_CONTACT),
        revoked_sha256=None if fields.absent("revoked_sha256") else fields.sha256("revoked_sha256"),
    )


def sign_node_document(document: NodeDocument, signers: Sequence[Signer]) -> bytes:
    """`node.json`: the document in an envelope signed by holders of targets keys."""
    return seal(KIND, to_json(document), signers)


def open_node_document(data: bytes, root: RootContent) -> NodeDocument:
    """The document in `node.json`, signed by `root` and about the node that `root` is of.

    Whether it is current is for the caller: `document.valid.require(now, …)` and its serial number. Raises
    `MalformedTrustError`, `MalformedKeyError` or `ThresholdError`.
    """
    return _opened(data, root)


@lru_cache(_REMEMBERED)
def _opened(data: bytes, root: RootContent) -> NodeDocument:
    document = from_json(open_envelope(data, KIND, root))
    require_fits(document, root)
    return document


def require_fits(document: NodeDocument, root: RootContent) -> None:
    """Returns if the document is about the root's node and shares no key with it, else raises `MalformedTrustError`."""
    if document.node != root.node:
        raise MalformedTrustError("{where}: it is about another node than the root", _WHERE)
    _require_one_role((*document.key_roles(), *((key.raw, key.role) for key in root.keys)))


def _check_contact(text: str) -> None:
    if not (0 < len(text) <= MAX_CONTACT and text.isascii() and text.isprintable()):
        raise MalformedTrustError(
            "{where}: contact is not 1 to {most} printable ASCII characters", _WHERE, MAX_CONTACT
        )


def _require_unique(names: Iterable[str], what: str) -> None:
    listed = list(names)
    if len(set(listed)) != len(listed):
        raise MalformedTrustError("{where}: a {what} appears twice", _WHERE, what)


def _require_one_role(keys: Iterable[tuple[bytes, Role]]) -> None:
    # A signature made for one purpose must never be usable for another.
    roles: dict[bytes, Role] = {}
    for raw, role in keys:
        if roles.setdefault(raw, role) is not role:
            raise MalformedTrustError(
                "{where}: one key serves as {roles} and {role}", _WHERE, roles[raw], role
            )
