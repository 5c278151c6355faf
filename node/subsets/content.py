"""What a release lists, in the making: tags and sealed labels, and what becomes of the rows of the release before.

A digest that is listed still keeps its tag, which its row has, and a label that says the same is taken over as it was
sealed: neither needs the PRF output, which is kept nowhere. Whatever else is needed of it is evaluated again.
"""

from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from node.errors import StoreError
from node.objects.listed import mark_of, packed, tag_of
from node.store.subsets.records import Listed, ListedColumns, ReleaseRecord, WideKey
from node.store.vault import Vault
from node.subsets.basis import Basis, Marks, marks_of
from node.subsets.compose import Chosen, Screen, Terms, compose, labels_of, width_of_answers
from protocol.digest import Digest
from protocol.selection import Selection
from protocol.subset.answers import order_answers
from protocol.subset.canary import PRESENT
from protocol.subset.label import CANARY_LABEL, LABEL_BYTES, Label, seal_label
from protocol.subset.release import Release
from protocol.subset.rice import U64Array
from protocol.subset.screen import truncate


@dataclass(frozen=True, slots=True)
class Held:
    """The newest release."""

    record: ReleaseRecord
    release: Release
    basis: Basis | None = None
    """What the next one may begin from."""


class Answers(NamedTuple):
    """Digests in the order of the answers: a row of each array for each."""

    tags: U64Array
    """Cut to their width, where they are taken over from a release."""
    labels: NDArray[np.uint8] | None
    """48 bytes each; None for a release without."""
    marks: Marks

    def compose(self, terms: Terms, screen: Screen, held: Release | None) -> Release:
        """The release that they make."""
        labels = None if self.labels is None else self.labels.tobytes()
        return compose(terms, self.tags, labels, screen=screen, held=held)


class Content:
    """Takes digests, a part after the other; `evaluate` gives PRF outputs of 64 bytes in the release's epoch."""

    def __init__(
        self,
        vault: Vault,
        terms: Terms,
        held: Held | None,
        evaluate: Callable[[Sequence[Digest]], Sequence[bytes]],
    ) -> None:
        self.terms = terms
        self.ended: list[WideKey] = []
        """Of which digests the release before says something else, or they are listed no more."""
        self.new = ListedColumns()
        """What this release says and the one before does not."""
        self.came = self.stayed = self.left = 0
        """Digests that only this release lists, that both list, and that only the one before does."""
        self._vault = vault
        self._held = held
        self._evaluate = evaluate
        self._continues = held is not None and held.release.manifest.epoch == terms.epoch
        self._digests: list[Digest] = []
        self._tags = array("q")
        self._labels = bytearray()

    def take_test_file(self) -> None:
        """List the test file, of which there is no row."""
        (output,) = self._evaluate([PRESENT])
        self._add(PRESENT, tag_of(output), self._seal(output, CANARY_LABEL))

    def take(self, chosen: Mapping[Digest, Chosen], rows: Collection[Listed]) -> None:
        """List these digests; `rows` are what the release before lists of the same part of all digests."""
        names = self._vault.wide_keys_of(chosen)
        before = {row.name: row for row in rows}
        held = [before.pop(name, None) for name in names]
        self.ended += before
        self.left += len(before)
        self.stayed += len(rows) - len(before)
        self.came += len(chosen) - len(rows) + len(before)
        labels = labels_of(self.terms, chosen)
        said = [
            (mark_of(labels.get(digest)), int(digest.algorithm), packed(each.collections))
            for digest, each in chosen.items()
        ]
        same = [
            row if self._continues and row and (row.label, row.algorithm, row.collections) == now else None
            for row, now in zip(held, said, strict=True)
        ]
        sealed = self._sealed_before(same)
        tags = [row.tag if row and self._continues else None for row in held]
        outputs = self._outputs(
            digest
            for digest, tag, label in zip(chosen, tags, sealed, strict=True)
            if tag is None or label is None
        )
        for at, digest in enumerate(chosen):
            output, label = outputs.get(digest, b""), sealed[at]
            tag = tags[at] if not output else tag_of(output)
            assert tag is not None, "what has no tag was evaluated"
            self._add(digest, tag, self._seal(output, labels.get(digest)) if label is None else label)
            if same[at] is None:
                if held[at] is not None:
                    self.ended.append(names[at])
                mark, algorithm, collections = said[at]
                self.new.append(Listed(*names[at], tag, mark, algorithm, collections))

    def answers(self, selection: Selection) -> Answers:
        """All that was taken, in the order of the answers."""
        tags = np.array(self._tags, dtype=np.int64).view(np.uint64)
        order = order_answers(tags, lambda places: self._evaluate([self._digests[at] for at in places]))
        cells = _cells(self._labels)[order] if self.terms.filter.labels else None
        return Answers(tags[order], cells, marks_of(self._digests, selection)[order])

    def _add(self, digest: Digest, tag: int, label: bytes) -> None:
        self._digests.append(digest)
        self._tags.append(tag)
        self._labels += label

    def _seal(self, output: bytes, label: Label | None) -> bytes:
        """Nothing for a release without labels."""
        if label is None or not self.terms.filter.labels:
            return b""
        return seal_label(output, subset_id=self.terms.subset_id, epoch=self.terms.epoch, label=label)

    def _outputs(self, digests: Iterable[Digest]) -> dict[Digest, bytes]:
        asked = list(digests)
        return dict(zip(asked, self._evaluate(asked), strict=True)) if asked else {}

    def _sealed_before(self, rows: Sequence[Listed | None]) -> list[bytes | None]:
        """The label of each row as the release before has it; None where it must be sealed, as for no row.

        Of answers that are equal nothing says whose is which; there are some in one release of thousands.
        """
        wanted = self.terms.filter.labels
        found: list[bytes | None] = [None if wanted else b""] * len(rows)
        places = [at for at, row in enumerate(rows) if row]
        if self._held is None or not places:
            return found
        first, end = _runs(self._held, np.array([row.tag for row in rows if row], dtype=np.int64))
        if not wanted or self._held.release.labels is None:
            return found
        labels = _cells(self._held.release.labels)[first].tobytes()
        for number, (at, alone) in enumerate(zip(places, (end - first == 1).tolist(), strict=True)):
            if alone:
                found[at] = labels[number * LABEL_BYTES : (number + 1) * LABEL_BYTES]
        return found


def changed_answers(
    terms: Terms, held: Held, marks: Marks, gone: Collection[Listed], new: Answers
) -> Answers | None:
    """The answers of the release before without those of some rows, and with new ones.

    None where it is not known whose is which of equal ones, or all have another width.
    """
    release, width = held.release, held.release.manifest.answers_width
    first, end = _runs(held, np.array([row.tag for row in gone], dtype=np.int64))
    count = len(release.answers) - len(gone) + len(new.tags)
    if (end - first > 1).any() or width_of_answers(terms, count, release) != width:
        return None
    values = np.delete(release.answers, first)
    added = truncate(new.tags, width)
    places = np.searchsorted(values, added)
    beside = values[np.minimum(places, len(values) - 1)]  # the test file's is always there
    if (added[1:] == added[:-1]).any() or (beside == added).any():
        return None
    labels = None
    if new.labels is not None:
        if release.labels is None:
            return None
        labels = np.insert(np.delete(_cells(release.labels), first, axis=0), places, new.labels, axis=0)
    left = np.delete(marks, first)
    return Answers(
        np.insert(values, places, added) << np.uint64(64 - width), labels, np.insert(left, places, new.marks)
    )


def marks_before(held: Held, marks: Marks, rows: Collection[Listed]) -> list[int]:
    """The mark of each row's digest in a release, where no other answer is the same."""
    first, _ = _runs(held, np.array([row.tag for row in rows], dtype=np.int64))
    return [int(mark) for mark in marks[first]]


def _runs(held: Held, tags: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the answers of these tags begin and end in a release; raises `StoreError` where one is not there."""
    answers: U64Array = held.release.answers
    values = truncate(tags.view(np.uint64), held.release.manifest.answers_width)
    first, end = np.searchsorted(answers, values, "left"), np.searchsorted(answers, values, "right")
    if (first == end).any():
        raise StoreError(
            "the database says that release {version} of {subset} lists what its files do not",
            held.record.version,
            held.record.subset,
            hint="restore the database and the object folder from one backup",
        )
    return first, end


def _cells(labels: bytes | bytearray | memoryview) -> NDArray[np.uint8]:
    return np.frombuffer(labels, dtype=np.uint8).reshape(-1, LABEL_BYTES)
