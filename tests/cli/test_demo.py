"""`sigfed demo` as somebody types it who has just installed the product: one process, one folder, one verdict."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from node.demo.chapters.chapters import CHAPTERS, claims_of
from node.demo.claims import CLAIMS
from support.machine import made_once
from support.processes import Cli
from support.walks import processes_that_name

pytestmark = pytest.mark.slow

WALK = claims_of(CHAPTERS)
DEMO = [sys.executable, "-P", "-m", "node", "--json", "demo", "--dir"]
CHEAP = Path(__file__).parents[1] / "support/cheap"
"""What keys cost to open is seen in the tour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What a demonstration left."""

    folder: Path
    code: int
    lines: list[dict[str, Any]]
    talk: str

    @property
    def page(self) -> str:
        return self.folder.joinpath("report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def walked() -> Walked:
    """Played once for all workers; never changed."""
    with made_once("demonstration") as place:
        folder, kept = place / "new", place / "ended.json"
        if not place.exists():
            place.mkdir()
            done = subprocess.run(
                [*DEMO, str(folder)],
                capture_output=True,
                text=True,
                check=False,
                timeout=900,
                env=os.environ | {"PYTHONPATH": str(CHEAP)},
            )
            kept.write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
    code, out, talk = json.loads(kept.read_text())
    lines = [json.loads(line) for line in out.splitlines()]
    return Walked(folder=folder, code=code, lines=lines, talk=talk)


@pytest.mark.threat("an altered release", "two persons", "case data leaving")
def test_every_claim_holds(walked: Walked) -> None:
    *claims, last = walked.lines
    assert [(line["claim"], line["held"]) for line in claims] == [(name, True) for name in WALK], walked.talk
    assert all(line["detail"] for line in claims)
    assert last == {"report": str(walked.folder / "report.html"), "seconds": last["seconds"], "ok": True}
    assert walked.code == 0


def test_each_step_is_told(walked: Walked) -> None:
    for number in range(1, 9):
        assert f"\n{number}. " in walked.talk
    assert walked.talk.count("refused (exit 14)") == 4 + 2, (
        "parts of a release, evidence, and the tripwire's release"
    )
    assert walked.talk.count("refused (exit 3)") == 2, "what was shredded is imported nowhere"


def test_everybody_is_asked_about_the_poisoned_entry_after_each_step(walked: Walked) -> None:
    asked = re.findall(
        r"(Agency FR|Agency NL) .*looks who lists the logo, and what blocks it: (.*)", walked.talk
    )
    waits, agreed, blocked, withdrawn, gone = (
        "waits for a second country",
        "two countries list it",
        "blocked",
        "withdrawn by FR, and blocked",
        "gone; only a tombstone is left",
    )
    seen = {party: [sight for asked_one, sight in asked if asked_one == party] for party, _ in asked}
    assert seen == {
        "Agency FR": [waits, waits, agreed, blocked, withdrawn, withdrawn, gone, gone],
        "Agency NL": [waits, waits, agreed, blocked, blocked, withdrawn, gone, gone],
    }


def test_a_chapter_that_does_not_exist(tmp_path: Path) -> None:
    done = Cli(tmp_path).run("demo", "--dir", str(tmp_path / "new"), "--chapter", "nowhere")
    assert done.exit == 2
    assert "there is no chapter nowhere" in done.err
    assert "chapters: files, list, meet, agree, ask, cheat, correct, poison" in done.err
    assert not tmp_path.joinpath("new").exists()


def test_the_folder_stays_and_no_process_does(walked: Walked) -> None:
    names = {path.name for path in walked.folder.iterdir()}
    assert {"report.html", "fr", "nl", "hoster", "files", "exports", "journals"} <= names
    assert not processes_that_name(walked.folder)


def test_a_folder_is_not_used_twice(walked: Walked) -> None:
    before = walked.page
    done = Cli(walked.folder).run("demo", "--dir", str(walked.folder))
    assert done.exit == 2
    assert "is not empty" in done.err
    assert walked.page == before


class Links(HTMLParser):
    """Everything a page could fetch or run, and tags that are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []
        self.pictures = 0

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.pictures += tag == "svg"
        if tag != "meta":
            self.open.append(tag)
        self.found += [tag] if tag in {"script", "link", "img", "iframe", "object", "image", "use"} else []
        self.found += [
            name for name, _ in attrs if name in {"src", "href", "xlink:href"} or name.startswith("on")
        ]

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_needs_nothing_else(walked: Walked) -> None:
    links = Links()
    links.feed(walked.page)
    assert links.open == []
    assert links.found == []
    assert links.pictures > len(WALK)
    assert "url(" not in walked.page
    assert "@import" not in walked.page


def test_the_report_shows_claims_and_steps(walked: Walked) -> None:
    assert all(
        claim.sentence.replace("'", "&#x27;") in walked.page for claim in map(CLAIMS.__getitem__, WALK)
    )
    assert f"all {len(WALK)} claims held" in walked.page
    assert "did not hold" not in walked.page
    assert walked.page.count('<span class="number">') == 8, "a row of the table each"
    assert not re.search(r"[0-9a-f]{32}", walked.page), "no hash"


def test_an_interrupted_walk_leaves_no_process(tmp_path: Path) -> None:
    """Ctrl-C reaches the demonstration and the command it is running, but not the nodes: those it must stop."""
    # Without coverage: an interrupt may find it holding its lock, and the process would wait for itself.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    environment["PYTHONPATH"] = str(CHEAP)
    demo = subprocess.Popen(
        [*DEMO, str(tmp_path / "new")],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment,
    )
    with demo:
        assert demo.stderr is not None
        for line in demo.stderr:
            if "Agency NL  runs its node" in line:
                assert len(processes_that_name(tmp_path)) > 2
                os.killpg(demo.pid, signal.SIGINT)
                break
        said = demo.stderr.read()
    assert demo.returncode == 130
    assert not processes_that_name(tmp_path)
    assert "the next walk begins anew, in another folder" in said
    assert "again" not in said, "it does not resume"
