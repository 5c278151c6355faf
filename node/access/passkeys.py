"""Passkeys: what registers one, what signs a person in, and what counts as having shown one just now.

A challenge is random, is good for one purpose, for five minutes and once. One that somebody inside has to answer is
kept as a hash, and gone when it is looked up, whatever the answer is worth. What strangers are asked carries a MAC and
is kept nowhere until a passkey answered it: however many of them ask, they take nothing from anybody. Who answers is
found by the passkey, never by a name that was typed. A passkey whose count does not grow was copied, or answers twice:
it is refused, and that is in the audit log.
Spec: docs/spec/console.md.
"""

import hmac
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Final

from keys.message import Message
from node.access.invitations import Recognised
from node.audit.log import enqueue, new_record
from node.clock import Clock, milliseconds
from node.errors import (
    ConflictError,
    GoneError,
    NotFoundError,
    StoreDownError,
    StoreError,
    UnauthenticatedError,
)
from node.objects.sealed_names import passkey_name
from node.ports.persons import NewPasskey, PasskeyCeremonies
from node.store.accounts.records import ChallengeRecord, PasskeyRecord, Purpose
from node.store.store import Store
from node.store.unit import Unit

CHALLENGE_LIFE: Final = timedelta(minutes=5)
MOST_PASSKEYS: Final = 10
"""Passkeys that one person may have."""
MAX_NAME: Final = 40

_LIFE_MS: Final = CHALLENGE_LIFE // timedelta(milliseconds=1)
_CHALLENGE_BYTES: Final = 32
_RANDOM_BYTES: Final = 16
_TIME_BYTES: Final = 8
_BODY_BYTES: Final = _RANDOM_BYTES + _TIME_BYTES
_REMEMBERED_MS: Final = timedelta(days=1) // timedelta(milliseconds=1)
"""After its end a question that was answered is still known: the clock may have been ahead for a moment."""
_SIGN_IN: Final = "console-sign-in"
_LATE: Final = Message("this took too long, or was answered before")
_REFUSED: Final = Message("this passkey was not accepted")
_AGAIN: Final = Message("try again; whoever lost a passkey asks for a token: sigfed person token NAME")


class Passkeys:
    """The passkeys of this node's persons, as its console takes them."""

    def __init__(self, store: Store, clock: Clock, ceremonies: PasskeyCeremonies) -> None:
        self._store = store
        self._clock = clock
        self._ceremonies = ceremonies

    # ---------------------------------------------------------------------------------------- registering

    def ask_new(self, who: Recognised) -> str:
        """What the browser is to be asked, so that it makes a passkey for this person.

        Raises:
            NotFoundError: the person is gone.
            ConflictError: he has as many as anybody may.
        """
        with self._store.write() as unit:
            unit.persons.get(who.person)
            known = unit.passkeys.ls(who.person)
            _require_room(known)
            challenge = self._challenge(unit, Purpose.REGISTER, who)
        return self._ceremonies.ask_new(
            who.person,
            user_handle(who.person),
            challenge=challenge,
            known=[passkey.credential for passkey in known],
        )

    def register(self, answer: str, name: str, *, session: int = 0) -> str:
        """Keep the passkey that the browser made, called `name`; gives the name of its person.

        `session` is the number of the one in which it is answered; 0: none. What was asked without a token takes one
        of the same person.

        Raises:
            UnauthenticatedError: the answer is not one to a question that is open, or the session has ended.
            GoneError: the token by which it was asked was used meanwhile.
            NotFoundError, ConflictError: as `ask_new`.
            AlreadyExistsError: it is registered.
        """
        asked, challenge = self._take(answer, Purpose.REGISTER)
        made = self._ceremonies.check_new(answer, challenge=challenge)
        now_ms = milliseconds(self._clock.now())
        with self._store.write() as unit:
            unit.persons.lock(asked.person)
            if not asked.token_hash:
                _require_open(unit, asked.person, session)
            _require_room(unit.passkeys.ls(asked.person))
            if asked.token_hash and not unit.person_tokens.use(asked.token_hash, now_ms=now_ms):
                raise GoneError("this token was used meanwhile", hint=_AGAIN)
            passkey = self._record(asked.person, made, name, now_ms)
            unit.passkeys.add(passkey)
            self._tell(unit, asked.person, "person.passkey", passkey.name)
        return asked.person

    def _record(self, person: str, made: NewPasskey, name: str, now_ms: int) -> PasskeyRecord:
        sealed = self._store.vault.seal(passkey_name(person, made.credential), made.public_key)
        return PasskeyRecord(
            person=person,
            credential=made.credential,
            sealed_key=sealed,
            sign_count=made.sign_count,
            name=_clean(name),
            added_ms=now_ms,
        )

    # ---------------------------------------------------------------------------------------- showing

    def ask_sign_in(self) -> str:
        """What the browser is to be asked, so that somebody shows any passkey of this console."""
        ends_ms = milliseconds(self._clock.now()) + _LIFE_MS
        body = self._store.vault.entropy(_RANDOM_BYTES) + ends_ms.to_bytes(_TIME_BYTES)
        challenge = body + self._store.vault.mac(_SIGN_IN, body)
        return self._ceremonies.ask_shown(challenge=challenge, known=())

    def sign_in(self, answer: str) -> str:
        """The name of the person who showed a passkey; raises `UnauthenticatedError`, which does not say why."""
        return self._show(answer, Purpose.SIGN_IN)

    def ask_proof(self, person: str) -> str:
        """What the browser is to be asked, so that this person, who is signed in, shows a passkey again."""
        with self._store.write() as unit:
            known = unit.passkeys.ls(person)
            challenge = self._challenge(unit, Purpose.PROVE, Recognised(person, b""))
        return self._ceremonies.ask_shown(
            challenge=challenge, known=[passkey.credential for passkey in known]
        )

    def prove(self, answer: str, person: str) -> None:
        """Check that this person showed a passkey; raises `UnauthenticatedError`, which does not say why."""
        if self._show(answer, Purpose.PROVE) != person:
            raise UnauthenticatedError(_REFUSED, hint=_AGAIN)

    def _show(self, answer: str, purpose: Purpose) -> str:
        asked, challenge = (
            self._asked_stranger(answer) if purpose is Purpose.SIGN_IN else self._take(answer, purpose)
        )
        said = self._ceremonies.read(answer)
        now_ms = milliseconds(self._clock.now())
        with self._store.write() as unit:
            passkey = unit.passkeys.lock(said.credential)
            person = self._owner(unit, passkey, asked, said.user)
            if passkey is None or not person:
                raise UnauthenticatedError(_REFUSED, hint=_AGAIN)
            count = self._ceremonies.check_shown(
                answer, challenge=challenge, public_key=self._public_key(passkey)
            )
            if purpose is Purpose.SIGN_IN and not self._is_first(unit, asked, now_ms):
                raise UnauthenticatedError(_LATE, hint="try again")
            grew = count > passkey.sign_count or count == passkey.sign_count == 0
            if grew:
                unit.passkeys.note_use(passkey.number, sign_count=count, used_ms=now_ms)
            else:
                self._tell(unit, person, "person.passkey", passkey.name, outcome="copied")
        if not grew:
            raise UnauthenticatedError(_REFUSED, hint=_AGAIN)
        return person

    @staticmethod
    def _owner(unit: Unit, passkey: PasskeyRecord | None, asked: ChallengeRecord, user: bytes) -> str:
        """Whose the passkey is; empty when it is not whom the question was for, or says it is somebody else's."""
        if passkey is None or asked.person not in {"", passkey.person}:
            return ""
        if user and user != user_handle(passkey.person):
            return ""
        try:
            return unit.persons.get(passkey.person).name
        except NotFoundError:
            return ""

    def _public_key(self, passkey: PasskeyRecord) -> bytes:
        name = passkey_name(passkey.person, passkey.credential)
        try:
            return self._store.vault.unseal(name, passkey.sealed_key)
        except StoreDownError:
            raise
        except StoreError:  # somebody put or changed this row
            raise UnauthenticatedError(_REFUSED, hint=_AGAIN) from None

    # ---------------------------------------------------------------------------------------- keeping

    def ls(self, person: str = "") -> Sequence[PasskeyRecord]:
        """Passkeys of a person, of everybody when none is named; oldest first."""
        with self._store.read() as unit:
            return unit.passkeys.ls(person)

    def remove(self, number: int, *, person: str = "") -> PasskeyRecord:
        """Forget a passkey (of this person), end its person's sessions and what is asked of him.

        Raises `NotFoundError`.
        """
        with self._store.write() as unit:
            removed = unit.passkeys.remove(number, person=person)
            unit.console_sessions.remove_all(removed.person)
            # Else whoever was in one of them registers another passkey with what he was asked before.
            unit.challenges.remove_all(removed.person)
        return removed

    # ---------------------------------------------------------------------------------------- challenges

    def _challenge(self, unit: Unit, purpose: Purpose, who: Recognised) -> bytes:
        now_ms = milliseconds(self._clock.now())
        ends_ms = now_ms + _LIFE_MS
        # One that ends later was asked by a clock that was ahead: such ones would be kept for as long.
        unit.challenges.sweep(before_ms=now_ms, after_ms=ends_ms)
        challenge = self._store.vault.entropy(_CHALLENGE_BYTES)
        unit.challenges.add(
            ChallengeRecord(
                challenge_hash=sha256(challenge).digest(),
                purpose=purpose,
                person=who.person,
                token_hash=who.token_hash,
                expires_ms=ends_ms,
            )
        )
        return challenge

    def _take(self, answer: str, purpose: Purpose) -> tuple[ChallengeRecord, bytes]:
        """The question that an answer is about, which cannot be answered again."""
        challenge = self._ceremonies.read(answer).challenge
        with self._store.write() as unit:
            asked = unit.challenges.take(sha256(challenge).digest())
        now_ms = milliseconds(self._clock.now())
        # One with more time left than any was asked by a clock that was ahead: how old it is, nobody knows.
        if (
            asked is None
            or asked.purpose is not purpose
            or not now_ms < asked.expires_ms <= now_ms + _LIFE_MS
        ):
            raise UnauthenticatedError(_LATE, hint="try again")
        return asked, challenge

    def _asked_stranger(self, answer: str) -> tuple[ChallengeRecord, bytes]:
        """The question to a stranger that an answer is about, from what the answer says."""
        challenge = self._ceremonies.read(answer).challenge
        body, mac = challenge[:_BODY_BYTES], challenge[_BODY_BYTES:]
        ends_ms = int.from_bytes(body[_RANDOM_BYTES:])
        now_ms = milliseconds(self._clock.now())
        # The end of one that was asked by a clock that was ahead is too far away.
        good = hmac.compare_digest(mac, self._store.vault.mac(_SIGN_IN, body))
        if not good or not now_ms < ends_ms <= now_ms + _LIFE_MS:
            raise UnauthenticatedError(_LATE, hint="try again")
        asked = ChallengeRecord(
            challenge_hash=sha256(challenge).digest(),
            purpose=Purpose.SIGN_IN,
            person="",
            token_hash=b"",
            expires_ms=ends_ms,
        )
        return asked, challenge

    @staticmethod
    def _is_first(unit: Unit, asked: ChallengeRecord, now_ms: int) -> bool:
        """Keep that a question was answered; whether this is its first good answer.

        By a clock that was set back it ends too late, and is kept all the same: it would be good again when the clock
        gets there.
        """
        unit.challenges.sweep_answered(before_ms=now_ms - _REMEMBERED_MS)
        return unit.challenges.add(asked)

    def _tell(self, unit: Unit, person: str, action: str, subject: str, *, outcome: str = "ok") -> None:
        now_ms = milliseconds(self._clock.now())
        made = new_record(
            self._store, actor=person, action=action, subject=subject, now_ms=now_ms, outcome=outcome
        )
        enqueue(unit, made)


def user_handle(person: str) -> bytes:
    """What an authenticator knows a person by: 32 bytes that do not show the name."""
    return sha256(b"sigfed person\0" + person.encode()).digest()


def _require_room(known: Sequence[PasskeyRecord]) -> None:
    if len(known) >= MOST_PASSKEYS:
        raise ConflictError(
            "nobody has more than {most} passkeys here",
            MOST_PASSKEYS,
            hint="remove one that is not used any more: sigfed passkey remove NUMBER",
        )


def _require_open(unit: Unit, person: str, session: int) -> None:
    """Whoever took a session over must not have it outlive its end by a question that was asked in it."""
    if all(each.number != session for each in unit.console_sessions.ls(person)):
        raise UnauthenticatedError(
            "the session in which this was asked has ended", hint="sign in, then add the passkey again"
        )


def _clean(name: str) -> str:
    """A name that people can read, whatever was typed."""
    printable = "".join(char if char.isprintable() else " " for char in name).strip()
    return printable[:MAX_NAME] or "passkey"
