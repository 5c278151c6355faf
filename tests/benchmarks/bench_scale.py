"""What lists of any length cost two agencies and a partner: the first time, and for one more file.

Run it as `python -m benchmarks.bench_scale` with `tests` and the repository on the path; a number behind it is the
hashes of each list, such as 1000000. With `--postgresql` the agency that releases has its tables in a cluster of this
run, with `--bucket` its objects in a SeaweedFS of this run. Both agencies list the same made-up files (`sigfed dev
generate`). Every step is a command of the product in a process of its own, and both nodes run: processor time and the
most memory of each process that takes part, and the requests to the bucket, are written to standard error, the greatest
of them are held against limits. With `--loaded` all are forks of a program that is loaded already: that shows that
everything runs, and says nothing of what it costs.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from unittest.mock import patch

from benchmarks.results import Result, report

from node.demo.generate import CATEGORIES, Shape, generate
from node.home import Home
from node.identity.identity import open_identity
from support.agencies import LIST, PARTNER, SUBSET, at_once, cheapen, found_agency, written
from support.moving_time import MovingTime
from support.new_stores import database_with_tables
from support.postgres import postgres_server
from support.processes import Cli, Running
from support.seaweedfs import OPEN, seaweedfs
from support.shell_program import shell_program
from support.web_machines import found_in_environment

HASHES = 100_000
"""On each list."""
MOST_SYNC_US = 25.0
MOST_RELEASE_US = 60.0
MOST_CHANGE_MS = 1500.0
MOST_MEMORY = 500.0
_SHOWN: Final = 0.1
"""Seconds: most steps leave most nodes alone."""
_AS_IT_COMES: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum": "on",
    "shared_buffers": "128MB",
}
"""Settings of PostgreSQL that tests have otherwise."""
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
class Stores:
    """Where the agency that releases keeps its tables and its objects: in its folder, unless they are named."""

    tables: str = ""
    objects: str = ""
    servers: dict[str, int] = field(default_factory=dict)
    """Their process ids, by name."""
    asked: Callable[[], int] = int
    """Requests that the bucket had so far."""

    @property
    def words(self) -> str:
        """What they are."""
        return f"{'PostgreSQL' if self.tables else 'SQLite'}, {'a bucket' if self.objects else 'files'}"


@contextmanager
def stores(*, postgresql: bool = False, bucket: bool = False) -> Iterator[Stores]:
    """Servers of this run, as they come but for their addresses."""
    with ExitStack() as ended:
        found = Stores()
        if postgresql:
            database = ended.enter_context(postgres_server(**_AS_IT_COMES))
            found.tables, found.servers["PostgreSQL"] = database_with_tables(database), database.pid
        if bucket:
            server = ended.enter_context(seaweedfs())
            ended.enter_context(found_in_environment(server))
            found.objects, found.servers["SeaweedFS"] = f"s3://{OPEN}/scale", server.pid
            found.asked = server.requests
        yield found


@dataclass(slots=True)
class World:
    """Two agencies whose nodes run, and a partner of the first."""

    folder: Path
    stores: Stores
    fr: Cli
    nl: Cli
    loaded: bool
    """Whether nodes are forks of a program that is loaded already."""
    nodes: dict[str, Running] = field(default_factory=dict)
    spent: dict[str, Spent] = field(default_factory=dict)
    """By step, and by step and node, in order."""

    def step(self, name: str, cli: Cli, *words: str, typed: str = "") -> dict[str, object]:
        """Run a command, and note what it and the nodes spent; its first result."""
        before, asked = self._beside(), self.stores.asked()
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
        for each, now in self._beside().items():
            self._note(f"{name}: {each}", Spent(now.seconds - before[each].seconds, now.memory))
        if requests := self.stores.asked() - asked:
            sys.stderr.write(f"{name}: {requests} requests\n")
        found: dict[str, object] = json.loads(done.stdout.splitlines()[0])
        return found

    def _beside(self) -> dict[str, Spent]:
        """What nodes and servers spent so far."""
        nodes = {f"node {name}": node.process.pid for name, node in self.nodes.items()}
        return {name: _of_all(pid) for name, pid in (nodes | self.stores.servers).items()}

    def _note(self, name: str, spent: Spent) -> None:
        self.spent[name] = spent
        if spent.seconds >= _SHOWN:
            sys.stderr.write(f"{name}: {spent.seconds:.2f} s, {spent.memory:.0f} MiB\n")


def _of_all(pid: int) -> Spent:
    """What a process and its children spent so far; of memory the process with most."""
    tree = list(_tree(pid))
    return Spent(sum(map(_seconds, tree)), max(map(_memory, tree)))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for child in _told(pid, f"task/{pid}/children").split():
        yield from _tree(int(child))


def _seconds(pid: int) -> float:
    """Those of children that ended are in it."""
    fields = _told(pid, "stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def _memory(pid: int) -> float:
    return int("0" + _told(pid, "status").partition("VmHWM:")[2].partition("kB")[0].strip()) / 1024


def _told(pid: int, name: str) -> str:
    """What Linux tells of a process; nothing of a child that has just ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


@contextmanager
def loaded_program() -> Iterator[None]:
    """Steps are forks of a program that is loaded already, as long as the block runs."""
    with shell_program(apart=True) as folder:
        program = (str(folder / "sigfed"),)
        with patch.multiple("support.processes", PROGRAM=program, MOVED_PROGRAM=program):
            yield


def run(folder: Path, hashes: int, kept: Stores, *, loaded: bool) -> World:
    """All steps, with what each spent."""
    clock = MovingTime(folder / "ahead")
    fr = found_agency(
        folder, name="fr", country="FR", clock_file=clock.file, store=kept.tables, objects=kept.objects
    )
    nl = found_agency(folder, name="nl", country="NL", clock_file=clock.file)
    world, partner = World(folder, kept, fr, nl, loaded), Cli(folder / PARTNER, clock.file)
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
        world.nodes[name] = Running(cli, quiet=True, apart=not world.loaded)
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


def measure(
    *,
    divisor: int = 1,
    hashes: int = HASHES,
    postgresql: bool = False,
    bucket: bool = False,
    loaded: bool = False,
) -> Iterator[Result]:
    """What the first time takes for each event and each answer, and what one more file takes."""
    hashes = max(hashes // divisor, 10)
    with (
        TemporaryDirectory() as name,
        stores(postgresql=postgresql, bucket=bucket) as kept,
        loaded_program() if loaded else nullcontext(),
    ):
        spent = run(Path(name), hashes, kept, loaded=loaded).spent
    where = f"two lists of {hashes:,} hashes, {kept.words}"
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
    own = [step for step in spent if not step.endswith(tuple(kept.servers))]
    largest = max(own, key=lambda step: spent[step].memory)
    yield Result(
        name="memory of a process",
        value=spent[largest].memory,
        limit=MOST_MEMORY,
        unit="MiB",
        detail=f"{where}: {largest}",
    )


def _main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("hashes", nargs="?", type=int, default=HASHES)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--bucket", action="store_true")
    parser.add_argument("--loaded", action="store_true")
    options, left = parser.parse_known_args(arguments)
    return report([partial(measure, **vars(options))], left)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
