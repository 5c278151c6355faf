"""Two signed trust files of one version: a node that shows one to some and the other to others.

Versions of node documents and registers only grow, so two under one number are two answers to one question, and the
root's own signatures convict whoever holds its keys. Offline, from the pinned root. Spec: docs/spec/evidence.md.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from keys.trust.envelope import open_envelope
from keys.trust.members import KIND as MEMBERS
from keys.trust.members import open_members
from keys.trust.names import is_node_name
from keys.trust.node_document import KIND as NODE
from keys.trust.node_document import open_node_document
from keys.trust.tuf.root import TrustedRoot
from protocol.encoding import decode_cbor, encode_cbor
from protocol.errors import MalformedError, ProofError, UntrustedError
from protocol.limits import MAX_TRUST_EVIDENCE_BYTES

KIND: Final = 4
"""Number of this kind among the kinds of evidence; 1 to 3 are those of `protocol.tlog.conflict`."""

_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustFork:
    """Two envelopes of the node `node`, as they were received. A claim until `verify_trust_fork` verified it."""

    node: str
    what: str
    """`node` or `members`: which of its files."""
    one: bytes
    other: bytes

    def to_bytes(self) -> bytes:
        """Deterministic CBOR: {0: version, 1: 4, 2: one, 3: other, 4: node, 5: which file}."""
        return encode_cbor({0: _VERSION, 1: KIND, 2: self.one, 3: self.other, 4: self.node, 5: self.what})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The fork that `to_bytes` wrote; raises `MalformedError`. The envelopes are not read yet."""
        match decode_cbor(data, max_bytes=MAX_TRUST_EVIDENCE_BYTES):
            case {
                0: 1,
                1: 4,
                2: bytes(a),
                3: bytes(b),
                4: str(node),
                5: ("node" | "members") as what,
                **rest,
            }:
                fork = cls(node=node, what=str(what), one=a, other=b)
                if not rest and is_node_name(node) and fork.to_bytes() == data:
                    return fork
            case _:
                pass
        raise MalformedError("not evidence of a trust fork")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustFinding:
    """What a verified trust fork shows: `node` signed two files under one version."""

    node: str
    what: str
    version: int


def verify_trust_fork(data: bytes, root: TrustedRoot) -> TrustFinding:
    """What the evidence shows about the node of the pinned `root`; windows and expiry are not applied.

    Raises:
        MalformedError: not such evidence.
        UntrustedError: about another node than the root's.
        KeysError: an envelope that the root's keys did not sign, or that is malformed.
        ProofError: two files that do not contradict each other.
    """
    fork = TrustFork.from_bytes(data)
    if fork.node != root.node:
        raise UntrustedError("evidence about another node than the root's")
    first, second = (_version(fork.what, envelope, root) for envelope in (fork.one, fork.other))
    same = open_envelope(fork.one, fork.what, root) == open_envelope(fork.other, fork.what, root)
    if first != second or same:
        raise ProofError("two trust files that are no fork: not one version with two contents")
    return TrustFinding(node=fork.node, what=fork.what, version=first)


def _version(what: str, envelope: bytes, root: TrustedRoot) -> int:
    if what == MEMBERS:
        return open_members(envelope, root).version
    assert what == NODE, "the two kinds of trust files"
    return open_node_document(envelope, root).serial


def content_pair(one: bytes, other: bytes) -> str:
    """A name for two contradicting contents, in whichever order and however signed: 64 hexadecimal digits."""
    return sha256(b"".join(sorted(sha256(content).digest() for content in (one, other)))).hexdigest()
