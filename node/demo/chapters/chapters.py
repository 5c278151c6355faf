"""The chapters of the walk, in order, and their scenes: what a test can stop between."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from keys.message import Message
from node.demo.alteration import PARTS
from node.demo.chapters.ask import enrol, look_up
from node.demo.chapters.attack import alter, carry_on, go_back, grow
from node.demo.chapters.correct import object_to, recall
from node.demo.chapters.end import ask_again, notice, search, withdraw
from node.demo.chapters.erase import audit, erase, list_again, seek
from node.demo.chapters.federate import agree, cosign, define, follow, meet
from node.demo.chapters.poison import plant, rely, trip
from node.demo.chapters.prepare import found, make_files
from node.demo.chapters.prove import forge, prove, report
from node.demo.claims import CLAIMS
from node.demo.world import World
from node.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Some acts that belong together; `name` is the moment before the first of them."""

    name: str
    play: Callable[[World], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One part of the story."""

    number: int
    name: str
    """What `--chapter` calls it."""
    title: str
    about: str
    scenes: tuple[Scene, ...]


def _scenes(**scenes: Callable[[World], None]) -> tuple[Scene, ...]:
    return tuple(Scene(name=name.replace("_", "-"), play=play) for name, play in scenes.items())


_STORY: Final = (
    (
        "files",
        "Made-up files",
        "Random files and exports of their hashes, in the form in which agencies export theirs.",
        _scenes(make=make_files),
    ),
    (
        "list",
        "Two agencies list",
        "Each founds a node with its own keys, imports its export, and signs and publishes its list.",
        _scenes(found=found),
    ),
    (
        "meet",
        "They meet",
        "Operators compare fingerprints by telephone. Each node then follows the other's list and checks every event.",
        _scenes(meet=meet, follow=follow),
    ),
    (
        "agree",
        "They agree",
        "One agency releases what both countries list on their own knowledge; the other cosigns every head.",
        _scenes(define=define, agree=agree, cosign=cosign),
    ),
    (
        "ask",
        "A hoster asks",
        "It enrols, and asks about five files; the node does not learn which. A reported hit comes with evidence.",
        _scenes(enrol=enrol, look_up=look_up, report=report, prove=prove, alter_evidence=forge),
    ),
    (
        "cheat",
        "Somebody cheats",
        "The list grows; an intruder at the agency's server alters each part of the new release. Nothing gets through.",
        (
            *_scenes(grow=grow),
            *(Scene(name=f"alter-{part}", play=partial(alter, part)) for part in PARTS),
            *_scenes(carry_on=carry_on, go_back=go_back),
        ),
    ),
    (
        "correct",
        "A mistake is corrected",
        "An entry is withdrawn; the next update makes the file clean. Then everybody's folders are searched.",
        _scenes(notice=notice, withdraw=withdraw, ask_again=ask_again, search=search),
    ),
    (
        "poison",
        "A poisoned entry",
        "A harmless logo is listed, disputed, withdrawn, shredded; each time everybody is asked what they see.",
        _scenes(
            plant=plant,
            rely=rely,
            trip=trip,
            dispute=object_to,
            recall=recall,
            erase=erase,
            seek=seek,
            list_again=list_again,
            audit=audit,
        ),
    ),
)

CHAPTERS: Final = tuple(
    Chapter(number=number, name=name, title=title, about=about, scenes=scenes)
    for number, (name, title, about, scenes) in enumerate(_STORY, 1)
)
"""The whole walk."""


def programme(name: str) -> tuple[Chapter, ...]:
    """The chapters to play, in order: all, or those up to the chapter `name`.

    Raises:
        UsageError: there is no such chapter.
    """
    if not name:
        return CHAPTERS
    for chapter in CHAPTERS:
        if chapter.name == name:
            return CHAPTERS[: chapter.number]
    names = ", ".join(chapter.name for chapter in CHAPTERS)
    raise UsageError("there is no chapter {name}", name, hint=Message("chapters: {names}", names))


def claims_of(chapters: Sequence[Chapter]) -> tuple[str, ...]:
    """What is claimed in these chapters."""
    names = {chapter.name for chapter in chapters}
    return tuple(claim.name for claim in CLAIMS.values() if claim.chapter in names)


def play(world: World, chapter: Chapter) -> None:
    """Play one chapter; those before it have been played in this world."""
    world.listener.talk("", f"{chapter.number}. {chapter.title}. {chapter.about}")
    for scene in chapter.scenes:
        play_scene(world, chapter, scene)


def play_scene(world: World, chapter: Chapter, scene: Scene) -> None:
    """Play one scene; those before it have been played in this world."""
    world.chapter = chapter.number
    world.moment(scene.name)
    scene.play(world)
