"""Everything the console shows and does, in the order of its navigation: nothing else is served.

Who may see or do it stands beside it. Whoever adds a row gets the tests of roles, sessions and forgery with it.
"""

from typing import Final

from node.console.pages import (
    account,
    audit,
    entry,
    health,
    keys,
    overview,
    persons,
    review,
    review_file,
    tasks,
)
from node.console.parts import Action, Download, Page

PAGES: Final[tuple[Page, ...]] = (
    *overview.PAGES,
    *tasks.PAGES,
    *review.PAGES,
    *entry.PAGES,
    *keys.PAGES,
    *audit.PAGES,
    *health.PAGES,
    *review_file.PAGES,
    *persons.PAGES,
    *account.PAGES,
)

ACTIONS: Final[tuple[Action, ...]] = (
    *overview.ACTIONS,
    *tasks.ACTIONS,
    *review.ACTIONS,
    *entry.ACTIONS,
    *keys.ACTIONS,
    *audit.ACTIONS,
    *review_file.ACTIONS,
    *persons.ACTIONS,
    *account.ACTIONS,
)

DOWNLOADS: Final[tuple[Download, ...]] = (*keys.DOWNLOADS, *audit.DOWNLOADS)
