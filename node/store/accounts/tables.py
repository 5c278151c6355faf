"""The tables of persons, of how they come into the console, and of records on their way into the audit log."""

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from node.store.tables import METADATA

PERSON: Final = Table(
    "person",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("verifier", LargeBinary, nullable=False),
    Column("added_ms", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("tried_ms", BigInteger, nullable=False),
)
"""Somebody who decides here; the verifier is sealed, so a changed row opens nothing."""

APPROVAL: Final = Table(
    "approval",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("subject", String(1024), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("requested_by", String(64), nullable=False),
    Column("requested_ms", BigInteger, nullable=False),
    Column("decided_by", String(64), nullable=False),
    Column("decided_ms", BigInteger),
    Column("outcome", String(16), nullable=False),
    Column("reason", String(1024), nullable=False),
    Column("acted_ms", BigInteger),
    Column("result", String(1024), nullable=False),
)
"""A request for a second person, and what was decided; nothing deletes one."""

AUDIT_QUEUE: Final = Table(
    "audit_queue",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("record", LargeBinary, nullable=False),
    Column("position", BigInteger),
)
"""An audit record before it is in the signed log."""

PASSKEY: Final = Table(
    "passkey",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("person", String(64), nullable=False, index=True),
    Column("credential", LargeBinary, nullable=False, unique=True),
    Column("sealed_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("name", String(64), nullable=False),
    Column("added_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger, nullable=False),
)
"""A passkey; its key is sealed under its person's name, so a changed row opens nothing."""

CONSOLE_SESSION: Final = Table(
    "console_session",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("person", String(64), nullable=False, index=True),
    Column("sealed_csrf", LargeBinary, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("proved_ms", BigInteger, nullable=False),
    Column("language", String(16), nullable=False),
)
"""A signed-in browser; its CSRF token is sealed under its person's name, so a row put here is no session."""

PERSON_TOKEN: Final = Table(
    "person_token",
    METADATA,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("person", String(64), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
)
"""A one-time token, by its hash."""

CHALLENGE: Final = Table(
    "challenge",
    METADATA,
    Column("challenge_hash", LargeBinary, primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("person", String(64), nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    Column("expires_ms", BigInteger, nullable=False, index=True),
)
"""A challenge by its hash: of somebody inside until it is answered, of a sign-in once it was."""
