"""Purging what an agency kept long enough: by the running node, or because somebody types it."""

from datetime import timedelta

from node.clock import milliseconds
from node.runtime.auditing import tell
from node.runtime.opening import Identity
from node.services.partners.retaining import Purged, counted, expired, purge
from node.services.storage.shelf import Shelf

ACTION = "hit.purge"


def would_purge(identity: Identity, shelf: Shelf) -> Purged:
    """How many reports are kept longer than is configured, and finished."""
    before_ms = kept_since_ms(identity)
    return counted(expired(shelf, before_ms=before_ms) if before_ms else ())


def purge_reports(identity: Identity, shelf: Shelf) -> Purged:
    """Delete them; the audit log gets the numbers, where there are any."""
    before_ms = kept_since_ms(identity)
    done = purge(shelf, before_ms=before_ms) if before_ms else counted(())
    if done.reports:
        days = str(identity.settings.retention.report_days)
        tell(identity, shelf, ACTION, details={**done.details, "days": days})
    return done


def kept_since_ms(identity: Identity) -> int:
    """The moment before which the last must have happened; 0: nothing is ever purged."""
    days = identity.settings.retention.report_days
    return milliseconds(identity.clock.now() - timedelta(days=days)) if days else 0
