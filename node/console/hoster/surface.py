"""Everything that a partner's console shows and does, in the order of its navigation: nothing else is served.

Whoever adds a row gets the tests of roles, sessions and forgery with it.
"""

from typing import Final

from node.console.hoster.pages import account, hit, hits, lists, overview, scans
from node.console.hoster.world import PartnerWorld
from node.console.parts import Surface

SURFACE: Final[Surface[PartnerWorld]] = Surface.of(
    overview, hits, scans, lists, account, hit, templates=("node.console.hoster", "node.console")
)
PAGES, ACTIONS = SURFACE.pages, SURFACE.actions
