"""The README and the tour say what is true: their commands are typed, their files and links exist."""

import csv
import hashlib
import re
import subprocess
import sys
import tomllib
from itertools import takewhile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from support.programs import needed
from support.tour import Done, Typist, blocks, steps

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = (ROOT / "docs/manuals/tour.md").read_text(encoding="utf-8")
PROMISE_SECONDS = 30 * 60
INSTALL = "python3 -m venv .venv && .venv/bin/pip install -q"


@pytest.mark.slow
def test_the_tour(typist: Typist, capsys: pytest.CaptureFixture[str]) -> None:
    """One test with all that is asked of the same walk: it takes a minute, in each process anew.

    Every command does what the page shows; they lead from two new nodes to a hit and its correction; none prints a
    hash; and of the thirty minutes that are promised to the first release and check they leave nearly all to people.
    """
    tour = [typist.type(step) for step in steps(TOUR)]
    wrong = [done.story for done in tour if not done.as_shown]
    assert not wrong, "\n\n".join(wrong) + "\n\npython3 tests/support/tour.py docs/manuals/tour.md --rewrite"
    told = "\n".join(line for done in tour for line in done.printed)
    walk = ("founded fr.example", "verified", "baseline 1: 4 entries", "2.jpg: HIT", "2.jpg: not on the list")
    places = [told.index(words) for words in walk]
    assert places == sorted(places)
    assert not re.search(r"\b[0-9a-f]{32,}\b", told)
    agency = [one for one in _until(tour, "subset release") if one.step.who in {"fr", "nl"}]
    hoster = [one for one in _until(tour, "sigfed check") if one.step.who == "hoster"]
    seconds = sum(one.seconds for one in (*agency, *hoster))
    with capsys.disabled():
        sys.stdout.write(
            f"\n  first release and first check: {seconds:.0f} s of {len(agency) + len(hoster)} commands\n"
        )
    assert seconds < PROMISE_SECONDS


def _until(done: list[Done], words: str) -> list[Done]:
    """The commands up to the first that has these words."""
    before = list(takewhile(lambda one: words not in one.step.command, done))
    assert len(before) < len(done), f"no command has {words}"
    return done[: len(before) + 1]


def test_the_two_commands_are_those_that_are_promised() -> None:
    commands = [lines for _, lines in blocks(README, "")]
    assert commands == [
        [f"{INSTALL} . && .venv/bin/sigfed demo"],
        [f"{INSTALL} -e '.[test]' && .venv/bin/pytest"],
    ]
    assert [lines for _, lines in blocks(TOUR, "")] == [[f"{INSTALL} ."]]


def test_what_the_commands_name_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "test" in project["optional-dependencies"]
    assert "sigfed" in project["scripts"]


def test_every_link_leads_to_a_file() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_the_picture_is_drawn_for_light_and_dark_and_tells_its_story_in_words() -> None:
    text = (ROOT / "docs/pictures/architecture.svg").read_text(encoding="utf-8")
    drawn = ET.fromstring(text)
    names = {element.tag.rpartition("}")[2] for element in drawn.iter()}
    assert "prefers-color-scheme: dark" in text
    assert {"title", "desc"} <= names
    assert not names & {"script", "image", "foreignObject"}


def test_the_example_export_is_of_made_up_files() -> None:
    with (ROOT / "docs/examples/icse-export.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    made_up = {hashlib.sha1(f"made-up file {n}\n".encode()).hexdigest() for n in range(10)}
    assert {row["SHA1"] for row in rows} <= made_up


def test_the_examples_and_pictures_are_tracked() -> None:
    if not (ROOT / ".git").exists():
        return
    listed = subprocess.run(
        [needed("git"), "ls-files", "docs/examples", "docs/pictures"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    there = {
        str(path.relative_to(ROOT))
        for folder in ("docs/examples", "docs/pictures")
        for path in (ROOT / folder).iterdir()
        if path.is_file()
    }
    assert set(listed.stdout.split()) == there
    assert "docs/pictures/architecture.svg" in there
