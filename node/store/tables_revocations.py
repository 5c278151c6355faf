"""The table of what nodes took back. It outlives a peer: who follows a node again must not have forgotten."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class NodeRevocations(SQLModel, table=True):
    """The newest revocations of one node, and which file its newest document names."""

    __tablename__ = "node_revocations"

    node: str = Field(max_length=255, primary_key=True)
    version: int = Field(sa_type=BigInteger)
    payload: bytes
    envelope: bytes
    named: bytes | None = None
