"""Persons of a test node, with a passphrase each and a quick derivation."""

from collections.abc import Sequence
from datetime import UTC, datetime

from keys.keyfile import KdfProfile
from node.access.approvals import Approvals
from node.access.persons import Persons
from node.clock import Clock, system_entropy
from node.objects.person_requests import change_payload
from node.signing.verifiers import Argon2Hasher
from node.store.accounts.records import Approval, PersonRecord, PersonRole
from node.store.store import Store

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
QUICK = KdfProfile(1, 64, 1)
PASS = {name: f"the passphrase of {name}" for name in ("alice", "bruno", "carla", "david")}


def make_persons(store: Store, clock: Clock) -> Persons:
    """Nobody yet."""
    return Persons(store, clock, Argon2Hasher(system_entropy, profile=QUICK))


def add_two(persons: Persons) -> None:
    """Alice and Bruno, who decide about everything."""
    for name in ("alice", "bruno"):
        persons.add(name, PersonRole.OPERATOR, PASS[name])


def ask(approvals: Approvals, kind: str = "peer.grant", by: str = "alice") -> Approval:
    """A request."""
    return approvals.request(kind, subject="nl.example may read baseline here", payload=b"{}", by=by)


def join(persons: Persons, name: str, role: PersonRole) -> None:
    """A further person, as an approved request adds one."""
    verifier = persons.sealed_verifier(name, PASS[name])
    with persons._store.write() as unit:
        persons.carry_out_add(unit, made(change_payload(name, role=role, verifier=verifier)))


def made(payload: bytes) -> Approval:
    """An approved request with this payload."""
    return Approval(
        id=1, kind="person.add", subject="", payload=payload, requested_by="alice", requested_ms=0
    )


def all_of(persons: Persons) -> Sequence[PersonRecord]:
    """All persons by name."""
    with persons._store.read() as unit:
        return unit.persons.ls()
