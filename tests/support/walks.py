"""A walk of the demonstration that can be stopped before a scene, kept, and taken up again from there."""

import copy
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from node.demo import processes
from node.demo.chapters.chapters import CHAPTERS, Chapter, Scene, play_scene
from node.demo.command_line import COMMAND_SECONDS, CommandLines
from node.demo.parties import AGENCIES
from node.demo.processes import Facts, Seat, StepFailedError
from node.demo.walk import stage
from node.demo.world import World
from node.home import Home
from support.copies import let_go_on
from support.preloaded import start_in_files, wait_for_forked
from support.this_process import run_command

Scenes = list[tuple[Chapter, Scene]]


def scenes_of(chapters: Sequence[Chapter]) -> Scenes:
    """Their scenes in order."""
    return [(chapter, scene) for chapter in chapters for scene in chapter.scenes]


def names_of(scenes: Scenes) -> list[str]:
    return [scene.name for _, scene in scenes]


class Collector:
    """Takes what a walk tells."""

    def __init__(self) -> None:
        self.results: list[Facts] = []

    def result(self, fields: Facts, *_lines: str) -> None:
        self.results.append(fields)

    def talk(self, *_lines: str) -> None:
        pass


@contextmanager
def loaded_commands() -> Iterator[None]:
    """Walks run their commands here and fork their nodes from a loaded program, with keys that open at once.

    Importing the product and opening its keys are most of what a short command costs. `sigfed demo` itself is walked
    by a test that starts everything as a user does.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CommandLines, "_ended", _ended_here)
        patch.setattr(processes, "started", _ForkedNode)
        yield


def _ended_here(_: CommandLines, seat: Seat, typed: str, arguments: Sequence[str]) -> tuple[int, str]:
    """Exit code and standard output of a command that was run in this process."""
    code, out, err = run_command(
        seat.words(arguments),
        typed=typed.encode(),
        variables=_variables(seat),
        folder=Path.cwd(),
        patience=COMMAND_SECONDS,
    )
    with seat.journal.open("ab") as journal:
        journal.write(err)
    return code, out.decode()


class _ForkedNode:
    """What `node.demo.processes.started` gives, as far as it is used."""

    def __init__(self, seat: Seat, arguments: Sequence[str], answers: Path) -> None:
        self._streams = TemporaryDirectory()
        streams = Path(self._streams.name)
        (streams / "0").touch()
        answers.write_bytes(b"")
        (streams / "1").symlink_to(answers)
        (streams / "2").symlink_to(seat.journal)
        self._process = start_in_files(
            seat.words(arguments), variables=_variables(seat), folder=Path.cwd(), streams=streams
        )
        self.pid = self._process.pid

    def wait(self, patience: float = 60) -> int:
        code = wait_for_forked(self._process, patience)
        if code is None:
            raise subprocess.TimeoutExpired("sigfed run", patience)
        self._streams.cleanup()
        return code

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


def _variables(seat: Seat) -> dict[str, str]:
    return seat.environment() | {"CHEAP_KEYS": "1"}


class KeptWalk:
    """An honest walk, kept before each of some scenes; it is played no further than was asked for."""

    def __init__(self, folder: Path, *, rows: int, keep: set[str]) -> None:
        self.scenes = scenes_of(CHAPTERS)
        names = names_of(self.scenes)
        assert keep <= set(names)
        self._folder = folder
        self._stops = [name for name in names if name in keep or name == names[0]]
        walk = folder / "walk"
        walk.mkdir()
        self._kept: dict[str, World] = {}
        self._keep(names[0], stage(walk, output=Collector(), rows=rows))

    def taken_up(self, name: str) -> World:
        """The world as it was before the scene `name`; what is done in it does not change what is kept."""
        if name not in self._kept:
            before = self._stops[self._stops.index(name) - 1]
            world = self.taken_up(before)
            with closing(world):
                play_from(world, self.scenes, before, until=name)
            self._keep(name, world)
        world = copy.deepcopy(self._kept[name])
        shutil.rmtree(world.folder)
        shutil.copytree(self._folder / name, world.folder)
        for party in AGENCIES:
            home = world.seat(party).home
            if Home(home).config.exists():
                let_go_on(home)
        return world

    def _keep(self, name: str, world: World) -> None:
        shutil.copytree(world.folder, self._folder / name)
        self._kept[name] = copy.deepcopy(world)


def play_from(world: World, scenes: Scenes, first: str, *, until: str) -> None:
    """Play the scenes from `first` on, up to the beginning of `until`."""
    names = names_of(scenes)
    for chapter, scene in scenes[names.index(first) : names.index(until)]:
        play_scene(world, chapter, scene)


def play_to_claim(world: World, scenes: Scenes, first: str, claim: str) -> None:
    """Play the scenes from `first` on until `claim` was tested or a command failed; stops all nodes."""
    with closing(world):
        for chapter, scene in scenes[names_of(scenes).index(first) :]:
            try:
                play_scene(world, chapter, scene)
            except StepFailedError as failure:
                world.record.give_up(str(failure))
            if any(finding.claim.name == claim for finding in world.record.findings):
                return


def processes_that_name(folder: Path) -> list[int]:
    """Ids of the processes whose command line names a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue  # it has just ended
    return found
