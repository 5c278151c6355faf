"""What every holding service needs, as one value: the tables, the objects, and the keys to both."""

from dataclasses import dataclass

from node.ports.objects import ObjectStore
from node.ports.storage import Storage
from node.services.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Shelf:
    """A node's store: catalogue, objects and vault."""

    storage: Storage
    objects: ObjectStore
    vault: Vault
