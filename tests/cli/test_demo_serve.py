"""`sigfed demo --serve` as somebody types it who wants to see the console: a month of history, one address, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from support.browser import browsing_async, chromium
from support.demo_walk import at_the_door, close_hit, come_in, endorse, rehearse, resolve_hit
from support.processes import Cli
from support.walks import processes_that_name

pytestmark = pytest.mark.slow

SERVE = [sys.executable, "-P", "-m", "node", "--json", "demo", "--serve"]
CHEAP = Path(__file__).parents[1] / "support/cheap"
_DAY = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A demonstration that runs, and what it printed."""

    process: "subprocess.Popen[str]"
    folder: Path
    persons: list[dict[str, Any]]
    consoles: dict[str, str]
    home: Path

    def sees(self, *arguments: str) -> list[dict[str, Any]]:
        """What the command line says in the agency's home."""
        done = Cli(self.home).run(*arguments)
        assert done.exit == 0, done.err
        return done.results


@pytest.fixture(scope="module")
def _browser() -> None:
    """Asked for before the month, which takes a minute, is told for nothing."""
    chromium()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("serve") / "new"
    journal = folder.with_suffix(".talk")
    environment = os.environ | {"PYTHONPATH": str(CHEAP)}
    with journal.open("w") as talk:
        process = subprocess.Popen(
            [*SERVE, "--dir", str(folder)],
            stdout=subprocess.PIPE,
            stderr=talk,
            text=True,
            start_new_session=True,
            env=environment,
        )
    with process:
        assert process.stdout is not None
        lines = [json.loads(line) for _, line in zip(range(8), process.stdout, strict=False)]
        assert len(lines) == 8, journal.read_text()
        *persons, last = lines
        try:
            yield Served(
                process=process,
                folder=folder,
                persons=persons,
                consoles=last["consoles"],
                home=Path(last["home"]),
            )
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)


def test_the_console_asks_who_comes(served: Served) -> None:
    asks = {"fr": b"passkey", "nl": b"passkey", "hoster": b"token"}
    assert served.consoles.keys() == asks.keys()
    for party, word in asks.items():
        url = urlsplit(served.consoles[party])  # not every system knows names below localhost
        asked = Request(f"http://127.0.0.1:{url.port}{url.path}sign-in", headers={"Host": url.netloc})
        with urlopen(asked) as page:
            assert word in page.read(), party
    assert [(person["person"], person["role"], person["at"]) for person in served.persons] == [
        ("alice", "operator", "fr.example"),
        ("bruno", "security", "fr.example"),
        ("carla", "analyst", "fr.example"),
        ("daan", "operator", "nl.example"),
        ("eva", "security", "nl.example"),
        ("floor", "analyst", "nl.example"),
        ("hanna", "analyst", "hoster"),
    ]
    assert all(person["token"] for person in served.persons)
    assert [person["person"] for person in served.persons if not person.get("passphrase")] == ["hanna"]


def test_the_agencies_share_no_cookie(served: Served) -> None:
    """A cookie knows no port."""
    assert len({urlsplit(served.consoles[party]).hostname for party in ("fr", "nl")}) == 2


def test_a_month_lies_behind_it(served: Served) -> None:
    hits = served.sees("hit", "ls")
    found = sorted(hit["received_ms"] for hit in hits)
    assert found[-1] - found[0] > 20 * _DAY
    assert len({time // _DAY for time in found}) > 8
    states = [hit["state"] for hit in hits]
    assert set(states) == {"resolved", "overdue", "open", "disputed"}
    assert states.count("overdue") == 2, (
        "one was forgotten; of one the hoster heard that it is no mistake, and did nothing"
    )
    records = served.sees("audit", "ls")
    assert records[-1]["time_ms"] - records[0]["time_ms"] > 25 * _DAY
    assert {"entry.import", "list.publish", "subset.release", "entry.withdraw"} <= {
        record["action"] for record in records
    }


def test_there_is_something_to_decide(served: Served) -> None:
    assert [one["requested_by"] for one in served.sees("approval", "ls") if one["state"] == "open"] == [
        "alice"
    ]
    assert {one["state"] for one in served.sees("case", "ls")} == {"open", "rejected"}
    assert any(one["files_waiting"] for one in served.sees("proposal", "ls"))
    assert served.sees("quarantine", "ls")
    assert served.sees("review", "ls")


def test_both_agencies_answer(served: Served) -> None:
    assert [one["peer"] for one in served.sees("peer", "sync")] == ["nl.example"]


@pytest.mark.usefixtures("_browser")
async def test_people_come_for_the_first_time_and_do_their_work(served: Served) -> None:
    """An endorsement, a hit closed here and resolved there, and a rehearsed rotation, without the manual."""
    people = {person["person"]: person for person in served.persons}
    overdue = [hit["state"] for hit in served.sees("hit", "ls")].count("overdue")
    async with browsing_async() as browser:
        async with at_the_door(browser, served.consoles["fr"]) as page:
            await come_in(page, people["carla"])
            await endorse(page)
            await close_hit(page)
        async with at_the_door(browser, served.consoles["fr"]) as page:
            await come_in(page, people["bruno"])
            await rehearse(page)
        async with at_the_door(browser, served.consoles["hoster"]) as page:
            await resolve_hit(page, people["hanna"]["token"])
        async with at_the_door(browser, served.consoles["nl"]) as page:
            await come_in(page, people["floor"])
    done = [(record["action"], record["actor"]) for record in served.sees("audit", "ls")]
    assert {("entry.endorse", "carla"), ("hit.close", "carla")} <= set(done), done[-20:]
    assert [hit["state"] for hit in served.sees("hit", "ls")].count("overdue") == overdue - 1


def test_ctrl_c_ends_it_and_keeps_the_named_folder(served: Served) -> None:
    assert len(processes_that_name(served.folder)) > 2
    os.killpg(served.process.pid, signal.SIGINT)
    assert served.process.wait(60) == 0
    assert not processes_that_name(served.folder)
    assert served.home.is_dir()


def test_it_plays_no_chapter(tmp_path: Path) -> None:
    refused = Cli(tmp_path).run("demo", "--serve", "--chapter", "meet", "--dir", str(tmp_path / "new"))
    assert refused.exit == 2
    assert "leave out --chapter" in refused.err
