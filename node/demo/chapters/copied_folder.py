"""Somebody copies FR's folder before its keys are replaced, and tries the copy before and after."""

import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from node.demo.chapters.first_keys import first_keys
from node.demo.chapters.key_views import look_back
from node.demo.chapters.traffic import ALL, told
from node.demo.parties import AGENCIES, Party
from node.demo.processes import Outcome
from node.demo.rotation import FirstKey
from node.demo.world import Act, World

COPY: Final = "copy-of-fr"
_NOT_ACCEPTED: Final = 12
"""Exit code of a command whose credential is refused; see docs/reference/exit-codes.md."""


def copied(world: World) -> None:
    """Somebody copies FR's folder, as a thief of a backup would."""
    world.rest(*AGENCIES)
    world.calendar = world.place("calendar")
    world.calendar.write_text("0", encoding="ascii")
    shutil.copytree(world.seat(Party.FR).home, world.place(COPY))
    world.serve(*AGENCIES)
    world.moment("copied")
    world.own_trouble("loses a backup: somebody has a copy of its folder, and the passphrase")
    outcome = _tries(world)
    world.record.find(
        "old-copy-works-while-current",
        held=outcome.exit == 0,
        detail=f"a sync in FR's name: {told(outcome)}",
    )
    world.rotation.first_keys = first_keys(world)
    look_back(world, "the folder was copied")


def try_copy(world: World) -> None:
    """The copy is tried again; the folder is searched for what was copied."""
    world.serve(*AGENCIES)
    outcome = _tries(world)
    words = ": NL does not accept its credential" if outcome.exit == _NOT_ACCEPTED else ""
    world.record.find(
        "old-copy-refused",
        held=outcome.exit == _NOT_ACCEPTED,
        detail=f"the same sync in FR's name: {told(outcome)}{words}",
    )
    wanted = [key for key in world.rotation.first_keys if key.whose is Party.FR]
    files = {_digest(path) for key in wanted for path in _files(world, key)}
    there = [path for path in world.seat(Party.FR).home.rglob("*.json") if _digest(path) in files]
    world.record.find(
        "old-halves-gone",
        held=not there and len(files) == len(wanted),
        detail=f"{len(files)} key files of the copy looked for; found: {len(there)}",
    )


def _tries(world: World) -> Outcome:
    """The copy asks NL for its list, as FR."""
    act = Act(
        who=Party.FR,
        what="(the copy) asks NL for its list",
        arguments=["peer", "sync"],
        exits=ALL,
        note=told,
        trouble=True,
    )
    return world.perform_at(COPY, act)


def _files(world: World, key: FirstKey) -> Iterator[Path]:
    """Where a key lies in the copy."""
    keys = world.place(COPY, "keys")
    yield from (
        path for path in (keys / f"{key.name}.json", keys / "offline" / f"{key.name}.json") if path.exists()
    )


def _digest(path: Path) -> bytes:
    return sha256(path.read_bytes()).digest()
