"""Purging the hits that a partner's client kept long enough: with each update, or because somebody types it."""

from dataclasses import replace
from datetime import timedelta

from node.clock import Clock, SystemClock, milliseconds
from node.files import locked
from node.partner.hits import SpooledHit
from node.partner.retaining import expired
from node.partner.state import PartnerFolder
from node.runtime.hit_spool import hit_spool
from node.runtime.home import Home
from node.runtime.partner_settings import load_partner_settings

_CLOCK = SystemClock()


def would_purge(home: Home, *, clock: Clock = _CLOCK) -> int:
    """How many hits are kept longer than is configured, and finished; raises `NotInitialisedError`."""
    PartnerFolder(home.partner).load()
    return len(_expired(home, clock))


def purge_hits(home: Home, *, clock: Clock = _CLOCK) -> int:
    """Delete them; returns how many there were. Raises `NotInitialisedError`."""
    if not would_purge(home, clock=clock):
        return 0
    with locked(home.partner / "hits.lock"):
        spool, found = hit_spool(home), _expired(home, clock)
        for hit in found:
            spool.drop(hit)
    return len(found)


def hold(home: Home, text: str, *, held: bool) -> SpooledHit:
    """Keep a hit from being purged, or let it go in its time; raises as `HitSpool.get`."""
    PartnerFolder(home.partner).load()
    with locked(home.partner / "hits.lock"):
        spool = hit_spool(home)
        hit = replace(spool.get(text), held=held)
        spool.save(hit)
    return hit


def _expired(home: Home, clock: Clock) -> list[SpooledHit]:
    settings = load_partner_settings(home.folder)
    days = settings.retention.hit_days
    if not days:
        return []
    before_ms = milliseconds(clock.now() - timedelta(days=days))
    return expired(hit_spool(home), before_ms=before_ms, tells=settings.hits.tell_resolutions)
