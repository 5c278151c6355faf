"""Everything the console shows and does, in the order of its navigation: nothing else is served.

Who may see or do it stands beside it. Whoever adds a row gets the tests of roles, sessions and forgery with it.
"""

from typing import Final

from node.console.pages import (
    account,
    audit,
    charts,
    correcting,
    disputes,
    entry,
    evidence,
    health,
    hit,
    hits,
    keys,
    members,
    next_root,
    overview,
    partners,
    persons,
    proposals,
    quarantine,
    recalling,
    recalls,
    recipients,
    releases,
    response,
    review,
    review_file,
    review_many,
    revoking,
    tasks,
    witnesses,
)
from node.console.parts import Action, Download, Page, Surface

PAGES: Final[tuple[Page, ...]] = (
    *overview.PAGES,
    *tasks.PAGES,
    *review.PAGES,
    *hits.PAGES,
    *disputes.PAGES,
    *proposals.PAGES,
    *quarantine.PAGES,
    *recalls.PAGES,
    *evidence.PAGES,
    *members.PAGES,
    *partners.PAGES,
    *recipients.PAGES,
    *releases.PAGES,
    *keys.PAGES,
    *next_root.PAGES,
    *revoking.PAGES,
    *witnesses.PAGES,
    *charts.PAGES,
    *audit.PAGES,
    *health.PAGES,
    *response.PAGES,
    *persons.PAGES,
    *account.PAGES,
    *entry.PAGES,
    *hit.PAGES,
    *recalling.PAGES,
    *review_file.PAGES,
    *review_many.PAGES,
)

ACTIONS: Final[tuple[Action, ...]] = (
    *overview.ACTIONS,
    *tasks.ACTIONS,
    *review.ACTIONS,
    *disputes.ACTIONS,
    *proposals.ACTIONS,
    *quarantine.ACTIONS,
    *evidence.ACTIONS,
    *members.ACTIONS,
    *partners.ACTIONS,
    *recipients.ACTIONS,
    *releases.ACTIONS,
    *entry.ACTIONS,
    *correcting.ACTIONS,
    *recalling.ACTIONS,
    *recalls.ACTIONS,
    *keys.ACTIONS,
    *next_root.ACTIONS,
    *revoking.ACTIONS,
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
    *keys.DOWNLOADS,
    *audit.DOWNLOADS,
    *evidence.DOWNLOADS,
    *response.DOWNLOADS,
)

SURFACE: Final = Surface(pages=PAGES, actions=ACTIONS, downloads=DOWNLOADS)
