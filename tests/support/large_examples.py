"""What pages about one thing are asked for in a large world: a query by the name of the page."""

from collections.abc import Callable, Mapping

from node.console.world import World
from node.rotation.revocation import history
from support.console_examples import EXAMPLES
from support.large_world import LIST, ORIGIN


def _own_entry(world: World) -> str:
    """An entry of the own list that a peer has too, and partners reported."""
    return _entry(world, ORIGIN, 5 / 8)


def _waiting_entry(world: World) -> str:
    """An entry of a peer's that waits for this agency's word."""
    return _entry(world, f"nl.example/lists/{LIST}", 5 / 6)


def _entry(world: World, origin: str, part: float) -> str:
    with world.store.read() as unit:
        size = unit.logs.get(origin).head.size
    return f"list={origin}&index={int(size * part)}"


def _stolen(world: World) -> str:
    """The key of the own list, after its first publication."""
    with world.store.read() as unit:
        log = unit.logs.get(ORIGIN)
    first = history(world.store, log).rounds[0].size
    return f"key=log-lists-{LIST}-1&reason=compromise&last_good={first}"


LARGE_EXAMPLES: Mapping[str, Callable[[World], str]] = {
    **EXAMPLES,
    "record": lambda _: "number=2",
    "partner": lambda _: "name=hoster-0001",
    "rotate": lambda _: "key=auth-1",
    "revoke": _stolen,
    "entry": _own_entry,
    "entry-shred": _own_entry,
    "entry-withdraw": _own_entry,
    "holders": _own_entry,
    "review-file": _waiting_entry,
}

WITHOUT: frozenset[str] = frozenset({"holders-asked", "invited"})
"""Pages that show something once, after an action."""
