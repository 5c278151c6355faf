"""A partner's home with a list, hits, scans and a daemon, made without a network; and its console on a real socket."""

import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from node.clock import HOUR_MS, milliseconds
from node.console.address import Address
from node.console.hoster.app import COOKIE, make_partner_console
from node.console.hoster.listener import open_world
from node.console.hoster.world import PartnerWorld
from node.home import Home
from node.hoster.folder import PartnerFolder
from node.hoster.hits.homes import hit_spool
from node.hoster.hits.resolutions import Action
from node.hoster.hits.spool import HitSpool, SpooledHit
from node.hoster.judge.daemons import running_daemon
from node.hoster.lookup.allowance import Meter
from node.hoster.release.last_update import LastUpdate, keep_last_update
from node.hoster.scan.history import keep_scan
from node.hoster.scan.results import ScanSummary, Status
from node.web.server import serve
from protocol.statement.report import SentReport
from support.console import Browser, KeptVisitors, RunningConsole
from support.hits import report_of
from support.processes import Cli, Daemon, free_port
from support.release_logs import WitnessedWorld
from support.spooling import HIT, recorded

NL, BE, DE = "nl.example", "be.example", "de.example"
LISTED = tuple(range(1000, 1100))


class Seat:
    """A partner's home whose list is made without a network."""

    def __init__(self, folder: Path) -> None:
        self.world = WitnessedWorld(folder, members=(NL, BE, DE))
        self.home = Home(folder)

    async def hold(self) -> None:
        """Bring release 1 in force."""
        self.world.log.release(LISTED)
        self.world.show(NL, BE)
        await self.world.update()

    @property
    def now_ms(self) -> int:
        return milliseconds(self.world.clock.now())

    @property
    def spool(self) -> HitSpool:
        return hit_spool(self.home)

    def find(self, name: str, *, hours_ago: float = 0.0, weak: bool = False) -> SpooledHit:
        """A hit that is recorded, and of which nobody was told."""
        hit = replace(HIT, report=SentReport(report_of(name), b"m" * 32), weak=weak)
        return recorded(self.spool, hit, name=name, now_ms=self.now_ms - int(hours_ago * HOUR_MS))

    def reported(self, hit: SpooledHit) -> SpooledHit:
        """The hit as one that the agency does not take: nothing is to be sent of it any more."""
        changed = replace(hit, refused="the agency does not know this release any more")
        self.spool.save(changed)
        return changed

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Work of all kinds waits, and a daemon runs."""
        self.find("2026/uploads/holiday-0001.jpg", hours_ago=30)
        self.reported(
            self.find("2026/uploads/an album with a rather long name/IMG_20260504_120000.jpeg", hours_ago=26)
        )
        self.find("2026/uploads/b.png", hours_ago=3, weak=True)
        resolved = replace(
            self.find("2026/uploads/c.png", hours_ago=50),
            action=Action.REMOVED,
            resolved_ms=self.now_ms - 40 * HOUR_MS,
        )
        self.spool.save(resolved)
        enrolment, _ = PartnerFolder(self.home.partner).load()
        Meter.of(PartnerFolder(self.home.partner), enrolment, self.world.clock).spent(400)
        keep_last_update(
            self.home.partner,
            LastUpdate(at_ms=self.now_ms - HOUR_MS, error="the node does not answer", hint="try again later"),
        )
        for days, hits in ((9, 1), (2, 0), (0, 2)):
            keep_scan(self.home.partner, self.scan(hours_ago=days * 24 + 1, hits=hits))
        with running_daemon(self.home.partner, "agent", now_ms=self.now_ms - 3 * HOUR_MS):
            yield

    def scan(self, *, hours_ago: float, hits: int) -> ScanSummary:
        """A scan that was finished."""
        ended_ms = self.now_ms - int(hours_ago * HOUR_MS)
        return ScanSummary(
            sources=("/srv/uploads", "s3://bucket/archive"),
            counts={Status.CLEAN: 120_000, Status.HIT: hits, Status.UNREADABLE: 3, Status.PARTLY: 1},
            bytes=48_000_000_000,
            read=2_000,
            passed_over=5,
            started_ms=ended_ms - 25 * 60 * 1000,
            ended_ms=ended_ms,
            subset="baseline",
            release=1,
        )

    def pass_time(self, span: timedelta) -> None:
        """Let it be later."""
        self.world.clock.advance(span)


@asynccontextmanager
async def partner_console_of(world: PartnerWorld) -> AsyncIterator[RunningConsole[PartnerWorld]]:
    """The console of a home, on a free port of this machine, with sessions that a test opens by itself."""
    port, visitors = free_port(), KeptVisitors()
    address = Address.parse(f"http://localhost:{port}/")
    app = make_partner_console(world, visitors, address)
    server = await serve(app, ssl_context=None, host="127.0.0.1", port=port, drain_seconds=1)
    try:
        yield RunningConsole(world, visitors, server, address.authority, COOKIE)
    finally:
        await server.stop()


def world_of(seat: Seat) -> PartnerWorld:
    """What its console works with."""
    return open_world(seat.home, clock=seat.world.clock, entropy=os.urandom)


EXAMPLES: Mapping[str, Callable[[PartnerWorld], str]] = {
    "hit": lambda world: f"hit={hit_spool(world.home).readable().hits[-1].id}"
}
"""Queries of the pages that take one."""


CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')


@contextmanager
def console(partner: Cli) -> Iterator[tuple[Daemon, int]]:
    """The console as it is started, and its port."""
    port = free_port()
    settings = partner.home / "partner.toml"
    settings.write_text(f'[console]\nport = {port}\nurl = "http://localhost:{port}/"\n')
    with Daemon(partner, "console", "run") as running:
        assert running.answered == {"url": f"http://localhost:{port}/console/"}
        yield running, port


async def signed_in(partner: Cli, port: int, *role: str) -> Browser:
    """A browser in which Alice is signed in."""
    made = partner.done("console", "token", "Alice", *role)
    outside = Browser(f"http://127.0.0.1:{port}", f"localhost:{port}")
    async with outside:
        reply = await outside.post("/console/sign-in", {"token": made["token"], "to": ""})
    assert reply.status == 303, reply.words
    session = reply.headers["Set-Cookie"].removeprefix(f"{COOKIE}=").split(";")[0]
    return Browser(f"http://127.0.0.1:{port}", f"localhost:{port}", session, cookie=COOKIE)
