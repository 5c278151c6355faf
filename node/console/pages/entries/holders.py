"""Holders: which agencies this one may ask who holds a hash, joining one more, and asking them.

A hash is named by the list and index of its entry, or typed in a form; it stands in no address and no record. What each
agency said is shown once. How a question is asked so that nobody learns about what is decided in
`node.app.peers.holders`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

from keys.message import Message
from node.access.sessions import Visitor
from node.acts import entries
from node.acts import holders as acts
from node.acts.act import JUDGES, Done
from node.app.peers import holders as asking
from node.app.peers.holders import Holder, HolderAnswer
from node.console.languages import translated as _
from node.console.pages.acts import action, do, keep, take
from node.console.pages.entries.places import Place, digest_at, place_in
from node.console.parts import Led, Page, Section, Values
from node.console.world import World
from node.errors import RateLimitedError, UsageError
from node.formats.hash_queries import HashQuery, typed_hash_queries
from node.hoster.lookup.examiner import Hit

PATH: Final = "/console/holders"
MOST: Final = 100
"""Files in one question; more are asked about at the terminal."""
SECONDS: Final = 60.0
"""How long an agency may take to answer."""
_ONE_AT_A_TIME: Final = Lock()
"""A question waits for the network in a thread of the console: a second one would wait for the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldersPage:
    """What the page shows."""

    holders: Sequence[Holder]
    place: Place | None
    """The entry whose hash is asked about; None: one is typed."""
    value: bytes
    """Its hash; empty without an entry."""
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one agency said about one file."""

    name: str
    """The line that it was typed in; empty where an entry was asked about."""
    value: bytes
    """Its first hash."""
    hit: Hit | None
    """None: the agency does not hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one agency said, or why it could not be asked."""

    node: str
    contact: str | None
    files: Sequence[Held] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPage:
    """What the page after a question shows, once."""

    answers: Sequence[Answer]


def gather(world: World, _visitor: Visitor, query: Values) -> HoldersPage:
    """Whom this agency may ask; raises `NotFoundError` for a place without a hash."""
    place, value = place_in(query), b""
    if place is not None:
        with world.store.read() as unit:
            value = digest_at(world, unit, place).value
    return HoldersPage(holders=asking.holders(world.identity), place=place, value=value, most=MOST)


def gather_asked(_world: World, visitor: Visitor, _query: Values) -> AskedPage | None:
    """What was just answered; None the second time."""
    kept = take(visitor.csrf)
    return kept if isinstance(kept, AskedPage) else None


def ask(world: World, visitor: Visitor, form: Values) -> Led:
    """Ask every agency that may be asked who holds a hash; what each said is shown on the next page, once."""
    files, place = _files(world, form), place_in(form)
    given = entries.Asked(
        entry="" if place is None else place.text,
        files=len(files),
        work=lambda _node: _asked(world, visitor, files),
    )
    return Led(f"{PATH}/asked", _(do(world, visitor, entries.ask_holders, given).said))


def _asked(world: World, visitor: Visitor, files: Sequence[HashQuery]) -> Done:
    members = asking.holders(world.identity)
    if not members:
        raise UsageError(
            "no agency can be asked", hint="an operator joins one with a string that it made for this agency"
        )
    if not _ONE_AT_A_TIME.acquire(blocking=False):
        raise RateLimitedError(
            "somebody else asks other agencies just now",
            hint="nothing was asked; wait a minute, then try again",
            retry_after_seconds=int(SECONDS),
        )
    try:
        said = asyncio.run(asking.ask_all(members, [digests for _, digests in files], seconds=SECONDS))
    finally:
        _ONE_AT_A_TIME.release()
    answers = [_answer(files, one) for one in said]
    keep(visitor.csrf, AskedPage(answers=answers))
    failed = sum(bool(one.failure) for one in answers)
    return Done(
        said=Message("Agencies that answered: {asked} of {count}", len(members) - failed, len(members)),
        facts={"asked": len(members) - failed, "not_answered": failed},
    )


def _files(world: World, form: Values) -> Sequence[HashQuery]:
    place = place_in(form)
    if place is not None:
        with world.store.read() as unit:
            return [("", (digest_at(world, unit, place),))]
    files = typed_hash_queries(form.require("hash", _("the hash")))
    if len(files) > MOST:
        raise UsageError(
            "at most {most} files are asked about at once",
            MOST,
            hint="for more: sigfed entry holders --hash-from FILE",
        )
    return files


def _answer(files: Sequence[HashQuery], asked: HolderAnswer) -> Answer:
    node, contact = asked.holder.node, asked.holder.contact
    if asked.failure is not None:
        return Answer(node=node, contact=contact, failure=_(asked.failure.message))
    held = [
        Held(name=_named(name), value=digests[0].value, hit=None if hit is None or hit.test_file else hit)
        for (name, digests), hit in zip(files, asked.hits, strict=True)
    ]
    return Answer(node=node, contact=contact, files=held)


def _named(name: str) -> str:
    line = name.removeprefix("line ")
    return _("line {number}").format(number=line) if line != name and line.isdigit() else name


PAGES: Final = (
    Page(name="holders", path=PATH, title="Holders", gather=gather, section=Section.FEDERATION),
    Page(name="holders-asked", path=f"{PATH}/asked", title="Answers", gather=gather_asked, roles=JUDGES),
)

ACTIONS: Final = (
    action(
        acts.join,
        path=f"{PATH}/join",
        page="holders",
        to=PATH,
        read=lambda form: acts.Joined(
            invitation=form.require("invitation", _("the string")), seconds=SECONDS
        ),
    ),
    action(entries.ask_holders, path=f"{PATH}/ask", page="holders", name="holders-ask", by=ask),
)
