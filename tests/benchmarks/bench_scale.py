"""What lists of any length cost two agencies and a partner: the first time, and for one more file.

Run it as `python -m benchmarks.bench_scale` with `tests` and the repository on the path; a number behind it is the
hashes of each list, such as 1000000, and `--postgresql` has the tables of the agency that releases in a cluster of this
run. Both agencies list the same made-up files (`sigfed dev generate`). Every step is a command of the product in a
process of its own, and both nodes run: processor time and the most memory of each process that takes part are written
to standard error, the greatest of them are held against limits.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.results import Result, report

from node.demo.generate import CATEGORIES, Shape, generate
from node.home import Home
from node.identity.identity import open_identity
from support.agencies import LIST, PARTNER, SUBSET, at_once, cheapen, found_agency, written
from support.moving_time import MovingTime
from support.new_stores import database_with_tables
from support.postgres import postgres_server
from support.processes import Cli, Running

HASHES = 100_000
"""On each list."""
POSTGRESQL = False
MOST_SYNC_US = 32.0
MOST_RELEASE_US = 80.0
MOST_CHANGE_MS = 2000.0
MOST_MEMORY = 500.0
_SHOWN: Final = 0.1
"""Seconds: most steps leave most nodes alone."""
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_WORDS: Final = [word for category in CATEGORIES for word in ("--category", category)]
_MEASURED: Final = """
import json, os, sys
pid = os.fork()
if not pid:
    os.execv(sys.argv[2], sys.argv[2:])
_, status, used = os.wait4(pid, 0)
with open(sys.argv[1], "w") as file:
    json.dump([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024], file)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Runs a command from a process that is small: the most memory of a process counts from before it is the command."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of the processor, and MiB at most."""

    seconds: float
    memory: float


@dataclass(slots=True)
class World:
    """Two agencies whose nodes run, and a partner of the first."""

    folder: Path
    fr: Cli
    nl: Cli
    nodes: dict[str, Running] = field(default_factory=dict)
    spent: dict[str, Spent] = field(default_factory=dict)
    """By step, and by step and node, in order."""

    def step(self, name: str, cli: Cli, *words: str, typed: str = "") -> dict[str, object]:
        """Run a command, and note what it and the nodes spent; its first result."""
        before = {each: _of_node(node) for each, node in self.nodes.items()}
        used = self.folder / "used.json"
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _MEASURED, str(used), *cli.command(words)],
            input=typed.encode(),
            capture_output=True,
            env=cli.variables(),
            cwd=self.folder,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        self._note(name, Spent(*json.loads(used.read_text())))
        for each, node in self.nodes.items():
            now = _of_node(node)
            self._note(f"{name}: node {each}", Spent(now.seconds - before[each].seconds, now.memory))
        found: dict[str, object] = json.loads(done.stdout.splitlines()[0])
        return found

    def _note(self, name: str, spent: Spent) -> None:
        self.spent[name] = spent
        if spent.seconds >= _SHOWN:
            sys.stderr.write(f"{name}: {spent.seconds:.2f} s, {spent.memory:.0f} MiB\n")


def _of_node(node: Running) -> Spent:
    """What a running node and its processes spent so far; of memory the process with most."""
    tree = list(_tree(node.process.pid))
    return Spent(sum(map(_seconds, tree)), max(map(_memory, tree)))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from _tree(int(child))


def _seconds(pid: int) -> float:
    """Those of children that ended are in it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def _memory(pid: int) -> float:
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024


def run(folder: Path, hashes: int, *, dsn: str = "") -> World:
    """All steps, with what each spent."""
    clock = MovingTime(folder / "ahead")
    fr = found_agency(folder, name="fr", country="FR", clock_file=clock.file, store=dsn)
    nl = found_agency(folder, name="nl", country="NL", clock_file=clock.file)
    world, partner = World(folder, fr, nl), Cli(folder / PARTNER, clock.file)
    try:
        _list(world, hashes)
        _join(world)
        world.step("first sync", fr, "peer", "sync")
        fr.done("subset", "create", SUBSET)
        cheapen(fr)
        world.step("first release", fr, "subset", "release", SUBSET)
        invited = fr.done("partner", "invite", PARTNER, "--subset", SUBSET, "--files-per-day", "1000")
        world.step("enrolment", partner, "enroll", "--stdin", typed=f"{invited['invitation']}\n")
        _change(world, partner)
        world.step("status", fr, "status")
        world.step("lists", fr, "list", "ls")
        _let_age(world, clock)
    finally:
        for node in world.nodes.values():
            node.stop()
    return world


def _list(world: World, hashes: int) -> None:
    for table, _ in generate(world.folder, ["fr", "nl"], Shape(hashes=hashes, shared=1)):
        cli = world.fr if table.stem == "fr" else world.nl
        cli.done("list", "create", LIST)
        cheapen(cli)
        _import(world, f"import {table.stem}", cli, table)
        world.step(f"publication {table.stem}", cli, "publish")
        table.unlink()


def _import(world: World, name: str, cli: Cli, table: Path) -> None:
    world.step(name, cli, "entry", "import", str(table), "--list", LIST, "--basis", "own", *_WORDS)


def _join(world: World) -> None:
    """Both run, are members and follow each other."""
    fr, nl = world.fr, world.nl
    for name, cli in (("fr", fr), ("nl", nl)):
        world.nodes[name] = Running(cli, quiet=True, apart=True)
    words = [cli.done("member", "ls")["fingerprint"] for cli in (fr, nl)]
    urls = [open_identity(Home(cli.home)).settings.listen.url for cli in (fr, nl)]
    at_once(
        (fr, "member", "add", urls[1], "--words", words[1], "--country", "NL"),
        (nl, "member", "add", urls[0], "--words", words[0], "--country", "FR"),
    )
    at_once(
        (fr, "peer", "add", "nl.example", "--grant", "baseline"),
        (nl, "peer", "add", "fr.example", "--grant", "baseline"),
    )


def _change(world: World, partner: Cli) -> None:
    """One more file on both lists, as far as the partner."""
    value = sha256(b"one more file").hexdigest()
    row = f"1,{value[:32]},{value[:40]},{value},baseline,{CATEGORIES[0]}"
    table = written(world.folder / "more.csv", f"id,md5,sha1,sha256,collection,category\n{row}\n")
    for name, cli in (("fr", world.fr), ("nl", world.nl)):
        _import(world, f"one more: import {name}", cli, Path(table))
        world.step(f"one more: publication {name}", cli, "publish")
    world.step("one more: sync", world.fr, "peer", "sync")
    released = world.step("one more: release", world.fr, "subset", "release", SUBSET)
    assert (released["added"], released["removed"]) == (3, 0)
    world.step("one more: update", partner, "update")


def _let_age(world: World, clock: MovingTime) -> None:
    """The peer's list is not looked at for so long that it is not fresh."""
    with clock.stopped():
        clock.put_forward(days=8)
    world.step("a stale list: release", world.fr, "subset", "release", SUBSET)


def measure(*, divisor: int = 1) -> Iterator[Result]:
    """What the first time takes for each event and each answer, and what one more file takes."""
    hashes = max(HASHES // divisor, 10)
    with TemporaryDirectory() as name, ExitStack() as ended:
        dsn = database_with_tables(ended.enter_context(postgres_server())) if POSTGRESQL else ""
        spent = run(Path(name), hashes, dsn=dsn).spent
    where = f"two lists of {hashes:,} hashes, {'PostgreSQL' if POSTGRESQL else 'SQLite'}"
    for step, limit in (("sync", MOST_SYNC_US), ("release", MOST_RELEASE_US)):
        first, again = spent[f"first {step}"].seconds, spent[f"one more: {step}"].seconds
        yield Result(
            name=f"a first {step}, each hash",
            value=1e6 * (first - again) / hashes,
            limit=limit,
            unit="µs",
            detail=f"{where}: {first:.1f} s of processor time against {again:.2f} s for one more file",
        )
    for step in ("one more: release", "a stale list: release"):
        yield Result(
            name=step,
            value=1000 * spent[step].seconds,
            limit=MOST_CHANGE_MS,
            unit="ms",
            detail=f"{where}: processor time, the start of the command in it",
        )
    largest = max(spent, key=lambda step: spent[step].memory)
    yield Result(
        name="memory of a process",
        value=spent[largest].memory,
        limit=MOST_MEMORY,
        unit="MiB",
        detail=f"{where}: {largest}",
    )


def _told(arguments: Sequence[str]) -> Sequence[str]:
    """What is left of the arguments; the size and the database are taken out of them."""
    global HASHES, POSTGRESQL  # noqa: PLW0603 - of this run of the program
    POSTGRESQL = "--postgresql" in arguments
    HASHES = next((int(each) for each in arguments if each.isdigit()), HASHES)
    return [each for each in arguments if not each.isdigit() and each != "--postgresql"]


if __name__ == "__main__":
    sys.exit(report([measure], _told(sys.argv[1:])))
