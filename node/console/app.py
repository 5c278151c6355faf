"""The console of an agency's node as a web application."""

from functools import partial
from typing import Final

from aiohttp import web

from node.console.address import Address
from node.console.devices import Devices
from node.console.handlers import Console
from node.console.record import STRANGERS, Strangers, taken
from node.console.shell import looks, make_app, rates
from node.console.sign_in import passkey, provider, registration
from node.console.surface import SURFACE
from node.console.visitors import Visitors
from node.console.world import World

_DEVICES: Final = "console-device"


def make_console(world: World, visitors: Visitors, address: Address) -> web.Application:
    """The application that serves the console of one running node."""
    clock = world.identity.clock
    console = Console(
        world=world,
        visitors=visitors,
        address=address,
        surface=SURFACE,
        rates=rates(clock),
        looks=looks(clock),
        taken=taken,
        devices=Devices(partial(world.store.vault.mac, _DEVICES), clock),
    )
    routes = [*passkey.ROUTES, *registration.ROUTES, *provider.ROUTES]
    app = make_app(console, clock, routes, world.identity.settings.console)
    app[provider.FLOWS] = provider.Flows()
    app[STRANGERS] = Strangers()
    return app
