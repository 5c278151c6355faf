"""Chapter nine: FR and the hoster replace key after key while the hoster asks and NL syncs.

Here are the keys of running programs; those that people hold are `node.demo.chapters.holders`' matter. Two weeks pass,
because for so long old and new keys overlap: everybody's clock is put forward, see `node.demo.later`. After each step
the parties' folders are asked what they hold.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from keys.roles import Role
from node.demo.chapters.federate import release, sync
from node.demo.chapters.first_keys import hosters_kid, still_counting, still_signing
from node.demo.chapters.held_trust import held_by, identity_of, kids_of, signing
from node.demo.chapters.key_views import look, look_at_hoster, look_at_store, look_back
from node.demo.chapters.prepare import publication
from node.demo.chapters.traffic import ask, spread, tried_sync
from node.demo.later import moved, put_forward
from node.demo.parties import AGENCIES, Party
from node.demo.rotation import News, title_of
from node.demo.world import LIST, SUBSET, Act, World
from node.rotation.storage_keys import reseal_some
from node.rotation.store import write_store

_DAYS: Final = 15
"""A day more than old and new keys overlap."""
_THINGS: Final[Mapping[Role, Sequence[str]]] = MappingProxyType(
    {Role.OPRF: (SUBSET,), Role.LOG: (f"lists/{LIST}", f"subsets/{SUBSET}", "audit/main")}
)
"""What a role's keys are for, where a node has several."""
LISTED: Final = (Role.AUTH, Role.TOKEN, Role.STATEMENT, Role.WITNESS, Role.TLS, Role.OPRF, Role.LOG)
"""Roles whose keys FR's node document names."""


def rotate(role: Role, world: World) -> None:
    """A key gets a successor, which begins once NL knows it; all of a role's, where there are several."""
    world.serve(*AGENCIES)
    before = _names(world, role)
    made = [_successor(world, role, thing) for thing in _THINGS.get(role, ("",))]
    spread(world)
    label = _label(role, made)
    world.perform(_advance(f"lets {label} sign, which NL knows now"))
    if role is Role.OPRF:
        world.perform(release())
        world.perform(_cosigned(Party.FR))
        spread(world)
    ask(world)
    change = f"{', '.join(before)} → {', '.join(sorted(made))}"
    look(world, News(title=title_of(role), change=change, label=label, kids=kids_of(world, made)))


def _label(role: Role, made: Sequence[str]) -> str:
    if len(made) > 1:
        return f"the {len(made)} new {role} keys"
    return made[0] if role not in _THINGS else f"the new {role} key"


def _names(world: World, role: Role) -> list[str]:
    return sorted(key.name for key in signing(identity_of(world, Party.FR)) if key.role is role)


def _successor(world: World, role: Role, thing: str) -> str:
    of = ["--of", thing] if thing else []
    (made,) = world.perform(
        Act(
            who=Party.FR,
            what=f"makes a successor of its {role} key{f' of {thing}' if thing else ''}",
            arguments=["key", "rotate", role, *of, *_at(world, role)],
            note=lambda outcome: f"{outcome.first['key']} is {outcome.first['stage']}",
        )
    )
    return str(made.first["key"])


def _at(world: World, role: Role) -> list[str]:
    """Its pin is left in the document for a week otherwise, for partners who look seldom."""
    if role is not Role.TLS:
        return []
    assert world.calendar is not None, "the copy was made"
    return ["--at", f"{moved(world.calendar):%Y-%m-%dT%H:%M}"]


def rotate_storage(world: World) -> None:
    """FR gets another key for what it stores; nobody else ever knew the first."""
    world.serve(*AGENCIES)
    before = _names(world, Role.STORAGE)
    name = _successor(world, Role.STORAGE, "")
    ask(world)
    change = f"{', '.join(before)} → {name}"
    look_at_store(
        world, News(title=title_of(Role.STORAGE), change=change, label=name, kids=kids_of(world, [name]))
    )


def renew(world: World) -> None:
    """The hoster replaces its own key, with which it signs in at FR."""
    world.serve(*AGENCIES)
    what = "replaces its own key, signed with the old and the new"
    world.perform(Act(who=Party.HOSTER, what=what, arguments=["renew"], source=Party.FR))
    ask(world)
    news = News(
        title="the hoster's own key: its requests to FR",
        change="its key → a new one",
        label="the hoster's new key",
        kids=frozenset({hosters_kid(world)}),
    )
    look_at_hoster(world, news)


def weeks_pass(world: World) -> None:
    """Old and new keys overlap for two weeks; then everybody is asked again."""
    world.rest(*AGENCIES)
    assert world.calendar is not None
    put_forward(world.calendar, _DAYS)
    world.listener.talk(f"           {_DAYS} days pass: everybody's clock is put forward")
    world.serve(*AGENCIES)
    world.perform(*(publication(party) for party in AGENCIES))
    for party in AGENCIES:  # a running node does it every hour, but its timer goes by the machine's clock
        identity_of(world, party).trust.stamp()
    _reseal(world)
    # Neither has heard of the other for more than a week: it looks before it believes, and is believed after that.
    world.perform(*(tried_sync(party) for party in AGENCIES))
    world.perform(*(sync(party) for party in AGENCIES))
    world.perform(*(_cosigned(party) for party in AGENCIES))
    world.perform(release())
    world.perform(_cosigned(Party.FR))
    spread(world)
    ask(world)
    world.perform(_advance("destroys the keys that have ended"))
    look_back(world, f"{_DAYS} days passed")


def _reseal(world: World) -> None:
    """What the first storage key sealed gets sealed anew; a running node does some of it every minute."""
    identity = identity_of(world, Party.FR)
    with write_store(identity) as store:
        for _ in range(100):
            if not reseal_some(identity, store).older:
                return


def _advance(what: str) -> Act:
    return Act(
        who=Party.FR,
        what=what,
        arguments=["key", "advance"],
        note=lambda outcome: f"{len(outcome.results)} steps",
    )


def _cosigned(who: Party) -> Act:
    return Act(
        who=who,
        what="asks the other agency's witness to cosign its heads",
        arguments=["witness", "ask"],
        note=lambda outcome: f"{sum(bool(head['cosigned']) for head in outcome.results)} cosigned",
    )


def compare(world: World) -> None:
    """What was seen while keys were replaced, and what is left of the first ones."""
    notes, record = world.rotation, world.record
    look_back(world, "everything")
    many = ", ".join(f"{count} {what.split()[-1]}s" for what, count in notes.traffic.items())
    failed = f"; FAILED: {', '.join(notes.failed)}" if notes.failed else ", none failed"
    record.find("rotation-unnoticed", held=not notes.failed, detail=many + failed)
    steps = sum(bool(view.change) for view in record.key_views)
    record.find(
        "rotation-followed",
        held=not notes.unfollowed,
        detail="; ".join(notes.unfollowed) or f"after each of {steps} steps everybody knew who had to",
    )
    left = {key.name for key in still_signing(world)} | {
        key.name for party in Party for key in still_counting(world, held_by(world, party))
    }
    record.find(
        "every-key-rotated",
        held=not left and bool(notes.first_keys),
        detail=f"still in use: {', '.join(sorted(left))}" if left else f"{len(notes.first_keys)} keys ended",
    )
