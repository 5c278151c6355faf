"""Reading a home as its owner could: with the node's own keys, so that encryption hides nothing from a search."""

from collections.abc import Iterable, Iterator

from node.demo.parties import Party
from node.demo.search import Search
from node.demo.world import LIST, World
from node.errors import StoreError
from node.home import Home
from node.identity.identity import open_identity
from node.lists.entries import ListReader
from node.rotation.store import open_shelf


def openings(world: World, who: Party, positions: Iterable[int]) -> list[bytes]:
    """The openings of an agency's own entries and disputes, by their places in its list."""
    with open_shelf(open_identity(Home(world.seat(who).home))) as shelf, shelf.storage.read() as unit:
        reader = ListReader(shelf, unit, unit.logs.get(f"{who.node}/lists/{LIST}"))
        return [reader.raw(position) for position in positions]


def found_opened(world: World, who: Party, search: Search) -> list[str]:
    """Names of a node's objects in which, opened with its own keys, the search finds something."""
    return [name for name, data in _opened_objects(world, who) if search.is_in(data)]


def _opened_objects(world: World, who: Party) -> Iterator[tuple[str, bytes]]:
    with open_shelf(open_identity(Home(world.seat(who).home))) as shelf:
        for name in shelf.objects.ls(""):
            try:
                yield name, shelf.vault.unseal(name, shelf.objects.get(name))
            except StoreError:
                continue  # it is not encrypted: the search of the folder has read it
