"""From hashes to what a file is: the screen first, then what the node once answered, and only then the node.

After an update nothing is read again: every stored screen value is held against the new screen, and what survives is
held against the new answers with the tags of what was asked before. Only what was never asked about in this epoch, and
what meets an answer now and did not before, is asked about.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from node.clock import Clock, milliseconds
from node.hashing.hashed import Part
from node.partner.hits import HitSpool
from node.partner.looking_up import Examined, Examiner, Hit
from node.partner.scanning.packing import unpack
from node.partner.scanning.results import HitFacts
from node.partner.scanning.state import Answers, Kept, Page, ScanState, named
from protocol.subset.files import Held
from protocol.subset.lookup import Lookup
from protocol.subset.rice import U64Array
from protocol.subset.screen import screen_values

_ANSWER: Final = np.dtype([("place", "<u4"), ("met", "u1"), ("tag", "<u8")])
_AT_ONCE: Final = 1000
"""Files whose standing is written in one transaction."""

_Known: TypeAlias = dict[int, tuple[int, bool]]
"""By the place of a hash among its file's: the tag of its output, and whether that met an answer."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a file without asking, and the parts that have to be asked about."""

    hits: tuple[HitFacts, ...]
    ask: tuple[int, ...]
    """Places of the parts."""


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

    def standing(self, kept: Kept, parts: Sequence[Part], answers: Answers | None) -> Standing:
        """What a file is by what is known of it, and what has to be asked."""
        survives = self._lookup.survives(_values(kept.screens))
        known = _known(answers) if answers is not None and answers.epoch == self.epoch else {}
        hits: list[HitFacts] = []
        ask: list[int] = []
        start = 0
        for index, part in enumerate(parts):
            places = range(start, start + len(part.digests))
            start = places.stop
            if not survives[places.start : places.stop].any():
                continue
            old, new = self._before_and_now(known, places)
            if new is None or new != old:
                if new is not None and not any(new):
                    continue
                ask.append(index)
            hits += [each for each in kept.hits if each.part == part.name]
        return Standing(tuple(dict.fromkeys(hits)), tuple(ask))

    def _before_and_now(self, known: _Known, places: range) -> tuple[list[bool], list[bool] | None]:
        """Which hashes of a part met an answer when it was asked about, and which do now; None: never asked."""
        if not all(place in known for place in places):
            return [], None
        return [known[place][1] for place in places], self.answered([known[place][0] for place in places])

    def remembered(
        self, answers: Answers | None, parts: Sequence[Part], found: dict[int, Examined]
    ) -> Answers:
        """What was known of a file's hashes, with what was found about some of its parts."""
        known = _known(answers) if answers is not None and answers.epoch == self.epoch else {}
        start = 0
        for index, part in enumerate(parts):
            if index in found:
                tags = [int.from_bytes(tag, "big") for tag in found[index].tags]
                pairs = zip(tags, self.answered(tags), strict=True)
                known |= {start + place: pair for place, pair in enumerate(pairs)}
            start += len(part.digests)
        rows = [(place, met, tag) for place, (tag, met) in sorted(known.items())]
        return Answers(self.epoch, np.array(rows, dtype=_ANSWER).tobytes())


def rejudge(state: ScanState, screening: Screening) -> int:
    """Hold everything stored against another release than before; gives how many files are something else now."""
    if state.verdicts.judged() == screening.release:
        return 0
    numbers = set(state.verdicts.noticed())
    for page in state.verdicts.pages():
        numbers.update(screening.survivors(page))
    changed = 0
    ordered = sorted(numbers)
    for start in range(0, len(ordered), _AT_ONCE):
        files = [state.files.get(number) for number in ordered[start : start + _AT_ONCE]]
        now = [(old, _stands(state, screening, old)) for old in files]
        different = [new for old, new in now if new != old]
        state.verdicts.conclude([(new, None) for new in different])
        changed += len(different)
    state.verdicts.set_judged(screening.release)
    return changed


def _stands(state: ScanState, screening: Screening, kept: Kept) -> Kept:
    standing = screening.standing(kept, unpack(kept.parts), state.verdicts.answers(kept.id))
    return replace(kept, hits=standing.hits, pending=bool(standing.ask))


class Asking:
    """Asks the node about files that are pending; what is on the list is in the spool before it is written anywhere."""

    def __init__(
        self, state: ScanState, screening: Screening, examiner: Examiner, spool: HitSpool, clock: Clock
    ) -> None:
        self._state = state
        self._screening = screening
        self._examiner = examiner
        self._spool = spool
        self._clock = clock

    async def ask(self, files: Sequence[Kept]) -> int:
        """Ask about all parts of these files that need it, and write what they are; gives the number of new hits.

        What was answered before a failure is written. Raises as `Examiner.examine`.
        """
        waiting = [self._waiting(kept) for kept in files]
        done = [each for each in waiting if not each.left]
        order = [(each, index) for each in waiting for index in each.left]
        digests = [each.parts[index].digests for each, index in order]
        try:
            if digests:
                async for place, found in self._examiner.ask(digests):
                    each, index = order[place]
                    each.found[index] = found
                    if len(each.found) == len(each.left):
                        done.append(each)
        finally:
            new = self._conclude(done)
        return new

    def _waiting(self, kept: Kept) -> "_Waiting":
        parts, answers = unpack(kept.parts), self._state.verdicts.answers(kept.id)
        standing = self._screening.standing(kept, parts, answers)
        return _Waiting(kept, parts, answers, standing, standing.ask, {})

    def _conclude(self, done: "Sequence[_Waiting]") -> int:
        if any(found.hit is not None for each in done for found in each.found.values()):
            self._spool.refresh()  # a scan takes hours, and people resolve hits meanwhile
        concluded = [(self._judged(each), each) for each in done]
        self._state.verdicts.conclude(
            [
                (kept, self._screening.remembered(each.answers, each.parts, each.found))
                for kept, each in concluded
            ]
        )
        return sum(
            len({one.hit for one in kept.hits if one.hit} - {one.hit for one in each.kept.hits})
            for kept, each in concluded
        )

    def _judged(self, each: "_Waiting") -> Kept:
        asked = {each.parts[index].name for index in each.left}
        hits = [one for one in each.standing.hits if one.part not in asked]
        for index, found in each.found.items():
            if found.hit is not None:
                hits.append(self._recorded(each.kept, each.parts[index].name, found.hit))
        return replace(each.kept, pending=False, hits=tuple(dict.fromkeys(hits)))

    def _recorded(self, kept: Kept, part: str, hit: Hit) -> HitFacts:
        name = named(kept.path, part)
        # A file that was a hit and has not changed is the same hit, whatever was resolved about it since.
        was_hit = any(one.part == part and one.hit for one in kept.hits)
        spooled = (self._spool.recall(hit, name=name) if was_hit else None) or self._spool.record(
            hit, name=name, now_ms=milliseconds(self._clock.now())
        )
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
    """A file that is asked about."""

    kept: Kept
    parts: tuple[Part, ...]
    answers: Answers | None
    standing: Standing
    left: tuple[int, ...]
    found: dict[int, Examined]


def _values(screens: bytes) -> U64Array:
    return np.frombuffer(screens, dtype="<u8").astype(np.uint64, copy=False)


def _known(answers: Answers) -> _Known:
    rows = np.frombuffer(answers.data, dtype=_ANSWER)
    return {int(row["place"]): (int(row["tag"]), bool(row["met"])) for row in rows}


def _any_of_each(flags: NDArray[np.bool_], lengths: Sequence[int]) -> NDArray[np.bool_]:
    """Of neighbouring groups of these lengths, which have a true one."""
    counted = np.concatenate([[0], np.cumsum(flags)])
    ends = np.cumsum(np.array(lengths, dtype=np.int64))
    found: NDArray[np.bool_] = counted[ends] > counted[ends - np.array(lengths, dtype=np.int64)]
    return found
