"""One browser a module, and a page with nothing of another test in it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from support.browser import browsing


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium for the tests of one module; see `support.browser` why not longer."""
    with browsing() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page of a context of its own: no cookie, no storage of an earlier test."""
    context = browser.new_context()
    yield context.new_page()
    context.close()
