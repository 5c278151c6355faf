"""`sigfed endorse`: take a peer's entries into an own list."""

from dataclasses import dataclass

from node.cli.importing import basis_of, collection_of
from node.cli.session import Session
from node.clock import milliseconds
from node.runtime.shelving import open_shelf
from node.services.endorsing import endorse
from node.services.importing import Statement
from node.services.lists import list_origin
from protocol.digest import Digest
from protocol.listing import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which entries of a peer are meant."""

    peer: str
    peer_list: str
    collection: str
    digests: frozenset[Digest] | None


def endorse_from(here: Session, choice: Choice, *, to: str, basis: str, criteria: int) -> None:
    """Queue the chosen entries in the own list `to`."""
    identity = here.identity()
    number = collection_of(choice.collection) if choice.collection else None

    def chosen(entry: Entry) -> bool:
        wanted = choice.digests is None or entry.digest in choice.digests
        return wanted and (number is None or entry.collection == number)

    with open_shelf(identity) as shelf:
        report = endorse(
            shelf,
            list_origin(identity.settings.node, to),
            source=list_origin(choice.peer, choice.peer_list),
            statement=Statement(basis=basis_of(basis), criteria=criteria),
            now_ms=milliseconds(identity.clock.now()),
            select=chosen,
        )
    here.output.result(
        {
            "origin": list_origin(identity.settings.node, to),
            "endorsed": report.accepted,
            "entries": report.entries,
            "already_listed": report.already_listed,
            "quarantined": report.quarantined,
        },
        f"{report.accepted:,} files endorsed as {basis} ({report.entries:,} entries),"
        f" {report.already_listed:,} listed already",
    )
