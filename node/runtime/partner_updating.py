"""An update of a partner's client with all that follows it, for whoever is no command: a daemon, the console."""

import asyncio
from collections.abc import Callable

from node.partner.updating import UpdateReport
from node.runtime.home import Home
from node.runtime.partner import update
from node.runtime.partner_events import FAILURES, Events
from node.runtime.partner_settling import Settled, settle


def bring_update(home: Home, *, say: Callable[[str], None]) -> tuple[UpdateReport, Settled]:
    """As `sigfed update` does it, with the operator's programs; what went wrong with those is said.

    In a loop of its own, so in a thread of its own: it waits for the lock of another update, and verifies for seconds.

    Raises:
        SigfedError, OSError: as `update`; the operator's programs were told.
    """
    events = Events.of(home)
    try:
        report = asyncio.run(update(home)).report
    except FAILURES as exc:
        for words in events.failed(exc):
            say(words)
        raise
    for words in events.updated(report):
        say(words)
    return report, asyncio.run(settle(home, anew=report.anew))
