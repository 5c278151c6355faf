"""The tables of partners and recipients: invitations, allowances, proposals, disclosed look-ups, what is laid out."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table

from node.store.tables import METADATA

INVITE: Final = Table(
    "invite",
    METADATA,
    Column("invite_id", LargeBinary, primary_key=True),
    Column("partner", String(64), nullable=False, unique=True),
    Column("subset", String(64), nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("evaluations_per_day", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger),
)
"""An invitation; its secret is sealed with the storage key."""

PARTNER: Final = Table(
    "partner",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("subset", String(64), nullable=False),
    Column("auth_key", LargeBinary, nullable=False),
    Column("evaluations_per_day", BigInteger, nullable=False),
    Column("added_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("suspended", Boolean, nullable=False),
    Column("key_ms", BigInteger, nullable=False, default=0),
    Column("old_key", LargeBinary),
    Column("old_until_ms", BigInteger, nullable=False, default=0),
    Column("level", BigInteger, nullable=False),
    Column("level_ms", BigInteger, nullable=False),
    Column("month", String(7), nullable=False),
    Column("used", BigInteger, nullable=False),
)
"""A partner with its bucket of evaluations."""

USED_ASSERTION: Final = Table(
    "used_assertion",
    METADATA,
    Column("issuer", String(128), primary_key=True),
    Column("jti", String(64), primary_key=True),
    Column("expires_ms", BigInteger, nullable=False, index=True),
)
"""An assertion id that was used, until it expires."""

EVALUATION_MONTH: Final = Table(
    "evaluation_month",
    METADATA,
    Column("month", String(7), primary_key=True),
    Column("evaluations", BigInteger, nullable=False),
    # False: in it, and before, not all were counted.
    Column("whole", Boolean, nullable=False),
)
"""Evaluations of all partners in a month, as far as each of them has begun a later one."""

FETCHED_RELEASE: Final = Table(
    "fetched_release",
    METADATA,
    Column("partner", String(64), primary_key=True),
    Column("subset", String(64), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("fetched_ms", BigInteger, nullable=False),
    Index("ix_fetched_release_version", "subset", "version"),
)
"""The newest release of a subset of which a partner fetched every file."""

DISCLOSURE: Final = Table(
    "disclosure",
    METADATA,
    Column("partner", String(64), primary_key=True),
    Column("values_per_day", BigInteger, nullable=False),
    Column("level", BigInteger, nullable=False),
    Column("level_ms", BigInteger, nullable=False),
    Column("month", String(7), nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("met", BigInteger, nullable=False),
    Column("stopped_ms", BigInteger),
)
"""What a partner may show in the clear, with its bucket, and what it has shown, in numbers."""

DISCLOSED_ABOUT: Final = Table(
    "disclosed_about",
    METADATA,
    Column("partner", String(64), primary_key=True),
    Column("entry", BigInteger, primary_key=True),
    Column("count", BigInteger, nullable=False),
)
"""How many values of a partner were about one entry."""

PROPOSAL: Final = Table(
    "proposal",
    METADATA,
    Column("partner", String(64), primary_key=True),
    Column("proposal_id", LargeBinary, primary_key=True),
    Column("subset", String(64), nullable=False),
    Column("claim", Integer, nullable=False),
    Column("files", Integer, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("closed_ms", BigInteger),
)
"""One proposal; what it says is sealed."""

PROPOSED_FILE: Final = Table(
    "proposed_file",
    METADATA,
    Column("partner", String(64), primary_key=True),
    Column("proposal_id", LargeBinary, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", Integer, nullable=False),
    Column("reason", String(500), nullable=False),
    Column("origin", String(255), nullable=False),
    Column("decided_ms", BigInteger),
)
"""What became of one file of a proposal."""

RECIPIENT: Final = Table(
    "recipient",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("purpose", String(255), nullable=False),
    Column("grant", String, nullable=False),
    Column("key_sha256", LargeBinary, nullable=False),
    Column("keyed_ms", BigInteger, nullable=False),
    Column("old_key_sha256", LargeBinary, nullable=False, default=b""),
    Column("old_until_ms", BigInteger, nullable=False, default=0),
    Column("suspended", Boolean, nullable=False),
    Column("added_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
)
"""An accredited holder of raw digests; of its key only the SHA-256."""

RECIPIENT_SNAPSHOT: Final = Table(
    "recipient_snapshot",
    METADATA,
    Column("token", String(64), primary_key=True),
    Column("tag", String(64), nullable=False),
    Column("parts", Integer, nullable=False),
    Column("digests", BigInteger, nullable=False),
    Column("basis", LargeBinary, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
)
"""The copy; there is one row at most."""
