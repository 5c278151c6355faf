"""What every holding service needs, as one value: the tables, the objects, and the keys to both."""

from collections.abc import Callable
from dataclasses import dataclass

from node.ports.objects import ObjectStore
from node.store.store import Store
from node.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Shelf:
    """A node's store: catalogue, objects and vault."""

    storage: Store
    objects: ObjectStore
    vault: Vault

    def rewrite(self, name: str, change: Callable[[bytes], bytes]) -> None:
        """Change what a sealed object holds, as it is at that moment: what others took out meanwhile stays out.

        `change` may be called more than once. Raises `MissingObjectError`.
        """
        done = False
        while not done:
            sealed = self.objects.get(name)
            data = self.vault.unseal(name, sealed)
            new = change(data)
            done = new == data or self.objects.exchange(name, sealed, self.vault.seal(name, new))
