"""`sigfed endorse`: take a peer's entries into an own list."""

from collections.abc import Callable
from dataclasses import dataclass

from node.cli.importing import collection_of
from node.cli.places import place_of
from node.cli.session import Session
from node.clock import milliseconds
from node.errors import NotFoundError, UsageError
from node.runtime.guards import open_guards
from node.runtime.shelving import open_shelf
from node.services.endorsing import endorse
from node.services.importing import ImportReport, Statement
from node.services.lists import list_origin
from protocol.digest import Digest
from protocol.listing import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which entries of a peer are meant."""

    peer: str
    """May be empty where single entries are named."""
    peer_list: str
    only: tuple[str, ...]
    """Single entries, as typed; none: all that the filters let pass."""
    collection: str
    digests: frozenset[Digest] | None

    def places(self) -> dict[str, set[int]]:
        """The lists to take from, with the places of single entries; none: all of the list."""
        found: dict[str, set[int]] = {}
        for origin, index in map(place_of, self.only):
            found.setdefault(origin, set()).add(index)
        if not found and not self.peer:
            raise UsageError(
                "whose entries?", hint="name the peer with --from, or single entries with --only"
            )
        return found or {list_origin(self.peer, self.peer_list): set()}


def endorse_from(here: Session, choice: Choice, *, to: str, statement: Statement) -> None:
    """Queue the chosen entries in the own list `to`."""
    identity = here.identity()
    origin = list_origin(identity.settings.node, to)
    number = collection_of(choice.collection) if choice.collection else None
    report, places, missing = ImportReport(), choice.places(), list[str]()
    with open_shelf(identity) as shelf:
        for source, indices in places.items():
            met: set[int] = set()
            done = endorse(
                shelf,
                origin,
                source=source,
                statement=statement,
                now_ms=milliseconds(identity.clock.now()),
                select=_selector(choice, number, indices, met),
                guards=open_guards(identity, shelf),
            )
            report = report.plus(done)
            missing += [f"{source}:{index}" for index in sorted(indices - met)]
    _tell(here, origin, report, statement)
    if missing:
        raise NotFoundError(f"not active (any more): {', '.join(missing)}", hint="see: sigfed review ls")


def _selector(
    choice: Choice, number: int | None, indices: set[int], met: set[int]
) -> Callable[[Entry], bool]:
    """Whether an entry is meant; notes in `met` which of the named ones were."""

    def chosen(entry: Entry) -> bool:
        if indices and entry.index not in indices:
            return False
        met.add(entry.index)
        wanted = choice.digests is None or entry.digest in choice.digests
        return wanted and (number is None or entry.collection == number)

    return chosen


def _tell(here: Session, origin: str, report: ImportReport, statement: Statement) -> None:
    basis = statement.basis.name.lower().replace("_", "-")
    here.output.result(
        {
            "origin": origin,
            "endorsed": report.accepted,
            "entries": report.entries,
            "already_listed": report.already_listed,
            "quarantined": report.quarantined,
        },
        f"{report.accepted:,} files endorsed as {basis} ({report.entries:,} entries),"
        f" {report.already_listed:,} listed already",
    )
