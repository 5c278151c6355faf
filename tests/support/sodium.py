"""One loaded group for all tests that need libsodium."""

from functools import cache

from node.group.load import load_group
from protocol.oprf.group import Group


@cache
def loaded_group() -> Group:
    """The group of this machine, loaded once."""
    return load_group()
