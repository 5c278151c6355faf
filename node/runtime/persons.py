"""The persons of an opened node."""

from node.runtime.opening import Identity
from node.services.persons import Persons
from node.services.shelf import Shelf
from node.signing.verifiers import Argon2Hasher


def open_persons(identity: Identity, shelf: Shelf) -> Persons:
    """The persons of this node."""
    return Persons(shelf, identity.clock, Argon2Hasher(identity.entropy))
