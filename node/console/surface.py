"""Everything the console shows and does, in the order of its navigation: nothing else is served.

Who may see or do it stands beside it. Whoever adds a row gets the tests of roles, sessions and forgery with it.
"""

from typing import Final

from node.console.pages import audit, charts, health, overview
from node.console.pages.entries import (
    corrections,
    entry,
    holders,
    imports,
    recall,
    recalls,
    review,
    review_file,
    review_many,
)
from node.console.pages.federation import evidence, members, witnesses
from node.console.pages.keys import keys, next_root, revoke, rotate
from node.console.pages.keys import proposals as key_proposals
from node.console.pages.lists import guards, lists, quarantine, releases
from node.console.pages.partners import disputes, hit, hits, partners, proposals, recipients, response
from node.console.pages.persons import account, persons, tasks
from node.console.parts import Surface

SURFACE: Final[Surface] = Surface.of(
    overview,
    tasks,
    review,
    hits,
    disputes,
    proposals,
    imports,
    quarantine,
    recalls,
    evidence,
    members,
    lists,
    partners,
    recipients,
    holders,
    guards,
    releases,
    keys,
    rotate,
    next_root,
    revoke,
    witnesses,
    charts,
    audit,
    health,
    response,
    persons,
    account,
    entry,
    hit,
    recall,
    review_file,
    review_many,
    corrections,
    key_proposals,
)
PAGES, ACTIONS, DOWNLOADS = SURFACE.pages, SURFACE.actions, SURFACE.downloads
