"""The stage: folders, seats, made-up files, running nodes, and the way every act becomes a recorded step.

A chapter says who does what; this module runs it as a command, measures it, tells the person who watches, and keeps
the record. Nothing here knows what a chapter is about.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from node.clock import Clock, SystemClock
from node.demo import processes
from node.demo.command_line import CommandLines
from node.demo.parties import Party
from node.demo.processes import Facts, Outcome, Seat, Server
from node.demo.record import Record, Step
from node.demo.synthetic import MadeUp

LIST = "known"
SUBSET = "baseline"


class Listener(Protocol):
    """Where results and talk go; the command line's output is one."""

    def result(self, fields: Facts, *lines: str) -> None:
        """One result."""
        ...

    def talk(self, *lines: str) -> None:
        """Something for the person who watches."""
        ...


@dataclass(frozen=True, slots=True)
class Act:
    """One command of one party, and how to tell of it."""

    who: Party
    what: str
    arguments: Sequence[str]
    typed: str = ""
    exits: Sequence[int] = (0,)
    source: Party | None = None
    note: Callable[[Outcome], str] = lambda _: ""
    moved: Callable[[Outcome], int | None] = lambda _: None
    trouble: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The made-up files that play a part of their own; each is also a file on disk."""

    both: MadeUp
    withdrawn: MadeUp
    single: MadeUp
    relied: MadeUp
    unlisted: MadeUp
    logo: MadeUp

    def names(self) -> Mapping[str, MadeUp]:
        """File names and files."""
        return {
            "listed-by-both.bin": self.both,
            "withdrawn-later.bin": self.withdrawn,
            "listed-by-one.bin": self.single,
            "relied-on-by-second.bin": self.relied,
            "on-no-list.bin": self.unlisted,
            "logo.bin": self.logo,
        }

    def asked(self) -> tuple[MadeUp, ...]:
        """The five files that the hoster asks about when it has enrolled."""
        return self.both, self.withdrawn, self.single, self.relied, self.unlisted

    def name_of(self, file: MadeUp) -> str:
        """The name of a file."""
        return next(name for name, other in self.names().items() if other == file)


@dataclass(slots=True, kw_only=True)
class World:
    """One walk in `folder`."""

    folder: Path
    rows: int
    ports: Mapping[Party, int]
    listener: Listener
    clock: Clock = field(default_factory=SystemClock)
    chapter: int = 0
    record: Record = field(default_factory=Record)
    servers: dict[Party, Server] = field(default_factory=dict)
    command_lines: CommandLines = field(default_factory=CommandLines)
    """Where commands are typed."""
    words: dict[Party, str] = field(default_factory=dict)
    """Fingerprint words, as the operators read them out to each other."""
    at_moment: "Callable[[World, str], None]" = lambda _world, _name: None
    """Called at named moments: where a test makes the world wrong."""
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """More arguments for a command, by its name: what a test bends."""
    cast: Cast | None = None
    listed: tuple[MadeUp, ...] = ()
    """Files that both agencies list on their own knowledge."""
    case_words: tuple[str, ...] = ()
    planted: tuple[bytes, ...] = ()
    """What must be gone in the end: hashes of the logo, and the nonces of the openings that hide them."""
    readable: bool = False
    """Whether the search for it found it at both agencies, while it had to."""

    @property
    def actors(self) -> Cast:
        """The files with a part of their own, once they are made."""
        assert self.cast is not None, "chapter one makes them"
        return self.cast

    def place(self, *names: str) -> Path:
        """A path in the folder of the walk."""
        return self.folder.joinpath(*names)

    def seat(self, party: Party) -> Seat:
        """Where a party sits."""
        return self._seat(party.value, party)

    def _seat(self, home: str, party: Party) -> Seat:
        return Seat(home=self.place(home), journal=self.place("journals", f"{party.value}.log"))

    def url(self, party: Party) -> str:
        """The address of an agency's node."""
        return f"https://127.0.0.1:{self.ports[party]}/"

    def file(self, actor: MadeUp) -> Path:
        """A file with a part of its own, on disk."""
        return self.place("files", self.actors.name_of(actor))

    def perform(self, *acts: Act) -> list[Outcome]:
        """Run commands, two parties' at the same time, and record them in the order given."""
        with ThreadPoolExecutor(len(acts)) as pool:
            outcomes = list(pool.map(self._run, acts))
        for act, outcome in zip(acts, outcomes, strict=True):
            self._tell_of(act, self._arguments(act), outcome)
        return outcomes

    def _tell_of(self, act: Act, arguments: Sequence[str], outcome: Outcome) -> None:
        self.tell(
            Step(
                chapter=self.chapter,
                who=act.who,
                what=act.what,
                command=processes.shown(arguments),
                seconds=outcome.seconds,
                note=act.note(outcome),
                source=act.source,
                moved=act.moved(outcome),
                trouble=act.trouble,
            )
        )

    def _run(self, act: Act) -> Outcome:
        return self._typed(self.seat(act.who), self._arguments(act), act)

    def _typed(self, seat: Seat, arguments: Sequence[str], act: Act) -> Outcome:
        return self.command_lines(seat, *arguments, typed=act.typed, exits=act.exits)

    def _arguments(self, act: Act) -> list[str]:
        command = [word for word in act.arguments[:2] if not word.startswith("-")]
        more = (self.extra.get(" ".join(command[:count]), ()) for count in (1, 2))
        return [*act.arguments, *(word for words in more for word in words)]

    def serve(self, *parties: Party) -> None:
        """Start nodes that do not run yet."""
        for party in parties:
            if party in self.servers:
                continue
            server = self.servers[party] = Server(self.seat(party), clock=self.clock)
            self.tell(
                Step(
                    chapter=self.chapter,
                    who=party,
                    what="runs its node",
                    command="sigfed run",
                    seconds=server.seconds,
                    note=f"HTTPS at {self.url(party)}",
                )
            )

    def rest(self, *parties: Party) -> None:
        """Stop nodes."""
        for party in parties:
            if party in self.servers:
                self.servers.pop(party).stop()

    def moment(self, name: str) -> None:
        """Something is about to happen that a test may want to spoil."""
        self.at_moment(self, name)

    def close(self) -> None:
        """Stop every process."""
        self.rest(*self.servers)
        self.command_lines.close()

    def tell(self, step: Step) -> None:
        """Record a step and show it."""
        self.record.steps.append(step)
        seconds = f"{step.seconds:5.1f} s"
        note = f": {step.note}" if step.note else ""
        self.listener.talk(f"  {seconds}  {step.who.title:9}  {step.what}{note}")

    def own_act(self, who: Party, what: str, *, began: datetime, note: str = "") -> None:
        """Record something that the demonstration did itself."""
        seconds = (self.clock.now() - began).total_seconds()
        self.tell(Step(chapter=self.chapter, who=who, what=what, command="", seconds=seconds, note=note))

    def own_trouble(self, what: str) -> None:
        """Record what an attacker did at FR's server."""
        self.tell(Step(chapter=self.chapter, who=Party.FR, what=what, command="", seconds=0, trouble=True))

    def perform_at(self, name: str, act: Act) -> Outcome:
        """Run and record an act in another home of the same party, `name`."""
        outcome = self._typed(self._seat(name, act.who), act.arguments, act)
        self._tell_of(act, act.arguments, outcome)
        return outcome

    def last_words(self, party: Party) -> str:
        """The last line of a party's journal: why its last command failed."""
        return processes.last_words(self.seat(party).journal)

    def last_complaint(self, party: Party) -> str:
        """Why the last command of a party that failed did, though its running node has logged something since."""
        return processes.last_complaint(self.seat(party).journal)


def pairs(parties: Sequence[Party]) -> Iterator[tuple[Party, Party]]:
    """Each of two parties with the other."""
    first, second = parties
    yield first, second
    yield second, first
