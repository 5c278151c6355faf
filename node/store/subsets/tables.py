"""The tables of subsets: what they take in, the source numbers of their epochs, their releases."""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table

from node.store.tables import METADATA

SUBSET: Final = Table(
    "subset",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("origin", String(255), nullable=False, unique=True),
    Column("filter_cbor", LargeBinary, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("pk", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("sealed_salt", LargeBinary, nullable=False),
)
"""A subset with the public key of its epoch; the secret is in a key file, never here."""

SOURCE_NUMBER: Final = Table(
    "source_number",
    METADATA,
    Column("subset", String(64), ForeignKey("subset.name"), primary_key=True),
    Column("epoch", BigInteger, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("origin", String(255), nullable=False),
)
"""The number that stands for a log in the labels of one epoch."""

SUBSET_RELEASE: Final = Table(
    "subset_release",
    METADATA,
    Column("subset", String(64), ForeignKey("subset.name"), primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("manifest_sha256", LargeBinary, nullable=False),
    Column("answers", BigInteger, nullable=False),
    Column("added", BigInteger, nullable=False),
    Column("removed", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("not_after_ms", BigInteger, nullable=False),
    Column("note", LargeBinary),
)
"""A release; its note is set when it is published."""
