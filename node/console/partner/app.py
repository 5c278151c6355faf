"""The console of a partner as a web application."""

import hmac
from functools import partial
from typing import Final

from aiohttp import web

from node.clock import system_entropy
from node.config import ConsoleListener
from node.console.address import Address
from node.console.devices import Devices
from node.console.handlers import Console
from node.console.partner.record import journalled, taken_away
from node.console.partner.sign_in import ROUTES
from node.console.partner.surface import SURFACE
from node.console.partner.world import PartnerWorld
from node.console.shell import looks, make_app, rates
from node.console.visitors import Visitors

COOKIE: Final = "__Host-sigfed-partner"
"""Its own: browsers keep cookies by host and not by port, and an agency's console may be on the same machine."""
_KEY_BYTES: Final = 32


def make_partner_console(
    world: PartnerWorld,
    visitors: Visitors,
    address: Address,
    settings: ConsoleListener = ConsoleListener(),  # noqa: B008  # frozen
) -> web.Application:
    """The application that serves the console of one home."""
    key = system_entropy(_KEY_BYTES)  # as sessions, what browsers are known by ends with the process
    console = Console(
        world=world,
        visitors=visitors,
        address=address,
        surface=SURFACE,
        rates=rates(world.clock),
        looks=looks(world.clock),
        recorded=journalled,
        taken=taken_away,
        devices=Devices(partial(hmac.digest, key, digest="sha256"), world.clock),
        cookie=COOKIE,
    )
    return make_app(console, world.clock, ROUTES, settings)
