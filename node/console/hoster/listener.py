"""A partner's console, served from its home until it is told to stop."""

from collections.abc import Callable

from node.clock import Clock, Entropy, SystemClock, system_entropy
from node.console.address import Address
from node.console.hoster.app import make_partner_console
from node.console.hoster.sessions import Sessions
from node.console.hoster.world import PartnerWorld
from node.console.listener import listening
from node.home import Home
from node.hoster.console_tokens import ConsoleTokens
from node.hoster.daemon.agent import until_stopped
from node.hoster.folder import PartnerFolder
from node.hoster.settings import load_partner_settings


def open_world(*homes: Home, clock: Clock | None = None, entropy: Entropy = system_entropy) -> PartnerWorld:
    """The world of the partner that enrolled in these homes, one a subset; raises `NotInitialisedError`."""
    now, home = clock or SystemClock(), homes[0]
    enrolment, _ = PartnerFolder(home.partner).load()
    return PartnerWorld(
        homes=homes,
        partner=enrolment.partner,
        clock=now,
        sessions=Sessions(now, entropy),
        tokens=ConsoleTokens(home.partner, now, entropy),
    )


async def serve_partner_console(*homes: Home, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told the address that people open.

    Raises:
        NotInitialisedError: nobody is enrolled here.
        ConfigError: `[console]` in `partner.toml` says nonsense, or its certificate cannot be used.
        PortTakenError: the address is in use.
    """
    settings = load_partner_settings(homes[0].folder).console
    world = open_world(*homes)
    app = make_partner_console(world, world.sessions, Address.parse(settings.url), settings)
    async with listening(app, settings) as url, until_stopped():
        ready(url)
