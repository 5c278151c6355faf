"""Two agencies and a partner as separate processes, with every byte above TLS and every log line kept.

The walk is the demonstration's, with few rows; its asking chapter is followed by a table of thousands of hashes, so
that unlisted ones survive the screen and reach the node blinded, and by a withdrawal and a delta.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from node.demo import walk
from node.demo.chapters.ask import check, update
from node.demo.chapters.chapters import CHAPTERS, play
from node.demo.chapters.federate import release
from node.demo.chapters.prepare import publication
from node.demo.parties import AGENCIES, Party
from node.demo.processes import Facts, Outcome
from node.demo.world import LIST, Act, World
from node.formats import ImportRow, read_rows
from node.hoster.folder import PartnerFolder
from node.hoster.lookup.held_releases import HeldReleases
from protocol.digest import Algorithm, Digest
from protocol.lists.event import BASELINE
from protocol.subset.lookup import Lookup
from protocol.subset.screen import screen_values
from support.http_streams import messages
from support.walks import loaded_commands

ROWS: Final = 60
STRANGERS: Final = 4000
"""Hashes on no list that the partner asks about; at 8 bits of screen about ten of them reach the node."""
_UNTIL_LOOKED_UP: Final = 5
"""Chapters of the demonstration until the partner has looked up its files."""
RECORDER: Final = Path(__file__).parent / "recorder"


class Silent:
    """A listener that shows nothing."""

    def result(self, fields: Facts, *lines: str) -> None:
        """Nothing."""

    def talk(self, *lines: str) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What came of it."""

    world: World
    folder: Path
    """Recordings."""
    looked_up: Outcome
    """Of the table."""
    updated: Outcome
    again: Outcome
    """Of the files, after the withdrawal."""
    blinded_strangers: int
    """Hashes on no list that were sent to be evaluated."""
    baseline: Mapping[Party, frozenset[bytes]]
    """Digests that each agency lists in the collection baseline."""
    others: Mapping[Party, frozenset[bytes]]
    """Digests that it lists elsewhere."""

    @property
    def listed(self) -> frozenset[bytes]:
        """Every digest on any list."""
        return frozenset().union(*self.baseline.values(), *self.others.values())

    @property
    def asked(self) -> frozenset[bytes]:
        """Every digest that the partner asked about: listed by both, by one, by none."""
        files = {digest for file in self.world.actors.names().values() for digest in file.digests}
        return frozenset({*files, *(digest.value for digest in strangers())})

    @property
    def reported(self) -> frozenset[bytes]:
        """Digests of the file that the partner reported as a hit; one travels, in the report and its evidence."""
        return frozenset(self.world.actors.both.digests)

    @property
    def secret(self) -> frozenset[bytes]:
        """Digests that neither the partner may learn nor the node it asks."""
        return (self.listed | self.asked) - self.reported

    def streams(self, party: Party, side: str, direction: str) -> dict[str, bytes]:
        """What a party's connections carried, by name: as recorded, and with bodies put together and inflated."""
        found = {}
        for path in sorted(self.folder.glob(f"{party.value}-*-{side}.{direction}")):
            stream = path.read_bytes()
            found[path.name] = stream
            found[f"{path.name}, bodies"] = b"\n".join(message.body for message in messages(stream))
        return found

    def logs(self, party: Party) -> dict[str, bytes]:
        """The journal of a party, and the logs of its processes at DEBUG."""
        paths = [self.world.seat(party).journal, *sorted(self.folder.glob(f"{party.value}-*.log"))]
        return {path.name: path.read_bytes() for path in paths}

    def home(self, party: Party) -> dict[str, bytes]:
        """Every file in the home folder of a party."""
        return files_below(self.world.seat(party).home)


def files_below(folder: Path) -> dict[str, bytes]:
    """The files of a folder, names included in what is searched."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): bytes(path) + b"\n" + path.read_bytes() for path in paths}


def strangers() -> list[Digest]:
    """Hashes on no list."""
    return [
        Digest(Algorithm.SHA256, sha256(f"stranger {number}".encode()).digest())
        for number in range(STRANGERS)
    ]


def record(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Walk in `folder`."""
    recordings = folder / "recordings"
    recordings.mkdir(parents=True)
    paths = [str(RECORDER), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.setenv("RECORDER_FOLDER", str(recordings))
    world = walk.stage(folder / "walk", output=Silent(), rows=ROWS)
    world.extra["subset create"] = ("--screen-bits", "8")
    with loaded_commands(), closing(world):
        for chapter in CHAPTERS[:_UNTIL_LOOKED_UP]:
            play(world, chapter)
        blinded = _survivors(world)
        (looked_up,) = world.perform(_table(world))
        updated, again = _withdraw(world)
    return Recorded(
        world=world,
        folder=recordings,
        looked_up=looked_up,
        updated=updated,
        again=again,
        blinded_strangers=blinded,
        baseline={party: _digests(world, party, baseline=True) for party in AGENCIES},
        others={party: _digests(world, party, baseline=False) for party in AGENCIES},
    )


def _survivors(world: World) -> int:
    folder = PartnerFolder(world.seat(Party.HOSTER).home / "partner")
    _, cursor = folder.load()
    return int(
        np.sum(Lookup(HeldReleases(folder).load(cursor.version).release).survives(screen_values(strangers())))
    )


def _table(world: World) -> Act:
    cast = world.actors
    lines = [digest.value.hex() for digest in strangers()]
    lines += [digest.hex() for file in (cast.both, cast.single, cast.unlisted) for digest in file.digests]
    path = world.place("asked.txt")
    path.write_text("\n".join(lines), encoding="ascii")
    act = check(world, exits=(1,))
    return replace(act, arguments=["check", "--hash-from", str(path)])


def _withdraw(world: World) -> tuple[Outcome, Outcome]:
    hashes = world.place("withdrawn.txt")
    withdrawn = world.actors.withdrawn
    hashes.write_text(withdrawn.md5.hex() + "\n", encoding="ascii")
    arguments = [
        "entry",
        "withdraw",
        "--list",
        LIST,
        "--hash-from",
        str(hashes),
        "--reason",
        "error",
        "--yes",
    ]
    world.perform(Act(who=Party.FR, what="withdraws", arguments=arguments))
    world.perform(publication(Party.FR))
    world.perform(release())
    (updated,) = world.perform(update())
    (again,) = world.perform(check(world, withdrawn, world.actors.both, exits=(1,)))
    return updated, again


def _digests(world: World, party: Party, *, baseline: bool) -> frozenset[bytes]:
    paths = sorted(world.place("exports").glob(f"{party.value}*.csv"))
    return frozenset(
        digest.value
        for path in paths
        for row in _rows(path)
        if (row.collection == BASELINE) is baseline
        for digest in row.digests
    )


def _rows(path: Path) -> Iterable[ImportRow]:
    with path.open("rb") as stream:
        for row in read_rows(stream, collection=BASELINE):
            assert isinstance(row, ImportRow)
            yield row
