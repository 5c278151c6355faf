"""From hashes to what a file is: the screen first, then what the node once answered, and only then the node.

After an update nothing is read again: every stored screen value is held against the new screen, and what survives is
held against the new answers with the outputs of what was asked before. Only what was never asked about in this epoch
is asked about, when its beat comes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from node.clock import Clock, milliseconds
from node.hashing.file_hashes import Part
from node.hoster.cover import BATCH, Pace, elements
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.lookup.examiner import Examined, Examiner, Hit
from node.hoster.scan.part_codec import unpack
from node.hoster.scan.results import HitFacts
from node.hoster.scan.state import Answers, Kept, Page, Run, ScanState, named
from protocol.digest import Digest
from protocol.slices import slices
from protocol.subset.files import Held
from protocol.subset.label import tag
from protocol.subset.lookup import Lookup
from protocol.subset.rice import U64Array
from protocol.subset.screen import screen_values

_ANSWER: Final = np.dtype([("place", "<u4"), ("met", "u1"), ("tag", "<u8")])
_AT_ONCE: Final = 1000
"""Files whose standing is written in one transaction."""

_OUTPUT_BYTES: Final = 64
_NO_OUTPUT: Final = bytes(_OUTPUT_BYTES)
"""Of a hash that an earlier version asked about."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What the node answered about a hash in this epoch."""

    tag: int
    met: bool
    """Whether it met an answer when the file was judged last."""
    output: bytes


_Answered: TypeAlias = dict[int, _Known]
"""By the place of a hash among its file's."""


@dataclass(frozen=True, slots=True)
class Screened:
    """What is known of a file without asking, and places of its parts that are more."""

    hits: tuple[HitFacts, ...]
    ask: tuple[int, ...]
    """Have to be asked about."""
    met: dict[int, tuple[bytes, ...]]
    """Are on the list by what their hashes evaluated to."""


class Screening:
    """One release, as far as this machine knows it by itself."""

    def __init__(self, held: Held) -> None:
        manifest = held.release.manifest
        self._lookup = Lookup(held.release)
        # What a head without witnesses took away is not in the answers, and its manifest is the same.
        self.release = sha256(manifest.to_bytes() + held.release.answers.tobytes()).hexdigest()
        """Names what everything is judged with."""
        self.epoch = f"{manifest.subset_id.hex()}/{manifest.epoch}"
        """Names what makes tags comparable."""

    def screened(self, files: Sequence[Sequence[Part]]) -> list[tuple[bytes, bool]]:
        """The screen values of each file, given by its parts, and whether one of them survives."""
        values = screen_values(digest for parts in files for part in parts for digest in part.digests)
        lengths = [sum(len(part.digests) for part in parts) for parts in files]
        data = values.astype("<u8").tobytes()
        starts = np.cumsum([0, *lengths]).tolist()
        survive = _any_of_each(self._lookup.survives(values), lengths)
        return [
            (data[8 * start : 8 * (start + length)], bool(survives))
            for start, length, survives in zip(starts, lengths, survive, strict=False)
        ]

    def survivors(self, page: Page) -> list[int]:
        """Ids of the files of which a hash survives."""
        values = np.frombuffer(page.values, dtype="<u8").astype(np.uint64, copy=False)
        found = _any_of_each(self._lookup.survives(values), page.lengths)
        return [page.ids[place] for place in np.flatnonzero(found)]

    def answered(self, tags: Sequence[int]) -> list[bool]:
        """Which of these tags, of this epoch, meet an answer."""
        return [bool(met) for met in self._lookup.answered(np.array(tags, dtype=np.uint64))]

    def standing(self, kept: Kept, parts: Sequence[Part], answers: Answers | None) -> Screened:
        """What a file is by what is known of it, and what has to be asked."""
        survives = self._lookup.survives(_values(kept.screens))
        known = self._known(answers)
        hits: list[HitFacts] = []
        ask: list[int] = []
        met: dict[int, tuple[bytes, ...]] = {}
        start = 0
        for index, part in enumerate(parts):
            places = range(start, start + len(part.digests))
            start = places.stop
            before = [each for each in kept.hits if each.part == part.name]
            if not all(place in known for place in places):
                if survives[places.start : places.stop].any():
                    ask.append(index)
                    hits += before
                continue
            now = self.answered([known[place].tag for place in places])
            if not any(now):
                continue
            hits += before
            if before and now == [known[place].met for place in places]:
                continue
            outputs = tuple(known[place].output for place in places)
            if _NO_OUTPUT in outputs:
                ask.append(index)
            else:
                met[index] = outputs
        return Screened(tuple(dict.fromkeys(hits)), tuple(ask), met)

    def remembered(
        self, answers: Answers | None, parts: Sequence[Part], found: dict[int, Examined]
    ) -> Answers:
        """What was known of a file's hashes, with what was found about some of its parts."""
        outputs = {place: (each.tag, each.output) for place, each in self._known(answers).items()}
        start = 0
        for index, part in enumerate(parts):
            if index in found:
                for place, output in enumerate(found[index].outputs, start):
                    outputs[place] = int.from_bytes(tag(output), "big"), output
            start += len(part.digests)
        ordered = sorted(outputs.items())
        met = self.answered([number for _, (number, _) in ordered])
        rows = [(place, hit, number) for (place, (number, _)), hit in zip(ordered, met, strict=True)]
        return Answers(
            self.epoch,
            np.array(rows, dtype=_ANSWER).tobytes(),
            b"".join(output for _, (_, output) in ordered),
        )

    def _known(self, answers: Answers | None) -> _Answered:
        if answers is None or answers.epoch != self.epoch:
            return {}
        rows = np.frombuffer(answers.data, dtype=_ANSWER)
        outputs = answers.outputs or _NO_OUTPUT * len(rows)
        return {
            int(row["place"]): _Known(int(row["tag"]), bool(row["met"]), output)
            for row, output in zip(rows, slices(outputs, _OUTPUT_BYTES), strict=True)
        }


def rejudge(state: ScanState, screening: Screening, asking: "Asking | None" = None) -> int:
    """Hold everything stored against another release than before; gives how many files are something else now.

    What is on the list by what was answered before is recorded by `asking`; without it that waits to be asked about.
    """
    if state.verdicts.judged() == screening.release:
        return 0
    numbers = set(state.verdicts.noticed())
    for page in state.verdicts.pages():
        numbers.update(screening.survivors(page))
    changed = 0
    for part in slices(sorted(numbers), _AT_ONCE):
        changed += _rejudged(state, screening, asking, [state.files.get(number) for number in part])
    state.verdicts.set_judged(screening.release)
    return changed


def _rejudged(state: ScanState, screening: Screening, asking: "Asking | None", files: Sequence[Kept]) -> int:
    changed = 0
    concluded: list[tuple[Kept, Answers | None]] = []
    met: list[Kept] = []
    for kept in files:
        parts, answers = unpack(kept.parts), state.verdicts.answers(kept.id)
        standing = screening.standing(kept, parts, answers)
        now = replace(kept, hits=standing.hits, pending=bool(standing.ask or standing.met))
        if standing.met and asking is not None:
            met.append(kept)
            continue
        changed += now != kept
        # What met an answer and does not any more is a hit again when it comes back.
        again = None if answers is None else screening.remembered(answers, parts, {})
        if now != kept or again != answers:
            concluded.append((now, again))
    state.verdicts.conclude(concluded)
    if met and asking is not None:
        asking.settle(met)
    return changed + len(met)


class Asking:
    """Asks the node about files that are pending; what is on the list is in the spool before it is written anywhere."""

    def __init__(
        self,
        state: ScanState,
        screening: Screening,
        examiner: Examiner,
        spool: HitSpool,
        clock: Clock,
        *,
        found: list[SpooledHit] | None = None,
    ) -> None:
        self._state = state
        self._screening = screening
        self._examiner = examiner
        self._spool = spool
        self._clock = clock
        self.found = [] if found is None else found
        """Hits that are new, in the order in which they were recorded."""

    async def ask(self, files: Sequence[Kept], *, begun: float) -> None:
        """Ask at once about all parts of these files that need it, and write what they are.

        What was answered before a failure is written. `begun` and what is raised as in `Examiner.ask`.
        """
        waiting = [self._waiting(kept) for kept in files]
        order = [(each, index) for each in waiting for index in each.left]
        digests = [each.parts[index].digests for each, index in order]
        try:
            async for place, found in self._examiner.ask(digests, begun=begun):
                each, index = order[place]
                each.found[index] = found
        finally:
            self._conclude(waiting)

    async def beat(self, size: int, run: Run, *, begun: float) -> None:
        """Send one batch, and write what it brought; `begun` and what is raised as in `Examiner.evaluate`."""
        batch = self.batch(size, run)
        self.conclude(batch, await self._examiner.evaluate(batch.digests, elements=size, begun=begun))

    def update(self, pace: Pace, *, anew: float, besides: int = 0) -> "Batch":
        """Judge what is stored by the release in force; gives the one batch that follows.

        `anew` is with which probability a stored hash has to be asked about since what is stored was judged last. So
        many elements as `besides` says are left for what is not stored.
        """
        rejudge(self._state, self._screening, self)
        wanted = elements(self._state.files.hashes(), anew) if anew else BATCH
        return self.batch(pace.one_batch(wanted), besides=besides)

    def batch(self, size: int, run: Run | None = None, *, besides: int = 0) -> "Batch":
        """What a request of `size` holds: what is pending, that of `run` first, and hashes of other files.

        What does not fit, and whatever is not answered, waits for another one.
        """
        self._examiner.require_current()
        batch = Batch(size)
        batch.room -= besides
        for kept in self._state.files.pending(run, limit=size):
            each = self._waiting(kept)
            batch.take(each, each.left)
        for kept in self._state.files.cleared(limit=batch.room):
            each = self._waiting(kept)
            batch.take(each, range(len(each.parts)))
        return batch

    def settle(self, files: Sequence[Kept]) -> None:
        """Write what these files are by what the node answered before; nobody is asked."""
        self._conclude([self._waiting(kept) for kept in files])

    def conclude(self, batch: "Batch", outputs: Sequence[bytes]) -> None:
        """Write what the files of a batch are by what their hashes evaluate to.

        Nothing is, if another release was put in force since: what they are is judged by that one.
        """
        if self._state.verdicts.judged() != self._screening.release:
            return
        start = 0
        for each, index in batch.parts:
            digests = each.parts[index].digests
            found = self._examiner.found(digests, outputs[start : start + len(digests)])
            start += len(digests)
            # A filler may be on the list, too: the screen missed it.
            if index in each.left or found.hit is not None:
                each.found[index] = found
        self._conclude(batch.files)

    def _waiting(self, kept: Kept) -> "_Waiting":
        parts, answers = unpack(kept.parts), self._state.verdicts.answers(kept.id)
        standing = self._screening.standing(kept, parts, answers)
        found = {
            index: self._examiner.found(parts[index].digests, outputs)
            for index, outputs in standing.met.items()
        }
        return _Waiting(kept, parts, answers, standing, standing.ask, found)

    def _conclude(self, files: "Sequence[_Waiting]") -> None:
        concluded: list[tuple[Kept, Answers | None]] = []
        for each in files:
            now = self._judged(each)
            if each.found or now != each.kept:
                remembered = self._screening.remembered(each.answers, each.parts, each.found)
                concluded.append((now, remembered))
        self._state.verdicts.conclude(concluded)

    def _judged(self, each: "_Waiting") -> Kept:
        asked = {each.parts[index].name for index in each.found}
        hits = [one for one in each.standing.hits if one.part not in asked]
        for index, found in each.found.items():
            if found.hit is not None:
                hits.append(self._recorded(each.kept, each.parts[index].name, found.hit))
        pending = not each.found.keys() >= set(each.left)
        return replace(each.kept, pending=pending, hits=tuple(dict.fromkeys(hits)))

    def _recorded(self, kept: Kept, part: str, hit: Hit) -> HitFacts:
        name = named(kept.path, part)
        # A file that was a hit and has not changed is the same hit, whatever was resolved about it since.
        was_hit = any(one.part == part and one.hit for one in kept.hits)
        spooled = (self._spool.recall(hit, name=name) if was_hit else None) or self._spool.record(
            hit, name=name, now_ms=milliseconds(self._clock.now())
        )
        if spooled is not None and all(one.hit != spooled.id for one in kept.hits):
            self.found.append(spooled)
        return HitFacts(
            part=part,
            collection=hit.collection,
            countries=tuple(dict.fromkeys(source.country for source in hit.sources)),
            algorithms=tuple(algorithm.name.lower() for algorithm in hit.algorithms),
            weak=hit.weak,
            hit=spooled.id if spooled is not None else "",
        )


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A file that may be asked about."""

    kept: Kept
    parts: tuple[Part, ...]
    answers: Answers | None
    standing: Screened
    left: tuple[int, ...]
    """Places of the parts that have to be."""
    found: dict[int, Examined]


@dataclass(slots=True)
class Batch:
    """What one request holds."""

    size: int
    """Elements; those that are nobody's are filled up with random inputs."""
    files: "list[_Waiting]" = field(default_factory=list)
    parts: "list[tuple[_Waiting, int]]" = field(default_factory=list)
    room: int = field(init=False)
    """How many more hashes it takes."""

    def __post_init__(self) -> None:
        self.room = self.size

    def take(self, file: _Waiting, places: Iterable[int]) -> None:
        """Those parts of a file that fit, each with all its hashes."""
        self.files.append(file)
        for index in places:
            count = len(file.parts[index].digests)
            if 0 < count <= self.room:
                self.parts.append((file, index))
                self.room -= count

    @property
    def digests(self) -> list[Digest]:
        """The hashes of all of them, in order."""
        return [digest for file, index in self.parts for digest in file.parts[index].digests]


def _values(screens: bytes) -> U64Array:
    return np.frombuffer(screens, dtype="<u8").astype(np.uint64, copy=False)


def _any_of_each(flags: NDArray[np.bool_], lengths: Sequence[int]) -> NDArray[np.bool_]:
    """Of neighbouring groups of these lengths, which have a true one."""
    counted = np.concatenate([[0], np.cumsum(flags)])
    ends = np.cumsum(np.array(lengths, dtype=np.int64))
    found: NDArray[np.bool_] = counted[ends] > counted[ends - np.array(lengths, dtype=np.int64)]
    return found
