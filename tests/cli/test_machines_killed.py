"""A node on a cluster, under load, while whatever it is made of is killed: nothing that was acknowledged is lost.

The node's own machine with a signer process, three that only serve, haproxy, PostgreSQL under Patroni with etcd, and
SeaweedFS. All are real processes, which a service manager starts again.
"""

import logging
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import pytest

from node.config import load as settings_at
from support.agencies import LIST, SUBSET, Federation, numbered, report, table, written
from support.haproxy import listens, start_haproxy
from support.patroni import Cluster, patroni_cluster
from support.processes import ROOT, Cli, Finished, free_port, wait_until
from support.seaweedfs import PARTS, start_seaweedfs
from support.services import Services
from support.signed_heads import signed_heads
from support.sizes import size
from support.web_machines import copy_keys, found_in_environment, shared_federation, web_machine

_log = logging.getLogger(__name__)
DEPLOY = ROOT / "docs/deploy"
TWINS = frozenset({"web2", "web3", "volume2", "master", "filer", "patroni of a standby"})
"""Parts that are no other to the node than one that is killed in their place."""
LEFT_OUT = size(quick=TWINS, thorough=frozenset[str]())
KILLS = size(quick=11, thorough=50)
SEED = 1
AWAY = size(quick=60.0, thorough=30.0)
"""Seconds within which what was refused is answered; on a machine that runs other tests, too, that says little."""
WEBS = ("web1", "web2", "web3")


@dataclass
class Load:
    """What was asked and answered while machines were killed."""

    over: Event = field(default_factory=Event)
    done: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """By what was done: when each that was acknowledged had begun."""

    def until(self, code: int, cli: Cli, *arguments: str, typed: str = "", or_says: str = "\0") -> Finished:
        """Type the same again until it ends with this exit code, or says this, as whoever is refused for now does."""
        what = " ".join(word for word in arguments[:2] if "/" not in word)
        began = now = time.monotonic()
        while (done := cli.run(*arguments, typed=typed)).exit != code and or_says not in done.err:
            _log.info("%s: %d, %s", what, done.exit, done.err.partition("\n")[0])
            assert done.exit in {2, 16}, f"no fault of whoever asks, and nothing that is wrong: {done.err}"
            assert time.monotonic() - began < AWAY, f"{what}: {done.err}"
            time.sleep(1)
            now = time.monotonic()
        self.done[what].append(now)
        return done

    def rounds(self) -> Iterator[int]:
        """Numbers, with a pause between them, until it is over."""
        for number in count():
            if self.over.wait(1):
                return
            yield number


def look_up(load: Load, pair: Federation, folder: Path) -> Sequence[str]:
    """A partner looks up and reports, again and again; the hits for which it has a receipt."""
    reported: list[str] = []
    for number in load.rounds():
        partner = pair.new_partner(folder / f"partner-{number}")
        load.until(1, partner, "check", pair.files["both"])
        load.until(0, partner, "hit", "report", "--all")
        reported += [str(hit["hit"]) for hit in partner.run("hit", "ls").results if hit["reported"]]
    return reported


def enrol(load: Load, invitations: Sequence[str], folder: Path) -> int:
    """Partners enrol, one after the other; how many did."""
    for number, invitation in zip(load.rounds(), invitations, strict=False):
        late = Cli(folder / f"late-{number}")
        load.until(0, late, "enroll", "--stdin", typed=f"{invitation}\n", or_says="go on with: sigfed update")
        load.until(0, late, "update")
        load.over.wait(5)
    return len(load.done["enroll --stdin"])


def publish(load: Load, fr: Cli) -> int:
    """The agency adds to its list, and publishes; how many files."""
    files = 0
    for number in load.rounds():
        added = numbered(f"meanwhile {number}", 2)
        path = written(fr.home.with_name("meanwhile.csv"), table(*added))
        load.until(0, fr, "entry", "import", path, "--list", LIST, "--basis", "own")
        load.until(0, fr, "publish")
        files += len(added)
    return files


def follow(load: Load, nl: Cli) -> None:
    """A peer syncs, again and again."""
    for _ in load.rounds():
        load.until(0, nl, "peer", "sync")


def rotate(load: Load, fr: Cli, signer: Path, machines: Sequence[Cli]) -> set[str]:
    """Keys are replaced, and copied to where they are needed; those that came."""
    came = set()
    for _, role in zip(load.rounds(), cycle(("storage", "statement", "token")), strict=False):
        came.add(str(load.until(0, fr, "key", "rotate", role).first["key"]))
        for machine in machines:
            copy_key_files(fr, signer, machine)
        load.over.wait(10)
    return came


def copy_key_files(fr: Cli, signer: Path, machine: Cli) -> None:
    """As its operator does."""
    for home, roles in ((fr.home, ("tls", "storage", "oprf")), (signer, ("token", "statement"))):
        copy_keys(home, machine, roles)


@dataclass(frozen=True, kw_only=True)
class Node:
    """All that the node is made of, and who uses it."""

    pair: Federation
    services: Services
    cluster: Cluster
    machines: Sequence[Cli]
    signer: Path
    signed: Path
    """The heads that it signed (`support.signed_heads`)."""

    def parts(self) -> Mapping[str, Callable[[], object]]:
        """What can be killed, by name; each gives the ids of the processes that it killed."""
        names = (*WEBS, "leader", "signer", "haproxy", *PARTS)
        services, cluster = self.services, self.cluster
        return {
            **{name: lambda name=name: services.kill(name) for name in names},  # type: ignore[misc]
            "etcd": lambda: services.kill("etcd2"),
            "patroni of the primary": lambda: services.kill(f"patroni-{cluster.member('leader')}"),
            "patroni of a standby": lambda: services.kill(f"patroni-{cluster.member('sync_standby')}"),
            "primary": lambda: cluster.kill_database(cluster.member("leader")),
            "standby": lambda: cluster.kill_database(cluster.member("sync_standby")),
            "machine of the primary": lambda: cluster.kill_machine(cluster.member("leader")),
        }


@contextmanager
def on_a_cluster(folder: Path) -> Iterator[Node]:
    """Two agencies and a partner; the first is on all that, behind the proxy."""
    with ExitStack() as stack:
        logs = folder / "logs"
        logs.mkdir()
        services = stack.enter_context(Services(logs))
        bucket = start_seaweedfs(services)
        cluster = stack.enter_context(patroni_cluster(services, DEPLOY / "patroni.yml"))
        stack.enter_context(found_in_environment(bucket))
        pair = stack.enter_context(shared_federation(folder, cluster.dsn))
        pair.fr_node.stop()
        public, own = settings_at(pair.fr.home).listen.port, free_port()
        pair.fr.edit("sigfed.toml", f"port = {public}", f"port = {own}")
        pair.fr.edit("sigfed.toml", "proxies = []", 'proxies = ["127.0.0.1/32"]')
        for job in ("publish", "sync", "release"):
            pair.fr.edit("sigfed.toml", f"{job}_minutes = 0", f"{job}_minutes = 1")
        signer = folder / "signer"
        passphrase = str(folder / "fr-passphrase")
        pair.fr.done("signer", "split", str(signer), "--passphrase-file", passphrase, "--yes")
        with (pair.fr.home / "sigfed.toml").open("a") as config:
            config.write(f'\n[signer]\nsocket = "{signer / "socket"}"\n')
        machines = [web_machine(pair.fr, folder / name, roles=()) for name in WEBS]
        for machine in machines:
            copy_key_files(pair.fr, signer, machine)
        signed = folder / "signed"
        recording = sys.executable, "-P", "-m", "support.signed_heads", str(signed)
        owner = Cli(signer)
        services.start(
            "signer", owner.command(["-vv", "signer", "run"], program=recording), owner.variables()
        )
        wait_until((signer / "socket").exists)
        services.serve("leader", pair.fr, "-vv", "run")
        wait_until(lambda: listens(own))
        for name, machine in zip(WEBS, machines, strict=True):
            services.serve(name, machine, "-vv", "run", "--web")
        ports = [settings_at(cli.home).listen.port for cli in (pair.fr, *machines)]
        places = {f"10.0.0.1{number}:8443": f"127.0.0.1:{port}" for number, port in enumerate(ports, 1)}
        wait_until(lambda: all(map(listens, ports)))
        start_haproxy(services, DEPLOY / "haproxy.cfg", public, places)
        yield Node(
            pair=pair, services=services, cluster=cluster, machines=machines, signer=signer, signed=signed
        )


def kill_them(node: Node, load: Load, work: Sequence[Future[Any]]) -> None:
    """One after the other; whoever works has been answered anew, and all is whole, before the next one."""
    parts, drawn = node.parts(), Random(SEED)
    killed = sorted(parts.keys() - LEFT_OUT)
    order = [name for _ in range(KILLS) for name in drawn.sample(killed, len(killed))][:KILLS]
    for number, name in enumerate(order, 1):
        now = time.monotonic()
        pids = parts[name]()

        def back(since: float = now) -> bool:
            again = [load.done[what] for what in ("check", "peer sync", "publish")]
            return any(one.done() for one in work) or all(each and each[-1] > since for each in again)

        wait_until(back)
        took = time.monotonic() - now
        wait_until(node.cluster.is_whole)
        _log.info("kill %d, %s %s: all answered %.1f s later", number, name, pids, took)
        if any(one.done() for one in work):
            return
        assert took < AWAY, name


@pytest.mark.slow
def test_what_is_acknowledged_stays_while_whatever_a_node_is_made_of_is_killed(tmp_path: Path) -> None:
    load = Load()
    with on_a_cluster(tmp_path) as node, ThreadPoolExecutor(5) as pool:
        pair = node.pair
        invite = ("--subset", SUBSET, "--files-per-day", "100")
        invitations = [
            str(pair.fr.done("partner", "invite", f"late-{number}", *invite)["invitation"])
            for number in range(KILLS // 2)
        ]
        reported = pool.submit(look_up, load, pair, tmp_path)
        enrolled = pool.submit(enrol, load, invitations, tmp_path)
        published = pool.submit(publish, load, pair.fr)
        followed = pool.submit(follow, load, pair.nl)
        rotated = pool.submit(rotate, load, pair.fr, node.signer, node.machines)
        try:
            kill_them(node, load, (reported, published, followed, rotated))
        finally:
            load.over.set()
            _log.info("done: %s", {what: len(times) for what, times in load.done.items()})
        assert followed.result() is None
        late = [f"late-{number}" for number in range(enrolled.result())]
        names = [one["partner"] for one in pair.fr.run("partner", "ls").results if one["enrolled"]]
        assert sorted(name for name in names if name.startswith("late-")) == sorted(late)
        receipts = set(reported.result())  # all of them, before it is asked what is kept
        assert receipts
        kept = {one["hit"] for one in pair.fr.run("hit", "ls").results}
        assert kept >= receipts, "a receipt is kept for good"
        assert rotated.result() <= {one["key"] for one in pair.fr.run("key", "status").results}
        pair.fr.done("publish")
        pair.nl.done("peer", "sync")
        origin = f"fr.example/lists/{LIST}"
        held = [report(cli, origin).log.head for cli in (pair.fr, pair.nl)]
        assert held[0] == held[1]
        signed = signed_heads(node.signed)
        assert signed[origin, held[0].size] == {held[0].root.hex()}
        assert {len(roots) for roots in signed.values()} == {1}, "no size is signed twice"
        assert held[0].size == 2 * (1 + published.result()), "each file once, by both of its hashes"
        assert pair.fr.run("evidence", "ls").results == pair.nl.run("evidence", "ls").results == []
        pair.fr.done("audit", "verify")
        looked = pair.fr.run("doctor", "--deep")
        assert looked.exit == 0, looked.out
        backup = str(tmp_path / "backup"), "--passphrase-file", str(tmp_path / "fr-passphrase")
        pair.fr.done("backup", "create", *backup, "--kdf", "online")
        pair.fr.done("backup", "drill", *backup)
        for name in (*WEBS, "leader", "signer"):
            assert not re.search("Traceback|status=500", node.services.log(name)), name
