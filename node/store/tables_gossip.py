"""The tables of evidence that is kept, of heads that other nodes told, and of blocks that people released."""

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel


class Evidence(SQLModel, table=True):
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


class Heard(SQLModel, table=True):
    """The last head of a log that one peer told: one row each, so that nobody fills the table."""

    __tablename__ = "heard_head"

    origin: str = Field(max_length=255, primary_key=True)
    source: str = Field(max_length=255, primary_key=True)
    size: int = Field(sa_type=BigInteger)
    root: bytes
    note: bytes
    heard_ms: int = Field(sa_type=BigInteger)


class ReleasedBlock(SQLModel, table=True):
    """A block of a removed member that a second person released."""

    __tablename__ = "released_block"

    origin: str = Field(max_length=255, primary_key=True)
    position: int = Field(sa_type=BigInteger, primary_key=True)
    leaf: bytes
    released_ms: int = Field(sa_type=BigInteger)
