"""The guards of an opened node: known-benign sets are in its folder, everything else in its store."""

from node.config import Guards as GuardSettings
from node.identity.identity import Identity
from node.lists.guards import Guards
from node.lists.pace import FollowGuards
from node.objects.filters import FolderFilters
from node.store.store import Store


def open_guards(identity: Identity, store: Store) -> Guards:
    """The guards, with the node's known-benign sets."""
    return Guards(store, FolderFilters(identity.home.filters))


def own_limits(settings: GuardSettings) -> FollowGuards:
    """What this node lets any peer change a day, whatever the peer announces."""
    return FollowGuards(
        max_adds_per_day=settings.max_adds_per_day,
        max_withdraws_per_day=settings.max_withdraws_per_day,
        max_disputes_per_day=settings.max_disputes_per_day,
    )
