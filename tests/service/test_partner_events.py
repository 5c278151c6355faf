"""After an update of a partner's client the operator's programs run: which, and with which facts."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from node.errors import ConfigError, PeerUnreachableError, StoreError
from node.home import Home
from node.hoster.events import Events
from node.hoster.release.update import UpdateReport
from node.names import PARTNER_NAME
from protocol.subset.manifest import MAX_TIME_MS
from support.release_logs import WitnessedWorld

NL, BE, DE = "nl.example", "be.example", "de.example"
BASE = tuple(range(1000, 1100))


class Seat:
    """A partner's home, whose programs write down what they are told."""

    def __init__(self, folder: Path) -> None:
        self.world = WitnessedWorld(folder, members=(NL, BE, DE))
        self.folder = folder
        self.told = folder / "told"
        script = folder / "program"
        script.write_text(f"#!/bin/sh\ncat >> {self.told}; echo >> {self.told}\n")
        script.chmod(0o700)
        events = ("on_update", "on_error", "on_outdated")
        lines = "".join(f'{event} = ["{script}"]\n' for event in events)
        (folder / PARTNER_NAME).write_text("[hooks]\n" + lines)
        self.events = Events.of(Home(folder), clock=self.world.clock)

    async def update(self) -> UpdateReport:
        self.world.show(NL, BE)
        report = await self.world.update()
        assert list(self.events.updated(report)) == []
        return report

    @property
    def facts(self) -> list[dict[str, object]]:
        if not self.told.exists():
            return []
        lines = [json.loads(line) for line in self.told.read_text().splitlines() if line]
        self.told.unlink()
        return lines


@pytest.fixture
def seat(tmp_path: Path) -> Seat:
    return Seat(tmp_path)


async def test_a_newer_release_is_told_once(seat: Seat) -> None:
    seat.world.log.release(BASE)
    await seat.update()

    assert seat.facts == [
        {
            "event": "on_update",
            "partner": "hoster",
            "subset": "baseline",
            "version": 1,
            "entries": len(BASE) - 1,
            "valid_until": "2026-05-18T12:00:00+00:00",
            "usable_until": "2026-05-25T12:00:00+00:00",
            "old": 0,
            "added": len(BASE) - 1,
            "removed": 0,
        }
    ]
    await seat.update()
    assert seat.facts == [], "nothing was new"


async def test_a_release_that_ends_with_the_calendar_is_told_too(seat: Seat) -> None:
    """The node chose both its end and the grace behind it."""
    seat.world.log.release(BASE, not_after_ms=MAX_TIME_MS)
    await seat.update()

    (facts,) = seat.facts
    assert (facts["valid_until"], facts["usable_until"]) == ("9999-12-31T23:59:59+00:00",) * 2


async def test_a_failed_update_is_told_with_what_is_in_force(seat: Seat) -> None:
    seat.world.log.release(BASE)
    await seat.update()
    seat.told.unlink()

    assert list(seat.events.failed(PeerUnreachableError("nobody answers"))) == []

    (facts,) = seat.facts
    assert facts["event"] == "on_error"
    assert (facts["error"], facts["message"]) == ("PeerUnreachableError", "nobody answers")
    assert facts["version"] == 1


async def test_a_list_past_its_end_is_told_after_each_update(seat: Seat) -> None:
    seat.world.log.release(BASE)
    await seat.update()
    seat.told.unlink()
    seat.world.clock.advance(timedelta(days=15))

    assert list(seat.events.failed(PeerUnreachableError("nobody answers"))) == []

    assert [facts["event"] for facts in seat.facts] == ["on_error", "on_outdated"]


async def test_nothing_is_known_where_nobody_is_enrolled(tmp_path: Path) -> None:
    seat = Seat(tmp_path)
    for name in ("state.db", "state.json"):
        (tmp_path / "partner" / name).unlink()

    assert list(seat.events.failed(PeerUnreachableError("nobody answers"))) == []

    assert seat.facts == [{"event": "on_error", "error": "PeerUnreachableError", "message": "nobody answers"}]


async def test_a_failure_is_told_also_where_it_cannot_be_kept(tmp_path: Path) -> None:
    seat = Seat(tmp_path)
    (tmp_path / "partner/state.db").unlink()

    assert list(seat.events.failed(StoreError("state.db is damaged"))) == []

    assert seat.facts == [{"event": "on_error", "error": "StoreError", "message": "state.db is damaged"}]


def test_settings_that_say_nonsense_are_told_first(tmp_path: Path) -> None:
    (tmp_path / PARTNER_NAME).write_text("[hooks]\non_updat = []\n")

    with pytest.raises(ConfigError, match="on_updat"):
        Events.of(Home(tmp_path))


async def test_monitoring_is_told_after_good_and_bad_updates(tmp_path: Path) -> None:
    seat = Seat(tmp_path)
    textfile = tmp_path / "sigfed.prom"
    with (tmp_path / PARTNER_NAME).open("a") as settings:
        settings.write(f'[metrics]\ntextfile = "{textfile}"\n')
    seat.events = Events.of(Home(tmp_path), clock=seat.world.clock)
    seat.world.log.release(BASE)

    await seat.update()

    assert "sigfed_partner_release_version 1.0" in textfile.read_text()
    textfile.unlink()
    assert list(seat.events.failed(PeerUnreachableError("nobody answers"))) == []
    assert "sigfed_partner_release_version 1.0" in textfile.read_text()


async def test_a_file_that_cannot_be_written_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / PARTNER_NAME).write_text(f'[metrics]\ntextfile = "{tmp_path}/missing/sigfed.prom"\n')

    (words,) = Events.of(Home(tmp_path)).failed(PeerUnreachableError("nobody answers"))

    assert words.startswith("monitoring was not told")
