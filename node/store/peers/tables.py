"""The tables of other agencies: evidence, cosignatures, heads, revocations, acknowledgements, withdrawals."""

from sqlalchemy import BigInteger, Integer, UniqueConstraint
from sqlmodel import Field

from node.store.tables import TableModel, key_part


class Evidence(TableModel):
    """One kept contradiction; the bytes are an object."""

    __tablename__ = "evidence"
    __table_args__ = (UniqueConstraint("subject", "kind", "pair"),)

    sha256: str = Field(max_length=64, primary_key=True)
    kind: str = Field(max_length=16)
    subject: str = Field(max_length=255)
    pair: str = Field(max_length=64)
    source: str = Field(max_length=255)
    created_ms: int = Field(sa_type=BigInteger)
    released_ms: int | None = Field(default=None, sa_type=BigInteger)


class Heard(TableModel):
    """The last head of a log that one peer told: one row each, so that nobody fills the table."""

    __tablename__ = "heard_head"

    origin: str = Field(max_length=255, primary_key=True)
    source: str = Field(max_length=255, primary_key=True)
    size: int = Field(sa_type=BigInteger)
    root: bytes
    note: bytes
    heard_ms: int = Field(sa_type=BigInteger)


class ReleasedBlock(TableModel):
    """A block of a removed member that a second person released."""

    __tablename__ = "released_block"

    origin: str = Field(max_length=255, primary_key=True)
    position: int = Field(sa_type=BigInteger, primary_key=True)
    leaf: bytes
    released_ms: int = Field(sa_type=BigInteger)


class Cosigner(TableModel):
    """One witness of one own log."""

    __tablename__ = "cosigner"

    origin: str = Field(max_length=255, primary_key=True)
    witness: str = Field(max_length=128, primary_key=True)
    size: int = Field(sa_type=BigInteger)
    since_ms: int = Field(sa_type=BigInteger)
    cosigned_s: int = Field(sa_type=BigInteger)
    asked_ms: int = Field(sa_type=BigInteger)
    outcome: str = Field(max_length=1024)
    alarm: bool


class Overlay(TableModel):
    """What is held beyond the trusted head of one log."""

    __tablename__ = "overlay"

    log_id: int = Field(sa_column=key_part(Integer))
    base_size: int = Field(sa_type=BigInteger)
    base_root: bytes
    size: int = Field(sa_type=BigInteger)
    root: bytes
    note: bytes
    sealed: bytes


class WitnessedLog(TableModel):
    """One log. A lost row would let this witness contradict itself, so nothing deletes one."""

    __tablename__ = "witnessed_log"

    origin: str = Field(max_length=255, primary_key=True)
    origin_sha256: str = Field(max_length=64, unique=True)
    size: int = Field(sa_type=BigInteger)
    root: bytes
    time_s: int = Field(sa_type=BigInteger)
    note: bytes
    cosignature: bytes


class NodeRevocations(TableModel):
    """The newest revocations of one node, and which file its newest document names."""

    __tablename__ = "node_revocations"

    node: str = Field(max_length=255, primary_key=True)
    version: int = Field(sa_type=BigInteger)
    payload: bytes
    envelope: bytes
    named: bytes | None = None


class TrustAcknowledgementRow(TableModel):
    """The newest statement of a peer about this node's trust files."""

    __tablename__ = "trust_acknowledgement"

    peer: str = Field(max_length=255, primary_key=True)
    root_version: int = Field(sa_type=BigInteger)
    serial: int = Field(sa_type=BigInteger)
    time_ms: int = Field(sa_type=BigInteger)
    received_ms: int = Field(sa_type=BigInteger)
    statement: bytes


class TrustAcknowledgedRow(TableModel):
    """What a peer was last told that is held of its trust files."""

    __tablename__ = "trust_acknowledged"

    peer: str = Field(max_length=255, primary_key=True)
    content: bytes


class AcknowledgementRow(TableModel):
    """The newest statement of a peer about an own list."""

    __tablename__ = "acknowledgement"

    log_id: int = Field(sa_column=key_part(Integer))
    peer: str = Field(max_length=255, primary_key=True)
    held_size: int = Field(sa_type=BigInteger)
    released_size: int | None = Field(default=None, sa_type=BigInteger)
    time_ms: int = Field(sa_type=BigInteger)
    received_ms: int = Field(sa_type=BigInteger)
    statement: bytes


class AcknowledgedRow(TableModel):
    """What this node last acknowledged of a peer's list."""

    __tablename__ = "acknowledged"

    origin: str = Field(max_length=255, primary_key=True)
    content: bytes


class WithdrawalRow(TableModel):
    """Neighbouring withdraw events of an own list."""

    __tablename__ = "withdrawal"

    log_id: int = Field(sa_column=key_part(Integer))
    first: int = Field(sa_column=key_part())
    last: int = Field(sa_type=BigInteger)
    published_ms: int | None = Field(default=None, sa_type=BigInteger)


class ReachedRow(TableModel):
    """When a withdrawal reached a peer, and its releases."""

    __tablename__ = "reached"

    log_id: int = Field(sa_column=key_part(Integer))
    first: int = Field(sa_column=key_part())
    peer: str = Field(max_length=255, primary_key=True)
    held_ms: int | None = Field(default=None, sa_type=BigInteger)
    released_ms: int | None = Field(default=None, sa_type=BigInteger)


class JudgedRow(TableModel):
    """Up to which size a subset's newest release follows a list."""

    __tablename__ = "judged_list"

    subset: str = Field(max_length=64, primary_key=True)
    origin: str = Field(max_length=255, primary_key=True)
    size: int = Field(sa_type=BigInteger)
