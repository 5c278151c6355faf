"""The transparency report of an opened node, and the forms it is written in."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from node.app.partners.retention import reports_since_ms
from node.identity.identity import Identity
from node.partners.counts import count
from node.store.store import Store
from node.transparency.fields import as_fields, as_sheet
from node.transparency.page import page
from node.transparency.periods import Period
from node.transparency.publication import Report, publish


def make_report(identity: Identity, store: Store, period: Period) -> Report:
    """What may be published of a period, up to now; raises `UsageError` for one that has not begun."""
    now_ms = identity.now_ms
    counts = count(
        store,
        period,
        node=identity.settings.node,
        members=identity.trust.members(),
        now_ms=now_ms,
        reports_since_ms=reports_since_ms(identity),
    )
    return publish(counts, period, made_ms=now_ms)


def _as_json(report: Report) -> Iterator[str]:
    yield json.dumps(as_fields(report), indent=2) + "\n"


FORMS: Final[Mapping[str, Callable[[Report], Iterator[str]]]] = {
    "html": page,
    "csv": as_sheet,
    "json": _as_json,
}
"""By the end of a file's name: the report in pieces."""
