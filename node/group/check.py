"""What does the group arithmetic here, as `doctor` tells it."""

from collections.abc import Iterator

from node.group.load import find_group
from node.health import Check, Health
from node.names import GroupChoice


def group_checks(choice: GroupChoice) -> Iterator[Check]:
    """Whether libsodium is there, and what computes; raises LibraryError where nothing can."""
    found = find_group(choice)
    yield Check("libsodium", Health.OK, "found, and its self-test passed")
    if found.refused:
        step = 'run the installation again; group = "libsodium" in the configuration silences this'
        yield Check("group", Health.WARN, found.remark, step)
    else:
        yield Check("group", Health.OK, found.remark)
