"""One-time tokens, by which a person registers a passkey.

Whoever operates the machine makes them, and must not become a second person that way: so a token is worth nothing
without the person's passphrase. While fewer than two persons decide here a token may be of nobody yet: its holder
says who he is, once. A token is typed by people, so it is short, says when it was mistyped, and ends after a day or a
few tries. Spec: docs/spec/console.md.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from keys.message import Message
from node.access.approvals import two_decide
from node.access.persons import Persons, add_first
from node.access.tokens import IssuedToken, grouped, hash_token, new_token, read_token
from node.clock import Clock, Entropy, milliseconds
from node.errors import ConflictError, ForbiddenError, GoneError
from node.store.accounts.records import PersonRole, TokenRecord
from node.store.store import Store

LIFE: Final = timedelta(hours=24)
MOST_TRIES: Final = 8
"""How often a token may be tried, with the right passphrase or not."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """Who typed a token and the passphrase; `token_hash` is used up when the passkey is there."""

    person: str
    token_hash: bytes = field(repr=False)


class Invitations:
    """The one-time tokens of this node."""

    def __init__(self, store: Store, clock: Clock, entropy: Entropy, persons: Persons) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._persons = persons

    def make(self, person: str = "") -> IssuedToken:
        """A token for this person, in place of his last; for one of the first two when none is named.

        Raises:
            NotFoundError: there is no such person.
            ConflictError: none is named, and two decide here: a further one needs their approval.
        """
        text = new_token(self._entropy)
        now = self._clock.now()
        record = TokenRecord(
            token_hash=hash_token(text),
            person=person,
            made_ms=milliseconds(now),
            expires_ms=milliseconds(now + LIFE),
        )
        with self._store.write() as unit:
            if person:
                unit.persons.get(person)
                unit.person_tokens.remove_all(person)
            elif two_decide(unit):
                raise ConflictError(
                    "two persons decide here: a further one needs their approval",
                    hint="sigfed person add NAME; once that is approved, a token: sigfed person token NAME",
                )
            unit.person_tokens.sweep(milliseconds(now))
            unit.person_tokens.add(record)
        return IssuedToken(grouped(text), record.expires_ms)

    def is_for_first(self, token: str) -> bool:
        """Whether a token is of nobody yet; raises as `recognise` does, and counts no try."""
        hashed = hash_token(read_token(token))
        with self._store.write() as unit:
            return self._good(unit.person_tokens.lock(hashed)).person == ""

    def recognise(self, token: str, name: str, passphrase: str) -> Recognised:
        """The person whose token and passphrase these are.

        Raises:
            UsageError: the token was mistyped.
            GoneError: there is no such token, it has ended, was used, or was typed too often.
            ForbiddenError: it is somebody else's.
            NotFoundError, UnauthenticatedError, RateLimitedError: as `Persons.authenticate`.
        """
        hashed = hash_token(read_token(token))
        if self._take_try(hashed) != name:
            raise ForbiddenError("this token was made for somebody else")
        return Recognised(self._persons.authenticate(name, passphrase), hashed)

    def introduce(self, token: str, name: str, role: PersonRole, passphrase: str) -> Recognised:
        """One of the first two says who he is; from now on the token is his.

        Raises:
            UsageError: the token was mistyped, or as `Persons.add`.
            GoneError: as `recognise`.
            ForbiddenError: it is somebody's already.
            AlreadyExistsError, ConflictError: as `Persons.add`.
        """
        hashed = hash_token(read_token(token))
        if self._take_try(hashed):
            raise ForbiddenError("this token was made for somebody else")
        person = self._persons.new_first(name, role, passphrase)
        with self._store.write(alone=True) as unit:
            if self._good(unit.person_tokens.lock(hashed)).person:
                raise GoneError("this token was used at the same moment", hint=_ANOTHER)
            add_first(unit, person)
            unit.person_tokens.bind(hashed, name)
        return Recognised(name, hashed)

    def _take_try(self, hashed: bytes) -> str:
        """Whose token it is, after this try was counted."""
        with self._store.write() as unit:
            record = self._good(unit.person_tokens.lock(hashed))
            unit.person_tokens.note_try(hashed)
        return record.person

    def _good(self, record: TokenRecord | None) -> TokenRecord:
        """All refusals are alike: nobody finds out by trying which tokens there were."""
        now_ms = milliseconds(self._clock.now())
        if (
            record is None
            or record.used_ms
            or record.expires_ms <= now_ms
            # Made tomorrow: the clock was wrong then, or is now.
            or record.made_ms - now_ms > LIFE / timedelta(milliseconds=1)
            or record.tries >= MOST_TRIES
        ):
            raise GoneError("this token is not valid, or no longer", hint=_ANOTHER)
        return record


_ANOTHER: Final = Message("ask whoever runs the node for another: sigfed person token NAME")
