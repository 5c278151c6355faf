"""What a partner's client works with: its node, the time, and what looks up with the two."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Final, Protocol

from node.clock import Clock, SystemClock, system_entropy
from node.group.load import load_group
from node.home import Home
from node.hoster.connection import reach_own_node
from node.hoster.cover import Pace
from node.hoster.folder import Enrolment, PartnerFolder
from node.hoster.lookup.allowance import Meter
from node.hoster.lookup.chance import chance
from node.hoster.lookup.examiner import Evaluates, Examiner
from node.hoster.settings import load_partner_settings
from node.hoster.trust.node import known
from protocol.api import HitApi
from protocol.subset.files import Held

if TYPE_CHECKING:
    from node.remote.node import RemoteNode


class OwnNode(Evaluates, HitApi, Protocol):
    """What a client asks of its node by itself."""


def _reach(home: Home, enrolment: Enrolment) -> "RemoteNode":
    """With the token of an earlier command, for there may be many a second."""
    return reach_own_node(home, enrolment, again=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What time it is, and how a client's node is reached."""

    clock: Clock
    reach: Callable[[Home, Enrolment], AbstractAsyncContextManager[OwnNode]]


MEANS: Final = Means(clock=SystemClock(), reach=_reach)
"""The machine's clock, and HTTPS."""


def examiner_of(
    home: Home, enrolment: Enrolment, held: Held | None, api: Evaluates, clock: Clock
) -> Examiner:
    """What looks up in a release, through `api`; raises where there is none."""
    return Examiner(
        enrolment,
        known(enrolment),
        held,
        group=cache(partial(load_group, load_partner_settings(home.folder).group)),
        api=api,
        clock=clock,
        entropy=system_entropy,
        meter=Meter.of(PartnerFolder(home.partner), enrolment, clock),
    )


def pace_of(home: Home, enrolment: Enrolment, held: Held) -> Pace:
    """How much the client in `home` sends at once."""
    cover = load_partner_settings(home.folder).cover
    return Pace(cover, chance(held.release), enrolment.evaluations_per_day)
