"""The tables of trust acknowledgements."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class TrustAcknowledgementRow(SQLModel, table=True):
    """The newest statement of a peer about this node's trust files."""

    __tablename__ = "trust_acknowledgement"

    peer: str = Field(max_length=255, primary_key=True)
    root_version: int = Field(sa_type=BigInteger)
    serial: int = Field(sa_type=BigInteger)
    time_ms: int = Field(sa_type=BigInteger)
    received_ms: int = Field(sa_type=BigInteger)
    statement: bytes


class TrustAcknowledgedRow(SQLModel, table=True):
    """What a peer was last told that is held of its trust files."""

    __tablename__ = "trust_acknowledged"

    peer: str = Field(max_length=255, primary_key=True)
    content: bytes
