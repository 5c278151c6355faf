"""The tables of other agencies: evidence, cosignatures, heads, revocations, acknowledgements of trust files."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, String, Table, UniqueConstraint

from node.store.tables import METADATA

EVIDENCE: Final = Table(
    "evidence",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("pair", String(64), nullable=False),
    Column("source", String(255), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("released_ms", BigInteger),
    UniqueConstraint("subject", "kind", "pair"),
)
"""One kept contradiction; the bytes are an object."""

HEARD_HEAD: Final = Table(
    "heard_head",
    METADATA,
    Column("origin", String(255), primary_key=True),
    Column("source", String(255), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", LargeBinary, nullable=False),
    Column("heard_ms", BigInteger, nullable=False),
)
"""The last head of a log that one peer told: one row each, so that nobody fills the table."""

RELEASED_BLOCK: Final = Table(
    "released_block",
    METADATA,
    Column("origin", String(255), primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("leaf", LargeBinary, nullable=False),
    Column("released_ms", BigInteger, nullable=False),
)
"""A block of a removed member that a second person released."""

COSIGNER: Final = Table(
    "cosigner",
    METADATA,
    Column("origin", String(255), primary_key=True),
    Column("witness", String(128), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("cosigned_s", BigInteger, nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("outcome", String(1024), nullable=False),
    Column("alarm", Boolean, nullable=False),
)
"""One witness of one own log."""

OVERLAY: Final = Table(
    "overlay",
    METADATA,
    Column("log_id", Integer, primary_key=True, autoincrement=False),
    Column("base_size", BigInteger, nullable=False),
    Column("base_root", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
"""What is held beyond the trusted head of one log."""

WITNESSED_LOG: Final = Table(
    "witnessed_log",
    METADATA,
    Column("origin", String(255), primary_key=True),
    Column("origin_sha256", String(64), nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("time_s", BigInteger, nullable=False),
    Column("note", LargeBinary, nullable=False),
    Column("cosignature", LargeBinary, nullable=False),
)
"""One log. A lost row would let this witness contradict itself, so nothing deletes one."""

NODE_REVOCATIONS: Final = Table(
    "node_revocations",
    METADATA,
    Column("node", String(255), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("named", LargeBinary),
)
"""The newest revocations of one node, and which file its newest document names."""

TRUST_ACKNOWLEDGEMENT: Final = Table(
    "trust_acknowledgement",
    METADATA,
    Column("peer", String(255), primary_key=True),
    Column("root_version", BigInteger, nullable=False),
    Column("serial", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("statement", LargeBinary, nullable=False),
)
"""The newest statement of a peer about this node's trust files."""

TRUST_ACKNOWLEDGED: Final = Table(
    "trust_acknowledged",
    METADATA,
    Column("peer", String(255), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
"""What a peer was last told that is held of its trust files."""
