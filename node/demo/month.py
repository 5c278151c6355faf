"""A month at two agencies and a hoster, day by day: who lists, publishes, syncs, releases, asks, finds and decides.

Every act is a command; the clock that the commands and both running nodes go by stands a month back in the beginning
and is put forward day by day until it is the machine's again. What it leaves is what a console has to show: lists that
grew, hits of which some are open or overdue, disputes, a proposal, a line set aside, a request that waits.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from node.clock import SystemClock, system_entropy
from node.demo.chapters.prepare import write_secret
from node.demo.command_line import CommandLines
from node.demo.moved_clock import MovedClock, put_forward
from node.demo.parties import AGENCIES, Party
from node.demo.processes import Outcome, Seat, Server
from node.demo.synthetic import MadeUp, make
from node.demo.world import LIST, SUBSET, pairs
from node.home import Home
from node.identity.identity import Identity, open_identity
from node.pages.text import counted

Result = TypeVar("Result")

DAYS: Final = 30
WORKING_DAYS: Final = (2, 5, 8, 11, 14, 17, 20, 23, 26, 28, DAYS)
"""Days after the first on which the agencies list, publish, sync and release, and the hoster asks."""
PERSONS: Final = {
    Party.FR: {"alice": "operator", "bruno": "security", "carla": "analyst"},
    Party.NL: {"daan": "operator", "eva": "security", "floor": "analyst"},
}
_ALONE_UNTIL: Final = 2
"""Persons that are added without others; further ones take two."""
_FIRST, _SHARED, _ALONE = 40, 6, 3
"""Files: listed by both on the first day; then on each working day by both, and by one agency alone."""
_DISPUTING_DAYS: Final = (11, 26)
_FORGETFUL_DAY: Final = 28
"""The hoster does nothing about one hit, nor about one of which its dispute was rejected: both are overdue."""
_ACTIONS: Final = ("removed", "preserved", "disabled")


@dataclass(slots=True, kw_only=True)
class Month:
    """The month in `folder`; `parties` are who types commands, `servers` the nodes that run meanwhile."""

    folder: Path
    ports: dict[Party, int]
    talk: Callable[[str], None]
    parties: dict[Party, Callable[..., Outcome]] = field(default_factory=dict)
    servers: dict[Party, Server] = field(default_factory=dict)
    passphrases: dict[str, str] = field(default_factory=dict)
    """Of the persons at both agencies."""
    day: int = 0
    _passed: float = 0
    """Days, with the hours."""
    _command_lines: CommandLines = field(default_factory=CommandLines)
    _identities: list[Identity] = field(default_factory=list)
    _files: Iterator[MadeUp] = field(default_factory=lambda: make(system_entropy, 10_000))

    def run(self) -> None:
        """Live through it; afterwards no process of it is left."""
        try:
            self._begin()
            for day in WORKING_DAYS:
                self._pass_to(day)
                self._work()
            self._finish()
        finally:
            self.close()

    def close(self) -> None:
        """Stop every process."""
        self._command_lines.close()
        for server in self.servers.values():
            server.stop()
        self.servers.clear()

    def seat(self, party: Party) -> Seat:
        """Where a party sits while the month passes."""
        journal = self.folder / "journals" / f"{party.value}.log"
        return Seat(home=self.folder / party.value, journal=journal, clock=self.calendar)

    @property
    def calendar(self) -> Path:
        """The file that everybody's clock goes by."""
        return self.folder / "calendar"

    def _pass_to(self, day: int, *, hours: int = 0) -> None:
        passed = day + hours / 24
        put_forward(self.calendar, passed - self._passed)
        self.day, self._passed = day, passed
        for identity in self._identities:  # a running node does it every hour, but by the machine's clock
            identity.trust.stamp()

    # ---- the first day

    def _begin(self) -> None:
        for name in ("files", "journals", "secrets"):
            (self.folder / name).mkdir(mode=0o700)
        self.calendar.write_text(str(-DAYS * 86_400), encoding="ascii")
        for party in Party:
            self.parties[party] = partial(self._command_lines, self.seat(party))
        self.talk(f"{DAYS} days ago: two agencies found their nodes, list and release; a hoster enrols")
        shared = self._take(_FIRST)
        first = {party: [*shared, *self._take(_ALONE)] for party in AGENCIES}
        founded = self._both(lambda party: self._found(party, first[party]))
        words = dict(zip(AGENCIES, founded, strict=True))
        for party in AGENCIES:
            self.servers[party] = Server(self.seat(party), clock=SystemClock())
            self._identities.append(
                open_identity(Home(self.seat(party).home), clock=MovedClock(self.calendar))
            )
        for who, other in pairs(AGENCIES):
            url = f"https://127.0.0.1:{self.ports[other]}/"
            self.parties[who]("member", "add", url, "--words", words[other], "--country", other.country)
        self._both(self._follow)
        self._both(lambda party: self.parties[party]("peer", "sync"))
        fr, hoster = self.parties[Party.FR], self.parties[Party.HOSTER]
        fr("subset", "create", SUBSET, "--collection", "baseline")
        fr("subset", "release", SUBSET)
        self._add_persons()
        invited = fr("partner", "invite", "hoster", "--subset", SUBSET, "--files-per-day", "10000").first
        hoster("enroll", "--stdin", typed=invited["invitation"] + "\n")

    def _found(self, party: Party, files: Sequence[MadeUp]) -> str:
        command_line, port = self.parties[party], str(self.ports[party])
        secrets = [self._secret(party.value), self._secret(f"{party.value}-root")]
        arguments = ["init", "--node", party.node, "--country", party.country, "--profile", "small"]
        arguments += ["--url", f"https://127.0.0.1:{port}/", "--port", port, "--root-kdf", "online"]
        arguments += ["--passphrase-file", str(secrets[0]), "--root-passphrase-file", str(secrets[1])]
        founded = command_line(*arguments)
        command_line("list", "create", LIST)
        self._list(party, files)
        return str(founded.first["fingerprint"])

    def _follow(self, party: Party) -> Outcome:
        other = next(each for each in AGENCIES if each is not party)
        return self.parties[party]("peer", "add", other.node, "--grant", "baseline")

    def _add_persons(self) -> None:
        for party, persons in PERSONS.items():
            for place, (name, role) in enumerate(persons.items()):
                self._add_person(party, name, role, founding=place < _ALONE_UNTIL)

    def _add_person(self, party: Party, name: str, role: str, *, founding: bool) -> None:
        command_line = self.parties[party]
        self.passphrases[name] = self._secret(f"person-{name}").read_text(encoding="ascii").strip()
        new = f"{self.passphrases[name]}\n" * 2
        if founding:
            command_line("person", "add", name, "--role", role, typed=new)
            return
        first, second = list(PERSONS[party])[:_ALONE_UNTIL]
        asked = command_line(
            "person", "add", name, "--role", role, "--as", first, typed=self._pass(first) + new
        )
        command_line(
            "approval", "approve", str(asked.first["approval"]), "--as", second, typed=self._pass(second)
        )

    # ---- a working day

    def _work(self) -> None:
        shared = self._take(_SHARED)
        alone = {party: self._take(_ALONE) for party in AGENCIES}
        self._both(lambda party: self._list(party, [*shared, *alone[party]]))
        self._both(lambda party: self.parties[party]("peer", "sync"))
        self._decide(shared, alone[Party.NL])
        self.parties[Party.FR]("subset", "release", SUBSET)
        left = DAYS - self.day
        found = self._find(shared[: 1 + self.day // 3 % 4])
        when = f"{counted(left, 'day')} ago" if left else "today"
        self.talk(f"{when}: both list and publish, {counted(len(found), 'hit')}")
        if self.day < DAYS:
            self._resolve(found)

    def _decide(self, shared: Sequence[MadeUp], alone: Sequence[MadeUp]) -> None:
        """What analysts do now and then."""
        fr, nl = self.parties[Party.FR], self.parties[Party.NL]
        if self.day in {8, 17}:
            chosen = ["--from", Party.NL.node, "--hash-from", self._hashes(alone[:2])]
            fr("endorse", *chosen, "--list", LIST, "--basis", "reviewed", "--yes")
            fr("publish", LIST)
        if self.day in {11, 23}:
            hashes = self._hashes(shared[-1:])
            fr("entry", "withdraw", "--list", LIST, "--hash-from", hashes, "--reason", "error", "--yes")
            fr("publish", LIST)
        if self.day == 20:
            nl("entry", "dispute", "--list", LIST, "--hash-from", self._hashes(shared[-2:-1]), "--yes")
            nl("publish", LIST)
            fr("peer", "sync")
        if self.day == 14:
            fr("proposal", "take", self._propose("found by our moderators"), *self._taken())

    def _taken(self) -> Sequence[str]:
        return "--list", LIST, "--basis", "reviewed", "--collection", "baseline", "--file", "1", "--yes"

    def _find(self, files: Sequence[MadeUp]) -> Sequence[str]:
        """The hoster updates, asks, and reports; ids of the new hits."""
        hoster = self.parties[Party.HOSTER]
        before = {each["hit"] for each in hoster("hit", "ls").results if "hit" in each}
        hoster("update")
        hoster("check", *map(self._file, (*files, *self._take(2))), exits=(0, 1))
        hoster("hit", "report", "--all")
        return [each["hit"] for each in hoster("hit", "ls").results if each.get("hit") not in {None, *before}]

    def _resolve(self, hits: Sequence[str]) -> None:
        """Within its day: most are removed; the hoster says of one that it is none, and forgets one."""
        self._pass_to(self.day, hours=18)
        hoster = self.parties[Party.HOSTER]
        for number, hit in enumerate(hits):
            if self.day in _DISPUTING_DAYS and not number:
                hoster("hit", "dispute", hit, "--reason", "it is our company logo")
                continue
            if self.day == _FORGETFUL_DAY and not number:
                continue
            hoster("hit", "resolve", hit, "--action", _ACTIONS[(self.day + number) % len(_ACTIONS)])
        if self.day == min(_DISPUTING_DAYS):
            self._answer()

    def _answer(self) -> None:
        for case in self.parties[Party.FR]("case", "ls").results:
            reason = "examined again: the file is what the list says"
            self.parties[Party.FR](
                "case", "answer", case["case"], "--outcome", "rejected", "--reason", reason, "--yes"
            )

    def _propose(self, reason: str) -> str:
        new = [self._file(file) for file in self._take(3)]
        sent = self.parties[Party.HOSTER](
            "propose", *new, "--reason", reason, "--collection", "baseline", "--yes"
        )
        return str(sent.first["proposal"])

    # ---- what is left for whoever opens the console

    def _finish(self) -> None:
        """A proposal, something set aside, changes that wait, and a request for a second person."""
        self._propose("uploaded again and again")
        fr, known = self.parties[Party.FR], self._take(1)
        fr("guard", "benign", "add", self._table("benign", known, listed=False), "--name", "lawful")
        waiting = self._table("waiting", [*known, *self._take(3)])
        fr("entry", "import", waiting, "--list", LIST, "--basis", "own")
        quota = ["partner", "quota", "hoster", "--files-per-day", "2000000", "--as", "alice"]
        fr(*quota, typed=self._pass("alice"))

    # ---- small things

    def _both(self, act: Callable[[Party], Result]) -> list[Result]:
        with ThreadPoolExecutor(len(AGENCIES)) as pool:
            return list(pool.map(act, AGENCIES))

    def _list(self, party: Party, files: Sequence[MadeUp]) -> Outcome:
        table = self._table(f"{party.value}-{self.day}", files)
        self.parties[party]("entry", "import", table, "--list", LIST, "--basis", "own")
        return self.parties[party]("publish", LIST)

    def _take(self, count: int) -> list[MadeUp]:
        return [next(self._files) for _ in range(count)]

    def _secret(self, name: str) -> Path:
        path = self.folder / "secrets" / name
        write_secret(path)
        return path

    def _pass(self, name: str) -> str:
        return f"{self.passphrases[name]}\n"

    def _file(self, file: MadeUp) -> str:
        path = self.folder / "files" / f"{file.sha256.hex()[:12]}.bin"
        path.write_bytes(file.data)
        return str(path)

    def _table(self, name: str, files: Sequence[MadeUp], *, listed: bool = True) -> str:
        """A table of a list, or of lawful files, which are of no collection."""
        header, end = ("sha256,md5,collection", ",baseline") if listed else ("sha256,md5", "")
        rows = [f"{file.sha256.hex()},{file.md5.hex()}{end}" for file in files]
        path = self.folder / "files" / f"{name}.csv"
        path.write_text("\n".join([header, *rows, ""]), encoding="ascii")
        return str(path)

    def _hashes(self, files: Sequence[MadeUp]) -> str:
        path = self.folder / "files" / f"asked-{self.day}.txt"
        path.write_text("".join(f"{file.sha256.hex()}\n" for file in files), encoding="ascii")
        return str(path)
