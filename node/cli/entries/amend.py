"""`sigfed entry amend`, and what `import` and `endorse` take of review dates and legality."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from node.access.notation import basis_of, day_of
from node.cli.entries.statements import legality_of
from node.cli.session import Session
from node.errors import NotFoundError, UsageError
from node.formats.hash_queries import HashQuery
from node.lists.catalogue import list_origin
from node.lists.corrections.amend import Amended, Amendment, amend, amend_at
from node.rotation.store import write_store

_NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """An amendment as it was typed; empty or None is not asked for."""

    basis: str
    source: str
    criteria: int | None
    review_by: str
    legality: tuple[str, ...]
    hash_profile: str


def amendment_of(wishes: Wishes) -> Amendment:
    """What was typed, understood; raises `UsageError`, also when nothing was asked for."""
    illegal_in, unclear_in = legality_of(wishes.legality)
    change = Amendment(
        basis=basis_of(wishes.basis) if wishes.basis else None,
        relies_on=wishes.source or None,
        criteria=wishes.criteria,
        review_by=_review_by(wishes.review_by),
        no_review=wishes.review_by == _NEVER,
        illegal_in=illegal_in,
        unclear_in=unclear_in,
        hash_profile=wishes.hash_profile or None,
    )
    if change == Amendment():
        raise UsageError("nothing to change was named", hint="see: sigfed entry amend --help")
    return change


def amend_each(here: Session, name: str, asked: Sequence[HashQuery], change: Amendment) -> None:
    """Amend every file asked about; a file that is not listed is named, and the others are amended."""
    identity = here.identity()
    origin = list_origin(identity.settings.node, name)
    missing, changed = [], False
    with write_store(identity) as store:
        for called, digests in asked:
            done = []
            for digest in digests:
                try:
                    done.append(amend(store, origin, digest, change.revise))
                except NotFoundError:
                    continue
            if done:
                changed |= _tell(here, origin, done)
            else:
                missing.append(called)
    _then(here, name, changed=changed)
    if missing:
        raise NotFoundError("not (any more) in {origin}: {missing}", origin, ", ".join(missing))


def amend_index(here: Session, name: str, index: int, change: Amendment) -> None:
    """Amend one entry."""
    identity = here.identity()
    origin = list_origin(identity.settings.node, name)
    with write_store(identity) as store:
        changed = _tell(here, origin, [amend_at(store, origin, index, change.revise)])
    _then(here, name, changed=changed)


def _then(here: Session, name: str, *, changed: bool) -> None:
    if changed:
        here.output.following(f"sigfed publish {name}")


def _review_by(text: str) -> date | None:
    return None if text in {"", _NEVER} else day_of(text)


def _tell(here: Session, origin: str, done: Iterable[Amended]) -> bool:
    positions = sorted({position for one in done for position in one.positions})
    whole = Amended(entries=len(positions), unchanged=0, positions=tuple(positions))
    here.output.result(
        {"origin": origin, "amended": len(positions), "positions": positions}, whole.said(origin)
    )
    return bool(positions)
