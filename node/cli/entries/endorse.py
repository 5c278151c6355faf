"""`sigfed endorse`: take a peer's entries into an own list."""

from collections.abc import Sequence
from dataclasses import dataclass

from node.access.notation import collection_of, event_of
from node.app.guards import open_guards
from node.cli.output import counted
from node.cli.session import Session
from node.clock import milliseconds
from node.errors import NotFoundError, UsageError
from node.judgement.endorse import NamedFile, endorse, endorse_named
from node.lists.catalogue import list_origin
from node.lists.imports.intake import ImportReport, Statement
from node.rotation.store import write_store
from protocol.digest import Digest
from protocol.lists.listing import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which entries of a peer are meant."""

    peer: str
    """May be empty where single entries are named."""
    peer_list: str
    """Empty: the one named like `to`."""
    to: str
    only: tuple[str, ...]
    """Single entries, as typed; none: all that the filters let pass."""
    collection: str
    digests: frozenset[Digest] | None

    def named(self) -> Sequence[NamedFile]:
        """The files of single entries, as they are listed now; none: all that the filters let pass."""
        if self.only and (self.peer or self.peer_list or self.collection or self.digests is not None):
            raise UsageError(
                "entries are named one by one with --only, or filtered from those of a peer",
                hint="leave out --only, or --from, --peer-list, --collection and --hash-from",
            )
        if not self.only and not self.peer:
            raise UsageError(
                "whose entries?", hint="name the peer with --from, or single entries with --only"
            )
        return [NamedFile(*event_of(text)) for text in self.only]

    def is_meant(self, entry: Entry) -> bool:
        """Whether the filters let an entry pass."""
        number = collection_of(self.collection) if self.collection else entry.collection
        return entry.collection == number and (self.digests is None or entry.digest in self.digests)


def endorse_from(here: Session, choice: Choice, *, statement: Statement) -> None:
    """Queue the chosen entries in the own list `choice.to`."""
    identity = here.identity()
    origin = list_origin(identity.settings.node, choice.to)
    named, now_ms, missing = choice.named(), milliseconds(identity.clock.now()), list[str]()
    with write_store(identity) as store:
        guards = open_guards(identity, store)
        if named:
            done = endorse_named(store, origin, named, statement=statement, now_ms=now_ms, guards=guards)
            report, missing = done.report, list(done.missing)
        else:
            report = endorse(
                store,
                origin,
                source=list_origin(choice.peer, choice.peer_list or choice.to),
                statement=statement,
                now_ms=now_ms,
                select=choice.is_meant,
                guards=guards,
            )
    _tell(here, origin, report, statement)
    if report.quarantined:
        here.output.following("sigfed quarantine ls")
    if report.entries:
        here.output.following(f"sigfed publish {choice.to}")
    if missing:
        raise NotFoundError(
            "not active (any more): {missing}", ", ".join(missing), hint="see: sigfed review ls"
        )


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
        f"{counted(report.accepted, 'file')} endorsed as {basis} ({report.entries:,} entries),"
        f" {report.already_listed:,} listed already"
        + (f", {report.quarantined:,} quarantined" if report.quarantined else ""),
    )
