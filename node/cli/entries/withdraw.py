"""`sigfed entry withdraw`: take a file's hashes off an own list."""

from collections.abc import Callable, Sequence

from node.access.notation import reason_of
from node.cli.session import Session
from node.errors import NotFoundError
from node.formats.hash_queries import HashQuery
from node.lists.catalogue import list_origin
from node.lists.corrections.withdraw import Withdrawn, withdraw, withdraw_at
from node.rotation.store import write_store


def withdraw_each(
    here: Session, name: str, asked: Sequence[HashQuery], *, reason: str, then: Callable[[], None]
) -> None:
    """Withdraw every file asked about; a file that is not listed is named, and the others are withdrawn.

    `then` is done when anything was.
    """
    identity = here.identity()
    origin = list_origin(identity.settings.node, name)
    missing = []
    with write_store(identity) as store:
        for called, digests in asked:
            done = []
            for digest in digests:
                try:
                    done.append(withdraw(store, origin, digest, reason=reason_of(reason)))
                except NotFoundError:
                    continue
            _tell(here, origin, done)
            if not done:
                missing.append(called)
    if len(missing) < len(asked):
        then()
    if missing:
        raise NotFoundError("not (any more) in {origin}: {missing}", origin, ", ".join(missing))


def withdraw_index(here: Session, name: str, index: int, *, reason: str) -> None:
    """Withdraw the file of one entry."""
    identity = here.identity()
    origin = list_origin(identity.settings.node, name)
    with write_store(identity) as store:
        _tell(here, origin, [withdraw_at(store, origin, index, reason=reason_of(reason))])


def take_effect(here: Session, name: str) -> None:
    """Publish what was withdrawn and release every subset now, and say what is left to do elsewhere."""
    from node.app.recall import recall_now
    from node.judgement.recall import report_withdrawals

    identity = here.identity()
    with write_store(identity) as store:
        here.output.talk(*recall_now(identity, store, list_origin(identity.settings.node, name)))
        behind = {peer.peer for each in report_withdrawals(store) for peer in each.peers if not peer.applied}
    if behind:
        here.output.talk(f"not applied yet by {', '.join(sorted(behind))}: they follow with their next sync")
    here.output.following("sigfed withdrawal ls --open")


def _tell(here: Session, origin: str, done: Sequence[Withdrawn]) -> None:
    if not done:
        return
    whole = Withdrawn(
        entries=sum(one.entries for one in done), digests=sum(one.digests for one in done), positions=()
    )
    here.output.result(
        {"origin": origin, "withdrawals": whole.entries, "digests": whole.digests}, whole.said(origin)
    )
