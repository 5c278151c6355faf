"""Sessions of the console: a random token in the browser's cookie, of which the store has the hash.

A session ends after half an hour without use, twelve hours after it was opened, and with its person. Its CSRF token is
sealed under the person's name and the token's hash: whoever can write to the database, and has no storage key, makes no
session of a row, and no other person's of his own. Spec: docs/spec/console.md.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from node.access.tokens import hash_token
from node.clock import Clock, Entropy, milliseconds
from node.errors import StoreDownError, StoreError, UsageError
from node.objects.sealed_names import csrf_name
from node.store.accounts.records import PersonRole, SessionRecord
from node.store.store import Store
from node.store.unit import Unit

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
MOST: Final = 10
"""Sessions of a person at once; with a further one the oldest ends."""

_SECRET_BYTES: Final = 32
_IDLE_MS: Final = IDLE // timedelta(milliseconds=1)
_LONGEST_MS: Final = LONGEST // timedelta(milliseconds=1)
_SEEN_MS: Final = 60 * 1000
"""The use of a session is written down no more often: looking at pages does not write."""
_TOKEN: Final = re.compile(r"[0-9a-f]{64}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?")


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """What the browser gets: the token for its cookie, and what its forms carry."""

    token: str = field(repr=False)
    csrf: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who is looking at the console."""

    person: str
    role: PersonRole
    csrf: str = field(repr=False)
    """What every form of the session carries."""
    proved_ms: int
    """When a passkey was last shown in the session; 0: never."""
    language: str = ""
    """As chosen; empty: as the browser asks for."""
    session: int = 0
    """The number of the session."""


def is_living(*, opened_ms: int, seen_ms: int, now_ms: int) -> bool:
    """Whether a session that was opened and last used then goes on.

    One that was opened ahead of now was so by a wrong clock: how old it is, nobody knows. One that was used ahead of
    now would otherwise not be idle before that time has come; a clock may be set back by seconds while somebody works.
    """
    return 0 <= now_ms - opened_ms < _LONGEST_MS and -_SEEN_MS < now_ms - seen_ms < _IDLE_MS


class Sessions:
    """The console's sessions: opened, found by their tokens, and ended."""

    def __init__(self, store: Store, clock: Clock, entropy: Entropy) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy

    def open(self, person: str) -> OpenedSession:
        """A new session, in which no passkey was shown yet; raises `NotFoundError` for no such person."""
        token, csrf = self._entropy(_SECRET_BYTES).hex(), self._entropy(_SECRET_BYTES).hex()
        hashed = hash_token(token)
        now_ms = self._now_ms()
        record = SessionRecord(
            token_hash=hashed,
            person=person,
            sealed_csrf=self._store.vault.seal(csrf_name(person, hashed), bytes.fromhex(csrf)),
            opened_ms=now_ms,
            seen_ms=now_ms,
        )
        with self._store.write() as unit:
            unit.persons.get(person)
            self._sweep(unit, now_ms)
            for old in unit.console_sessions.ls(person)[: -(MOST - 1)]:
                unit.console_sessions.remove(old.number, person=person)
            unit.console_sessions.add(record)
        return OpenedSession(token, csrf)

    def find(self, token: str) -> Visitor | None:
        """Whose session this is, which was used now; None when it is none, has ended, or its person is gone."""
        found = self._read(token)
        if found is None:
            return None
        record, visitor = found
        self._note_seen(record)
        return visitor

    def glance(self, token: str) -> Visitor | None:
        """As `find`, for what asks by itself: nobody used the session, so it ends as if it had not been asked for."""
        found = self._read(token)
        return None if found is None else found[1]

    def _read(self, token: str) -> tuple[SessionRecord, Visitor] | None:
        if not _TOKEN.fullmatch(token):
            return None
        with self._store.read() as unit:
            record = unit.console_sessions.find(hash_token(token))
            if record is None or self._has_ended(record):
                return None
            person = unit.persons.find(record.person)
            if person is None:
                return None
        try:
            csrf = self._store.vault.unseal(csrf_name(record.person, record.token_hash), record.sealed_csrf)
        except StoreDownError:
            raise
        except StoreError:  # somebody put or changed this row
            return None
        return record, Visitor(
            person=record.person,
            role=person.role,
            session=record.number,
            csrf=csrf.hex(),
            proved_ms=record.proved_ms,
            language=record.language,
        )

    def prove(self, token: str) -> None:
        """A passkey was shown in this session."""
        with self._store.write() as unit:
            record = unit.console_sessions.find(hash_token(token))
            if record is not None:
                unit.console_sessions.note_proved(record.number, self._now_ms())

    def speak(self, visitor: Visitor, language: str) -> None:
        """Choose a language (`fr`, `fr-BE`) in a session; empty: as the browser asks for. Raises `UsageError`."""
        if language and not _LANGUAGE.fullmatch(language):
            raise UsageError("a language is named as browsers do, for example: fr")
        with self._store.write() as unit:
            unit.console_sessions.set_language(visitor.session, language)

    def ls(self, person: str) -> Sequence[SessionRecord]:
        """A person's sessions that have not ended, oldest first."""
        with self._store.read() as unit:
            found = unit.console_sessions.ls(person)
        return [record for record in found if not self._has_ended(record)]

    def close(self, token: str) -> None:
        """End the session of this token, and what was asked in it; nothing happens when there is none."""
        with self._store.write() as unit:
            record = unit.console_sessions.find(hash_token(token))
            if record is not None:
                unit.console_sessions.remove(record.number, person=record.person)
                unit.challenges.remove_all(record.person)

    def close_one(self, person: str, number: int) -> None:
        """End one of a person's sessions, and what was asked in it; raises `NotFoundError`."""
        with self._store.write() as unit:
            unit.console_sessions.remove(number, person=person)
            unit.challenges.remove_all(person)

    def close_all(self, person: str) -> None:
        """End all sessions of a person, and what was asked in them."""
        with self._store.write() as unit:
            unit.console_sessions.remove_all(person)
            unit.challenges.remove_all(person)

    def sweep(self) -> None:
        """Forget sessions that have ended."""
        with self._store.write() as unit:
            self._sweep(unit, self._now_ms())

    def _sweep(self, unit: Unit, now_ms: int) -> None:
        unit.console_sessions.sweep(opened_before_ms=now_ms - _LONGEST_MS, seen_before_ms=now_ms - _IDLE_MS)

    def _has_ended(self, record: SessionRecord) -> bool:
        return not is_living(opened_ms=record.opened_ms, seen_ms=record.seen_ms, now_ms=self._now_ms())

    def _note_seen(self, record: SessionRecord) -> None:
        now_ms = self._now_ms()
        if 0 <= now_ms - record.seen_ms < _SEEN_MS:
            return
        with self._store.write() as unit:
            unit.console_sessions.note_seen(record.number, now_ms)

    def _now_ms(self) -> int:
        return milliseconds(self._clock.now())


def end_access(unit: Unit, person: str) -> None:
    """End a person's sessions, and what he could open new ones with that is under way; passkeys stay."""
    unit.console_sessions.remove_all(person)
    unit.person_tokens.remove_all(person)
    unit.challenges.remove_all(person)
