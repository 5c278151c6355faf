"""Everything that a partner's console shows and does, in the order of its navigation: nothing else is served.

Whoever adds a row gets the tests of roles, sessions and forgery with it.
"""

from typing import Final

from node.console.hoster.pages import account, hit, hits, lists, overview, scans
from node.console.hoster.world import PartnerWorld
from node.console.parts import Action, Download, Page, Surface

PAGES: Final[tuple[Page[PartnerWorld], ...]] = (
    *overview.PAGES,
    *hits.PAGES,
    *scans.PAGES,
    *lists.PAGES,
    *account.PAGES,
    *hit.PAGES,
)

ACTIONS: Final[tuple[Action[PartnerWorld], ...]] = (
    *hits.ACTIONS,
    *hit.ACTIONS,
    *lists.ACTIONS,
    *account.ACTIONS,
)

DOWNLOADS: Final[tuple[Download[PartnerWorld], ...]] = (*hit.DOWNLOADS,)

SURFACE: Final = Surface(
    pages=PAGES, actions=ACTIONS, downloads=DOWNLOADS, templates=("node.console.hoster", "node.console")
)
