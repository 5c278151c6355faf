"""The console of a partner as a web application.

Every action of it is in the journal of the process: who did what. A home has no audit log. Neither what was typed nor
an id, hash or name of a file stands there.
"""

import hmac
from collections.abc import Callable
from functools import partial
from typing import Final

from aiohttp import web

from node.clock import system_entropy
from node.config import ConsoleListener
from node.console.address import Address
from node.console.devices import Devices
from node.console.handlers import Console
from node.console.hoster.sign_in import ROUTES
from node.console.hoster.surface import SURFACE
from node.console.hoster.world import PartnerWorld
from node.console.parts import Action, Download, File, Led, PartlyDoneError
from node.console.shell import looks, make_app, rates
from node.console.visitors import Visitors
from node.journal import Journal

COOKIE: Final = "__Host-sigfed-partner"
"""Its own: browsers keep cookies by host and not by port, and an agency's console may be on the same machine."""
_KEY_BYTES: Final = 32
_journal: Final = Journal("console")


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
        journalled=_journalled,
        taken=_taken_away,
        devices=Devices(partial(hmac.digest, key, digest="sha256"), world.clock),
        cookie=COOKIE,
    )
    return make_app(console, world.clock, ROUTES, settings)


def _journalled(world: PartnerWorld, action: Action[PartnerWorld], work: Callable[[], Led]) -> Led:
    """Do it, and say so once it is done; what failed is said as that."""
    try:
        done = work()
    except PartlyDoneError as exc:
        _journal.warning("partly", action=action.name, by=world.person, error=type(exc.failure).__name__)
        raise
    except Exception as exc:
        _journal.warning("refused", action=action.name, by=world.person, error=type(exc).__name__)
        raise
    _journal.info("done", action=action.name, by=world.person)
    return done


def _taken_away(world: PartnerWorld, row: Download[PartnerWorld], _: File) -> None:
    """Say that somebody takes a file away."""
    _journal.info("taken", file=row.record, by=world.person)
