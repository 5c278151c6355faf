"""An access token that one command leaves for the next: used while it is good, with its own key and node."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from node.errors import ForbiddenError, UnauthenticatedError
from node.ports.callers import TOKEN_SECONDS
from node.remote.auth import Credentials
from node.remote.kept_tokens import TokenFile
from support.fakes_api import (
    NODE,
    PARTNER,
    PARTNER_KEY,
    PEER,
    PEER_KEY,
    PEER_TLS,
    RELEASES,
    MemoryNode,
    node_on_loopback,
    remote_to,
)


class Home:
    """A client's folder, and the node that it asks."""

    def __init__(self, folder: Path, url: str, memory: MemoryNode) -> None:
        self.path = folder / "access.token"
        self.url, self.memory = url, memory

    async def command(self, credentials: Credentials | None = None, **changes: object) -> None:
        """What one command does: connect, ask, end."""
        arguments = {"clock": self.memory.clock, "tokens": TokenFile(self.path)} | changes
        who = credentials or Credentials(PARTNER, PARTNER_KEY)
        async with remote_to(self.url, credentials=who, **arguments) as remote:
            await remote.checkpoint(RELEASES, held=None)

    @property
    def bought(self) -> int:
        """How many tokens the node gave."""
        return len(self.memory.replays.used)

    def change(self, **fields: object) -> None:
        kept = json.loads(self.path.read_text()) | fields
        self.path.write_text(json.dumps(kept))


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with node_on_loopback() as node:
        yield Home(tmp_path, node.url, node.memory)


async def test_many_commands_buy_one_token(home: Home) -> None:
    for _ in range(20):
        await home.command()

    assert home.bought == 1


async def test_it_is_kept_where_nobody_else_reads_it(home: Home) -> None:
    await home.command()

    assert home.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.path.parent.iterdir()] == ["access.token"]


async def test_another_is_bought_half_a_minute_before_it_ends(home: Home) -> None:
    await home.command()
    home.memory.clock.advance(TOKEN_SECONDS - 31)
    await home.command()
    assert home.bought == 1
    home.memory.clock.advance(2)
    await home.command()
    assert home.bought == 2


async def test_one_that_the_node_refuses_is_dropped_and_another_bought(home: Home) -> None:
    await home.command()
    home.change(token=json.loads(home.path.read_text())["token"][:-4] + "AAAA")

    await home.command()
    await home.command()

    assert home.bought == 2


async def test_when_access_ends_none_is_left(home: Home) -> None:
    await home.command()
    home.memory.directory.known.clear()
    home.memory.clock.advance(31)  # the node remembers a token for half a minute

    with pytest.raises(UnauthenticatedError):
        await home.command()

    assert not home.path.exists()


async def test_what_a_kept_token_does_not_open_is_asked_for_with_a_new_one(home: Home) -> None:
    known = home.memory.directory.known
    may = dict(known)
    known.update({place: replace(each, scopes=frozenset()) for place, each in may.items()})
    with pytest.raises(ForbiddenError):
        await home.command()
    known.update(may)

    await home.command()

    assert home.bought == 2


async def test_what_a_new_token_does_not_open_is_refused_once(home: Home) -> None:
    known = home.memory.directory.known
    known.update({place: replace(each, scopes=frozenset()) for place, each in known.items()})

    with pytest.raises(ForbiddenError):
        await home.command()

    assert home.bought == 1


WRONG: dict[str, Callable[[Home], object]] = {
    "of another node": lambda home: home.change(node="nl.example"),
    "of another client": lambda home: home.change(client="somebody"),
    "of another key": lambda home: home.change(key="00" * 32),
    "good for years": lambda home: home.change(renew_at=4e9),
    "no time": lambda home: home.change(renew_at="soon"),
    "a time beyond the calendar": lambda home: home.change(renew_at=1e300),
    "breaks the header": lambda home: home.change(token="a\r\nX-Evil: 1"),
    "no token": lambda home: home.change(token=None),
    "no JSON": lambda home: home.path.write_text("{"),
    "no object": lambda home: home.path.write_text("[]"),
    "nothing": lambda home: home.path.write_text(""),
    "of everybody": lambda home: home.path.chmod(0o644),
    "far too large": lambda home: home.path.write_bytes(b" " * 100_000),
}


@pytest.mark.parametrize("spoil", WRONG.values(), ids=WRONG)
async def test_one_that_is_not_ours_is_not_sent(home: Home, spoil: Callable[[Home], object]) -> None:
    await home.command()
    before = home.bought
    spoil(home)

    await home.command()

    assert home.bought == before + 1
    kept: dict[str, Any] = json.loads(home.path.read_text())
    assert (kept["node"], kept["client"]) == (NODE, PARTNER)


async def test_a_link_is_not_followed(home: Home, tmp_path: Path) -> None:
    await home.command()
    elsewhere = tmp_path / "elsewhere"
    home.path.rename(elsewhere)
    home.path.symlink_to(elsewhere)

    await home.command()

    assert home.bought == 2
    assert not home.path.is_symlink()


async def test_another_key_of_the_same_home_gets_its_own(home: Home) -> None:
    await home.command()
    async with remote_to(
        home.url,
        credentials=Credentials(PEER, PEER_KEY),
        presents=PEER_TLS,
        clock=home.memory.clock,
        tokens=TokenFile(home.path),
    ) as remote:
        await remote.scopes()
    await home.command()

    assert home.bought == 3


async def test_a_folder_that_takes_no_file_costs_a_token_each_time(home: Home, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()

    for _ in range(2):
        await home.command(tokens=TokenFile(in_the_way / "access.token"))

    assert home.bought == 2
