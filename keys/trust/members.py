"""The register of the federation's members: who counts, for which country, and how many countries agree.

Only this register decides an agency's country. Every release names the SHA-256 of the register it was made with, so a
register has one encoding, and any other is refused. How the numbers are used is `protocol.judgement.quorum`'s matter.
Spec: docs/spec/trust.md, "Members register".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final, Self

from keys.encoding import MAX_INTEGER, Fields, Json, dump, load
from keys.errors import MalformedTrustError, ThresholdError
from keys.signer import Signer
from keys.trust.countries import is_country
from keys.trust.envelope import open_envelope, seal
from keys.trust.names import is_node_name
from keys.trust.tuf.root import RootContent, TrustedRoot

KIND: Final = "members"
FORMAT_VERSION: Final = 1
MAX_K: Final = 4
MAX_COLLECTION: Final = 2**16 - 1
MAX_MEMBERS_BYTES: Final = 256_000

_REMEMBERED: Final = 16
"""Registers that are not parsed and verified anew, of the same bytes under the same root."""
_WHERE: Final = "members"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One agency; `country` is ISO 3166-1 alpha-2, or None for a body of no country, which counts for none."""

    node: str
    root_sha256: bytes
    country: str | None
    authority_for: frozenset[int] = frozenset()
    """Numbers of the collections in which its word alone makes a digest effective."""

    def __post_init__(self) -> None:
        if not is_node_name(self.node):
            raise MalformedTrustError("{where}: node is not a node name", _WHERE)
        if len(self.root_sha256) != 32:
            raise MalformedTrustError("{where}: root_sha256 is not 32 bytes", _WHERE)
        if self.country is not None and not is_country(self.country):
            raise MalformedTrustError("{where}: country is not an ISO 3166-1 alpha-2 code", _WHERE)
        if not all(1 <= collection <= MAX_COLLECTION for collection in self.authority_for):
            raise MalformedTrustError("{where}: authority_for names no collection", _WHERE)

    def to_fields(self) -> Json:
        """As written in a register."""
        return {
            "node": self.node,
            "root_sha256": self.root_sha256.hex(),
            "country": self.country,
            "authority_for": sorted(self.authority_for),
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From an object; raises `MalformedTrustError`."""
        return cls(
            node=fields.text("node"),
            root_sha256=fields.sha256("root_sha256"),
            country=None if fields.absent("country") else fields.text("country"),
            authority_for=frozenset(fields.integers("authority_for")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """A register; raises `MalformedTrustError` for numbers out of range or a member listed twice."""

    version: int
    """Grows with every change."""
    k: int
    """Countries that must list a digest before it is effective, 1 to 4."""
    block_cap: int
    """Open blocks of one list that apply; the rest wait for operators."""
    members: tuple[Member, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.version <= MAX_INTEGER:
            raise MalformedTrustError("{where}: version is out of range", _WHERE)
        if not 1 <= self.k <= MAX_K:
            raise MalformedTrustError("{where}: k is not 1 to {most}", _WHERE, MAX_K)
        if not 0 <= self.block_cap <= MAX_INTEGER:
            raise MalformedTrustError("{where}: C is out of range", _WHERE)
        # One agency under two names, or two names of one root, would count for two countries.
        for values in ({m.node for m in self.members}, {m.root_sha256 for m in self.members}):
            if len(values) != len(self.members):
                raise MalformedTrustError("{where}: a node or root appears twice", _WHERE)

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the register's encoding, 32 bytes; releases name it."""
        return sha256(to_json(self)).digest()


def to_json(members: Members) -> bytes:
    """The one encoding of a register."""
    return dump(
        {
            "v": FORMAT_VERSION,
            "version": members.version,
            "k": members.k,
            "C": members.block_cap,
            "members": [member.to_fields() for member in members.members],
        }
    )


def from_json(data: bytes) -> Members:
    """The register that `data` is the one encoding of; raises `MalformedTrustError`."""
    fields = load(data, max_bytes=MAX_MEMBERS_BYTES, where=_WHERE, error=MalformedTrustError)
    fields.integer("v", least=FORMAT_VERSION, most=FORMAT_VERSION)
    members = Members(
        version=fields.integer("version"),
        k=fields.integer("k"),
        block_cap=fields.integer("C"),
        members=tuple(map(Member.read, fields.nested_list("members"))),
    )
    # Two encodings of one register would have two hashes, and look like two registers.
    if to_json(members) != data:
        raise MalformedTrustError("{where}: not the one encoding of this register", _WHERE)
    return members


def sign_members(members: Members, signers: Sequence[Signer]) -> bytes:
    """`members.json`: the register in an envelope signed by holders of targets keys."""
    return seal(KIND, to_json(members), signers)


def open_members(data: bytes, root: RootContent) -> Members:
    """The register in `members.json`, as the node of `root` sees it.

    That versions only grow is the caller's to remember. Raises `MalformedTrustError` or `ThresholdError`.
    """
    return _opened(data, root)


@lru_cache(_REMEMBERED)
def _opened(data: bytes, root: RootContent) -> Members:
    return from_json(open_envelope(data, KIND, root))


def open_earlier_members(data: bytes, roots: Sequence[TrustedRoot]) -> Members:
    """A register of an earlier day, signed with the keys of one of these `roots`, which follow from the first.

    Only for a register that something else names by its hash: who stole keys that were replaced since signs what he
    likes with them. Raises as `open_members` does, of the first root.
    """
    for root in reversed(roots[1:]):
        try:
            return open_members(data, root)
        except ThresholdError:
            continue
    return open_members(data, roots[0])
