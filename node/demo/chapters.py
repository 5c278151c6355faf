"""The chapters of the walk, in order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from node.demo.asking import enrol
from node.demo.attacking import attack
from node.demo.ending import withdraw
from node.demo.federating import agree, meet
from node.demo.preparing import found, make_files
from node.demo.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One part of the story."""

    number: int
    title: str
    about: str
    play: Callable[[World], None]


_STORY: Final = (
    (
        "Made-up files",
        "Random files and exports of their hashes, in the form in which agencies export theirs.",
        make_files,
    ),
    (
        "Two agencies list",
        "Each founds a node with its own keys, imports its export, and signs and publishes its list.",
        found,
    ),
    (
        "They meet",
        "Operators compare fingerprints by telephone. Each node then follows the other's list and verifies every event.",
        meet,
    ),
    ("They agree", "One agency releases what both countries list on their own knowledge.", agree),
    (
        "A hoster asks",
        "It enrols with one string and asks about five files. The node answers without learning what it was asked.",
        enrol,
    ),
    (
        "Somebody cheats",
        "The list grows; an intruder at the agency's server alters each part of the new release. Nothing gets through.",
        attack,
    ),
    (
        "A mistake is corrected",
        "An entry is withdrawn; the next update makes the file clean. Then everybody's folders are searched.",
        withdraw,
    ),
)

CHAPTERS: Final = tuple(
    Chapter(number=number, title=title, about=about, play=play)
    for number, (title, about, play) in enumerate(_STORY, 1)
)
"""All chapters."""


def play(world: World, chapter: Chapter) -> None:
    """Play one chapter; those before it have been played in this world."""
    world.chapter = chapter.number
    world.listener.talk("", f"{chapter.number}. {chapter.title}. {chapter.about}")
    chapter.play(world)
