"""The README says what is true: its commands are typed, its files and links exist."""

import csv
import hashlib
import re
import subprocess
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

from support.programs import needed
from support.tour import Done, blocks

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
INSTALL = "python3 -m venv .venv && .venv/bin/pip install -q"


def test_every_command_of_the_tour_does_what_the_page_shows(readme_tour: list[Done]) -> None:
    wrong = [done.story for done in readme_tour if not done.as_shown]
    assert not wrong, "\n\n".join(wrong) + "\n\npython3 tests/support/tour.py README.md --rewrite"


def test_the_tour_walks_from_two_new_nodes_to_a_hit_and_its_correction(readme_tour: list[Done]) -> None:
    told = "\n".join(line for done in readme_tour for line in done.printed)
    walk = ("founded fr.example", "verified", "baseline 1: 4 entries", "2.jpg: HIT", "2.jpg: not on the list")
    places = [told.index(words) for words in walk]
    assert places == sorted(places)


def test_nothing_that_the_tour_prints_is_a_hash(readme_tour: list[Done]) -> None:
    told = "\n".join(line for done in readme_tour for line in done.printed)
    assert not re.search(r"\b[0-9a-f]{32,}\b", told)


def test_the_two_commands_are_those_that_are_promised() -> None:
    commands = [lines for _, lines in blocks(README, "")]
    assert commands == [
        [f"{INSTALL} . && .venv/bin/sigfed demo"],
        [f"{INSTALL} -e '.[test]' && .venv/bin/pytest"],
    ]


def test_what_the_commands_name_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "test" in project["optional-dependencies"]
    assert "sigfed" in project["scripts"]


def test_every_link_leads_to_a_file() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(links) > 10
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
