"""The tables of subsets: what they take in, the source numbers of their epochs, their releases, what these list."""

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field

from node.store.tables import TableModel, key_part


class Subset(TableModel):
    """A subset with the public key of its epoch; the secret is in a key file, never here."""

    __tablename__ = "subset"

    name: str = Field(max_length=64, primary_key=True)
    origin: str = Field(max_length=255, unique=True)
    filter_cbor: bytes
    epoch: int = Field(sa_type=BigInteger)
    pk: bytes
    created_ms: int = Field(sa_type=BigInteger)
    sealed_salt: bytes
    listed: int = Field(sa_column=Column(BigInteger, nullable=False, server_default="0"))


class SourceNumber(TableModel):
    """The number that stands for a log in the labels of one epoch."""

    __tablename__ = "source_number"

    subset: str = Field(max_length=64, foreign_key="subset.name", primary_key=True)
    epoch: int = Field(sa_type=BigInteger, primary_key=True)
    number: int = Field(primary_key=True)
    origin: str = Field(max_length=255)


class ReleaseRow(TableModel):
    """A release; its note is set when it is published."""

    __tablename__ = "subset_release"

    subset: str = Field(max_length=64, foreign_key="subset.name", primary_key=True)
    version: int = Field(sa_type=BigInteger, primary_key=True)
    epoch: int = Field(sa_type=BigInteger)
    kind: int
    manifest_sha256: bytes
    answers: int = Field(sa_type=BigInteger)
    added: int = Field(sa_type=BigInteger)
    removed: int = Field(sa_type=BigInteger)
    created_ms: int = Field(sa_type=BigInteger)
    not_after_ms: int = Field(sa_type=BigInteger)
    note: bytes | None = None


class ListedRow(TableModel):
    """What releases from `since` on say of a digest, by 16 bytes of its keyed hash; clustered by that."""

    __tablename__ = "listed"
    __table_args__ = (
        # Of ended rows alone, as its migration says; said here too, every command would load PostgreSQL's dialect.
        Index("ix_listed_ended", "subset", "ended"),
        Index("ix_listed_shredded", "subset"),  # likewise
        {"sqlite_with_rowid": False},
    )

    subset: str = Field(max_length=64, primary_key=True)
    key: int = Field(sa_column=key_part())
    rest: int = Field(sa_column=key_part())
    since: int = Field(sa_column=key_part())
    ended: int | None = Field(default=None, sa_type=BigInteger)
    """The first release that says something else, while it waits for its signature."""
    tag: int = Field(sa_type=BigInteger)
    label: int = Field(sa_type=BigInteger)
    algorithm: int
    collections: bytes
