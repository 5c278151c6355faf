"""What pages and actions are made of; which there are is said in `node.console.surface`, and for partners elsewhere.

A page gathers what it shows in one frozen object and hands it to a template; an action does one thing and says it in a
sentence. Neither knows of HTTP, sessions or forgery: `node.console.handlers` decides about those for all of them. What
they work with is the world of an agency's node unless a console says otherwise (`Page[PartnerWorld]`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType, ModuleType
from typing import Any, Final, Generic, NamedTuple, Protocol, Self

from typing_extensions import TypeVar, override

from node.access.sessions import Visitor
from node.acts.act import EVERYBODY, Act
from node.console.world import World
from node.errors import UsageError
from node.store.accounts.records import PersonRole

MOST_BYTES: Final = 64 * 1024
"""Of a form, unless its action says otherwise."""
_MOST_DIGITS: Final = 15


class Surroundings(Protocol):
    """What every console works with, whatever else its pages ask for."""

    @property
    def node(self) -> str:
        """Whose console it is, as pages say it."""
        ...

    @property
    def now_ms(self) -> int:
        """Now: milliseconds since 1970."""
        ...

    def acting_as(self, person: str) -> Self:
        """The same, with a person named in what is recorded from here on."""
        ...


W = TypeVar("W", bound=Surroundings, default=World)
"""What a console's pages and actions work with."""


class Section(StrEnum):
    """Where a page stands in the navigation."""

    TOP = ""
    WORK = "Work"
    FEDERATION = "Federation"
    RECORD = "Record"
    OWN = "Account"


class Attached(NamedTuple):
    """A file that came with a form."""

    name: str
    """As whoever sent it calls it."""
    body: bytes


_NO_FILE: Final = Attached("", b"")
_NO_FILES: Final[Mapping[str, Attached]] = MappingProxyType({})


class Values(Mapping[str, str]):
    """The fields of a query or a form: texts without spaces around them, bounded, each name once."""

    __slots__ = ("_files", "_values")

    def __init__(self, values: Mapping[str, str], files: Mapping[str, Attached] = _NO_FILES) -> None:
        self._values = dict(values)
        self._files = dict(files)

    @override
    def __getitem__(self, name: str) -> str:
        return self._values[name].strip()

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    @override
    def __len__(self) -> int:
        return len(self._values)

    def is_file(self, name: str) -> bool:
        """Whether the field came as a file."""
        return name in self._files

    def text(self, name: str, default: str = "") -> str:
        """The field, or `default` where it is missing or empty."""
        return self.get(name, "") or default

    def passphrase(self, name: str) -> str:
        """The field with the spaces around it."""
        return self._values.get(name, "")

    def require(self, name: str, label: str) -> str:
        """The field; raises `UsageError`, which names it as its label does."""
        value = self.text(name)
        if not value:
            raise UsageError("{field} is missing", label, hint="fill in the field and send the form again")
        return value

    def number(self, name: str, default: int = 0, *, least: int = 0, most: int = 10**12) -> int:
        """The field as a number within bounds, or `default` where it is missing; raises `UsageError`."""
        value = self.text(name)
        if not value:
            return default
        is_number = value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS
        if not is_number or not least <= int(value) <= most:
            raise UsageError(
                "{field} is not a number from {least} to {most}", name, f"{least:,}", f"{most:,}"
            )
        return int(value)

    def file(self, name: str) -> Attached:
        """A file that was sent, byte for byte; empty and without a name where none was."""
        return self._files.get(name, _NO_FILE)

    def ticked(self, name: str) -> bool:
        """Whether a box is ticked: one without a value would be done and, as an empty field, not be recorded."""
        return bool(self.text(name))


Gather = Callable[[W, Visitor, Values], object]
"""Collects what a page shows; runs in a thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[W]):
    """Something to read, at `GET /console/…`."""

    name: str
    """Also of its template."""
    path: str
    title: str
    gather: Gather[W]
    section: Section | None = None
    """None: it stands in no navigation."""
    roles: frozenset[PersonRole] = EVERYBODY
    live: bool = False
    """Whether it is fetched again by itself while it is looked at."""


@dataclass(frozen=True, slots=True)
class File:
    """Something that a browser keeps as a file."""

    name: str
    content_type: str
    body: bytes


Make = Callable[[W, Visitor, Values], File]
"""Makes a file; runs in a thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download(Generic[W]):
    """A file to take away, at `GET /console/…`."""

    name: str
    path: str
    make: Make[W]
    roles: frozenset[PersonRole]
    record: str
    """What the audit log calls it: what leaves the node is recorded, with who took it."""
    page: str = "overview"
    """The page that links to it, where somebody goes on who has to show a passkey first."""
    fresh: bool = False
    """A passkey must have been shown in the last minutes."""


@dataclass(frozen=True, slots=True)
class Led:
    """Where an action that was carried out leads, and what it did, in a sentence."""

    to: str
    said: str


class PartlyDoneError(Exception):
    """An action of which a part was carried out, and why not the rest."""

    def __init__(self, said: str, failure: Exception) -> None:
        super().__init__(said)
        self.said = said
        """What was done, in a sentence; empty: nobody knows."""
        self.failure = failure


Carry = Callable[[W, Visitor, Values], Led]
"""Does one thing in the name of a person, or raises why not; runs in a thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Generic[W]):
    """Something to do, at `POST /console/…`."""

    name: str
    path: str
    page: str
    """The page that holds its form, which is shown again with the error when it is refused."""
    act: Carry[W]
    roles: frozenset[PersonRole]
    fresh: bool = False
    """A passkey must have been shown in the last minutes."""
    most_bytes: int = MOST_BYTES
    """Of its form, with the files that it holds."""
    performs: Act[Any] | None = None
    """The act that it performs, which records itself; None: it changes nothing, or is recorded elsewhere."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An action that was not carried out, or not wholly, for the page that holds its form."""

    action: str
    message: str
    hint: str = ""
    form: Mapping[str, str] = field(default_factory=dict)
    """What was typed, so that nothing of it is lost."""
    done: str | None = None
    """What of it was done all the same; None: nothing. Empty: nobody knows what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface(Generic[W]):
    """Everything that one console shows and does, in the order of its navigation."""

    pages: tuple[Page[W], ...]
    actions: tuple[Action[W], ...]
    downloads: tuple[Download[W], ...]
    templates: tuple[str, ...]
    """Packages whose `templates` hold its pages; of two of one name that of the first."""

    @classmethod
    def of(cls, *modules: ModuleType, templates: tuple[str, ...] = ("node.console",)) -> Self:
        """What these modules have in their `PAGES`, `ACTIONS` and `DOWNLOADS`, where they have any."""
        pages, actions, downloads = (
            tuple(row for module in modules for row in getattr(module, table, ()))
            for table in ("PAGES", "ACTIONS", "DOWNLOADS")
        )
        return cls(pages=pages, actions=actions, downloads=downloads, templates=templates)
