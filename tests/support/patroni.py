"""A PostgreSQL cluster that fails over by itself: three members under Patroni and three of etcd, on the loopback.

`SIGFED_PATRONI` names the folder of a virtual environment with Patroni; tests that need it are skipped with what to
type where there is none. Its configuration is the one that a manual shows, its addresses replaced.
"""

import json
import re
import signal
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psycopg

from support.haproxy import with_replaced
from support.postgres import unprivileged
from support.processes import ROOT, free_ports, wait_until
from support.programs import needed, needed_in
from support.services import Services, kill_pid

VARIABLE = "SIGFED_PATRONI"
PACKAGES = ("patroni[etcd3]==4.1.5", "psycopg[binary]==3.3.9")
_HINT = f"python3 -m venv DIR && DIR/bin/pip install {' '.join(PACKAGES)}"
_MANUAL: Final = ROOT / "docs/manuals/scaling.md"
_NUMBERS: Final = (1, 2, 3)
_PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
_VARIABLES: Final = {"PATH": _PATH, "LC_ALL": "C.UTF-8"}
_DATABASE: Final = "sigfed"
_PASSWORD: Final = "CHANGE-ME"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A running one."""

    services: Services
    folder: Path
    asked: Sequence[int]
    """Ports of Patroni's own HTTP."""
    ports: Sequence[int]
    """Of PostgreSQL."""

    @property
    def dsn(self) -> str:
        """As the manual has it: it names all members, of which one takes writes."""
        shown = re.search(r'^dsn = "(.+)"$', _MANUAL.read_text(), re.MULTILINE)
        assert shown
        places = {f"10.0.0.2{number}:5432": f"127.0.0.1:{self.ports[number - 1]}" for number in _NUMBERS}
        return with_replaced(shown[1], places)

    def roles(self) -> Mapping[str, str]:
        """What each member that runs is, as a member says that answers."""
        for port in self.asked:
            with suppress(OSError, ValueError):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/cluster", timeout=2) as reply:
                    members = json.loads(reply.read())["members"]
                return {
                    one["name"]: one["role"] for one in members if one["state"] in {"running", "streaming"}
                }
        return {}

    def is_whole(self) -> bool:
        """Whether one takes writes, one confirms them, and one more waits for its turn."""
        return sorted(self.roles().values()) == ["leader", "replica", "sync_standby"]

    def member(self, role: str) -> str:
        """The name of the one that is this now."""
        found: list[str] = []

        def look() -> bool:
            found[:] = [name for name, its in self.roles().items() if its == role]
            return len(found) == 1

        wait_until(look)
        return found[0]

    def kill_database(self, member: str) -> int:
        """Kill the PostgreSQL of a member; its process id."""
        return kill_pid(self._pid(member))

    def kill_machine(self, member: str) -> list[int]:
        """Kill PostgreSQL and Patroni of the member that takes writes, which come again once another one does."""
        with self.services.held(f"patroni-{member}"):
            pids = [self.services.kill(f"patroni-{member}"), self.kill_database(member)]
            wait_until(lambda: "leader" in {role for name, role in self.roles().items() if name != member})
        return pids

    def _pid(self, member: str) -> int:
        return int((self.folder / member / "postmaster.pid").read_text().partition("\n")[0])

    def stop(self) -> None:
        """Kill what Patroni started, which nobody looks after any more."""
        for number in _NUMBERS:
            with suppress(FileNotFoundError, ProcessLookupError):
                kill_pid(self._pid(f"db{number}"), signal.SIGQUIT)


@contextmanager
def patroni_cluster(services: Services, config: Path) -> Iterator[Cluster]:
    """A cluster that lives as long as the block, with a role and an empty database for a node."""
    patroni = needed_in(VARIABLE, "bin/patroni", _HINT) / "bin/patroni"
    with TemporaryDirectory(prefix="sigfed-db-", ignore_cleanup_errors=True) as name:
        ports = free_ports(12)
        cluster = Cluster(services=services, folder=Path(name), asked=ports[:3], ports=ports[3:6])
        become = unprivileged(cluster.folder)
        etcd = _start_etcd(cluster, ports[6:])
        for number in _NUMBERS:
            path = cluster.folder / f"db{number}.yml"
            path.write_text(_config(config.read_text(), cluster, etcd, number))
            services.start(f"patroni-db{number}", [*become, patroni, path], _VARIABLES)
        try:
            wait_until(cluster.is_whole)
            _make_database(cluster)
            yield cluster
        finally:
            for number in _NUMBERS:
                services.end(f"patroni-db{number}")
            cluster.stop()


def _start_etcd(cluster: Cluster, ports: Sequence[int]) -> Sequence[str]:
    """Three members; where clients reach them."""
    program = needed("etcd")
    clients, peers = ([f"http://127.0.0.1:{port}" for port in some] for some in (ports[:3], ports[3:]))
    members = ",".join(f"etcd{number}={peer}" for number, peer in zip(_NUMBERS, peers, strict=True))
    for number, client, peer in zip(_NUMBERS, clients, peers, strict=True):
        options = {
            "name": f"etcd{number}",
            "data-dir": str(cluster.folder / f"etcd{number}"),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": members,
            "log-level": "warn",
        }
        words = [f"--{name}={value}" for name, value in options.items()]
        cluster.services.start(f"etcd{number}", [program, *words], _VARIABLES)
    return [client.removeprefix("http://") for client in clients]


def _config(text: str, cluster: Cluster, etcd: Sequence[str], number: int) -> str:
    """The configuration of a member, as the manual has it of the first."""
    replaced = {f"10.0.0.2{other}:2379": etcd[other - 1] for other in _NUMBERS}
    replaced |= {
        "name: db1": f"name: db{number}",
        "10.0.0.21:8008": f"127.0.0.1:{cluster.asked[number - 1]}",
        "10.0.0.21:5432": f"127.0.0.1:{cluster.ports[number - 1]}",
        "10.0.0.0/24": "127.0.0.1/32",
        "/var/lib/postgresql/sigfed": str(cluster.folder / f"db{number}"),
        "/var/lib/postgresql/pgpass": str(cluster.folder / f"pgpass{number}"),
        "/usr/lib/postgresql/17/bin": str(needed("initdb").resolve().parent),
        "/run/postgresql": str(cluster.folder),
    }
    return with_replaced(text, replaced)


def _make_database(cluster: Cluster) -> None:
    port = cluster.ports[int(cluster.member("leader").removeprefix("db")) - 1]
    conninfo = f"host=127.0.0.1 port={port} user=postgres password={_PASSWORD} dbname=postgres"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {_DATABASE} LOGIN PASSWORD '{_PASSWORD}'".encode())
        connection.execute(f"CREATE DATABASE {_DATABASE} OWNER {_DATABASE}".encode())
