"""Deleting what an agency kept long enough: by the running node, or because somebody types it."""

from node.clock import kept_since_ms
from node.identity.audit import tell
from node.identity.identity import Identity
from node.partners.hits.retention import Purged, counted, expired, purge
from node.store.store import Store


def would_purge(identity: Identity, store: Store) -> Purged:
    """How many reports are kept longer than is configured, and finished."""
    return counted(expired(store, before_ms=reports_since_ms(identity)))


def purge_reports(identity: Identity, store: Store) -> Purged:
    """Delete them; the audit log gets the numbers, where there are any."""
    done = purge(store, before_ms=reports_since_ms(identity))
    if done.reports:
        days = str(identity.settings.retention.report_days)
        tell(identity, store, "hit.purge", details={**done.details, "days": days})
    return done


def forget_closed(identity: Identity, store: Store) -> int:
    """Delete proposals that were decided long enough ago; returns how many, which the audit log gets as well."""
    days = identity.settings.retention.proposal_days
    if not days:
        return 0
    with store.write() as unit:
        count = unit.proposals.forget(closed_before_ms=kept_since_ms(identity.clock, days))
    if count:
        store.scrub()
        tell(identity, store, "proposal.forget", details={"proposals": str(count), "days": str(days)})
    return count


def reports_since_ms(identity: Identity) -> int:
    """Since when all reports are still there; 0: since ever."""
    return kept_since_ms(identity.clock, identity.settings.retention.report_days)
