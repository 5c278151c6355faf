"""The persons of an opened node, and requests about them."""

from collections.abc import Callable

from keys.message import Message
from node.access.persons import Persons, person_words, require_others
from node.audit.actors import ROOT
from node.errors import AlreadyExistsError
from node.identity import audit
from node.identity.identity import Identity
from node.objects.person_requests import change_payload, read_change
from node.signing.verifiers import Argon2Hasher
from node.store.accounts.records import Approval, PersonRole, Request
from node.store.store import Store


def open_persons(identity: Identity, store: Store) -> Persons:
    """The persons of this node."""
    return Persons(store, identity.clock, Argon2Hasher(identity.entropy))


def change_request(
    identity: Identity,
    store: Store,
    kind: str,
    name: str,
    *,
    said: str,
    role: PersonRole | None = None,
    passphrase: Callable[[], str] | None = None,
) -> Request:
    """What asks that a person comes, goes or gets another passphrase, which is asked for last (None: none is needed).

    Making its payload, once whoever asks has proved who it is, raises:
        NotFoundError: there is no such person to remove or reset.
        AlreadyExistsError: there is such a person to add.
        ConflictError: too few would be left.
        UsageError: no good name or passphrase.
    """

    def payload() -> bytes:
        _check(store, kind, name)
        made = open_persons(identity, store).sealed_verifier(name, passphrase()) if passphrase else b""
        return change_payload(name, role=role, verifier=made)

    return Request(kind=kind, subject=_words(kind, name, role), payload=payload, said=said)


def _words(kind: str, name: str, role: PersonRole | None) -> Message:
    if kind == "person.add":
        return person_words(name, role)
    return Message(
        "{name} no longer decides here"
        if kind == "person.remove"
        else "{name} gets the passphrase that was typed with this request",
        name,
    )


def _check(store: Store, kind: str, name: str) -> None:
    with store.read() as unit:
        if kind == "person.add":
            if unit.persons.find(name):
                raise AlreadyExistsError("there is a person {name} already", name)
            return
        unit.persons.get(name)
        if kind == "person.remove":
            require_others(unit, name)


def require_possible(_identity: Identity, store: Store, approval: Approval) -> None:
    """Check, before it is decided, that what it asks can be done; raises as the payload of `change_request`."""
    _check(store, approval.kind, read_change(approval.payload)["name"])


def reset_with_root(identity: Identity, store: Store, name: str, passphrase: Callable[[], str]) -> None:
    """Give a person another passphrase by the word of the root: the way out when too few can decide.

    Whoever holds a root key could name another node's keys as well, so this gives nobody anything new; it is in the
    audit log before it is done. Raises `NotFoundError` for no such person, or as `root_signers` does.
    """
    with store.read() as unit:
        unit.persons.get(name)
    identity.root_signers()
    persons = open_persons(identity, store)
    verifier = persons.sealed_verifier(name, passphrase())
    audit.begin(identity, store, "person.reset", name, actor=ROOT)
    with store.write() as unit:
        persons.reset(unit, name, verifier, by=ROOT)
