"""What needs a human at a partner now: for each kind of work how much of it waits, and the page where it is done."""

from collections.abc import Iterator, Sequence

from node.console.languages import translated as _
from node.console.needs import Need, in_order, waits
from node.hoster.hits.spool import SpooledHit
from node.hoster.release.last_update import LastUpdate
from node.hoster.status import PartnerStatus


def needs(
    hits: Sequence[SpooledHit], lists: Sequence[tuple[PartnerStatus | None, LastUpdate | None]], now_ms: int
) -> list[Need]:
    """Everything that waits, the urgent first."""
    return in_order([*_hits(hits, now_ms), *(need for each in lists for need in _list(*each, now_ms))])


def _hits(hits: Sequence[SpooledHit], now_ms: int) -> Iterator[Need]:
    overdue = sum(hit.overdue(now_ms) for hit in hits)
    unresolved = sum(hit.unresolved for hit in hits) - overdue
    to_undo = sum(hit.to_undo for hit in hits)
    waiting = sum(hit.waiting for hit in hits)
    untold = sum(hit.untold for hit in hits)
    yield waits(
        "hits",
        to_undo,
        "hit was withdrawn after you acted on it: undo that",
        "hits were withdrawn after you acted on them: undo that",
        urgent=True,
    )
    yield waits(
        "hits",
        overdue,
        "hit is overdue: say what became of the file",
        "hits are overdue: say what became of the files",
        urgent=True,
    )
    yield waits(
        "hits", unresolved, "hit to resolve within its 24 hours", "hits to resolve within their 24 hours"
    )
    yield waits(
        "hits",
        waiting,
        "hit is recorded here, and nobody was told yet",
        "hits are recorded here, and nobody was told yet",
    )
    yield waits(
        "hits",
        untold,
        "resolved hit of which the agency is not told yet",
        "resolved hits of which the agency is not told yet",
    )


def _list(now: PartnerStatus | None, update: LastUpdate | None, now_ms: int) -> Iterator[Need]:
    if now is None:
        yield Need(page="lists", count=1, words=_("list cannot be read: see what is wrong"), urgent=True)
        return
    if now_ms >= now.not_after_ms:
        ended = now_ms >= now.usable_until_ms
        yield Need(
            page="lists",
            count=1,
            words=_("list is outdated, and nothing can be looked up")
            if ended
            else _("list is outdated, and in its grace"),
            urgent=True,
        )
    if update is not None and update.error:
        yield Need(page="lists", count=1, words=_("failed update: the last one"))
    evidence = len(now.evidence)
    yield waits(
        "lists",
        evidence,
        "contradiction in what the agency signed is kept",
        "contradictions in what the agency signed are kept",
        urgent=True,
    )
    yield waits(
        "lists",
        now.backing.missing if now.backing else 0,
        "witness is missing behind the list",
        "witnesses are missing behind the list",
    )
    yield waits(
        "overview",
        now.unconfirmed,
        "file waits for a verdict: the agency could not be asked",
        "files wait for a verdict: the agency could not be asked",
    )
