"""A ceremony: people at one table go through a script, step by step, and sign a transcript of what was done.

The script says who holds what and which steps there are. Each step is shown before it is done, and done only after a
yes. Who makes keys, signs and publishes is the venue's matter: the node and its holders' media in earnest, a scratch
node in a rehearsal. Its form: docs/manuals/ceremony.md.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from keys.encoding import Json, dump, format_time
from keys.roles import Role
from keys.signer import Signer
from keys.trust.envelope import seal
from keys.trust.proposals.sign import OpenedProposal
from keys.trust.proposals.words import changes, key_words, wanted
from keys.trust.tuf.holders import Holder, is_holder_name
from keys.trust.tuf.root import TrustedRoot
from node.clock import Clock
from node.errors import InputRefusedError, NotFoundError
from node.trust.next_root import RootChange

TRANSCRIPT: Final = "transcript"
"""Kind of the envelope that the holders sign."""
MAX_SCRIPT_BYTES: Final = 64_000

_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "say": frozenset({"text"}),
    "make": frozenset({"holder"}),
    "propose": frozenset({"remove", "threshold", "targets_threshold"}),
    "sign": frozenset({"holder"}),
    "publish": frozenset(),
}
"""Steps, and what each may say."""
_BROUGHT: Final[Mapping[str, Role]] = {"root": Role.ROOT, "targets": Role.TARGETS}
"""Keys that a holder may have elsewhere."""
_OPTIONAL: Final = ("passphrase_file", *_BROUGHT)
_NEEDED: Final = {"say": "text", "make": "holder", "sign": "holder"}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at the table: his name in the root, who he is, where his medium is."""

    name: str
    who: str
    keys: str
    passphrase_file: str = ""
    """Where his passphrase is; empty: he is asked for it."""
    elsewhere: Mapping[Role, str] = field(default_factory=dict)
    """URIs of new keys that he brings in an agent or a token, by role; the others are made on his medium."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what is done, and the rest of what the script says of it."""

    do: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A whole ceremony."""

    title: str
    people: Mapping[str, Person]
    steps: Sequence[Step]


class Venue(Protocol):
    """Where the work of a ceremony is done."""

    def make(self, person: Person) -> Holder:
        """He makes new keys on his medium."""
        ...

    def propose(self, change: RootChange) -> OpenedProposal:
        """The node proposes the next root."""
        ...

    def sign(self, person: Person, opened: OpenedProposal) -> OpenedProposal:
        """He signs what he can."""
        ...

    def publish(self, opened: OpenedProposal) -> TrustedRoot:
        """The node puts it in force."""
        ...

    def signers(self, people: Sequence[Person]) -> Sequence[Signer]:
        """Their targets keys that count now and are here, to sign the transcript."""
        ...

    def absent(self, people: Sequence[Person]) -> Sequence[Person]:
        """Those of them whose targets keys count now, and are not here."""
        ...


class Reader(Protocol):
    """Who reads out what comes next, and waits for a yes."""

    def confirm(self, lines: Sequence[str]) -> None:
        """Returns after a yes; anything else ends the ceremony."""
        ...


def read_script(data: bytes) -> Script:
    """The ceremony in a TOML file; raises `InputRefusedError` that names the place."""
    if len(data) > MAX_SCRIPT_BYTES:
        raise InputRefusedError("the script is longer than {most} bytes", MAX_SCRIPT_BYTES)
    try:
        found = tomllib.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise InputRefusedError("the script is not TOML: {reason}", exc) from exc
    if not found.keys() <= {"title", "holder", "step"} or not isinstance(found.get("title"), str):
        raise InputRefusedError("a script has a title, [[holder]] and [[step]], and nothing else")
    people = [_person(item) for item in _tables(found, "holder")]
    steps = [_step(number, item) for number, item in enumerate(_tables(found, "step"), 1)]
    script = Script(title=found["title"], people={one.name: one for one in people}, steps=steps)
    _check(script, len(people))
    return script


@dataclass(frozen=True, slots=True)
class Performed:
    """What is left of a ceremony."""

    transcript: bytes
    """Signed by everybody whose targets key counts afterwards, and was there."""
    unsigned: Sequence[Person]
    """Whose keys count, and were not there."""


def perform(script: Script, venue: Venue, reader: Reader, clock: Clock) -> Performed:
    """Go through the script, and have everybody sign what was done.

    Raises what the steps raise, and `NotFoundError` when nobody is there to sign. Nothing is in force before the step
    `publish`.
    """
    run = _Run(script, venue, reader, clock)
    for number, step in enumerate(script.steps, 1):
        run.take(number, step)
    people = list(script.people.values())
    who = [{"name": one.name, "who": one.who} for one in people]
    payload = dump({"v": 1, "title": script.title, "people": who, "steps": run.told})
    away = [f"plug in the medium of {one.who} before you say yes" for one in venue.absent(people)]
    reader.confirm(["everybody signs the transcript of this ceremony:", *run.summary(), *away])
    signers = venue.signers(people)
    if not signers:
        raise NotFoundError("nobody's targets key is here, so there is no transcript")
    return Performed(seal(TRANSCRIPT, payload, signers), venue.absent(people))


class _Run:
    """A ceremony under way."""

    def __init__(self, script: Script, venue: Venue, reader: Reader, clock: Clock) -> None:
        self._script = script
        self._venue = venue
        self._reader = reader
        self._clock = clock
        self._made: list[Holder] = []
        self._opened: OpenedProposal | None = None
        self.told: list[Json] = []

    def take(self, number: int, step: Step) -> None:
        head = f"step {number} of {len(self._script.steps)}: {self._headline(step)}"
        before = changes(self._opened) if self._opened and step.do in {"sign", "publish"} else ()
        self._reader.confirm([head, *(f"  {line}" for line in before)])
        lines = self._done(step)
        time = format_time(self._clock.now())
        self.told.append({"do": step.do, "said": head, "time": time, "lines": lines})

    def summary(self) -> list[str]:
        """The transcript as people read it."""
        return [f"  {one['time']} {one['said']}" for one in self.told if isinstance(one, Mapping)]

    def _headline(self, step: Step) -> str:
        match step.do:
            case "say":
                return str(step.fields["text"])
            case "make":
                return _making(self._person(step))
            case "sign":
                return f"{self._person(step).who} signs with the keys on {self._person(step).keys}"
            case "propose":
                return "the node proposes the next root"
            case _:
                return "the node puts it in force"

    def _done(self, step: Step) -> list[str]:
        match step.do:
            case "say":
                return []
            case "make":
                made = self._venue.make(self._person(step))
                self._made.append(made)
                return [f"{key.role} key of holder {made.name}: {key_words(key)}" for key in made.keys]
            case "propose":
                self._opened = self._venue.propose(
                    RootChange(holders=tuple(self._made), **_change(step.fields))
                )
                return list(changes(self._opened))
            case "sign":
                self._opened = self._venue.sign(self._person(step), self._held())
                return [want.words() for want in wanted(self._opened)]
            case _:
                root = self._venue.publish(self._held())
                self._opened, self._made = None, []
                return [f"root {root.version} is in force until {format_time(root.expires)}"]

    def _person(self, step: Step) -> Person:
        return self._script.people[step.fields["holder"]]

    def _held(self) -> OpenedProposal:
        if self._opened is None:
            raise InputRefusedError("a step signs or publishes before anything is proposed")
        return self._opened


def _making(person: Person) -> str:
    brought = [f"his {role} key at {uri}" for role, uri in sorted(person.elsewhere.items())]
    if not brought:
        return f"{person.who} makes new keys on {person.keys}"
    both = " and ".join(brought)
    if len(brought) == len(_BROUGHT):
        return f"{person.who} brings {both}, and notes on {person.keys} where they are"
    return f"{person.who} brings {both}, and makes the other one on {person.keys}"


def _change(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if name == "remove" else value for name, value in fields.items()}


def _tables(found: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    items = found.get(name, [])
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise InputRefusedError("a script has at least one [[{name}]]", name)
    return items


def _person(item: Mapping[str, Any]) -> Person:
    texts = [item.get(name, "") for name in ("name", "who", "keys")]
    optional = {name: item[name] for name in _OPTIONAL if name in item}
    if not item.keys() <= {"name", "who", "keys", *_OPTIONAL} or not all(map(_is_plain, optional.values())):
        raise InputRefusedError("a [[holder]] has name, who, keys and perhaps {names}", ", ".join(_OPTIONAL))
    if not all(isinstance(text, str) and text.isprintable() and text for text in texts):
        raise InputRefusedError("a [[holder]] has a name, says who that is, and where his keys are")
    if not is_holder_name(texts[0]) or not texts[1].isascii():
        raise InputRefusedError(
            "[[holder]] {texts}: no name of a holder, or who has other letters than ASCII", texts[0]
        )
    return Person(
        texts[0],
        texts[1],
        texts[2],
        passphrase_file=optional.get("passphrase_file", ""),
        elsewhere={role: optional[name] for name, role in _BROUGHT.items() if name in optional},
    )


def _is_plain(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and bool(value)


def _step(number: int, item: Mapping[str, Any]) -> Step:
    do = item.get("do")
    fields = {name: value for name, value in item.items() if name != "do"}
    if not isinstance(do, str) or do not in _FIELDS or not fields.keys() <= _FIELDS[do]:
        raise InputRefusedError(
            "step {number}: it does {names}, and says nothing else with it", number, ", ".join(_FIELDS)
        )
    if (needed := _NEEDED.get(do)) and not isinstance(fields.get(needed), str):
        raise InputRefusedError("step {number}: {do} needs {needed}", number, do, needed)
    counts = [fields[name] for name in ("threshold", "targets_threshold") if name in fields]
    names = fields.get("remove", [])
    if not all(type(count) is int for count in counts) or not isinstance(names, list):
        raise InputRefusedError(
            "step {number}: thresholds are numbers, and remove is a list of names", number
        )
    if not str(fields.get("text", "")).isascii() or not str(fields.get("text", "")).isprintable():
        raise InputRefusedError("step {number}: the text has other characters than printable ASCII", number)
    return Step(do, fields)


def _check(script: Script, people: int) -> None:
    if len(script.people) != people:
        raise InputRefusedError("two [[holder]] of one name")
    for number, step in enumerate(script.steps, 1):
        if "holder" in step.fields and step.fields["holder"] not in script.people:
            raise InputRefusedError(
                "step {number}: {holder} is no [[holder]] of this script", number, step.fields["holder"]
            )
