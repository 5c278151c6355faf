"""The HTML reports in a real browser: axe finds nothing, light or dark, wide or narrow; no network is asked."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize

from support.browser import axe
from support.report_pictures import scan_report, transparency_report

DESK = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=844)
REPORTS = {"scan": scan_report, "transparency": transparency_report}


@pytest.fixture(params=REPORTS)
def report(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a report that has all its parts."""
    path = tmp_path / "report.html"
    make: Callable[[Path], None] = REPORTS[request.param]
    make(path)
    return path.as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing(report: str, page: Page, scheme: str, size: ViewportSize) -> None:
    page.set_viewport_size(size)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(report)
    assert axe(page) == []


def test_the_schemes_differ(report: str, page: Page) -> None:
    seen = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.goto(report)
        seen.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(seen) == 2


def test_a_phone_needs_no_scrolling_sideways(report: str, page: Page) -> None:
    page.set_viewport_size(PHONE)
    page.goto(report)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_nothing_is_asked_of_a_network(report: str, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report, wait_until="networkidle")
    assert asked == [report]
