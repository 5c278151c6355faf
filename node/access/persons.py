"""Who decides at this node: two persons at least, each known by a passphrase, and no third without the others' word.

The first two are added by whoever operates the node; from then on a person comes, goes or gets another passphrase only
by an approved request, and two who may decide about persons always remain. A try at a passphrase is counted before it
is checked, so that tries at once gain nothing.
"""

import re
from datetime import timedelta
from typing import Final

from keys.message import Message
from node.access.approvals import KINDS, LEAST_PERSONS, end_requests, two_decide
from node.access.sessions import end_access
from node.clock import Clock, milliseconds
from node.errors import ConflictError, RateLimitedError, UnauthenticatedError, UsageError
from node.objects.person_requests import ABOUT_PERSONS, read_change, sealed_anew
from node.objects.sealed_names import verifier_name
from node.ports.persons import PassphraseHasher
from node.store.accounts.records import Approval, Outcome, PersonRecord, PersonRole
from node.store.store import Store
from node.store.unit import Unit

MIN_PASSPHRASE: Final = 12
"""Characters; longer than a key file's, because a person's is tried on a terminal that others use too."""
FREE_TRIES: Final = 5
_FIRST_WAIT: Final = timedelta(minutes=1)
_LONGEST_WAIT: Final = timedelta(hours=1)
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")
_RESERVED: Final = frozenset({"node", "operator", "root"})
"""Actors of the audit log that are no persons."""

_DECIDES_PERSONS: Final = KINDS["person.add"].may_approve


class Persons:
    """The persons of this node; `hasher` is slow on purpose."""

    def __init__(self, store: Store, clock: Clock, hasher: PassphraseHasher) -> None:
        self._store = store
        self._clock = clock
        self._hasher = hasher

    def is_open(self) -> bool:
        """Whether two persons exist: from then on one alone changes nobody."""
        with self._store.read() as unit:
            return two_decide(unit)

    def add(self, name: str, role: PersonRole, passphrase: str) -> PersonRecord:
        """Add one of the first two.

        Raises:
            UsageError: not a name, a passphrase that is too short, or another role: the first two decide about persons.
            ConflictError: two exist already, so this takes a request.
            AlreadyExistsError: there is such a person.
        """
        person = self.new_first(name, role, passphrase)
        with self._store.write(alone=True) as unit:
            add_first(unit, person)
        return person

    def new_first(self, name: str, role: PersonRole, passphrase: str) -> PersonRecord:
        """One of the first two, before he is kept; raises `UsageError` as `add` does."""
        if role not in _DECIDES_PERSONS:
            raise UsageError("the first two persons decide about further ones", hint="--role operator")
        return self._new(name, role, self.sealed_verifier(name, passphrase))

    def sealed_verifier(self, name: str, passphrase: str) -> bytes:
        """What is kept of the passphrase of the person `name`; raises `UsageError` when either is no good."""
        _require_name(name)
        if len(passphrase) < MIN_PASSPHRASE:
            raise UsageError("a person's passphrase has at least {count} characters", MIN_PASSPHRASE)
        return self._store.vault.seal(verifier_name(name), self._hasher.verifier(passphrase.encode()))

    def authenticate(self, name: str, passphrase: str) -> str:
        """The name of the person whose passphrase this is.

        Raises:
            NotFoundError: there is no such person.
            UnauthenticatedError: it is another passphrase.
            RateLimitedError: too many others were tried.
        """
        verifier = self._count_try(name)
        known = self._store.vault.unseal(verifier_name(name), verifier)
        try:
            self._hasher.check(passphrase.encode(), known)
        except UnauthenticatedError:
            raise UnauthenticatedError("this is not the passphrase of {name}", name) from None
        with self._store.write() as unit:
            unit.persons.set_tries(name, tries=0, tried_ms=0)
        return name

    def _count_try(self, name: str) -> bytes:
        """Take one try, before it is known how it ends; gives the sealed verifier."""
        now_ms = milliseconds(self._clock.now())
        with self._store.write() as unit:
            person = unit.persons.lock(name)
            since = timedelta(milliseconds=now_ms - person.tried_ms)
            # A try from hours ahead was made while the clock was wrong: nobody waits until then.
            left = timedelta(0) if since < -_LONGEST_WAIT else _wait(person.tries) - since
            if left > timedelta(0):
                seconds = -(-left // timedelta(seconds=1))
                raise RateLimitedError(
                    "too many wrong passphrases for {name}; try again in {seconds} seconds",
                    name,
                    seconds,
                    retry_after_seconds=seconds,
                )
            unit.persons.set_tries(name, tries=person.tries + 1, tried_ms=now_ms)
        return person.verifier

    def _new(self, name: str, role: PersonRole, verifier: bytes) -> PersonRecord:
        now_ms = milliseconds(self._clock.now())
        return PersonRecord(name=name, role=role, verifier=verifier, added_ms=now_ms)

    def carry_out_add(self, unit: Unit, approval: Approval) -> str:
        """Add the person of an approved request; raises `AlreadyExistsError`."""
        change = read_change(approval.payload)
        name, role = change["name"], PersonRole(change["role"])
        verifier = sealed_anew(change, self._store.vault)
        unit.persons.add(self._new(name, role, verifier))
        return person_words(name, role)

    def carry_out_remove(self, unit: Unit, approval: Approval) -> str:
        """Remove the person of an approved request; raises `NotFoundError`, and `ConflictError` if too few are left.

        What that person asked for, or was asked for about that person, ends: whoever comes back under the name asked
        for nothing yet. What was approved and cut off ends where it is about that person, whom it would bring back.
        """
        name = read_change(approval.payload)["name"]
        said = Message("{name} no longer decides here", name)
        unit.persons.remove(name)
        require_others(unit, name)
        unit.passkeys.remove_all(name)
        end_access(unit, name)

        def ends(one: Approval) -> bool:
            asked = one.outcome is Outcome.OPEN and one.requested_by == name
            return asked or (one.kind in ABOUT_PERSONS and _is_about(one, name))

        end_requests(unit, ends, by=approval.decided_by, reason=said, now_ms=milliseconds(self._clock.now()))
        return said

    def carry_out_reset(self, unit: Unit, approval: Approval) -> str:
        """Give the person of an approved request its new passphrase; raises as `reset` does."""
        change = read_change(approval.payload)
        verifier = sealed_anew(change, self._store.vault)
        return self.reset(unit, change["name"], verifier, by=approval.decided_by)

    def reset(self, unit: Unit, name: str, verifier: bytes, *, by: str) -> Message:
        """Another passphrase, which ends what was opened with the old one; raises `NotFoundError`.

        Requests from before for another one end, too: it may be one of theirs that had to be replaced.
        """
        said = Message("{name} has another passphrase", name)
        unit.persons.set_verifier(name, verifier)
        end_access(unit, name)
        end_requests(
            unit,
            lambda one: one.kind == "person.reset" and _is_about(one, name),
            by=by,
            reason=said,
            now_ms=milliseconds(self._clock.now()),
        )
        return said


def add_first(unit: Unit, person: PersonRecord) -> None:
    """Keep one of the first two; raises `ConflictError` when two decide already, or `AlreadyExistsError`."""
    if two_decide(unit):
        raise ConflictError("two persons exist; a further one needs their approval")
    unit.persons.add(person)


def _is_about(approval: Approval, name: str) -> bool:
    return read_change(approval.payload)["name"] == name


def person_words(name: str, role: PersonRole | None) -> Message:
    """What somebody of this role does here."""
    if role is PersonRole.VIEWER:
        return Message("{name} is a viewer here", name)
    return Message("{name} decides here as {role}", name, Message(str(role)))


def require_others(unit: Unit, name: str) -> None:
    """Check that two who decide about persons are left without `name`; raises `ConflictError`."""
    left = [p for p in unit.persons.ls() if p.name != name and p.role in _DECIDES_PERSONS]
    if len(left) < LEAST_PERSONS:
        raise ConflictError(
            "without {name} fewer than two would be left who can approve anything",
            name,
            hint="add another operator first: sigfed person add NAME",
        )


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise UsageError(
            "a person is named with up to 64 small letters, digits, dots, hyphens and underscores",
            hint="for example: a.martin; not node, operator or root, which the audit log uses itself",
        )


def _wait(tries: int) -> timedelta:
    if tries < FREE_TRIES:
        return timedelta(0)
    doublings: int = 2 ** min(tries - FREE_TRIES, 10)
    return min(_FIRST_WAIT * doublings, _LONGEST_WAIT)
