"""Every action of a partner's console is in the journal of the process: who did what. A home has no audit log.

Neither what was typed nor an id, hash or name of a file stands there.
"""

from collections.abc import Callable
from typing import Final

from node.console.partner.world import PartnerWorld
from node.console.parts import Action, Done, Download, File, Values
from node.journal import Journal

_journal: Final = Journal("console")


def journalled(
    world: PartnerWorld, action: Action[PartnerWorld], _: Values, work: Callable[[], Done]
) -> Done:
    """Do it, and say so once it is done; what failed is said as that."""
    name = action.record or action.name
    try:
        done = work()
    except Exception as exc:
        _journal.warning("refused", action=name, by=world.person, error=type(exc).__name__)
        raise
    _journal.info("done", action=name, by=world.person, outcome=done.outcome)
    return done


def taken_away(world: PartnerWorld, row: Download[PartnerWorld], _: File) -> None:
    """Say that somebody takes a file away."""
    _journal.info("taken", file=row.record, by=world.person)
