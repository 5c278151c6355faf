"""For how long a partner keeps its hits: a time after they were resolved, and never what is not finished.

They are purged with each update, or because somebody types it.
"""

from dataclasses import replace

from node.clock import Clock, SystemClock, kept_since_ms
from node.home import Home
from node.hoster.folder import PartnerFolder
from node.hoster.hits.homes import alone, hit_spool
from node.hoster.hits.resolutions import Action
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.settings import load_partner_settings
from node.hoster.store.database import PartnerStore

_CLOCK = SystemClock()


def would_purge(home: Home, *, clock: Clock = _CLOCK) -> int:
    """How many hits are kept longer than is configured, and finished; raises `NotInitialisedError`."""
    PartnerFolder(home.partner).load()
    return len(_expired(home, clock))


def purge_hits(home: Home, *, clock: Clock = _CLOCK) -> int:
    """Delete them; returns how many there were. `scrub` is to follow. Raises `NotInitialisedError`."""
    if not would_purge(home, clock=clock):
        return 0
    with alone(home) as spool:
        found = _expired(home, clock)
        spool.drop(*found)
    return len(found)


def scrub(home: Home) -> None:
    """Leave no copy of what was removed, then or before, in the file of rows; raises as `PartnerStore.scrub`."""
    PartnerStore(home.partner).scrub()


def hold(home: Home, text: str, *, held: bool) -> SpooledHit:
    """Keep a hit from being purged, or let it go in its time; raises as `HitSpool.get`."""
    with alone(home) as spool:
        return spool.save(replace(spool.get(text), held=held))


def is_finished(hit: SpooledHit) -> bool:
    """Whether it is resolved or withdrawn, reported or not taken, awaits no answer, and is neither held nor preserved.

    Whoever else is told, because a person said so, was told.
    """
    if not all(each.reference for each in hit.told):
        return False
    if hit.held or hit.unresolved or hit.to_undo or hit.action is Action.PRESERVED:
        return False
    return not hit.disputed and not hit.waiting


def expired(spool: HitSpool, *, before_ms: int, tells: bool) -> list[SpooledHit]:
    """Finished hits that were resolved or withdrawn before `before_ms`, and of which the agency was told what it is.

    What cannot be read is left alone; where `before_ms` is 0, nothing is read.
    """
    if not before_ms:
        return []
    return [
        hit
        for hit in spool.readable().hits
        if is_finished(hit) and max(hit.resolved_ms, hit.ended_ms) < before_ms and not (tells and hit.untold)
    ]


def _expired(home: Home, clock: Clock) -> list[SpooledHit]:
    settings = load_partner_settings(home.folder)
    before_ms = kept_since_ms(clock, settings.retention.hit_days)
    return expired(hit_spool(home), before_ms=before_ms, tells=settings.hits.tell_resolutions)
