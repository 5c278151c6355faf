"""A thing a person can do at a node, whoever asks and from where; `node.acts.perform` does it.

An act is a function of the opened node and of what was filled in. It returns what it did, or a request where a second
person must decide; then it has changed nothing. Who may, what is recorded and how people read it stand beside it. This
module is loaded to show help, so it knows of a node's store only by name.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from inspect import getdoc
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Generic,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from keys.message import Message, marked
from node.fields import Fact
from node.store.accounts.records import PersonRole, Request

if TYPE_CHECKING:
    from node.identity.identity import Identity
    from node.store.store import Store

ANALYSTS: Final = frozenset({PersonRole.ANALYST})
OPERATORS: Final = frozenset({PersonRole.OPERATOR})
SECURITY: Final = frozenset({PersonRole.SECURITY})
EVERYBODY: Final = frozenset(PersonRole)
JUDGES: Final = EVERYBODY - {PersonRole.VIEWER}
"""Whoever may do more than look."""


ASKED: Final = marked("Request {number} waits for a second person; nothing was changed")


@dataclass(frozen=True, slots=True)
class Node:
    """An opened node."""

    identity: "Identity"
    store: "Store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """How people see a field of an act, and whether the audit log holds it."""

    record: bool
    """Never a hash or a secret; said of each, so that nobody records one by leaving it out."""
    label: str = ""
    """Empty: forms say it where they ask for it."""
    help: str = ""
    """Marked for the catalogues where a form shows it."""
    option: str = ""
    """At the terminal; empty: as the field is named."""
    argument: bool = False
    """At the terminal: whether it is an argument, not an option."""
    metavar: str | None = None
    """At the terminal; None: as the field is named."""
    input: str = "text"
    """What a form has for it: an input of this type, or `tick`."""
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A field with its name and type."""

    name: str
    type: type
    seen: Field
    default: Any
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done, as a sentence and as facts."""

    said: Message
    """Empty where a part of what failed may have been done, and nobody knows which."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    once: str = ""
    """The fact that is shown once, to whoever acted, and is neither kept nor recorded; empty: there is none."""
    lines: Sequence[str] = ()
    """What the terminal adds to the sentence."""
    notes: Sequence[str] = ()
    """What it adds for whoever watches."""
    following: Sequence[str] = ()
    """What to type next."""
    outcome: str = "ok"
    parts: Sequence["Done"] | None = None
    """Of any number of things each, which are told one by one; None: it is told as one."""
    failure: Exception | None = None
    """Why not all of it was done: what was done is recorded and told first, then this is raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """For fields of what is done in different ways, at a terminal with files, by a page with what it showed."""

    work: Annotated[Callable[[Node], Done], Field(record=False)]


F = TypeVar("F")
W = TypeVar("W", bound=Work)
Run = Callable[[Node, F], Done | Request]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act(Generic[F]):
    """One thing to do."""

    name: str
    """In the audit log; also its words at the terminal, as `recipient.grant`."""
    help: str
    fields: type[F]
    """A frozen dataclass, each field annotated with a `Field`."""
    run: Run[F]
    roles: frozenset[PersonRole]
    """Of persons. Whoever has the home of the node and names nobody may do whatever takes one person."""
    title: str
    """On its button."""
    explains: str
    """Above its form."""
    fresh: bool
    """In a console a passkey must have been shown just now."""
    irreversible: bool
    """It is not begun when it could not be recorded."""
    asks: bool
    """Whether a second person may have to decide."""
    state: Callable[[Node], object]
    """What is compared before and after a failure: where it differs, a part stands and is recorded.

    What another process changes meanwhile is taken for a part: that is told as what may be, and recorded as `partly`.
    """
    stored: bool
    """Whether it changes the store alone: what fails before it ended a transaction that writes has changed nothing."""

    @property
    def verb(self) -> str:
        """Its word below the noun."""
        return self.name.partition(".")[2]


def _own_lists(node: Node) -> object:
    """How long each own list is, with what waits for publication."""
    from node.store.lists.records import LogKind

    with node.store.read() as unit:
        return [(log.origin, log.tail) for log in unit.logs.ls(LogKind.OWN_LIST)]


def act(
    name: str,
    *,
    roles: frozenset[PersonRole] = OPERATORS,
    title: str = "",
    explains: str = "",
    fresh: bool = False,
    irreversible: bool = False,
    state: Callable[[Node], object] = lambda _node: None,
    lists: bool = False,
) -> Callable[[Run[F]], Act[F]]:
    """Make an act of a function: its fields and whether it asks are in its types, its help is its docstring.

    With `lists` its state is that of the own lists.
    """

    def made(run: Run[F]) -> Act[F]:
        _node, given, result = get_type_hints(run).values()
        return Act(
            name=name,
            help=getdoc(run) or "",
            fields=given,
            run=run,
            roles=roles,
            title=title,
            explains=explains,
            fresh=fresh,
            irreversible=irreversible,
            asks=Request in (result, *get_args(result)),
            state=_own_lists if lists else state,
            stored=lists,
        )

    return made


def declared(
    name: str,
    fields: type[W],
    *,
    roles: frozenset[PersonRole],
    fresh: bool = False,
    irreversible: bool = False,
    state: Callable[[Node], object] = lambda _node: None,
) -> Act[W]:
    """An act that a terminal and a page do in ways of their own."""

    def run(node: Node, given: Any) -> Done:
        done: Done = given.work(node)
        return done

    made = act(name, roles=roles, fresh=fresh, irreversible=irreversible, state=state)(run)
    return replace(made, fields=fields)


def specs(given: type[Any]) -> Iterator[Spec]:
    """The fields of an act, in order."""
    for each in fields(given):
        assert get_origin(each.type) is Annotated, "every field is annotated with a Field"
        # The type may be a name alone: what it names is loaded when it is done.
        type_, seen = get_args(each.type)
        required = each.default is MISSING
        yield Spec(
            name=each.name,
            type=type_,
            seen=seen,
            default=None if required else each.default,
            required=required,
        )
