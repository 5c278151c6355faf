"""Lists in numbers, and the criteria that were signed for their collections."""

from node.lists.catalogue import report_list
from node.store.accounts.records import PersonRole
from support.console import RunningConsole

_OWN = "fr.example/lists/csam"
_PEER = "nl.example/lists/csam"


async def test_lists_are_shown_in_numbers(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        shown = await browser.get("/console/lists")
    own, theirs = (report_list(busy.world.store, origin) for origin in (_OWN, _PEER))
    assert (
        f"{_OWN} own changes wait 6 {own.log.head.size} baseline: {sum(own.active.values())}" in shown.words
    )
    assert f"{_PEER} a peer's {theirs.log.head.size} baseline: {sum(theirs.active.values())}" in shown.words
    assert "No criteria were signed yet" in shown.words
