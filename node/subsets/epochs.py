"""The epochs of subsets: which count now, which one releases are made in, and how one follows another.

The signed node document says all of it: partners read there which key answers from when to when, and the node holds
itself to the same words. A partner looks up in the epoch of the release that it holds, until that epoch's window ends;
releases are made in the youngest epoch that has begun. Spec: docs/spec/oprf.md, "Epochs".
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from keys.message import Message
from keys.roles import Role
from keys.trust.lifecycle import overlap, successor_window
from keys.trust.listed_keys import epoch_kid
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import EpochInfo, SubsetInfo
from keys.trust.tuf.target_files import NODE_FILE
from keys.trust.window import Window, valid_at
from node.errors import GoneError, StoreError
from node.ports.evaluator import Evaluator
from node.ports.objects import ObjectStore
from node.store.store import Store
from node.trust.own import OwnTrust, window

EPOCH_DAYS: Final = Role.OPRF.info.days

MakeEpoch = Callable[[str, int], bytes]
"""Makes the secret of an epoch of a subset, unless it is there; gives the public key (32 bytes)."""


class Epochs(Protocol):
    """Whoever says which epochs of a subset count."""

    def require(self, subset: str, epoch: int, *, now: datetime) -> None:
        """Return if the epoch answers at `now`, else raise `GoneError`."""
        ...


class AnnouncedEpochs:
    """The epochs that the node document in `files` names, read again when it changes; threads may share it."""

    def __init__(self, files: ObjectStore, trust: OwnTrust) -> None:
        self._files = files
        self._trust = trust
        self._read: tuple[bytes, NodeDocument] | None = None

    def require(self, subset: str, epoch: int, *, now: datetime) -> None:
        """Return if the document names the epoch with a window that covers `now`, else raise `GoneError`."""
        counting = valid_at(epochs_of(self._document(), subset), now)
        if all(info.epoch != epoch for info in counting):
            raise over(subset, epoch)

    def _document(self) -> NodeDocument:
        data, read = self._files.get(NODE_FILE), self._read
        if read is None or read[0] != data:
            self._read = read = (data, self._trust.document())
        return read[1]


def over(subset: str, epoch: int) -> GoneError:
    """What a partner is told that asks in an epoch which does not answer."""
    return GoneError(
        "epoch {epoch} of {subset} is not evaluated any more",
        epoch,
        subset,
        hint="fetch the newest release first",
    )


def epochs_of(document: NodeDocument, subset: str) -> Sequence[EpochInfo]:
    """The epochs of a subset that a document names, by number."""
    named = [epoch for info in document.subsets if info.name == subset for epoch in info.epochs]
    return sorted(named, key=lambda epoch: epoch.epoch)


def enter_epoch(
    store: Store, evaluator: Evaluator, subset: str, document: NodeDocument, *, now: datetime
) -> EpochInfo:
    """The epoch that a release made now belongs to: the youngest that counts; the subset is in it from here on.

    Raises:
        GoneError: none counts, or its secret is not here.
        StoreError: another secret is here than the document names.
    """
    with store.read() as unit:
        record = unit.subsets.get(subset)
    counting = [info for info in valid_at(epochs_of(document, subset), now) if info.epoch >= record.epoch]
    if not counting:
        raise GoneError(
            "no epoch of {subset} counts now: nothing can be released or looked up",
            subset,
            hint=Message("begin the next one with: sigfed key rotate oprf --of {subset}", subset),
        )
    youngest = counting[-1]
    if _public(evaluator, subset, youngest.epoch) != youngest.pk:
        raise StoreError(
            "the key file of epoch {epoch} of {subset} is not the one it was made with",
            youngest.epoch,
            subset,
            hint="restore the key files from a backup",
        )
    if youngest.epoch != record.epoch:
        with store.write() as unit:
            unit.subsets.enter(subset, youngest.epoch, youngest.pk)
    return youngest


def _public(evaluator: Evaluator, subset: str, epoch: int) -> bytes:
    try:
        return evaluator.public(subset, epoch)
    except GoneError as exc:
        raise GoneError(
            "the key file of epoch {epoch} of {subset} is not here: nothing can be released",
            epoch,
            subset,
            hint=Message(
                "restore it, or let another epoch begin: sigfed key rotate oprf --of {subset}", subset
            ),
        ) from exc


def next_number(epochs: Sequence[EpochInfo], now: datetime, *, held: Collection[int]) -> int:
    """The number of the epoch that follows: one that is announced and has not begun, or a new one.

    `held` are the epochs whose secrets are here. One whose secret was lost is passed over: partners remember its key,
    and would refuse another one under its number for ever.
    """
    ahead = [each.epoch for each in epochs if each.valid.start > now and each.epoch in held]
    return min(ahead, default=max((each.epoch for each in epochs), default=0) + 1)


def succeed(
    document: NodeDocument, subset: str, pk: bytes, *, now: datetime, at: datetime, held: Collection[int]
) -> SubsetInfo:
    """The epochs of a subset after it was said that the next one begins `at`, under `pk` (32 bytes).

    The one before it answers for the overlap and no longer. What was said of those before that one stands, but for one
    that never began. Epochs that are announced for later keep their keys; their windows follow the new one's, and no
    time is left to one whose secret is not among those `held`.
    """
    epochs = epochs_of(document, subset)
    begun = EpochInfo(epoch=next_number(epochs, now, held=held), pk=pk, valid=window(at, EPOCH_DAYS))
    before = [each for each in epochs if each.epoch < begun.epoch and each.valid.start <= now]
    last = [_shortened(each, at) for each in before[-1:]]
    after = _after(begun, [each for each in epochs if each.epoch > begun.epoch], held)
    return SubsetInfo(name=subset, epochs=(*before[:-1], *last, begun, *after))


def with_epochs(
    document: NodeDocument, make: MakeEpoch, *, ended: frozenset[str] = frozenset()
) -> NodeDocument:
    """The document with epochs of every subset until its last day; `ended` keys answer no more.

    So the epochs of half a year follow each other without anybody who signs.
    """
    subsets = tuple(
        replace(info, epochs=(*info.epochs, *_ahead(info, document, make, ended)))
        for info in document.subsets
    )
    return replace(document, subsets=subsets)


def _ahead(
    info: SubsetInfo, document: NodeDocument, make: MakeEpoch, ended: frozenset[str]
) -> Iterator[EpochInfo]:
    counting = [each for each in info.epochs if epoch_kid(info.name, each.epoch) not in ended]
    number = max((each.epoch for each in info.epochs), default=0)
    end, life = document.valid.start, timedelta(days=EPOCH_DAYS)
    start = end
    if counting:
        last = max(counting, key=lambda each: each.valid.end).valid
        start, end = max(end, successor_window(last).start), last.end
    while end < document.valid.end:
        number, end = number + 1, start + life
        yield EpochInfo(epoch=number, pk=make(info.name, number), valid=Window(start, end))
        start = end - overlap(life)


def _shortened(epoch: EpochInfo, at: datetime) -> EpochInfo:
    beside = overlap(epoch.valid.end - epoch.valid.start)
    end = min(epoch.valid.end, at.replace(microsecond=0) + beside)
    return replace(epoch, valid=replace(epoch.valid, end=end))


def _after(begun: EpochInfo, later: Sequence[EpochInfo], held: Collection[int]) -> Iterator[EpochInfo]:
    last = begun
    for each in later:
        moved = replace(each, valid=successor_window(last.valid))
        if each.epoch in held:
            last = moved
        yield moved
