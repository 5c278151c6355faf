"""What a node's own journal says of the requests of a partner's command."""

from collections.abc import Sequence
from typing import Final

from support.agencies import Federation
from support.processes import Cli

_KEPT: Final = frozenset({"token"})
"""A token is kept for some minutes: whether it had to be asked for says how long ago the last command was."""


def asked(
    federation: Federation,
    partner: Cli,
    *command: str,
    codes: Sequence[int] = (0,),
    uncounted: frozenset[str] = _KEPT,
) -> list[str]:
    """What a command asks for, by the node's journal: endpoint, status and size of each request."""
    before = len(federation.fr_node.journal.read_text().splitlines())
    assert partner.run(*command).exit in codes
    lines = federation.fr_node.journal.read_text().splitlines()[before:]
    fields = [dict(part.split("=", 1) for part in line.split() if "=" in part) for line in lines]
    return [
        f"{each['endpoint']} {each['status']} {each['bytes']}"
        for each in fields
        if "endpoint" in each and each["endpoint"] not in uncounted
    ]


def evaluations(seen: Sequence[str]) -> int:
    """How many of the requests were batches."""
    return sum(each.startswith("evaluate 200 ") for each in seen)
