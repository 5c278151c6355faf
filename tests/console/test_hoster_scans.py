"""Scans and the list's health in a partner's console: what is kept of each, what is wrong, whom the home believes."""

from dataclasses import replace
from pathlib import Path

import pytest

from keys.trust.fingerprint import to_words
from node.console.hoster.pages import lists
from node.errors import VerificationError
from node.hoster.folder import PartnerFolder
from node.hoster.scan.history import keep_scan
from node.hoster.scan.state import open_state, state_key
from node.store.accounts.records import PersonRole
from support.partner_console import Seat, partner_console_of, world_of

SCANS, LISTS = "/console/scans", "/console/lists"


async def words_of(seat: Seat, path: str) -> str:
    async with partner_console_of(world_of(seat)) as console, console.as_role(PersonRole.VIEWER) as browser:
        reply = await browser.get(path)
    assert reply.status == 200
    return reply.words


async def test_a_home_that_never_scanned(tmp_path: Path) -> None:
    words = await words_of(Seat(tmp_path), SCANS)
    assert "No scan was finished here yet." in words
    assert not (tmp_path / "partner" / "scan.db").exists(), "looking makes nothing"


async def test_scans_in_sum_the_newest_first(tmp_path: Path) -> None:
    seat = Seat(tmp_path)
    for hours_ago, hits in ((50, 7), (2, 0)):
        keep_scan(seat.home.partner, seat.scan(hours_ago=hours_ago, hits=hits))
    words = await words_of(seat, SCANS)
    newest = "2026-05-04 10:00 UTC /srv/uploads s3://bucket/archive 120,004 0 4 0 25 minutes 1"
    older = "2026-05-02 10:00 UTC /srv/uploads s3://bucket/archive 120,011 7 4 0 25 minutes 1"
    assert newest in words
    assert older in words
    assert words.index(newest) < words.index(older)


async def test_a_scan_that_asked_nobody_says_so(tmp_path: Path) -> None:
    seat = Seat(tmp_path)
    keep_scan(seat.home.partner, replace(seat.scan(hours_ago=1, hits=0), screen_only=True))
    assert "screened only: the agency was not asked" in await words_of(seat, SCANS)


async def test_a_scan_that_runs_and_one_that_was_interrupted(tmp_path: Path) -> None:
    seat = Seat(tmp_path)
    path, key = seat.home.partner / "scan.db", state_key(seat.home.partner)
    with open_state(path, key) as state:
        run = state.runs.begin(["/srv/uploads"], now_ms=seat.now_ms)
        assert "A scan runs now." in await words_of(seat, SCANS)
    words = await words_of(seat, SCANS)
    assert "A scan that began 2026-05-04 12:00 UTC was interrupted. /srv/uploads" in words
    assert "sigfed scan --resume" in words
    with open_state(path, key) as state:
        state.runs.end(run, now_ms=seat.now_ms + 60_000, passed_over=0)
    words = await words_of(seat, SCANS)
    assert "interrupted" not in words
    assert "2026-05-04 12:01 UTC /srv/uploads 0 0 0 0 1 minute 0" in words, "of before the record was kept"


async def test_whom_the_home_believes(tmp_path: Path) -> None:
    seat = Seat(tmp_path)
    await seat.hold()
    enrolment, _ = PartnerFolder(seat.home.partner).load()
    words = await words_of(seat, LISTS)
    assert to_words(enrolment.trust.pin) in words
    assert "version 1, signed onwards from the pinned one" in words
    assert "All is well." in words


async def test_what_is_wrong_comes_first(tmp_path: Path) -> None:
    seat = Seat(tmp_path)
    words = await words_of(seat, LISTS)
    assert "1 thing must be mended." in words
    assert words.index("no release is held") < words.index("subset baseline")


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (True, "the published test file is a hit, another is not"),
        (False, "an update tests a release once it can ask the agency"),
        (VerificationError("no"), "Trust no verdict, and tell the agency."),
    ],
    ids=["passed", "never-asked", "failed"],
)
async def test_the_self_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: bool | VerificationError, said: str
) -> None:
    seat = Seat(tmp_path)
    await seat.hold()

    def tested(*_: object) -> bool:
        if isinstance(outcome, VerificationError):
            raise outcome
        return outcome

    monkeypatch.setattr(lists, "tested_here", tested)
    words = await words_of(seat, LISTS)
    assert said in words
    assert ("1 thing must be mended." in words) == isinstance(outcome, VerificationError)


@pytest.mark.parametrize(
    ("settings", "there", "missing"),
    [
        ("", "what you did with the file", "PDQ values"),
        ("[hits]\ntell_resolutions = false\n", "of one hit", "what you did with the file"),
        ("[disclosed_lookup]\nenabled = true\n", "PDQ values", "tickets"),
        (
            '[[reporters]]\nname = "tickets"\nkind = "webhook"\n',
            "sigfed hit report --to tickets",
            "PDQ values",
        ),
        ("[agent]\nupdate_minutes = 0\n", "sigfed update, or here", "while a daemon runs, by itself"),
    ],
    ids=["default", "no-resolutions", "disclosing", "reporter", "no-updates"],
)
async def test_what_leaves_is_what_is_switched_on(
    tmp_path: Path, settings: str, there: str, missing: str
) -> None:
    (tmp_path / "partner.toml").write_text(settings)
    words = await words_of(Seat(tmp_path), LISTS)
    assert there in words
    assert missing not in words


async def test_an_update_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    seat = Seat(tmp_path)
    await seat.hold()
    async with partner_console_of(world_of(seat)) as console, console.as_role(PersonRole.ANALYST) as browser:
        reply = await browser.post("/console/lists/update", {"csrf": console.csrf()})
        overview = await browser.get("/console/")
    assert "This was not done." in reply.words
    assert "failed update: the last one" in overview.words
    assert "current 1 99" in overview.words
