"""The guards of an opened node: known-benign sets are in its folder, everything else in its store."""

from node.identity.identity import Identity
from node.lists.guards import Guards
from node.objects.filters import FolderFilters
from node.store.store import Store


def open_guards(identity: Identity, store: Store) -> Guards:
    """The guards, with the node's known-benign sets."""
    return Guards(store, FolderFilters(identity.home.filters))
