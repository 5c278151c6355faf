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
from node.console.parts import Action, Download, Page, Surface

PAGES: Final[tuple[Page, ...]] = (
    *overview.PAGES,
    *tasks.PAGES,
    *review.PAGES,
    *hits.PAGES,
    *disputes.PAGES,
    *proposals.PAGES,
    *imports.PAGES,
    *quarantine.PAGES,
    *recalls.PAGES,
    *evidence.PAGES,
    *members.PAGES,
    *lists.PAGES,
    *partners.PAGES,
    *recipients.PAGES,
    *holders.PAGES,
    *guards.PAGES,
    *releases.PAGES,
    *keys.PAGES,
    *rotate.PAGES,
    *next_root.PAGES,
    *revoke.PAGES,
    *witnesses.PAGES,
    *charts.PAGES,
    *audit.PAGES,
    *health.PAGES,
    *response.PAGES,
    *persons.PAGES,
    *account.PAGES,
    *entry.PAGES,
    *hit.PAGES,
    *recall.PAGES,
    *review_file.PAGES,
    *review_many.PAGES,
)

ACTIONS: Final[tuple[Action, ...]] = (
    *overview.ACTIONS,
    *tasks.ACTIONS,
    *review.ACTIONS,
    *disputes.ACTIONS,
    *proposals.ACTIONS,
    *imports.ACTIONS,
    *quarantine.ACTIONS,
    *evidence.ACTIONS,
    *members.ACTIONS,
    *partners.ACTIONS,
    *recipients.ACTIONS,
    *holders.ACTIONS,
    *guards.ACTIONS,
    *releases.ACTIONS,
    *entry.ACTIONS,
    *corrections.ACTIONS,
    *recall.ACTIONS,
    *recalls.ACTIONS,
    *rotate.ACTIONS,
    *key_proposals.ACTIONS,
    *next_root.ACTIONS,
    *revoke.ACTIONS,
    *witnesses.ACTIONS,
    *audit.ACTIONS,
    *health.ACTIONS,
    *persons.ACTIONS,
    *account.ACTIONS,
    *hit.ACTIONS,
    *review_file.ACTIONS,
    *review_many.ACTIONS,
)

DOWNLOADS: Final[tuple[Download, ...]] = (
    *key_proposals.DOWNLOADS,
    *audit.DOWNLOADS,
    *evidence.DOWNLOADS,
    *response.DOWNLOADS,
)

SURFACE: Final = Surface(pages=PAGES, actions=ACTIONS, downloads=DOWNLOADS)
