"""Where a node keeps its objects: whatever needs some gets them here.

Three folders of the home, each an object store of its own. Trust files stay on the machine whatever happens to the
other two: whoever keeps objects for a node must not be able to put back an old root or an old register.
"""

from node.home import Home
from node.objects.folder import FolderObjects
from node.ports.objects import ObjectStore


def open_objects(home: Home) -> ObjectStore:
    """The bulk: lists, openings, releases, cases, and whatever else is sealed in them."""
    return FolderObjects(home.objects)


def open_trust(home: Home) -> ObjectStore:
    """The node's own trust files, and its certificates."""
    return FolderObjects(home.trust)


def open_introductions(home: Home) -> ObjectStore:
    """Trust files of members, as they were introduced."""
    return FolderObjects(home.introductions)
