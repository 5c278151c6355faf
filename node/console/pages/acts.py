"""Actions of a console that perform acts; their forms are made of the fields by `acts.html`.

What an act shows once, as a key or an invitation, waits in memory for the session's next page that takes it. It is gone
when it was shown, when a newer one takes its place, or when the node stops.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final
from urllib.parse import urlencode

from keys.message import Message
from node.access.sessions import Visitor
from node.acts.act import Act, Done, F, Node, Spec, specs
from node.acts.perform import perform
from node.console.languages import translated as _
from node.console.parts import MOST_BYTES, Action, Carry, Led, PartlyDoneError, Values
from node.console.visitors import has_proved
from node.console.world import World
from node.errors import UsageError
from node.store.accounts.records import PersonRole

_MOST_KEPT: Final = 256
_kept: Final[OrderedDict[str, object]] = OrderedDict()
"""What a session's next page shows, by what its forms hold."""


def keep(session: str, value: object) -> None:
    """Show it on the session's next page that takes it."""
    _kept[session] = value
    _kept.move_to_end(session)
    while len(_kept) > _MOST_KEPT:
        _kept.popitem(last=False)


def take(session: str) -> object | None:
    """What was kept for the session, once."""
    return _kept.pop(session, None)


def take_once(session: str, fact: str) -> Done | None:
    """What was done and shows this fact once; None where it was shown. Whatever else can fail, is done before."""
    kept = take(session)
    return kept if isinstance(kept, Done) and kept.once == fact else None


class _Browser:
    """`node.acts.perform.Caller`: whoever is signed in."""

    details: Mapping[str, str] = {"by": "console"}

    def __init__(self, world: World, visitor: Visitor) -> None:
        self.role: PersonRole | None = visitor.role
        self.actor = visitor.person
        self.fresh = has_proved(visitor, world.now_ms)

    def prove(self) -> str:
        """The name of the person; that somebody is signed in proves it."""
        return self.actor


def action(
    act: Act[F],
    *,
    path: str,
    page: str,
    to: str = "",
    of: str = "",
    name: str = "",
    read: Callable[[Values], F] | None = None,
    by: Carry | None = None,
    most_bytes: int = MOST_BYTES,
) -> Action:
    """An act on `page`, which leads to `to`, there to the thing that the field `of` names; or to the request it made.

    What was filled in is read from the fields, or by `read`. Where it shows something once, the page that it leads to
    takes it (`take_once`). A page that does more than that performs the act in a function of its own, `by`.
    """
    given_of = read or (lambda form: given(act.fields, form))

    def carry_out(world: World, visitor: Visitor, form: Values) -> Led:
        filled = given_of(form)
        done = do(world, visitor, act, filled)
        if done.once:
            keep(visitor.csrf, done)
        if not to:
            return requested(done)
        return Led(place(to, of, filled) if of else to, _(done.said))

    return Action(
        name=name or act.name.replace(".", "-"),
        path=path,
        page=page,
        act=by or carry_out,
        roles=act.roles,
        fresh=act.fresh,
        most_bytes=most_bytes,
        performs=act,
    )


def place(path: str, of: str, given: object) -> str:
    """The page of the one thing that a field of what was filled in names."""
    return f"{path}?{urlencode({of: getattr(given, of)})}"


def requested(done: Done) -> Led:
    """Leads to the page of a request that was made."""
    return Led(f"/console/tasks/request?number={done.facts['approval']}", _(done.said))


def do(world: World, visitor: Visitor, act: Act[F], given: F) -> Done:
    """Perform an act in the name of whoever is in; raises `PartlyDoneError` where it was not done whole."""
    done = perform(act, Node(world.identity, world.store), given, _Browser(world, visitor))
    if done.failure is not None:
        raise PartlyDoneError(_(done.said), done.failure)
    return done


def given(fields: type[F], form: Values) -> F:
    """The fields of what was filled in; raises `UsageError` of the first that is missing or wrong."""
    return fields(**{one.name: _value(one, form) for one in specs(fields)})


def _value(spec: Spec, form: Values) -> Any:
    label = _(spec.seen.label)
    if spec.type is bool:
        return form.ticked(spec.name)
    if spec.required:
        form.require(spec.name, label)
    if spec.type is int:
        least, most = spec.seen.least or 0, spec.seen.most or 10**12
        return form.number(spec.name, spec.default or 0, least=least, most=most)
    text = form.text(spec.name, spec.default or "")
    if issubclass(spec.type, Enum):
        try:
            return spec.type(text)
        except ValueError:
            names = ", ".join(str(one.value) for one in spec.type)
            raise UsageError(
                "{field}: there is no such choice", label, hint=Message("one of: {names}", names)
            ) from None
    return text
