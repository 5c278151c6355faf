"""The quorum's judgement as pages read it: made in this one place, so that it can be kept between two of them."""

from datetime import timedelta

from node.console.world import World
from node.services.review.effective import Current, current
from node.services.review.tracing import effective_before


def judged(world: World) -> Current:
    """What held lists say now, by this node's register and its settings of freshness, as its releases judge it."""
    identity = world.identity
    return current(
        world.shelf,
        identity.trust.members(),
        now=identity.clock.now(),
        max_age=timedelta(hours=identity.settings.guards.max_checkpoint_age_hours),
        previous=effective_before(world.shelf),
    )
