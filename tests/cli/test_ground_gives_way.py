"""What holds a node up gives way and comes back: a disk, a bucket, the database, a clock.

`GROUNDS` says down the page what gives way, and of each what then fails, with which exit code and in which words.
Everything else that is done here goes on meanwhile. Nobody starts anything again: once the ground is back, all of it
works, and nothing is lost.
"""

import os
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from node.objects.s3 import _prepare
from support.agencies import LIST, SUBSET, Federation, fetch, numbered, table, written
from support.disks import Acts, mounted, small_disk
from support.federated import federated
from support.postgres import postgres_server
from support.processes import Finished, Running, free_port, wait_until
from support.relay import relay
from support.seaweedfs import KEY, SECRET, Fault, bad_proxy, seaweedfs
from support.web_machines import shared_federation

pytestmark = pytest.mark.slow

HOUR: Final = 3600
LATE: Final = b"listed by both, and looked up late"


@dataclass(slots=True)
class World:
    """Two agencies of which the first is watched, and a partner of the first."""

    pair: Federation
    metrics: int = 0
    rounds: int = 0
    backups: list[str] = field(default_factory=list)
    homes: dict[str, Path] = field(default_factory=dict)
    """Where the partner's home has to be, by what gives way."""

    def work(self) -> Iterator[tuple[str, Callable[[], Finished]]]:
        """What is done, in order, each by its name; both agencies list a file that nobody listed before."""
        fr, nl, partner, folder = self.pair.fr, self.pair.nl, self.pair.partner, self.pair.folder
        self.rounds += 1
        new = f"new {self.rounds}".encode()
        rows = written(folder / f"{self.rounds}.csv", table(new, *numbered(f"of {self.rounds}", 2)))
        take = ("entry", "import", rows, "--list", LIST, "--basis", "own")
        found = (self.pair.files["both"], written(folder / "later.bin", LATE))
        asked = (*found, written(folder / f"{self.rounds}.bin", new))
        backup = str(folder / f"backup-{self.rounds}")
        yield "the other imports", lambda: nl.run(*take)
        yield "the other publishes", lambda: nl.run("publish")
        yield "status", lambda: fr.run("status")
        yield "import", lambda: fr.run(*take)
        yield "publish", lambda: fr.run("publish")
        yield "sync", lambda: fr.run("peer", "sync")
        yield "release", lambda: fr.run("subset", "release", SUBSET)
        yield "followed", lambda: nl.run("peer", "sync")
        yield "update", lambda: partner.run("update")
        yield "look-up", lambda: partner.run("check", *asked)
        yield "scan", lambda: partner.run("scan", *asked)
        yield "report", lambda: partner.run("hit", "report", "--all")
        yield "rotate", lambda: fr.run("key", "rotate", "token")
        yield "backup", lambda: fr.run("backup", "create", backup, *self.secret)
        yield "doctor", lambda: fr.run("doctor")

    @property
    def secret(self) -> tuple[str, ...]:
        return "--kdf", "online", "--passphrase-file", str(self.pair.folder / "fr-passphrase")

    def do(self, fails: "Fails") -> None:
        """All of it; what is not in the table goes well."""
        wrong = []
        for name, run in self.work():
            expected = fails.get(name, (1 if name in {"look-up", "scan"} else 0, ""))
            done = run()
            if expected is not None and (done.exit, expected[1] in done.err) != (expected[0], True):
                wrong.append((name, done))
            if name == "backup" and not done.exit:
                self.backups.append(done.first["backup"])
            if name == "look-up" and done.exit == 1 and not fails:
                assert [found["verdict"] for found in done.results] == ["hit"] * 3
        assert not wrong, "\n".join(f"{name}: {done}" for name, done in wrong)

    def state(self) -> tuple[int, bool, frozenset[str]]:
        """What `/health/ready` says, whether additions wait, and what cannot be written as the metrics have it."""
        status, body = fetch(self.pair.fr, self.pair.fr_node, "/health/ready")
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics") as reply:
            lines = reply.read().decode().splitlines()
        writable = [line for line in lines if line.startswith("sigfed_writable{")]
        assert len(writable) == 3
        refused = frozenset(line.split('"')[1] for line in writable if line.endswith(" 0.0"))
        return status, b"waiting" in body, refused

    def watch(self) -> None:
        """Serve the metrics of the first agency."""
        self.metrics = free_port()
        self.pair.fr_node.stop()
        self.pair.fr.edit("sigfed.toml", "[metrics]\nenabled = false", "[metrics]\nenabled = true")
        self.pair.fr.edit("sigfed.toml", "port = 9844", f"port = {self.metrics}")
        self.pair.fr_node = Running(self.pair.fr)

    def require_whole(self) -> None:
        """Nothing is lost, and nobody has anything against anybody."""
        for cli in (self.pair.fr, self.pair.nl, self.pair.partner):
            looked = cli.run("doctor", "--deep")
            assert looked.exit == 0, looked.out
        for cli in (self.pair.fr, self.pair.nl):
            assert cli.run("evidence", "ls").results == []
        assert self.backups
        while self.backups:
            backup = self.backups.pop()
            verified = self.pair.fr.run("backup", "verify", backup, *self.secret[2:])
            assert verified.exit == 0, verified.err
        waiting = [hit for hit in self.pair.partner.run("hit", "ls").results if hit["state"] != "reported"]
        assert not waiting


Fails = dict[str, tuple[int, str] | None]
"""By what is done, exit code and words; None of what may fail, or not."""


@contextmanager
def read_only(folder: Path) -> Iterator[Acts]:
    """A folder that somebody mounts read-only."""

    def refuse() -> None:
        mounted("--bind", str(folder), str(folder))
        mounted("-o", "remount,ro,bind", str(folder))

    def take_again() -> None:
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            subprocess.run(["umount", "-l", str(folder)], check=True)

    try:
        yield Acts(refuse, take_again)
    finally:
        take_again()


Grounds = Mapping[str, Acts]
"""What can give way under one federation, by name."""


@contextmanager
def disks(folder: Path) -> Iterator[tuple[World, Grounds]]:
    """Each of the three has a disk of its own, and the first a folder of objects on it."""
    with (
        small_disk(folder / "fr") as agency,
        small_disk(folder / "nl") as peer,
        small_disk(folder / "partner-disk") as partner,
        world(federated(folder, shared=[LATE])) as made,
        read_only(made.pair.fr.home / "objects") as objects,
    ):
        made.homes["partner"] = folder / "partner-disk/home"
        pair = made.pair

        def answers() -> bool:
            return fetch(pair.nl, pair.nl_node, "/health/ready")[0] == 200

        def make_room() -> None:
            peer.comes_back()
            wait_until(answers)

        grounds = {"agency": agency, "partner": partner, "objects": objects}
        yield made, {**grounds, "peer": Acts(peer.gives_way, make_room)}


@contextmanager
def services(folder: Path) -> Iterator[tuple[World, Grounds]]:
    """Objects in a bucket behind a proxy that spoils, tables in a database behind a relay that can be cut."""
    with (
        pytest.MonkeyPatch.context() as patched,
        seaweedfs() as server,
        bad_proxy(server) as proxy,
        postgres_server() as database,
        relay(database.port) as way,
    ):
        patched.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        patched.setenv("AWS_ALLOW_HTTP", "true")
        patched.setenv("AWS_REGION", "eu")
        patched.setenv("AWS_ACCESS_KEY_ID", KEY)
        patched.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        dsn = database.database().replace(f":{database.port}/", f":{way.port}/")
        assert f":{way.port}/" in dsn

        def spoil(fault: Fault) -> None:
            proxy.bad = fault
            _prepare.cache_clear()  # a command that is a process of its own asks first

        faults = {
            "put": Fault(answers=403, of="PUT"),
            "compare": Fault(ignores=frozenset({"if-none-match", "if-match"})),
        }
        with world(shared_federation(folder, dsn, shared=[LATE])) as made:
            spoilt = {name: Acts(partial(spoil, fault), proxy.mend) for name, fault in faults.items()}
            yield made, {**spoilt, "database": Acts(way.cut, way.mend)}


@contextmanager
def clocks(folder: Path) -> Iterator[tuple[World, Grounds]]:
    """Everybody's clock is a file; what was founded is some hours old."""
    shared, passed = folder / "clock", 0
    own = {who: folder / f"clock-{who}" for who in ("fr", "partner")}

    def show(seconds: int, *files: Path) -> None:
        for file in files:
            file.write_text(f"{passed + seconds:+}")

    def an_hour_passes() -> None:
        nonlocal passed
        passed += HOUR
        show(0, shared, *own.values())

    show(0, shared)
    with world(federated(folder, shared=[LATE], clock_file=shared)) as made:
        passed = 3 * HOUR
        show(0, shared, *own.values())
        pair = made.pair
        pair.fr_node.stop()
        pair.fr = replace(pair.fr, clock_file=own["fr"])
        pair.partner = replace(pair.partner, clock_file=own["partner"])
        pair.fr_node = Running(pair.fr)
        yield (
            made,
            {
                f"{who} {seconds:+}": Acts(
                    partial(show, seconds, file), partial(show, 0, file), an_hour_passes
                )
                for who, file in own.items()
                for seconds in (HOUR, -HOUR)
            },
        )


@contextmanager
def world(federation: AbstractContextManager[Federation]) -> Iterator[World]:
    with federation as pair:
        made = World(pair)
        made.watch()
        assert pair.partner.run("scan", pair.files["both"]).exit == 1  # another one finds its state
        yield made


NO_ROOM: Final = "no room is left on its disk"
READ_ONLY: Final = "the object folder cannot be written: it is read-only"
NOT_TAKEN: Final = "the object store refuses this node"
NOT_COMPARED: Final = "this object store does not heed If-None-Match"
NO_DATABASE: Final = "the database failed"
LATER: Final = (16, "fr.example cannot answer now (status 503)")
AHEAD, BEHIND = (12, "s ahead of the clock of"), (12, "s behind the clock of")
OTHER: Final = ("the other imports", "the other publishes")
"""What the other agency fails at where its disk is full, or its objects are in the bucket that takes nothing."""
TALKS: Final = ("followed", "update", "look-up", "scan", "report")


def unwritten(says: str) -> Fails:
    """Of objects that cannot be written."""
    fails: Fails = dict.fromkeys(("import", "publish", "sync", "release"), (2, says))
    return fails | {"doctor": (2, "mend what failed")}


@dataclass(frozen=True, slots=True)
class Ground:
    """One line of the table."""

    under: Callable[[Path], AbstractContextManager[tuple[World, Grounds]]]
    name: str
    fails: Fails
    """What fails as long as it is gone."""
    ready: int = 200
    waits: bool = False
    """Whether additions do, as `/health/ready` says."""
    refuses: frozenset[str] = frozenset()
    """What the metrics say cannot be written."""
    lingers: Fails = field(default_factory=dict)
    """What fails for an hour more."""


OBJECTS: Final = frozenset({"objects"})
GROUNDS: Final[Mapping[str, Ground]] = {
    "the disk of the agency is full": Ground(
        disks,
        "agency",
        unwritten(NO_ROOM) | dict.fromkeys(TALKS, LATER) | dict.fromkeys(("rotate", "backup"), (2, NO_ROOM)),
        ready=503,
        refuses=frozenset({"folder", "objects", "database"}),
    ),
    "the disk of the peer is full": Ground(
        disks,
        "peer",
        {
            **dict.fromkeys(("the other imports", "followed"), (2, NO_ROOM)),
            "the other publishes": None,  # nothing waits
            "sync": (16, "nl.example cannot answer now (status 503)"),
        },
    ),
    "the disk of the partner is full": Ground(
        disks,
        "partner",
        {**dict.fromkeys(("update", "report", "scan"), (2, NO_ROOM)), "look-up": (1, NO_ROOM)},
    ),
    "the objects are on a disk that is read-only": Ground(
        disks, "objects", unwritten(READ_ONLY), waits=True, refuses=OBJECTS
    ),
    "the bucket takes nothing": Ground(
        services,
        "put",
        unwritten(NOT_TAKEN) | dict.fromkeys((*OTHER, "followed", "rotate"), (2, NOT_TAKEN)),
        waits=True,
        refuses=OBJECTS,
    ),
    "the bucket does not compare any more": Ground(
        services,
        "compare",
        unwritten(NOT_COMPARED)
        | dict.fromkeys((*OTHER, "rotate"), (2, NOT_COMPARED))
        | {"sync": (0, "")},  # the other has nothing new
        waits=True,
        refuses=OBJECTS,
    ),
    "the database is away": Ground(
        services,
        "database",
        unwritten(NO_DATABASE)
        | dict.fromkeys(TALKS, LATER)
        | dict.fromkeys(("status", "rotate", "backup"), (2, NO_DATABASE)),
        ready=503,
        refuses=frozenset({"database"}),
    ),
    # Before a token's key is younger than an hour, and hours pass.
    "the clock of the agency is an hour behind": Ground(
        clocks,
        "fr -3600",
        {"sync": BEHIND, "followed": AHEAD, "update": AHEAD},  # the partner has a token for what it asks
    ),
    "the clock of the partner is an hour ahead": Ground(
        clocks, "partner +3600", dict.fromkeys(TALKS[1:], AHEAD)
    ),
    "the clock of the partner is an hour behind": Ground(
        clocks, "partner -3600", dict.fromkeys(TALKS[1:], BEHIND)
    ),
    "the clock of the agency is an hour ahead": Ground(
        clocks,
        "fr +3600",
        {"sync": AHEAD, **dict.fromkeys(TALKS, BEHIND)},
        lingers={"sync": None, "look-up": None, "followed": (14, "is dated in the future")},
    ),
}


@pytest.fixture(scope="module")
def founded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, Grounds]]:
    """A federation under which one thing after the other gives way."""
    with request.param(tmp_path_factory.mktemp(request.param.__name__)) as made:
        yield made


@pytest.mark.parametrize(
    ("founded", "ground"),
    [(ground.under, ground) for ground in GROUNDS.values()],
    indirect=["founded"],
    ids=GROUNDS,
    scope="module",
)
def test_what_gives_way_is_said_and_comes_back(
    founded: tuple[World, Grounds], ground: Ground, tmp_path: Path
) -> None:
    made, acts = founded[0], founded[1][ground.name]
    pair = made.pair
    rows = written(tmp_path / "before.csv", table(*numbered(f"before {made.rounds}", 2)))
    pair.fr.done("entry", "import", rows, "--list", LIST, "--basis", "own")
    pair.partner = pair.new_partner(made.homes.get(ground.name, pair.folder / f"partner-{made.rounds}"))
    assert pair.partner.run("check", pair.files["both"]).exit == 1, "and a hit waits to be reported"
    acts.gives_way()
    try:
        made.do(ground.fails)
        # A node looks every few seconds.
        wait_until(lambda: made.state() == (ground.ready, ground.waits, ground.refuses))
        said = pair.fr.run("status")
        if not said.exit:
            assert set(said.first["refused"]) == ground.refuses
    finally:
        acts.comes_back()
    wait_until(lambda: made.state() == (200, False, frozenset()))
    if ground.lingers:
        made.do(ground.lingers)
        assert (
            "is dated ahead: followers take only withdrawals and disputes of it before"
            in pair.fr.run("doctor").out
        )
        acts.later()
    made.do({})
    made.require_whole()
