"""Two TUF clients of other makers, and ours, follow a node's repository over HTTP, and refuse what they must.

A client keeps its state from one visit to the next. What an adversary does is done to the files that are served: he
owns the server, and one key or none. Source: TUF specification 1.0.34, sections 5.3 to 5.7 and 6.1.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata

from keys.errors import ThresholdError
from keys.trust.tuf.write_root import sign_metadata
from support.tuf_origin import (
    HOLDERS,
    ONLINE,
    STRANGERS,
    SUCCESSORS,
    TARGETS,
    TARGETS_HOLDERS,
    TARGETS_SUCCESSORS,
    TufOrigin,
    replaced,
)
from support.tuf_peers import CLIENTS, Follow, TufRefusedError

Change = Callable[[TufOrigin], None]


class Visitor:
    """One client that comes again and again."""

    def __init__(self, follow: Follow, state: Path, origin: TufOrigin) -> None:
        self._follow = follow
        self._state = state
        self._first = origin.files.get("1.root.json")

    async def visit(self, origin: TufOrigin) -> Mapping[str, bytes]:
        async with origin.served() as url:
            return await asyncio.to_thread(self._follow, self._state, self._first, url, TARGETS)


@pytest.fixture(params=list(CLIENTS))
def follow(request: pytest.FixtureRequest) -> Follow:
    return CLIENTS[request.param]


@pytest.fixture
def origin() -> TufOrigin:
    return TufOrigin()


@pytest.fixture
def visitor(follow: Follow, tmp_path: Path, origin: TufOrigin) -> Visitor:
    return Visitor(follow, tmp_path, origin)


def listed(origin: TufOrigin) -> dict[str, bytes]:
    return {f"trust/{name}": data for name, data in origin.contents.items()}


# ------------------------------------------------------------------ what they follow


def _revised(origin: TufOrigin) -> None:
    origin.revise()


def _one_holder(origin: TufOrigin) -> None:
    origin.rotate([*HOLDERS[1:], SUCCESSORS[0]], **replaced(1))
    _revised(origin)


def _all_holders(origin: TufOrigin) -> None:
    origin.rotate([*HOLDERS[:2], *SUCCESSORS[:2]], **replaced(3))
    _revised(origin)


def _two_rotations(origin: TufOrigin) -> None:
    """The client was away during both."""
    origin.rotate([*HOLDERS[1:], SUCCESSORS[0]], **replaced(1))
    origin.rotate([*HOLDERS[1:], *SUCCESSORS[:2]], **replaced(3))
    _revised(origin)


def _targets_keys(origin: TufOrigin) -> None:
    origin.rotate(HOLDERS[:2], targets_keys=tuple(key.public for key in TARGETS_SUCCESSORS))
    origin.revise(TARGETS_SUCCESSORS[1:])


def _online_keys(origin: TufOrigin) -> None:
    origin.rotate_online()
    _revised(origin)


def _said_again(origin: TufOrigin) -> None:
    origin.clock.advance(7 * 3600)
    assert origin.stamp()
    origin.clock.advance(-7 * 3600)


FOLLOWED: dict[str, Change] = {
    "nothing new": lambda origin: None,
    "a revised trust file": _revised,
    "the same, said again": _said_again,
    "one of three holders replaced": _one_holder,
    "all holders replaced": _all_holders,
    "two rotations at once": _two_rotations,
    "other targets keys": _targets_keys,
    "other online keys": _online_keys,
}


@pytest.mark.threat("the root lost or stolen")
@pytest.mark.parametrize("change", FOLLOWED.values(), ids=FOLLOWED)
async def test_it_follows(visitor: Visitor, origin: TufOrigin, change: Change) -> None:
    assert await visitor.visit(origin) == listed(origin)
    change(origin)
    assert await visitor.visit(origin) == listed(origin)


async def test_it_recovers_from_a_stolen_online_key(visitor: Visitor, origin: TufOrigin) -> None:
    """The thief runs far ahead, so that the node's own timestamps look old; the next root makes them count again."""
    await visitor.visit(origin)
    origin.forge_timestamp(ONLINE.timestamp, version=1_000_001)
    await visitor.visit(origin)
    origin.rotate_online()
    _revised(origin)
    assert await visitor.visit(origin) == listed(origin)
    origin.forge_timestamp(ONLINE.timestamp, version=1_000_002)
    with pytest.raises(TufRefusedError):
        await visitor.visit(origin)


# ------------------------------------------------------------------ what they refuse


def _rollback(origin: TufOrigin) -> None:
    """An older timestamp, signed in its time."""
    origin.forge_timestamp(ONLINE.timestamp, version=1)


def _freeze(origin: TufOrigin) -> None:
    """What was current once, when it no longer is."""
    origin.forge_timestamp(ONLINE.timestamp, version=9, hours=-1)


def _root_signed_by(origin: TufOrigin, *signers: object, **changes: object) -> None:
    """A next root that our own code refuses to write, written by hand."""
    with pytest.raises(ThresholdError):
        origin.rotate(signers, **changes)  # type: ignore[arg-type]
    metadata = Metadata.from_bytes(origin.files.get("1.root.json"))
    metadata.signed.version = 2
    metadata.signatures.clear()
    origin.files.put("2.root.json", sign_metadata(metadata, signers))  # type: ignore[arg-type]


def _forged_root(origin: TufOrigin) -> None:
    _root_signed_by(origin, *STRANGERS)


def _one_of_two(origin: TufOrigin) -> None:
    _root_signed_by(origin, HOLDERS[0])


def _targets_of_one(origin: TufOrigin) -> None:
    """Targets metadata with one signature of two, in the place of what the snapshot names."""
    metadata = Metadata.from_bytes(origin.files.get("2.targets.json"))
    metadata.signatures.clear()
    origin.files.put("2.targets.json", sign_metadata(metadata, TARGETS_HOLDERS[:1]))


def _altered_file(origin: TufOrigin) -> None:
    for name in origin.files.ls("targets/"):
        origin.files.put(name, origin.files.get(name) + b" ")


def _endless_file(origin: TufOrigin) -> None:
    origin.files.put("timestamp.json", origin.files.get("timestamp.json") + b" " * 1_000_000)


REFUSED: dict[str, Change] = {
    "rollback": _rollback,
    "freeze": _freeze,
    "a root of strangers": _forged_root,
    "a root that one of two holders signed": _one_of_two,
    "targets that one of two holders signed": _targets_of_one,
    "altered trust files": _altered_file,
    "a timestamp of a megabyte": _endless_file,
}


@pytest.mark.threat("old trust files", "the root lost or stolen")
@pytest.mark.parametrize("lie", REFUSED.values(), ids=REFUSED)
async def test_it_refuses(visitor: Visitor, origin: TufOrigin, lie: Change) -> None:
    await visitor.visit(origin)
    _revised(origin)
    if lie not in {_targets_of_one, _altered_file}:  # files that a client holds it need not ask for
        await visitor.visit(origin)
    honest = dict(origin.files.data)
    lie(origin)
    with pytest.raises(TufRefusedError):
        await visitor.visit(origin)
    origin.files.data = honest
    await visitor.visit(origin)
