"""`sigfed entry reaffirm`: overruling the blocks of other agencies."""

from collections.abc import Sequence
from dataclasses import dataclass

from node.access.notation import basis_of, collection_of, event_of
from node.app.judged import Judge
from node.cli.session import Session
from node.clock import milliseconds
from node.errors import NotFoundError
from node.formats.hash_queries import HashQuery
from node.judgement.reaffirm import Reaffirmed, listed_collection, open_blocks, reaffirm, require_known
from node.lists.catalogue import list_origin
from node.lists.continuation import predecessor_of
from node.lists.imports.intake import Statement
from node.lists.lookup import Finder
from node.rotation.store import write_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What is stated, and against which blocks."""

    basis: str
    criteria: int
    blocks: tuple[str, ...]
    """As typed; none: every open one."""
    collection: str
    """Empty: where others list the hash."""


def reaffirm_each(here: Session, name: str, asked: Sequence[HashQuery], examined: Examination) -> None:
    """Overrule what blocks the files asked about; one that nothing blocks is named."""
    identity = here.identity()
    node = identity.settings.node
    origin = list_origin(node, name)
    continues = predecessor_of(identity.trust.document(), origin)
    statement = Statement(basis=basis_of(examined.basis), criteria=examined.criteria)
    require_known(statement.basis)
    named = [event_of(text) for text in examined.blocks]
    given = collection_of(examined.collection) if examined.collection else None
    missing = []
    with write_store(identity) as store:
        judged = Judge.of(identity, store).now().current
        with store.read() as unit:
            finder = Finder(store, unit)
            files = [(called, finder.same_file(digests)) for called, digests in asked]
        for called, digests in files:
            blocks = open_blocks(judged, node, digests, named=named, continues=continues)
            if not blocks:
                missing.append(called)
                continue
            done = reaffirm(
                store,
                origin,
                blocks,
                statement=statement,
                collection=given or listed_collection(judged, digests),
                now_ms=milliseconds(identity.clock.now()),
                continues=continues,
            )
            _tell(here, origin, done)
    if missing:
        raise NotFoundError("no other agency blocks (any more): {missing}", ", ".join(missing))


def _tell(here: Session, origin: str, done: Reaffirmed) -> None:
    here.output.result(
        {"origin": origin, "added": done.added, "amended": done.amended, "unchanged": done.unchanged},
        done.said(origin),
    )
