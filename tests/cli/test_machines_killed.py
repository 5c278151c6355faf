"""The node's own machine and two that only serve, behind a real haproxy, under load, while some of them are killed."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import psycopg

from node.config import load as settings_at
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.note import Note
from support.agencies import SUBSET, Federation, import_files, numbered
from support.haproxy import haproxy
from support.processes import Cli, Daemon, Running, free_port, wait_until
from support.web_machines import serving, shared_federation, shared_stores, web_machine

CONFIG = Path(__file__).parents[2] / "docs/deploy/haproxy.cfg"
AWAY = 30.0
"""Seconds within which what was refused is answered."""


@dataclass
class Load:
    """What was asked and answered while machines were killed."""

    over: Event = field(default_factory=Event)
    answered: int = 0

    def until(self, code: int, cli: Cli, *arguments: str, typed: str = "", or_says: str = "\0") -> None:
        """Type the same again until it ends with this exit code, or says this, as whoever is refused for now does."""
        began = time.monotonic()
        while (done := cli.run(*arguments, typed=typed)).exit != code and or_says not in done.err:
            assert time.monotonic() - began < AWAY, done.err
        self.answered += 1


def look_up(load: Load, pair: Federation, folder: Path) -> Sequence[str]:
    """A partner looks up and reports, again and again; the hits for which it has a receipt."""
    reported: list[str] = []
    while not load.over.is_set():
        partner = pair.new_partner(folder / f"partner-{len(reported)}")
        load.until(1, partner, "check", pair.files["both"])
        load.until(0, partner, "hit", "report", "--all")
        reported += [str(hit["hit"]) for hit in partner.run("hit", "ls").results if hit["reported"]]
    return reported


def enrol(load: Load, invitations: Sequence[str], folder: Path) -> int:
    """Partners enrol, one after the other; how many did."""
    for number, invitation in enumerate(invitations):
        if load.over.is_set():
            return number
        late = Cli(folder / f"late-{number}")
        load.until(0, late, "enroll", "--stdin", typed=f"{invitation}\n", or_says="go on with: sigfed update")
        load.until(0, late, "update")
    return len(invitations)


def publish(load: Load, fr: Cli) -> int:
    """The agency adds to its list, and publishes; how many times."""
    times = 0
    while not load.over.is_set():
        import_files(fr, numbered(f"meanwhile {times}", 2))
        load.until(0, fr, "publish")
        times += 1
    return times


def follow(load: Load, nl: Cli) -> None:
    """A peer syncs, again and again."""
    while not load.over.is_set():
        load.until(0, nl, "peer", "sync")


def watch(load: Load, dsn: str) -> dict[tuple[str, int], set[bytes]]:
    """Every root that was signed, by log and size, as the database had it."""
    seen: dict[tuple[str, int], set[bytes]] = {}
    with psycopg.connect(dsn.replace("+psycopg", ""), autocommit=True) as database:
        while not load.over.is_set():
            for (note,) in database.execute("SELECT note FROM log WHERE note IS NOT NULL").fetchall():
                head = Checkpoint.from_text(Note.parse(bytes(note)).text)
                seen.setdefault((head.origin, head.size), set()).add(head.root)
            time.sleep(0.02)
    return seen


@contextmanager
def behind_haproxy(pair: Federation, folder: Path) -> Iterator[list[Daemon]]:
    """The node's own machine at another port than it says, and two that only serve; the proxy has the port it says."""
    public, own = settings_at(pair.fr.home).listen.port, free_port()
    pair.fr_node.stop()
    pair.fr.edit("sigfed.toml", f"port = {public}", f"port = {own}")
    pair.fr.edit("sigfed.toml", "proxies = []", 'proxies = ["127.0.0.1/32"]')
    machines = [web_machine(pair.fr, folder / f"web{number}") for number in (1, 2)]
    ports = [settings_at(cli.home).listen.port for cli in (pair.fr, *machines)]
    places = {f"10.0.0.1{number}:8443": f"127.0.0.1:{port}" for number, port in enumerate(ports, 1)}
    with ExitStack() as stack:
        pair.fr_node = Running(pair.fr)
        webs = [stack.enter_context(serving(machine)) for machine in machines]
        stack.enter_context(haproxy(folder, CONFIG, public, places))
        yield webs


def killed(node: Daemon) -> None:
    node.process.kill()
    node.process.wait()


def test_what_is_asked_is_answered_while_machines_are_killed(tmp_path: Path) -> None:
    load = Load()
    with shared_stores() as database, shared_federation(tmp_path, database) as pair, ExitStack() as stack:
        invite = ("--subset", SUBSET, "--files-per-day", "100")
        invitations = [
            str(pair.fr.done("partner", "invite", f"late-{number}", *invite)["invitation"])
            for number in range(8)
        ]
        dsn = settings_at(pair.fr.home).store.dsn
        webs = stack.enter_context(behind_haproxy(pair, tmp_path))
        pool = stack.enter_context(ThreadPoolExecutor(5))
        seen = pool.submit(watch, load, dsn)
        reported = pool.submit(look_up, load, pair, tmp_path)
        enrolled = pool.submit(enrol, load, invitations, tmp_path)
        published = pool.submit(publish, load, pair.fr)
        followed = pool.submit(follow, load, pair.nl)
        work = (seen, reported, enrolled, published, followed)

        def more(answers: int) -> None:
            wanted = load.answered + answers
            wait_until(lambda: load.answered >= wanted or any(one.done() for one in work))

        try:
            more(4)
            killed(webs[0])
            more(4)
            killed(pair.fr_node)
            more(4)
            webs[0] = stack.enter_context(serving(Cli(tmp_path / "web1", cheap_keys=True)))
            more(2)
            pair.fr_node = Running(pair.fr)
            more(4)
        finally:
            load.over.set()
        assert followed.result() is None
        assert published.result() > 0
        late = [f"late-{number}" for number in range(enrolled.result())]
        names = [one["partner"] for one in pair.fr.run("partner", "ls").results if one["enrolled"]]
        assert sorted(name for name in names if name.startswith("late-")) == late
        kept = {one["hit"] for one in pair.fr.run("hit", "ls").results}
        assert reported.result()
        assert kept >= set(reported.result()), "a receipt is kept for good"
        assert {len(roots) for roots in seen.result().values()} == {1}, "no size is signed twice"
        assert pair.fr.run("evidence", "ls").results == pair.nl.run("evidence", "ls").results == []
        pair.fr.done("publish")
        looked = pair.fr.run("doctor", "--deep")
        assert looked.exit == 0, looked.out
