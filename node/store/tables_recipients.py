"""The tables of recipients, and of the copy of raw digests that is laid out for them."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class Recipient(SQLModel, table=True):
    """An accredited holder of raw digests; of its key only the SHA-256."""

    __tablename__ = "recipient"

    name: str = Field(max_length=64, primary_key=True)
    purpose: str = Field(max_length=255)
    grant: str
    key_sha256: bytes
    keyed_ms: int = Field(sa_type=BigInteger)
    old_key_sha256: bytes = b""
    old_until_ms: int = Field(default=0, sa_type=BigInteger)
    suspended: bool
    added_ms: int = Field(sa_type=BigInteger)
    seen_ms: int = Field(sa_type=BigInteger)


class RecipientSnapshot(SQLModel, table=True):
    """The copy; there is one row at most."""

    __tablename__ = "recipient_snapshot"

    token: str = Field(max_length=64, primary_key=True)
    tag: str = Field(max_length=64)
    parts: int
    digests: int = Field(sa_type=BigInteger)
    basis: bytes
    made_ms: int = Field(sa_type=BigInteger)
