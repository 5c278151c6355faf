"""The tables of partners and recipients: invitations, allowances, proposals, disclosed look-ups, what is laid out."""

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field

from node.store.tables import TableModel


class Invite(TableModel):
    """An invitation; its secret is sealed with the storage key."""

    __tablename__ = "invite"

    invite_id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    partner: str = Field(max_length=64, unique=True)
    subset: str = Field(max_length=64)
    sealed_secret: bytes
    evaluations_per_day: int = Field(sa_type=BigInteger)
    expires_ms: int = Field(sa_type=BigInteger)
    used_ms: int | None = Field(default=None, sa_type=BigInteger)


class Partner(TableModel):
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


class UsedAssertion(TableModel):
    """An assertion id that was used, until it expires."""

    __tablename__ = "used_assertion"

    issuer: str = Field(max_length=128, primary_key=True)
    jti: str = Field(max_length=64, primary_key=True)
    expires_ms: int = Field(sa_type=BigInteger, index=True)


class EvaluationMonth(TableModel):
    """Evaluations of all partners in a month, as far as each of them has begun a later one."""

    __tablename__ = "evaluation_month"

    month: str = Field(max_length=7, primary_key=True)
    evaluations: int = Field(sa_type=BigInteger)
    whole: bool
    """False: in it, and before, not all were counted."""


class FetchedReleaseRow(TableModel):
    """The newest release of a subset of which a partner fetched every file."""

    __tablename__ = "fetched_release"
    __table_args__ = (Index("ix_fetched_release_version", "subset", "version"),)

    partner: str = Field(max_length=64, primary_key=True)
    subset: str = Field(max_length=64, primary_key=True)
    version: int = Field(sa_type=BigInteger)
    fetched_ms: int = Field(sa_type=BigInteger)


class DisclosureRow(TableModel):
    """What a partner may show in the clear, with its bucket, and what it has shown, in numbers."""

    __tablename__ = "disclosure"

    partner: str = Field(max_length=64, primary_key=True)
    values_per_day: int = Field(sa_type=BigInteger)
    level: int = Field(sa_type=BigInteger)
    level_ms: int = Field(sa_type=BigInteger)
    month: str = Field(max_length=7)
    used: int = Field(sa_type=BigInteger)
    asked: int = Field(sa_type=BigInteger)
    met: int = Field(sa_type=BigInteger)
    stopped_ms: int | None = Field(default=None, sa_type=BigInteger)


class DisclosedAboutRow(TableModel):
    """How many values of a partner were about one entry."""

    __tablename__ = "disclosed_about"

    partner: str = Field(max_length=64, primary_key=True)
    entry: int = Field(primary_key=True, sa_type=BigInteger)
    count: int = Field(sa_type=BigInteger)


class ProposalRow(TableModel):
    """One proposal; what it says is sealed."""

    __tablename__ = "proposal"

    partner: str = Field(max_length=64, primary_key=True)
    proposal_id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    subset: str = Field(max_length=64)
    claim: int
    files: int
    received_ms: int = Field(sa_type=BigInteger)
    sealed: bytes
    closed_ms: int | None = Field(default=None, sa_type=BigInteger)


class ProposedFileRow(TableModel):
    """What became of one file of a proposal."""

    __tablename__ = "proposed_file"

    partner: str = Field(max_length=64, primary_key=True)
    proposal_id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    number: int = Field(primary_key=True)
    state: int
    reason: str = Field(max_length=500)
    origin: str = Field(max_length=255)
    decided_ms: int | None = Field(default=None, sa_type=BigInteger)


class Recipient(TableModel):
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


class RecipientSnapshot(TableModel):
    """The copy; there is one row at most."""

    __tablename__ = "recipient_snapshot"

    token: str = Field(max_length=64, primary_key=True)
    tag: str = Field(max_length=64)
    parts: int
    digests: int = Field(sa_type=BigInteger)
    basis: bytes
    made_ms: int = Field(sa_type=BigInteger)
