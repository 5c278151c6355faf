"""A real home's keys are replaced by its holders while it runs; TUF clients of other makers follow it all the way.

They read what the running node serves under `/tuf/`. Their own TLS stacks know nothing of pins, so a relay on loopback
speaks pinned TLS for them and changes no byte.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector, web
from aiohttp.test_utils import TestServer

from keys.trust.node_document import open_node_document
from node.home import Home
from node.identity.identity import open_identity
from node.tls import client_context
from support.agencies import cheapen, found_agency
from support.key_holders import KeyHolder, replace_keys, take_over
from support.processes import Cli, Running
from support.tuf_origin import TARGETS
from support.tuf_peers import CLIENTS


@asynccontextmanager
async def relayed(cli: Cli, node: Running) -> AsyncIterator[str]:
    """A plain address under which what the running node serves is found."""
    pins = frozenset({open_identity(Home(cli.home)).tls().spki_sha256})
    async with ClientSession(connector=TCPConnector(ssl=client_context(pins))) as session:

        async def pass_on(request: web.Request) -> web.Response:
            while True:
                async with session.get(node.answered["serving"] + request.path) as reply:
                    if reply.status != HTTPStatus.TOO_MANY_REQUESTS:
                        return web.Response(status=reply.status, body=await reply.read())
                # All clients come from one address here; the node has them wait.
                await asyncio.sleep(float(reply.headers["Retry-After"]))

        app = web.Application()
        app.router.add_get("/{path:.*}", pass_on)
        async with TestServer(app, host="127.0.0.1") as server:
            yield str(server.make_url("/tuf"))


class Visitors:
    """One client of each maker, who come again and again, and began at the first root."""

    def __init__(self, cli: Cli, node: Running, states: Path) -> None:
        self._cli, self._node, self._states = cli, node, states
        self._first = (cli.home / "trust/1.root.json").read_bytes()

    def visit(self) -> None:
        """Each takes the newest trust files; those are the node's own."""
        found = asyncio.run(self._visit())
        held = {path: (self._cli.home / path).read_bytes() for path in TARGETS}
        assert found == dict.fromkeys(CLIENTS, held)
        open_node_document(held["trust/node.json"], open_identity(Home(self._cli.home)).trust.root())

    async def _visit(self) -> Mapping[str, Mapping[str, bytes]]:
        for name in CLIENTS:
            (self._states / name).mkdir(parents=True, exist_ok=True)
        async with relayed(self._cli, self._node) as url:
            return {
                name: await asyncio.to_thread(follow, self._states / name, self._first, url, TARGETS)
                for name, follow in CLIENTS.items()
            }


Step = Callable[[Cli, dict[str, KeyHolder], Path], int]
STEPS: Mapping[str, Step] = {
    "one of three is replaced": lambda cli, team, file: replace_keys(cli, team, file, "3"),
    "all root keys are replaced": lambda cli, team, file: replace_keys(
        cli, team, file, "123", "--only", "root"
    ),
    "all targets keys are replaced": lambda cli, team, file: replace_keys(
        cli, team, file, "123", "--only", "targets"
    ),
    "the timestamp key is replaced": lambda cli, team, file: replace_keys(cli, team, file, ""),
}


def test_clients_follow_every_rotation(tmp_path: Path) -> None:
    cli = found_agency(tmp_path, name="fr", country="FR")
    cheapen(cli)
    with Running(cli) as node:
        visitors = Visitors(cli, node, tmp_path / "clients")
        visitors.visit()
        team = take_over(cli, tmp_path)
        visitors.visit()
        for version, (name, step) in enumerate(STEPS.items(), 3):
            assert step(cli, team, tmp_path / f"proposal {version}") == version, name
            visitors.visit()
        newcomers = Visitors(cli, node, tmp_path / "newcomers")
        newcomers.visit()
        cli.done("key", "status")
        assert not (cli.home / "keys/offline").exists()


@pytest.mark.parametrize("role", ["root", "targets", "timestamp"])
def test_they_follow_a_team_of_two_that_does_it_by_one_command(tmp_path: Path, role: str) -> None:
    cli = found_agency(tmp_path, name="fr", country="FR")
    cheapen(cli)
    with Running(cli) as node:
        visitors = Visitors(cli, node, tmp_path / "clients")
        visitors.visit()
        for _ in range(2):
            cli.done("key", "rotate", role, "--yes")
            visitors.visit()
