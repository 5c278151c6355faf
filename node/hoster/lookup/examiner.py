"""Looking up: screen locally, ask blinded, verify, open the label.

A file's hashes are screened here; of a file that survives all hashes are asked, in batches whose size says nothing
about how many are real (`node.hoster.cover`). The node sees random group elements; what it answers is proven to come
from the key that the release was made with. Nothing about a file leaves this machine.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from node.clock import DAY_MS, Clock, Entropy, milliseconds, moment_of
from node.errors import (
    GoneError,
    ListTooOldError,
    NodeError,
    NotInitialisedError,
    OverQuotaError,
    UsageError,
    VerificationError,
)
from node.hashing.plan import MISSING_IMAGES
from node.hoster.cover import BATCH, elements, whole_ticks
from node.hoster.folder import Enrolment
from node.hoster.lookup.allowance import Meter
from node.hoster.lookup.chance import chance
from node.hoster.trust.node import Known
from protocol.digest import Algorithm, Digest, is_weak
from protocol.errors import ProtocolError
from protocol.limits import MAX_EVALUATION_BATCH
from protocol.lists.event import collection_name
from protocol.messages import REQUEST_ID_BYTES, EvaluationReply, EvaluationRequest
from protocol.oprf.client import blind, finalize
from protocol.oprf.group import Group
from protocol.statement.report import REPORT_ID_BYTES, Evaluated, HitReport, SentReport, authenticate
from protocol.subset.canary import CANARIES, is_canary
from protocol.subset.completeness import is_asked, is_complete
from protocol.subset.files import Held
from protocol.subset.label import tag
from protocol.subset.lookup import Lookup, Match, check_canaries
from protocol.subset.manifest import Manifest
from protocol.subset.prf_input import prf_input
from protocol.subset.screen import screen_values

_STRONGEST: Final = (Algorithm.SHA256, Algorithm.PHOTODNA, Algorithm.PDQ, Algorithm.SHA1, Algorithm.MD5)
"""Of several hashes that met, the first of these is reported."""
_DECOY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An entry behind a hit: whose list it is in, at which index, for which country."""

    country: str
    origin: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A file that is on the list."""

    algorithms: tuple[Algorithm, ...]
    """Which of its hashes are listed."""
    collection: str
    """Name; empty when the release carries no labels."""
    sources: tuple[Source, ...]
    weak: bool
    """Only one of md5 and sha1 matched: collisions of those can be made, so a person must look."""
    test_file: bool
    """The published test file, not material."""
    report: SentReport | None = field(default=None, repr=False)
    """What the node can be told of it, authenticated; None for the test file."""
    tag: bytes = field(default=b"", repr=False)
    """Of the reported hash, as in `Evaluated`."""
    others: tuple[Evaluated, ...] = field(default=(), repr=False)
    """The other hashes of the file that are listed."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A file that was asked about."""

    hit: Hit | None
    outputs: tuple[bytes, ...] = field(repr=False)
    """64 bytes of each hash: in the same epoch they say what a later release answers, without asking."""


class Evaluates(Protocol):
    """Whoever has batches evaluated: the node's API."""

    async def evaluate(self, subset: str, request: EvaluationRequest) -> EvaluationReply:
        """As `SubsetApi.evaluate`."""
        ...


class Examiner:
    """Looks files up in the release `held`, through `api` for what survives the screen.

    `group` gives the group to compute with, the same each time: what the screen answers needs none.
    """

    def __init__(
        self,
        enrolment: Enrolment,
        known: Known,
        held: Held | None,
        *,
        group: Callable[[], Group],
        api: Evaluates,
        clock: Clock,
        entropy: Entropy,
        meter: Meter | None = None,
    ) -> None:
        if held is None:
            raise NotInitialisedError("there is no release yet", hint="fetch one with: sigfed update")
        self._enrolment = enrolment
        self._known = known
        self.version = held.version
        """Of the release that is examined with."""
        self._manifest = held.release.manifest
        self._filter = held.release.filter
        self._lookup = Lookup(held.release)
        self._chance = chance(held.release)
        self._group = group
        self._api = api
        self._clock = clock
        self._entropy = entropy
        self._meter = meter
        self.evaluated = 0
        """Elements sent so far, fillers included: what the quota counts."""

    @property
    def epoch(self) -> int:
        """Of the release that is examined with."""
        return self._manifest.epoch

    def answers(self, epoch: int) -> bool:
        """Whether the node says that it answers in an epoch of this subset still.

        Whether that has begun is not asked: no release of it could be here, so this machine's clock would be behind.
        """
        info = self._known.epochs.get((self._enrolment.subset, epoch))
        return info is not None and self._clock.now() < info.valid.end

    async def examine(self, files: Sequence[Sequence[Digest]]) -> list[Hit | None]:
        """For each file, given by all its hashes, the hit or None; the node is sent as much whatever they are.

        Raises:
            ListTooOldError: the release is past its `not_after` and grace.
            GoneError: its key does not answer any more, so what survives the screen cannot be asked about.
            VerificationError: an answer is not proven.
            OverQuotaError: the evaluations are used up; what was not answered is not judged.
        """
        hits: list[Hit | None] = [None] * len(files)
        async for place, hit in self.verdicts(files, least=self.cover(files)):
            hits[place] = hit
        return hits

    async def verdicts(
        self, files: Sequence[Sequence[Digest]], *, least: int = 0
    ) -> AsyncIterator[tuple[int, Hit | None]]:
        """The place and verdict of each file as it is known: what a later failure must not take back.

        First come those that the screen clears, then, batch by batch, those that were asked about. `least` and what is
        raised as in `ask`.
        """
        self.require_current()
        places = self.survivors(files)
        for place in sorted(set(range(len(files))) - set(places)):
            yield place, None
        async for place, found in self.ask([files[place] for place in places], least=least):
            yield places[place], found.hit

    async def ask(
        self, files: Sequence[Sequence[Digest]], *, least: int = 0, begun: float | None = None
    ) -> AsyncIterator[tuple[int, Examined]]:
        """The place of each file, and what is found of it, batch by batch: all are asked about, none is screened.

        At least `least` elements are sent, which is a multiple of `cover.BATCH`: in batches of that many, as far as the
        protocol allows, and no more unless there are more hashes than that. They go as `evaluate` says of `begun`, and
        without it the first at once and the others whole ticks later. Raises as `examine`; a batch without any of the
        files in it fails unheard, unless its answer is not proven.
        """
        self.require_current()
        size = min(max(least, BATCH), MAX_EVALUATION_BATCH)
        waiting = deque(enumerate(files))
        outputs: deque[bytes] = deque()
        digests = [digest for file in files for digest in file]
        total = max(-(-len(digests) // BATCH) * BATCH, least)
        if total:
            # A missing library is heard of, also where every file is a miss.
            await asyncio.to_thread(self._group)
        first = asyncio.get_running_loop().time()
        for start in range(0, total, size):
            batch = digests[start : start + size]
            try:
                outputs += await self.evaluate(batch, elements=min(size, total - start), begun=begun)
                begun = first if begun is None else begun
            except VerificationError:
                raise
            except NodeError:
                if batch:
                    raise
                return
            while waiting and len(waiting[0][1]) <= len(outputs):
                place, asked = waiting.popleft()
                yield place, self.found(asked, [outputs.popleft() for _ in asked])
        for place, _ in waiting:  # of no hashes
            yield place, self.found([], [])

    def found(self, digests: Sequence[Digest], outputs: Sequence[bytes]) -> Examined:
        """What a file is whose hashes evaluate to `outputs` in this epoch; nobody is asked."""
        met = self._lookup.match(outputs)
        return Examined(self._judge(digests, list(zip(outputs, met, strict=True))), tuple(outputs))

    def cover(self, files: Sequence[Sequence[Digest]]) -> int:
        """How many elements a look-up of so many hashes sends, whatever survives."""
        screened = sum(len(file) for file in files if self._is_complete(file))
        asked = sum(map(len, files)) - screened
        return elements(screened, self._chance) + -(-asked // BATCH) * BATCH

    def survivors(self, files: Sequence[Sequence[Digest]]) -> list[int]:
        """Places of the files that the screen does not clear; nobody is asked, nor whether the release is current.

        A file of which too few hashes are given is among them, whatever its hashes.
        """
        survives = self._lookup.survives(screen_values(digest for file in files for digest in file))
        starts = np.cumsum([0, *(len(file) for file in files)])
        return [
            place
            for place, file in enumerate(files)
            if survives[starts[place] : starts[place + 1]].any() or not self._is_complete(file)
        ]

    def unasked(self, file: Sequence[Digest]) -> str:
        """Why these hashes, which somebody hands over instead of a file, ask the release nothing; empty: they do.

        A miss would say nothing of them. Of a file that was hashed here every kind was tried.
        """
        if is_asked(self._filter, (digest.algorithm for digest in file)) or any(map(is_canary, file)):
            return ""
        assert self._filter is not None
        kinds = " or ".join(algorithm.name.lower() for algorithm in sorted(self._filter.algorithms))
        return f"{self._enrolment.subset} is asked by {kinds}, and none was given"

    def untried(self, *, images: bool) -> str:
        """Why files that are hashed here ask the release nothing; empty: they do.

        Where pictures are what is listed, and `images` are not hashed, every file would look clean.
        """
        if images or self._filter is None or self._filter.algorithms != {Algorithm.PDQ}:
            return ""
        return f"{self._enrolment.subset} is of PDQ values, and no pictures are hashed here"

    def require_tried(self, *, images: bool) -> None:
        """Raise `UsageError` where files that are hashed here ask nothing."""
        if reason := self.untried(images=images):
            raise UsageError(reason, hint=MISSING_IMAGES)

    def _is_complete(self, file: Sequence[Digest]) -> bool:
        return is_complete(self._filter, (digest.algorithm for digest in file))

    async def again(self, old: Sequence[HitReport]) -> list[Evaluated]:
        """The reports of a hit whose epoch is over, evaluated anew, of those hashes that the release still lists.

        Not screened: the screen may know the file by another of its hashes. Raises as `examine`.
        """
        self.require_current()
        outputs = await self.evaluate([each.digest for each in old])
        return [
            self._evaluated_report(
                each.digest, output, found_epoch=each.epoch if each.found_epoch is None else each.found_epoch
            )
            for each, output in zip(old, outputs, strict=True)
            if self.found([each.digest], [output]).hit is not None
        ]

    def takes_in(self, digest: Digest) -> bool:
        """Whether the subset takes in hashes of this kind: of others a release says nothing."""
        return is_asked(self._filter, [digest.algorithm])

    async def self_test(self) -> list[bytes]:
        """Look the published test files up; gives what they evaluate to.

        Raises:
            VerificationError: the look-up does not work.
        """
        outputs = await self.evaluate(CANARIES)
        try:
            check_canaries(self._lookup, outputs)
        except ProtocolError as exc:
            raise VerificationError(exc.message) from exc
        return outputs

    def require_current(self) -> None:
        """Raise `ListTooOldError` when verdicts of this release may not be used any more."""
        # In milliseconds, not in dates: the node chose both numbers, and their sum may lie beyond the calendar.
        end_ms = self._manifest.not_after_ms + self._enrolment.grace_days * DAY_MS
        if milliseconds(self._clock.now()) >= end_ms:
            end = moment_of(end_ms)
            raise ListTooOldError(
                "release {version} of {subset} ended on {end}",
                self.version,
                self._enrolment.subset,
                f"{end:%Y-%m-%d}",
                hint="fetch a newer one with: sigfed update",
            )

    def _require_answering(self) -> None:
        """Nothing is asked under a key that has ended: it should be gone, and who kept it be asked by nobody."""
        if not self.answers(self.epoch):
            raise GoneError(
                "the key that answers for release {version} of {subset} no longer counts",
                self.version,
                self._enrolment.subset,
                hint="fetch a newer release with: sigfed update",
            )

    async def evaluate(
        self, digests: Sequence[Digest], *, elements: int = BATCH, begun: float | None = None
    ) -> list[bytes]:
        """The output of each of these hashes, of one request of `elements`, which random inputs fill up.

        `begun` is when somebody began to prepare it, on the loop's clock: that took as long as what was found, and the
        node does not see it. Raises as `examine`.
        """
        self._require_answering()
        inputs = [prf_input(self._manifest.subset_id, digest) for digest in digests]
        decoys = [self._entropy(_DECOY_BYTES) for _ in range(elements - len(inputs))]
        group = await asyncio.to_thread(self._group)
        blinding = await asyncio.to_thread(blind, group, [*inputs, *decoys], entropy=self._entropy)
        request = EvaluationRequest(
            subset_id=self._manifest.subset_id,
            epoch=self._manifest.epoch,
            request_id=self._entropy(REQUEST_ID_BYTES),
            elements=blinding.elements,
        )
        if begun is not None:
            await whole_ticks(begun)
        reply = await self._evaluated(request)
        if (reply.request_id, reply.epoch) != (request.request_id, request.epoch):
            raise VerificationError("the node answered another request")
        try:
            outputs = await asyncio.to_thread(
                finalize, group, blinding, reply.elements, proof=reply.proof, public=self._manifest.pk
            )
        except ProtocolError as exc:
            raise VerificationError("the node's answer is not proven: {reason}", exc) from exc
        return outputs[: len(inputs)]

    async def _evaluated(self, request: EvaluationRequest) -> EvaluationReply:
        try:
            reply = await self._api.evaluate(self._enrolment.subset, request)
        except OverQuotaError:
            if self._meter is not None:
                self._meter.used_up()
            raise
        self.evaluated += request.count
        if self._meter is not None:
            self._meter.spent(request.count)
        return reply

    def _judge(self, digests: Sequence[Digest], answers: Sequence[tuple[bytes, Match | None]]) -> Hit | None:
        met = [
            (digest, match, output) for digest, (output, match) in zip(digests, answers, strict=True) if match
        ]
        if not met:
            return None
        algorithms = tuple(sorted({digest.algorithm for digest, _, _ in met}))
        label = met[-1][1].label
        found = self._reports([(digest, output) for digest, _, output in met if not is_canary(digest)])
        return Hit(
            algorithms=algorithms,
            collection=collection_name(label.collection) if label and label.sources else "",
            sources=_sources(self._manifest, met[-1][1], self._known),
            weak=is_weak(algorithms),
            test_file=all(is_canary(digest) for digest, _, _ in met),
            report=found[0].report if found else None,
            tag=found[0].tag if found else b"",
            others=tuple(found[1:]),
        )

    def _reports(self, met: Sequence[tuple[Digest, bytes]]) -> list[Evaluated]:
        """The reports of the hashes that met, the strongest first: what it takes to say so later without asking."""
        ordered = sorted(met, key=lambda found: _STRONGEST.index(found[0].algorithm))
        return [self._evaluated_report(digest, output) for digest, output in ordered]

    def _evaluated_report(
        self, digest: Digest, output: bytes, *, found_epoch: int | None = None
    ) -> Evaluated:
        report = HitReport(
            partner=self._enrolment.partner,
            subset_id=self._manifest.subset_id,
            epoch=self._manifest.epoch,
            version=self.version,
            digest=digest,
            report_id=self._entropy(REPORT_ID_BYTES),
            found_epoch=found_epoch,
        )
        return Evaluated(authenticate(report, output), tag(output))


def _sources(manifest: Manifest, match: Match, known: Known) -> tuple[Source, ...]:
    if match.label is None:
        return ()
    found = [(manifest.source(source.number).origin, source.index) for source in match.label.sources]
    return tuple(
        Source(country=known.country_of(origin), origin=origin, index=index) for origin, index in found
    )
