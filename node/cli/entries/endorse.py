"""`sigfed endorse`: take a peer's entries into an own list."""

from collections.abc import Sequence
from dataclasses import dataclass

from keys.message import Message
from node.access.notation import collection_of, event_of
from node.acts import entries as acts
from node.acts.act import Done, Node
from node.app.guards import open_guards
from node.cli.acts import do
from node.cli.session import Session
from node.errors import NotFoundError, UsageError
from node.judgement.endorse import Endorsed, NamedFile, endorse, endorse_named
from node.lists.catalogue import list_origin
from node.lists.imports.intake import Statement
from node.pages.text import counted
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
    hash_from: str
    """The file that these are in, as it is recorded."""

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
    origin, named = list_origin(identity.settings.node, choice.to), choice.named()
    source = "" if named else list_origin(choice.peer, choice.peer_list or choice.to)

    def take(node: Node) -> Done:
        guards, now_ms = open_guards(identity, node.store), identity.now_ms
        if not named:
            report = endorse(
                node.store,
                origin,
                source=source,
                statement=statement,
                now_ms=now_ms,
                select=choice.is_meant,
                guards=guards,
            )
            return _done(choice, origin, Endorsed(report=report, missing=()), statement)
        done = endorse_named(node.store, origin, named, statement=statement, now_ms=now_ms, guards=guards)
        return _done(choice, origin, done, statement)

    sources = sorted({file.origin for file in named}) or [source]
    given = acts.Endorsed(
        list=origin, sources=sources, hash_from=choice.hash_from, statement=statement, work=take
    )
    do(here, acts.endorse, given)


def _done(choice: Choice, origin: str, done: Endorsed, statement: Statement) -> Done:
    report, basis = done.report, statement.basis.name.lower().replace("_", "-")
    missing = NotFoundError(
        "not active (any more): {missing}", ", ".join(done.missing), hint="see: sigfed review ls"
    )
    return Done(
        said=Message(
            "{files} endorsed as {basis} ({entries} entries), {listed} listed already{quarantined}",
            counted(report.accepted, "file"),
            basis,
            f"{report.entries:,}",
            f"{report.already_listed:,}",
            f", {report.quarantined:,} quarantined" if report.quarantined else "",
        ),
        facts=acts.endorsed(origin, report),
        following=(
            *(["sigfed quarantine ls"] if report.quarantined else []),
            *([f"sigfed publish {choice.to}"] if report.entries else []),
        ),
        failure=missing if done.missing else None,
    )
