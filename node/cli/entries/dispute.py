"""`sigfed entry dispute` and `resolve`: blocking a file's hashes, and taking that back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from node.access.notation import collection_of, reason_of
from node.cli.session import Session
from node.errors import AlreadyExistsError, NotFoundError
from node.formats.hash_queries import HashQuery
from node.lists.catalogue import list_origin
from node.lists.corrections.dispute import Disputed, NoCollectionError, dispute, resolve, resolve_at
from node.lists.lookup import Finder
from node.rotation.store import write_store
from node.store.store import Store
from protocol.digest import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """What is said against hashes."""

    reason: str
    collection: str
    alone: bool
    """Whether the other hashes of the file are left out."""


def dispute_each(here: Session, name: str, asked: Sequence[HashQuery], objection: Objection) -> None:
    """Dispute every file asked about; one that is disputed already is named, and the others are disputed."""
    identity = here.identity()
    origin = list_origin(identity.settings.node, name)
    reason = reason_of(objection.reason)
    number = collection_of(objection.collection) if objection.collection else None
    with write_store(identity) as store:
        chosen = asked if objection.alone else _whole_files(store, asked)

        def object_to(digests: Sequence[Digest]) -> Disputed:
            return dispute(store, origin, digests, reason=reason, collection=number)

        refused = _act_on_each(here, origin, chosen, object_to, _tell_disputed)
    if refused:
        raise AlreadyExistsError(
            "{origin} blocks already: {refused}",
            origin,
            ", ".join(refused),
            hint="take a dispute back with: sigfed entry resolve",
        )


def resolve_each(here: Session, name: str, asked: Sequence[HashQuery]) -> None:
    """Resolve what is disputed of every file asked about; one that is not disputed is named."""
    identity = here.identity()
    origin = list_origin(identity.settings.node, name)
    with write_store(identity) as store:

        def take_back(digests: Sequence[Digest]) -> Disputed:
            return resolve(store, origin, digests)

        refused = _act_on_each(here, origin, _whole_files(store, asked), take_back, _tell_resolved)
    if refused:
        raise NotFoundError("{origin} does not dispute (any more): {refused}", origin, ", ".join(refused))


def resolve_index(here: Session, name: str, index: int) -> None:
    """Resolve the dispute at a place of the own list, and others of the same hash."""
    identity = here.identity()
    origin = list_origin(identity.settings.node, name)
    with write_store(identity) as store:
        _tell_resolved(here, origin, resolve_at(store, origin, index))


def _whole_files(store: Store, asked: Sequence[HashQuery]) -> list[HashQuery]:
    """Each file with the hashes that held lists give the same content id."""
    with store.read() as unit:
        finder = Finder(store, unit)
        return [(name, sorted(finder.same_file(digests))) for name, digests in asked]


def _act_on_each(
    here: Session,
    origin: str,
    asked: Sequence[HashQuery],
    act: Callable[[Sequence[Digest]], Disputed],
    tell: Callable[[Session, str, Disputed], None],
) -> list[str]:
    """Do it for every file; returns the names of those for which there was nothing to do."""
    refused = []
    for name, digests in asked:
        try:
            done = act(digests)
        except NoCollectionError:
            raise
        except (AlreadyExistsError, NotFoundError):
            refused.append(name)
        else:
            tell(here, origin, done)
    return refused


def _tell_disputed(here: Session, origin: str, done: Disputed) -> None:
    here.output.result(
        {
            "origin": origin,
            "disputed": done.digests,
            "positions": list(done.positions),
            "passed_over": done.passed_over,
        },
        done.begun(origin),
    )


def _tell_resolved(here: Session, origin: str, done: Disputed) -> None:
    here.output.result(
        {"origin": origin, "resolved": done.digests, "positions": list(done.positions)},
        done.ended(origin),
    )
