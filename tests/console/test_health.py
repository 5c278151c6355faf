"""What doctor finds, on a page: kept for a while, with its age, and found anew for whoever asks."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from node.app.health.checks import CHECKS
from node.app.health.checkup import KEPT, Checkup, Findings
from node.app.health.storage import StoragePart
from node.console.languages import speak, translated
from node.console.pages.health import _WORDS, ROWS
from node.errors import NotFoundError
from node.health import Check, Health
from node.identity.outside_note import Note, OutsideNote
from node.store.accounts.records import PersonRole
from support.catalogue import check_names
from support.console import RunningConsole
from support.times import SettableClock


class Looking:
    """A node that counts how often it was examined."""

    def __init__(self) -> None:
        self.times = 0
        self.clock = SettableClock(datetime(2026, 11, 27, tzinfo=UTC))
        self.checkup = Checkup(self.examine, self.clock)

    def examine(self) -> Findings:
        self.times += 1
        return Findings(checks=(Check("store", Health.OK, f"looked at {self.times} times"),), backup=None)


@pytest.mark.parametrize(
    ("later", "times"),
    [(timedelta(), 1), (KEPT, 1), (KEPT + timedelta(seconds=1), 2), (timedelta(seconds=-1), 2)],
)
def test_what_was_found_is_kept_for_a_while(later: timedelta, times: int) -> None:
    node = Looking()
    first = node.checkup.latest()
    node.clock.advance(later)
    assert (node.checkup.latest() is first, node.times) == (times == 1, times)


def test_whoever_asks_has_it_examined_and_others_see_that() -> None:
    node = Looking()
    node.checkup.latest()
    assert node.checkup.now() is node.checkup.latest()
    assert node.times == 2


async def test_the_page_tells_its_age_and_examines_when_asked(busy: RunningConsole) -> None:
    home = busy.world.identity.home
    async with busy.as_role(PersonRole.ANALYST) as browser:
        assert re.search(r"Examined .*; after ten minutes", (await browser.get("/console/health")).words)
        home.folder.chmod(0o755)
        assert "others can read" not in (await browser.get("/console/health")).words
        reply = await browser.post("/console/health/examine", {"csrf": busy.csrf()})
        assert (reply.status, reply.headers["Location"]) == (303, "/console/health")
        page = (await browser.get("/console/health")).words
    assert "others can read the home folder" in page
    assert "checks were made just now" in page


async def test_who_only_reads_has_no_button(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        assert "Examine it now" not in (await browser.get("/console/health")).words


async def test_more_than_a_page_holds_is_counted_the_worst_shown(
    busy: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [Check(f"c-{number}", Health.WARN, "soon") for number in range(ROWS + 5)]
    checks.append(Check("the last", Health.FAIL, "gone"))
    monkeypatch.setattr(busy.world.checkup, "_look", lambda: Findings(checks=checks, backup=None))
    async with busy.as_role(PersonRole.VIEWER) as browser:
        words = (await browser.get("/console/health")).words
    assert "the last must be mended gone" in words
    assert len(re.findall(r"c-\d+", words)) == ROWS - 1
    assert "6 more, none of them graver" in words


async def test_what_is_found_is_in_the_language_of_the_page_or_marked_as_english(
    busy: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = NotFoundError("there is no person {name}", "carla")
    checks = [
        Check("peers", Health.FAIL, gone.message),
        Check("c", Health.WARN, "1 is late", "sigfed peer sync"),
    ]
    monkeypatch.setattr(busy.world.checkup, "_look", lambda: Findings(checks=checks, backup=None))
    async with busy.as_role(PersonRole.VIEWER) as browser:
        english, french = [
            (await browser.get("/console/health", Accept_Language=one)).text for one in ("en", "fr")
        ]
    assert "a pas de personne carla<" in french
    assert '<span lang="en">1 is late</span>' in french
    assert '<span lang="en">sigfed peer sync</span>' in french
    assert '<span lang="en">' not in english


async def test_it_says_for_whom_additions_wait_until_they_answer(
    busy: RunningConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noted(note: Note) -> None:
        monkeypatch.setattr(OutsideNote, "read", lambda _: note)

    async with busy.as_role(PersonRole.OPERATOR) as browser:
        noted(Note(silent={"nl.example": "did not answer in time"}))
        health, overview = await browser.get("/console/health"), await browser.get("/console/")
        french = await browser.get("/console/health", Accept_Language="fr")
        noted(Note(sizes={"trust": 1}))
        after = await browser.get("/console/health"), await browser.get("/console/")
    assert "These do not answer: nl.example: did not answer in time" in health.words
    assert "1 member does not say whether this node was put back" in overview.words
    assert "a pas répondu à temps" in french.words
    assert "These do not answer" not in after[0].words
    assert "does not say whether" not in after[1].words


async def test_the_names_of_checks_are_in_the_language_of_the_page(busy: RunningConsole) -> None:
    async with busy.as_role(PersonRole.VIEWER) as browser:
        english, french = [
            re.findall(
                r'<th scope="row">(.*?)</th>',
                (await browser.get("/console/health", Accept_Language=one)).text,
            )
            for one in ("en", "fr")
        ]
    pairs = dict(zip(english, french, strict=True))
    assert (pairs["keys"], pairs["store"], pairs["logs"]) == ("clés", "base", "journaux")
    assert {one for one, said in pairs.items() if one == said} <= {"audit", "libsodium"}


def test_every_check_has_its_name_in_french() -> None:
    names = {*CHECKS, *StoragePart, *check_names()}
    speak("fr")
    shown = {_WORDS.get(name, name) for name in names}
    assert len(names) >= 25
    assert {name for name in shown if translated(name) == name} == {"audit", "libsodium"}
