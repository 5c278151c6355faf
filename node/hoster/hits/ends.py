"""Judging hits anew by the release in force: what it lists no more is closed, without a word to anybody.

A hit keeps what its hashes evaluated to, so that in its epoch no question is needed. One that an earlier version
recorded does not: a batch asks about it, at a beat or after an update. Of an earlier epoch nothing can be said here:
such a hit is evaluated again when it is reported, and of a reported one the node tells the end.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from node.hoster.hits.spool import HitSpool, SpooledHit
from protocol.statement.report import Evaluated, HitReport
from protocol.subset.completeness import is_asked
from protocol.subset.files import Held
from protocol.subset.label import tag
from protocol.subset.lookup import Lookup
from protocol.subset.manifest import Manifest

UNJUDGED_AT_ONCE: Final = 32
"""Of the elements of each batch, those that hits of an earlier version take at most: files wait for the others."""


def judged_by_releases(spool: HitSpool) -> list[SpooledHit]:
    """The hits that a release may end."""
    return [hit for hit in spool.readable().hits if hit.tag and not hit.ended_ms]


def judge_again(spool: HitSpool, held: Held, *, now_ms: int) -> list[SpooledHit]:
    """The hits that a release does not list any more, ended; one that waits and is listed by another hash reports that.

    Of a file that was reported, or may have been, and is listed by another hash, a hit of that one waits from now on.
    """
    manifest, lookup = held.release.manifest, Lookup(held.release)

    def stands(report: HitReport, known: bytes) -> bool:
        if not is_asked(held.release.filter, [report.digest.algorithm]):
            return True  # the subset takes in no such hashes any more: nobody withdrew this one
        return bool(lookup.answered(np.frombuffer(known, dtype=">u8").astype(np.uint64))[0])

    ended = []
    for hit in judged_by_releases(spool):
        if not _comparable(hit, manifest) or stands(hit.sent.report, hit.tag):
            continue
        left = [other for other in hit.others if stands(other.report.report, other.tag)]
        if left and hit.waiting and not hit.tried:
            spool.renew(hit, *left)
            continue
        new = _anew(hit, left) if left else None
        if new is not None:
            spool.keep(new)
        ended.append(spool.save(replace(hit, ended_ms=now_ms, instead="" if new is None else new.id)))
    return ended


def unjudged(spool: HitSpool, held: Held) -> list[SpooledHit]:
    """Some of the hits that wait and cannot be judged, as an earlier version did not keep what they evaluated to."""
    manifest = held.release.manifest
    waiting = (hit for hit in spool.readable().hits if hit.waiting and not hit.tag)
    return [hit for hit in waiting if _comparable(hit, manifest)][:UNJUDGED_AT_ONCE]


def keep_outputs(spool: HitSpool, hits: Sequence[SpooledHit], outputs: Sequence[bytes]) -> None:
    """Keep what `unjudged` hits evaluated to; whoever uses it keeps others from changing the spool meanwhile."""
    now = {hit.id: hit for hit in spool.readable().hits}
    for hit, output in zip(hits, outputs, strict=True):
        if hit.id in now:
            spool.save(replace(now[hit.id], tag=tag(output)))


def _comparable(hit: SpooledHit, manifest: Manifest) -> bool:
    """Whether it was found by the key of this release."""
    report = hit.sent.report
    return (report.subset_id, report.epoch) == (manifest.subset_id, manifest.epoch)


def _anew(hit: SpooledHit, listed: list[Evaluated]) -> SpooledHit:
    """A hit of the same file by another hash, of which nobody was told yet."""
    return replace(hit.by(*listed), receipt=b"", refused="", case=b"", told=(), acknowledged=b"", not_told="")
