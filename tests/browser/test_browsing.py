"""That tests with axe can fail, in either of Playwright's interfaces."""

from support.browser import axe, axe_async, browsing, browsing_async

POOR = "<html lang=en><title>x</title><main><h1>x</h1><img src=x><p style='color:#ddd'>faint"


def told(found: list[str]) -> list[str]:
    return [line.partition(" ")[0] for line in found]


def test_axe_is_heard() -> None:
    with browsing() as browser:
        page = browser.new_page()
        page.set_content(POOR)
        assert told(axe(page)) == ["color-contrast", "image-alt"]


async def test_axe_is_heard_in_an_event_loop() -> None:
    async with browsing_async() as browser:
        page = await browser.new_page()
        await page.set_content(POOR)
        assert told(await axe_async(page)) == ["color-contrast", "image-alt"]
