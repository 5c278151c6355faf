"""The quorum's judgement for one command: every held list is folded, which takes a while, so once."""

from datetime import timedelta
from typing import TYPE_CHECKING

from node.services.review.effective import Current, current
from node.services.review.tracing import effective_before

if TYPE_CHECKING:  # commands that judge nothing start without them
    from node.runtime.opening import Identity
    from node.services.storage.shelf import Shelf


def judge(identity: "Identity", shelf: "Shelf") -> Current:
    """What held lists say now, by this node's register and its settings of freshness, as its releases judge it."""
    return current(
        shelf,
        identity.trust.members(),
        now=identity.clock.now(),
        max_age=timedelta(hours=identity.settings.guards.max_checkpoint_age_hours),
        previous=effective_before(shelf),
    )
