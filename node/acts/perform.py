"""The one function that performs an act: role, proof, second person, can it be recorded, run, record."""

import dataclasses
from collections.abc import Mapping
from dataclasses import is_dataclass
from enum import Enum
from typing import Final, Protocol

from keys.message import Message, fields
from node.access.approvals import require_role, require_two
from node.acts.act import ASKED, Act, Done, F, Node, specs
from node.app.approvals import ask
from node.errors import UnauthenticatedError
from node.fields import Fact
from node.identity.audit import about, require_ready, tell
from node.store.accounts.records import PersonRole, Request
from node.store.store import OwnWrites, noting

NAMES: Final = frozenset(
    {"origin", "peer", "partner", "subset", "node", "person", "kind", "list", "recipient"}
)
"""Facts whose texts are names of things, which a record may hold; of others it holds numbers alone."""


class Caller(Protocol):
    """Who acts, and from where."""

    @property
    def role(self) -> PersonRole | None:
        """None: nobody is named; it is whoever has the home of the node."""
        ...

    @property
    def fresh(self) -> bool:
        """Whether who it is was proved just now."""
        ...

    @property
    def actor(self) -> str:
        """Who stands in the record; empty: who opened the node."""
        ...

    @property
    def details(self) -> Mapping[str, str]:
        """What the record holds of where it was done."""
        ...

    def prove(self) -> str:
        """The name of a person, who proves it; raises `UsageError` or `UnauthenticatedError`."""
        ...


def perform(act: Act[F], node: Node, given: F, caller: Caller) -> Done:
    """Do it and record it, or ask a second person; what fails is not recorded.

    Raises:
        ForbiddenError: it is not for that role.
        UnauthenticatedError: it takes a proof of who acts, which was not given just now.
        NodeError: it cannot be undone and could not be recorded; or what the act itself raises.
    """
    if caller.role is not None:
        require_role(caller.actor, caller.role, act.roles)
    if act.fresh and not caller.fresh:
        raise UnauthenticatedError("this takes a proof of who you are", hint="show a passkey and try again")
    details = recorded(given)
    subject = next(iter(details.values()), "")
    if act.irreversible:
        require_ready(node.identity, node.store)
    with about(node.identity, act.name, subject, strict=act.irreversible) as note:
        before, own = _state(act, node), OwnWrites()
        try:
            with noting(own):
                done = act.run(node, given)
            if isinstance(done, Request):
                done = _asked(act, node, done, caller)
        except Exception as exc:
            if (act.stored and not own.any) or _state(act, node) == before:
                raise
            done = Done(
                said=Message.joined("", ()),
                parts=(),
                notes=(Message("a part of it may have been done"),),
                failure=exc,
            )
        note.recorded = tell(
            node.identity,
            node.store,
            act.name,
            subject,
            actor=caller.actor,
            outcome="partly" if done.failure else done.outcome,
            details={**_told(done), **details, **caller.details},
        )
    return done


def _state(act: Act[F], node: Node) -> object:
    try:
        return act.state(node)
    except Exception:  # noqa: BLE001 - what cannot be read counts as changed; it keeps nobody from stopping a key
        return object()


def _asked(act: Act[F], node: Node, request: Request, caller: Caller) -> Done:
    with node.store.read() as unit:
        require_two(unit)
    by = caller.prove()
    with node.store.read() as unit:
        require_role(by, unit.persons.get(by).role, act.roles)
    asked = ask(node.identity, node.store, request, by=by)
    said, known = request.said or ASKED, {"number": asked.id, "what": request.subject}
    return Done(
        said=Message(said, *(known[name] for name in fields(said))),
        facts={
            **request.facts,
            "approval": asked.id,
            "kind": asked.kind,
            "subject": asked.subject,
            "requested_by": asked.requested_by,
        },
        notes=request.notes,
        following=(f"sigfed approval approve {asked.id} --as NAME", *request.following),
        outcome="requested",
    )


def _told(done: Done) -> dict[str, str]:
    return results({"results": len(done.parts)} if done.parts else {}) | results(done.facts)


def recorded(given: object) -> dict[str, str]:
    """What the record holds of what was filled in; of a value with fields of its own, each of these."""
    values: dict[str, object] = {}
    for one in specs(type(given)):
        value = getattr(given, one.name)
        if one.seen.record:
            values |= (
                {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
                if is_dataclass(value)
                else {one.name: value}
            )
    texts = {name: text_of(value) for name, value in values.items() if value is not False}
    return {name: text for name, text in texts.items() if text}


def results(facts: Mapping[str, Fact]) -> dict[str, str]:
    """What the record holds of what was done: numbers, yes or no, names of things; other texts could be anything."""
    found = {
        name: value
        for name, value in facts.items()
        if isinstance(value, int) or (isinstance(value, str) and name in NAMES)
    }
    return {name: text_of(value) for name, value in found.items()}


def text_of(value: object) -> str:
    """A value as a record holds it."""
    if isinstance(value, Enum):  # of what the wire has numbers for, the name
        return value.value if isinstance(value.value, str) else value.name.lower().replace("_", "-")
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return " ".join(filter(None, map(text_of, value)))
    if isinstance(value, frozenset):
        return " ".join(sorted(map(text_of, value)))
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
