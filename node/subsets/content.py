"""What a release lists, in the making: tags and sealed labels, and what becomes of the rows of the release before.

A digest that is listed still keeps its tag, which its row has, and a label that says the same is taken over as it was
sealed: neither needs the PRF output, which is kept nowhere. Whatever else is needed of it is evaluated again.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from node.errors import StoreError
from node.objects.listed_rows import mark_of, tag_of
from node.objects.release_files import ReleaseFolder
from node.store.mapped_files import give_back, maps_of
from node.store.spool import Parts, Spool, part_of, written_down
from node.store.subsets.records import Listed, ReleaseRecord, WideKey
from node.store.vault import Vault
from node.subsets.basis import Basis
from node.subsets.columns import digests_in, names_in, rows_in
from node.subsets.compose import Line, Terms, Values, width_of_answers
from node.subsets.outputs import Found, Outputs
from node.subsets.splice import Run, Splice
from protocol.digest import Digest
from protocol.encoding import Octets
from protocol.selection import Marks, Selection
from protocol.slices import slices
from protocol.subset.answers import order_answers
from protocol.subset.canary import PRESENT
from protocol.subset.deltas.values import Difference
from protocol.subset.label import CANARY_LABEL, LABEL_BYTES, seal_label
from protocol.subset.manifest import Manifest
from protocol.subset.release import Release
from protocol.subset.rice import U64Array
from protocol.subset.screen import screen_values, truncate
from protocol.subset.spliced_octets import Laid, Spliced

_ROW: Final = np.dtype([("tag", "<u8"), ("place", "<u4"), ("label", f"V{LABEL_BYTES}")])
_NO_LABEL: Final = bytes(LABEL_BYTES)
_AT_ONCE: Final = 2**15
"""Digests whose screen hashes are made at a time."""


@dataclass(frozen=True)
class Held:
    """The newest release; its files are read when they are needed."""

    record: ReleaseRecord
    folder: ReleaseFolder
    basis: Basis | None = None
    """What the next one may begin from."""

    @cached_property
    def manifest(self) -> Manifest:
        """Its leaf."""
        return self.folder.read_manifest()

    @cached_property
    def release(self) -> Release:
        """All of it, verified but for its labels: these are when they are read as a whole."""
        return self.folder.load(pieces=None).release


class Answers(NamedTuple):
    """Digests in the order of the answers: values, labels, and marks, one for each."""

    values: Values
    labels: Octets | None
    """Sealed, 48 bytes each; None for a release without."""
    marks: Marks


class Changed(NamedTuple):
    """Answers that are made of those of the release before."""

    values: Values
    runs: Sequence[Run]
    """What becomes of the octets of labels."""
    marks: Marks
    moved: Difference
    places: U64Array
    """Where labels are that the release before does not have."""
    labels: bytes | None
    """These; None for a release without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """Digests whose outputs are on their way: an item of each for each."""

    lines: Sequence[Line]
    held: Sequence[Listed | None]
    """What the release before says of them."""
    said: Sequence[tuple[int, int, bytes]]
    """Mark of its label, algorithm and collections."""
    same: Sequence[Listed | None]
    """What the release before says, where this one says the same."""
    sealed: Sequence[bytes | None]
    """Its label, where it is at hand."""
    outputs: Found


class Content:
    """Takes digests, a part after the other, into `parts` parts by their tags.

    What all of them have waits in the spool, so that none of it takes memory in proportion to the list.
    """

    def __init__(
        self, vault: Vault, terms: Terms, held: Held | None, outputs: Outputs, spool: Spool, *, parts: int
    ) -> None:
        self.terms = terms
        self.ended = names_in(spool)
        """Of which digests the release before says something else, or they are listed no more."""
        self.new = rows_in(spool)
        """What this release says and the one before does not."""
        self.came = self.stayed = self.left = 0
        """Digests that only this release lists, that both list, and that only the one before does."""
        self._vault = vault
        self._held = held
        self._outputs = outputs
        self.continues = held is not None and held.record.epoch == terms.epoch
        """Whether hashes that stay have the outputs and labels of the release before."""
        self._digests = digests_in(spool)
        self._rows = Parts(spool, parts)
        self._begun: _Begun | None = None

    def take_test_file(self) -> None:
        """List the test file, behind all others; there is no row of it."""
        self._finish()
        (output,) = self._outputs.of([PRESENT])
        self._add([PRESENT], [tag_of(output)], [self._seal(output, CANARY_LABEL.to_bytes())])

    def take(self, lines: Sequence[Line], rows: Collection[Listed]) -> None:
        """List digests; `rows` are what the release before lists of the same part of all digests.

        They are evaluated while the next ones are looked for.
        """
        begun = self._begin(lines, rows)
        self._finish()
        self._begun = begun

    def __len__(self) -> int:
        return len(self._digests)

    def answers(self, selection: Selection, width: int) -> Answers:
        """All that was taken, in the order of the answers, cut to this width."""
        self._finish()
        values, marks = np.empty(len(self), dtype=np.uint64), np.empty(len(self), dtype=np.uint8)
        # The test file is always screened, and never counted.
        mark_of_place = np.append(selection.marks, np.zeros(len(self) - len(selection.marks), dtype=np.uint8))

        def labels() -> Iterator[bytes]:
            end = 0
            for part in range(self._rows.count):
                rows = self._ordered(self._rows.rows(part, _ROW))
                start, end = end, end + len(rows)
                values[start:end] = truncate(rows["tag"], width)
                marks[start:end] = mark_of_place[rows["place"]]
                yield rows["label"].tobytes() if self.terms.filter.labels else b""

        octets = written_down(labels())
        return Answers(Values(values, width), octets if self.terms.filter.labels else None, marks)

    def screen_values(self, selection: Selection) -> U64Array:
        """The full 64-bit screen hashes of what is screened, but for the test file's."""
        screened = selection.screened
        found = np.empty(np.count_nonzero(screened), dtype=np.uint64)
        at, digests = 0, iter(self._digests)
        for mask in slices(screened, _AT_ONCE):
            some = zip(mask.tolist(), digests, strict=False)
            values = screen_values([each for is_screened, each in some if is_screened])
            found[at : at + len(values)] = values
            at += len(values)
        return found

    def at(self, places: NDArray[np.intp]) -> list[Digest]:
        """The digests at some places."""
        self._finish()
        return self._digests.at(places.tolist())

    def _begin(self, lines: Sequence[Line], rows: Collection[Listed]) -> _Begun:
        before = {row.name: row for row in rows}
        held = [before.pop(line.name, None) for line in lines]
        self.ended.append([*before])
        self.left += len(before)
        self.stayed += len(rows) - len(before)
        self.came += len(lines) - len(rows) + len(before)
        said = [(mark_of(line.label), int(line.digest.algorithm), line.collections) for line in lines]
        same = [
            row if self.continues and row and (row.label, row.algorithm, row.collections) == now else None
            for row, now in zip(held, said, strict=True)
        ]
        sealed = self._sealed_before(same)
        wanted = {
            line.digest: line.name
            for line, row, label in zip(lines, held, sealed, strict=True)
            if row is None or not self.continues or label is None
        }
        return _Begun(
            lines=lines, held=held, said=said, same=same, sealed=sealed, outputs=self._outputs.begin(wanted)
        )

    def _finish(self) -> None:
        """Take in what was begun."""
        begun, self._begun = self._begun, None
        if begun is None:
            return
        outputs = begun.outputs()
        tags, labels, new, ended = list[int](), list[bytes](), list[Listed](), list[WideKey]()
        for at, line in enumerate(begun.lines):
            output, label, row = outputs.get(line.digest, b""), begun.sealed[at], begun.held[at]
            tag = row.tag if row and not output else tag_of(output)
            tags.append(tag)
            labels.append(self._seal(output, line.label) if label is None else label)
            if begun.same[at] is None:
                if row is not None:
                    ended.append(line.name)
                mark, algorithm, collections = begun.said[at]
                new.append(Listed(*line.name, tag, mark, algorithm, collections))
        self._add([line.digest for line in begun.lines], tags, labels)
        self.new.append(new)
        self.ended.append(ended)

    def _add(self, digests: Sequence[Digest], tags: Sequence[int], labels: Sequence[bytes]) -> None:
        rows = np.empty(len(digests), dtype=_ROW)
        rows["tag"] = np.array(tags, dtype=np.int64).view(np.uint64)
        rows["place"] = np.arange(len(self), len(self) + len(digests))
        rows["label"] = np.frombuffer(b"".join(labels), dtype=_ROW["label"])
        self._rows.scatter(rows, part_of(rows["tag"], self._rows.count))
        self._digests.append(digests)

    def _ordered(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Rows in the order of their outputs."""

        def whole(at: list[int]) -> Sequence[bytes]:
            return self._outputs.of(self._digests.at(rows["place"][at].tolist()))

        return rows[order_answers(rows["tag"], whole)]

    def _seal(self, output: bytes, label: bytes) -> bytes:
        """Nothing for a release without labels."""
        if not self.terms.filter.labels:
            return _NO_LABEL
        return seal_label(output, subset_id=self.terms.subset_id, epoch=self.terms.epoch, label=label)

    def _sealed_before(self, rows: Sequence[Listed | None]) -> list[bytes | None]:
        """The label of each row as the release before has it; None where it must be sealed, as for no row.

        Of answers that are equal nothing says whose is which; there are some in one release of thousands.
        """
        wanted = self.terms.filter.labels
        found: list[bytes | None] = [None if wanted else _NO_LABEL] * len(rows)
        places = [at for at, row in enumerate(rows) if row]
        if self._held is None or not places:
            return found
        first, end = _runs(self._held, np.array([row.tag for row in rows if row], dtype=np.int64))
        if not wanted or self._held.release.labels is None:
            return found
        labels = _cells(self._held.release.labels, first).tobytes()
        give_back(maps_of(self._held.release.labels))
        for number, (at, alone) in enumerate(zip(places, (end - first == 1).tolist(), strict=True)):
            if alone:
                found[at] = labels[number * LABEL_BYTES : (number + 1) * LABEL_BYTES]
        return found


def changed_answers(
    terms: Terms, held: Held, marks: Marks, gone: Collection[Listed], new: Answers
) -> Changed | None:
    """The answers of the release before without those of some rows, and with new ones of its width.

    None where it is not known whose is which of equal ones, or all have another width.
    """
    old, width = held.release.answers, held.release.manifest.answers_width
    first, end = _runs(held, np.array([row.tag for row in gone], dtype=np.int64))
    added, removed = new.values.values, old[first]
    count = len(old) - len(gone) + len(added)
    if (end - first > 1).any() or width_of_answers(terms, count, held.release) != width:
        return None
    came = np.searchsorted(old, added)
    again = np.isin(added, removed)
    beside = old[np.minimum(came, len(old) - 1)]  # the test file's is always there
    if (added[1:] == added[:-1]).any() or (~again & (beside == added)).any():
        return None
    splice = Splice(count=len(old), gone=np.sort(first), came=came)
    written = _Written(~again, None)
    if new.labels is not None:
        if held.release.labels is None:
            return None
        written = _written(held.release.labels, came, again, new.labels)
    return Changed(
        values=Values(splice.values(old, added), width),
        runs=[*splice.runs(LABEL_BYTES)],
        marks=splice.values(marks, new.marks),
        moved=Difference(np.sort(first[~np.isin(removed, added)]).astype(np.uint64), added[~again]),
        places=splice.places[written.which].astype(np.uint64),
        labels=written.labels,
    )


class _Written(NamedTuple):
    """Which new labels the release before does not have, and they themselves."""

    which: NDArray[np.bool_]
    labels: bytes | None


def _written(old: Laid, came: NDArray[np.intp], again: NDArray[np.bool_], new: Octets) -> _Written:
    """Of new labels for answers that are new, or there `again` in the places where they come."""
    which, cells = ~again, _cells(new, np.arange(len(again)))
    which[again] = (_cells(old, came[again]) != cells[again]).any(axis=1)
    return _Written(which, cells[which].tobytes())


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


def _cells(labels: Laid, places: NDArray[np.intp]) -> NDArray[np.uint8]:
    return Spliced.of(labels).at(places * LABEL_BYTES, LABEL_BYTES)
