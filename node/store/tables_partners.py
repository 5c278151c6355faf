"""The tables of partners: invitations, enrolled partners with their allowance, used assertion ids, months, releases."""

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field, SQLModel


class Invite(SQLModel, table=True):
    """An invitation; its secret is sealed with the storage key."""

    __tablename__ = "invite"

    invite_id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    partner: str = Field(max_length=64, unique=True)
    subset: str = Field(max_length=64)
    sealed_secret: bytes
    evaluations_per_day: int = Field(sa_type=BigInteger)
    expires_ms: int = Field(sa_type=BigInteger)
    used_ms: int | None = Field(default=None, sa_type=BigInteger)


class Partner(SQLModel, table=True):
    """A partner with its bucket of evaluations."""

    __tablename__ = "partner"

    name: str = Field(max_length=64, primary_key=True)
    subset: str = Field(max_length=64)
    auth_key: bytes
    evaluations_per_day: int = Field(sa_type=BigInteger)
    added_ms: int = Field(sa_type=BigInteger)
    seen_ms: int = Field(sa_type=BigInteger)
    suspended: bool
    key_ms: int = Field(default=0, sa_type=BigInteger)
    old_key: bytes | None = None
    old_until_ms: int = Field(default=0, sa_type=BigInteger)
    level: int = Field(sa_type=BigInteger)
    level_ms: int = Field(sa_type=BigInteger)
    month: str = Field(max_length=7)
    used: int = Field(sa_type=BigInteger)


class UsedAssertion(SQLModel, table=True):
    """An assertion id that was used, until it expires."""

    __tablename__ = "used_assertion"

    issuer: str = Field(max_length=128, primary_key=True)
    jti: str = Field(max_length=64, primary_key=True)
    expires_ms: int = Field(sa_type=BigInteger, index=True)


class EvaluationMonth(SQLModel, table=True):
    """Evaluations of all partners in a month, as far as each of them has begun a later one."""

    __tablename__ = "evaluation_month"

    month: str = Field(max_length=7, primary_key=True)
    evaluations: int = Field(sa_type=BigInteger)
    whole: bool
    """False: in it, and before, not all were counted."""


class FetchedReleaseRow(SQLModel, table=True):
    """The newest release of a subset of which a partner fetched every file."""

    __tablename__ = "fetched_release"
    __table_args__ = (Index("ix_fetched_release_version", "subset", "version"),)

    partner: str = Field(max_length=64, primary_key=True)
    subset: str = Field(max_length=64, primary_key=True)
    version: int = Field(sa_type=BigInteger)
    fetched_ms: int = Field(sa_type=BigInteger)
