"""Reading a home as its owner could: with the node's own keys, so that encryption hides nothing from a search."""

from collections.abc import Iterable, Iterator

from node.demo.parties import Party
from node.demo.search import Search
from node.demo.world import LIST, World
from node.errors import StoreError
from node.home import Home
from node.identity.identity import open_identity
from node.lists.entries import ListReader
from node.rotation.store import write_store


def openings(world: World, who: Party, positions: Iterable[int]) -> list[bytes]:
    """The openings of an agency's own entries and disputes, by their places in its list."""
    with write_store(open_identity(Home(world.seat(who).home))) as store, store.read() as unit:
        reader = ListReader(store, unit, unit.logs.get(f"{who.node}/lists/{LIST}"))
        return [reader.raw(position) for position in positions]


def found_opened(world: World, who: Party, search: Search) -> list[str]:
    """Names of a node's objects in which, opened with its own keys, the search finds something."""
    return [name for name, data in _opened_objects(world, who) if search.is_in(data)]


def _opened_objects(world: World, who: Party) -> Iterator[tuple[str, bytes]]:
    with write_store(open_identity(Home(world.seat(who).home))) as store:
        for name in store.objects.ls(""):
            try:
                yield name, store.vault.unseal(name, store.objects.get(name))
            except StoreError:
                continue  # it is not encrypted: the search of the folder has read it
