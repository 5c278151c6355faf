"""Many files endorsed at once: chosen by boxes or as all that are alike, shown with what it does, done as one."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from node.audit.reader import read_audit
from node.console.pages.entries import review_many
from node.lists.catalogue import report_list
from node.store.accounts.records import PersonRole
from support.agencies import federate, lawful_table, numbered, publish_files, written
from support.audited import recorded
from support.browser import axe_async, browsing_async
from support.busy_agency import busy_console
from support.console import Browser, RunningConsole

_OWN = "fr.example/lists/csam"
_PEER = "nl.example/lists/csam"
_MANY = 200
_ALIKE = "peer=nl.example&collection=baseline&basis=own"


@pytest.fixture(scope="session")
def crowded_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an agency for whose word 201 files of its peer wait; one of them a guard knows. Never changed."""
    folder = tmp_path_factory.mktemp("crowded")
    federation = federate(folder)
    try:
        contents = numbered("of the peer alone", _MANY)
        publish_files(federation.nl, contents)
        federation.fr.done("peer", "sync")
        lawful = written(folder / "lawful.csv", lawful_table(contents[0]))
        federation.fr.done("guard", "benign", "add", lawful, "--name", "lawful")
    finally:
        federation.stop()
    return federation.fr.home


@pytest_asyncio.fixture
async def crowded(crowded_home: Path, tmp_path: Path) -> AsyncIterator[RunningConsole]:
    """The console of that agency, over a copy of its home."""
    async with busy_console(crowded_home, tmp_path / "crowded") as running:
        yield running


def _waiting(crowded: RunningConsole) -> int:
    return len(crowded.world.judge.now().waiting)


async def _form(browser: Browser, query: str) -> dict[str, str]:
    """What the form of the page holds, as it was shown."""
    text = (await browser.get(f"/console/review/many?{query}")).text
    hidden = re.findall(
        r'<input type="hidden" name="(\w+)" value="([^"]*)">', text.split('id="form-endorse-many"')[1]
    )
    return {name: value.replace("&amp;", "&") for name, value in hidden}


def _place(word: str) -> str:
    """Of a file in the form, without the mark of what it held."""
    return word.rpartition(":")[0]


async def test_all_that_are_alike_are_endorsed_with_one_statement(crowded: RunningConsole) -> None:
    assert _waiting(crowded) == _MANY + 1
    async with crowded.as_role(PersonRole.ANALYST) as browser:
        desk = await browser.get("/console/review")
        assert f"{_MANY + 1} files of nl.example, baseline, basis own" in desk.words
        assert _ALIKE in desk.text.replace("&amp;", "&")
        country = await browser.get("/console/review?country=NL")
        assert 'href="/console/review/many?country=NL">all 201 that are shown' in country.text
        assert "201 files with" in (await browser.get("/console/review/many?country=NL")).words
        shown = await browser.get(f"/console/review/many?{_ALIKE}")
        assert "201 files with 402 hashes that wait" in shown.words
        assert "New there 200 files, 400 entries" in shown.words
        assert "Set aside by a guard 1" in shown.words
        form = await _form(browser, _ALIKE) | {"basis": "reviewed", "criteria": "2", "legality": "fr"}
        refused = await browser.post("/console/review/endorse-many", form)
        assert refused.status == 400
        assert "was examined here" in refused.words
        assert "201 files with 402 hashes" in refused.words  # shown again, nothing lost
        done = await browser.post("/console/review/endorse-many", form | {"examined": "yes"})
        assert (done.status, done.headers["Location"]) == (303, "/console/review")
        after = await browser.get("/console/review")
    assert f"{_OWN}: 200 files were endorsed" in after.words
    assert "A guard set 1 aside" in after.words
    assert report_list(crowded.world.store, _OWN).waiting == 400
    assert recorded(crowded)[-1] == ("entry.endorse", _OWN, "a.analyst")
    details = [one.record for one in read_audit(crowded.world.store)][-1].details
    assert details["sources"] == _PEER
    assert (details["endorsed"], details["entries"], details["basis"]) == ("200", "400", "reviewed")


async def test_some_are_ticked_on_the_page(crowded: RunningConsole) -> None:
    async with crowded.as_role(PersonRole.ANALYST) as browser:
        desk = (await browser.get("/console/review")).text
        boxes = re.findall(r'<input type="checkbox" name="(file-\d+)" value="([^"]+)">', desk)
        assert len(boxes) == len(dict(boxes)) == 50
        query = urlencode(dict(boxes[10:13]))
        assert "3 files with 6 hashes that wait" in (await browser.get(f"/console/review/many?{query}")).words
        form = await _form(browser, query) | {"basis": "relies-on"}
        assert [_place(word) for word in form["files"].split()] == [value for _, value in boxes[10:13]]
        assert (await browser.post("/console/review/endorse-many", form)).status == 303
        assert "3 files were endorsed" in (await browser.get("/console/review")).words
        again = await browser.post("/console/review/endorse-many", form)
        assert again.status == 303
        assert "3 were listed there already" in (await browser.get("/console/review")).words
    assert report_list(crowded.world.store, _OWN).waiting == 6


async def test_what_the_peer_lists_meanwhile_is_not_endorsed_unseen(
    crowded: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_many, "MOST", 10)
    async with crowded.as_role(PersonRole.ANALYST) as browser:
        shown = await browser.get(f"/console/review/many?{_ALIKE}")
        assert "These are the first 10 of 201" in shown.words
        form = await _form(browser, _ALIKE) | {"basis": "relies-on"}
        assert len(form["files"].split()) == 10
        more = form | {"files": form["files"] + f" {_PEER}:150:0"}
        assert "at most 10 files" in (await browser.post("/console/review/endorse-many", more)).words
        gone = form | {"files": f"{form['files'].split()[0]} {_PEER}:99999:0"}
        assert (await browser.post("/console/review/endorse-many", gone)).status == 303
        said = await browser.get("/console/review")
    assert "1 file was endorsed" in said.words
    assert "1 is not active any more" in said.words


async def test_a_file_that_changed_since_it_was_shown_is_passed_over_and_named(
    crowded: RunningConsole,
) -> None:
    """Its peer may add hashes under the name of a shown file between the look and the click."""
    async with crowded.as_role(PersonRole.ANALYST) as browser:
        form = await _form(browser, _ALIKE) | {"basis": "relies-on"}
        *_others, first, second = form["files"].split()
        form["files"] = f"{_place(first)}:{'0' * 32} {second}"
        assert (await browser.post("/console/review/endorse-many", form)).status == 303
        said = await browser.get("/console/review")
    assert "1 file was endorsed" in said.words
    changed = f"1 holds other hashes than were shown, and was not endorsed; look again: {_place(first)}."
    assert changed in said.words
    assert report_list(crowded.world.store, _OWN).waiting == 2
    details = [one.record for one in read_audit(crowded.world.store)][-1].details
    assert (details["endorsed"], details["changed"]) == ("1", "1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"files": ""},
        {"files": "nonsense"},
        {"files": f"{_PEER}:7"},
        {"files": f"{_PEER}:7:"},
        {"files": f"{_PEER}:-1:0"},
        {"files": f"{_PEER}:{10**15}:0"},
        {"files": "<img src=x>:1:0"},
        {"files": f"{_PEER}:7:0 {_OWN}:0:0"},
        {"to": _PEER},
        {"to": ""},
        {"basis": "guessed"},
        {"legality": "Netherlands"},
    ],
    ids=str,
)
async def test_what_cannot_be_endorsed_is_refused_and_nothing_is_done(
    crowded: RunningConsole, wrong: dict[str, str]
) -> None:
    async with crowded.as_role(PersonRole.ANALYST) as browser:
        form = await _form(browser, _ALIKE) | {"basis": "relies-on"} | wrong
        reply = await browser.post("/console/review/endorse-many", form)
    assert 400 <= reply.status < 500
    assert "<img" not in reply.text
    assert report_list(crowded.world.store, _OWN).waiting == 0


async def test_only_analysts_are_given_boxes_and_the_form(
    crowded: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is the endorsement looked at for others: that takes the node a while."""
    monkeypatch.delattr(review_many, "preview")
    async with crowded.as_role(PersonRole.OPERATOR) as browser:
        assert 'type="checkbox"' not in (await browser.get("/console/review")).text
        shown = await browser.get(f"/console/review/many?{_ALIKE}")
        assert "Analysts endorse them." in shown.words
        assert "What endorsing them does" not in shown.words
        nothing = await browser.get("/console/review/many?file-1=nl.example/lists/csam:99999")
        assert "What was chosen no longer waits." in nothing.words
        assert (await browser.get("/console/review/many?to=fr.example/lists/none")).status == 400


@pytest.mark.usefixtures("with_browser")
async def test_it_works_by_keyboard_without_script(crowded: RunningConsole) -> None:
    async with browsing_async() as browser:
        context = await browser.new_context(
            viewport={"width": 390, "height": 844}, java_script_enabled=False, color_scheme="dark"
        )
        await context.add_cookies([crowded.cookie(PersonRole.ANALYST)])
        page = await context.new_page()
        await page.goto(crowded.url("/console/review"))
        for box in (await page.get_by_role("checkbox").all())[10:12]:
            await box.focus()
            await page.keyboard.press("Space")
        await page.get_by_role("button", name="Endorse the ticked ones together").press("Enter")
        await page.get_by_text("2 files with 4 hashes that wait").wait_for()
        await page.get_by_label("How you know").select_option("relies-on")
        await page.get_by_role("button", name="Endorse 2 files").press("Enter")
        await page.get_by_text("2 files were endorsed").wait_for()
        await context.close()
        seen = await browser.new_context(viewport={"width": 390, "height": 844})
        await seen.add_cookies([crowded.cookie(PersonRole.ANALYST)])
        page = await seen.new_page()
        for path in ("/console/review", f"/console/review/many?{_ALIKE}"):
            await page.goto(crowded.url(path))
            assert await axe_async(page) == []
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await seen.close()
