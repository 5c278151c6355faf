"""Chapter nine: FR replaces key after key while the hoster asks and NL syncs; a copy of the old ones is tried.

Two weeks pass in it, because for so long old and new keys overlap: everybody's clock is put forward, see
`node.demo.later`. After each step the parties' folders are asked what they hold.
"""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

from keys.roles import Role
from node.demo.asking import check, update, verdict
from node.demo.federating import release, sync
from node.demo.holding import held_by, identity_of, kid_of, names, signing
from node.demo.later import moved, put_forward
from node.demo.parties import AGENCIES, Party
from node.demo.preparing import publication
from node.demo.processes import Outcome
from node.demo.record import KeyView
from node.demo.world import LIST, SUBSET, Act, World

COPY: Final = "copy-of-fr"
_ALL: Final = range(256)
_DAYS: Final = 15
"""A day more than old and new keys overlap."""
_THINGS: Final[Mapping[str, str]] = MappingProxyType(
    {"log": f"{Party.FR.node}/lists/{LIST}", "witness": f"{Party.FR.node}/w1", "oprf": SUBSET}
)
"""What a role's keys are for, where a node has several."""
ROLES: Final = ("auth", "token", "statement", "witness", "tls", "oprf", "log")


def copied(world: World) -> None:
    """Somebody copies FR's folder, as a thief of a backup would."""
    world.rest(*AGENCIES)
    world.calendar = world.place("calendar")
    world.calendar.write_text("0", encoding="ascii")
    shutil.copytree(world.seat(Party.FR).home, world.place(COPY))
    world.serve(*AGENCIES)
    world.moment("copied")
    world.own_trouble("loses a backup: somebody has a copy of its folder, and the passphrase")
    outcome = _tries(world)
    world.record.find(
        "old-copy-works-while-current",
        held=outcome.exit == 0,
        detail=f"a sync in FR's name: {_told(outcome)}",
    )
    world.first_keys = {role: signing(world, Role(role), _THINGS.get(role, "")) for role in ROLES}
    _look(world, "nothing has happened yet")


def _tries(world: World) -> Outcome:
    """The copy asks NL for its list, as FR."""
    act = Act(
        who=Party.FR,
        what="(the copy) asks NL for its list",
        arguments=["peer", "sync"],
        exits=_ALL,
        note=_told,
        trouble=True,
    )
    return world.perform_at(COPY, act)


def _told(outcome: Outcome) -> str:
    return f"refused (exit {outcome.exit})" if outcome.exit else "answered"


def rotate(role: str, world: World) -> None:
    """One key gets a successor, which begins once NL knows it."""
    world.serve(*AGENCIES)
    (made,) = world.perform(
        Act(
            who=Party.FR,
            what=f"makes a successor of its {role} key",
            arguments=["key", "rotate", role, *_options(world, role)],
            note=lambda outcome: f"{outcome.first['key']} is {outcome.first['stage']}",
        )
    )
    _spread(world)
    name = str(made.first["key"])
    world.perform(_advance(f"lets {name} sign, now that NL knows it"))
    if role == "oprf":
        world.perform(release())
        world.perform(_cosigned(Party.FR))
        _spread(world)
    _ask(world)
    _look(world, f"{role}: {world.first_keys[role][0]} → {name}", role, name)


def _options(world: World, role: str) -> list[str]:
    match role:
        case "log":
            return ["--of", LIST]
        case "oprf":
            return ["--of", SUBSET]
        case "tls":  # its pin is left in the document for a week otherwise, for partners who look seldom
            assert world.calendar is not None, "the copy was made"
            return ["--at", f"{moved(world.calendar):%Y-%m-%dT%H:%M}"]
        case _:
            return []


def _advance(what: str) -> Act:
    return Act(
        who=Party.FR,
        what=what,
        arguments=["key", "advance"],
        note=lambda outcome: f"{len(outcome.results)} steps",
    )


def _spread(world: World) -> None:
    """The hoster and NL learn what is new."""
    updated, synced = world.perform(update(exits=_ALL), _sync())
    _count(world, {"an update": not updated.exit, "a sync": not synced.exit})


def _ask(world: World) -> None:
    """The hoster asks and NL syncs: each must work at every moment."""
    both = world.actors.both
    answered, synced = world.perform(check(world, both, exits=_ALL), _sync())
    is_hit = verdict(world, answered, both)["verdict"] == "hit"
    _count(world, {"a look-up": is_hit, "a sync": not synced.exit})


def _sync(who: Party = Party.NL) -> Act:
    return replace(sync(who), exits=_ALL, note=_told, moved=lambda _: None)


def _count(world: World, wanted: Mapping[str, bool]) -> None:
    for what, fine in wanted.items():
        world.traffic[what] = world.traffic.get(what, 0) + 1
        if not fine:
            world.failed.append(what)


def _look(world: World, after: str, role: str = "", name: str = "") -> None:
    """What everybody holds of FR's keys, and whether others know the new one, `name`."""
    held = {party: held_by(world, party) for party in Party}
    seen = {party: each.words for party, each in held.items()}
    if role:
        kid = kid_of(world, name)
        seen[Party.FR] += f"; {signing(world, Role(role), _THINGS.get(role, ''))[0]} signs"
        for party in (Party.NL, Party.HOSTER):
            is_named = names(held[party], kid)
            seen[party] += f"; {name} known" if is_named else f"; {name} NOT known"
            if not is_named:
                world.unfollowed.append(f"{party.title} does not know {name}")
    world.record.key_views.append(KeyView(after=after, seen=seen))
    world.listener.talk(
        "           " + "  |  ".join(f"{party.title}: {text}" for party, text in seen.items())
    )


def compare(world: World) -> None:
    """What was seen while keys were replaced."""
    record = world.record
    many = ", ".join(f"{count} {what.split()[-1]}s" for what, count in world.traffic.items())
    failed = f"; FAILED: {', '.join(world.failed)}" if world.failed else ", none failed"
    record.find("rotation-unnoticed", held=not world.failed, detail=many + failed)
    record.find(
        "rotation-followed",
        held=not world.unfollowed,
        detail="; ".join(world.unfollowed) or f"after each of {len(ROLES)} steps both named it",
    )
    now = {role: signing(world, Role(role), _THINGS.get(role, "")) for role in ROLES}
    same = [role for role in ROLES if now[role][1] == world.first_keys[role][1]]
    changes = ", ".join(f"{world.first_keys[role][0]} → {now[role][0]}" for role in ROLES)
    record.find("every-key-rotated", held=not same, detail=f"not: {', '.join(same)}" if same else changes)


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
    # Neither has heard of the other for more than a week: it looks before it believes, and is believed after that.
    world.perform(*(_sync(party) for party in AGENCIES))
    world.perform(*(sync(party) for party in AGENCIES))
    world.perform(*(_cosigned(party) for party in AGENCIES))
    world.perform(release())
    world.perform(_cosigned(Party.FR))
    _spread(world)
    _ask(world)
    world.perform(_advance("destroys the keys that have ended"))
    _look(world, f"{_DAYS} days later")


def _cosigned(who: Party) -> Act:
    return Act(
        who=who,
        what="asks the other agency's witness to cosign its heads",
        arguments=["witness", "ask"],
        note=lambda outcome: f"{sum(bool(head['cosigned']) for head in outcome.results)} cosigned",
    )


def try_copy(world: World) -> None:
    """The copy is tried again; the folder is searched for what was copied."""
    world.serve(*AGENCIES)
    outcome = _tries(world)
    words = f": {world.last_complaint(Party.FR)}" if outcome.exit else ""
    world.record.find(
        "old-copy-refused",
        held=outcome.exit != 0,
        detail=f"the same sync in FR's name: {_told(outcome)}{words}",
    )
    copies = (world.place(COPY, "keys", f"{world.first_keys[role][0]}.json") for role in ROLES)
    copied_files = {_digest(path) for path in copies if path.exists()}
    there = [path for path in world.seat(Party.FR).home.rglob("*.json") if _digest(path) in copied_files]
    world.record.find(
        "old-halves-gone",
        held=not there and len(copied_files) == len(ROLES),
        detail=f"{len(copied_files)} key files of the copy looked for; found: {len(there)}",
    )


def _digest(path: Path) -> bytes:
    return sha256(path.read_bytes()).digest()
