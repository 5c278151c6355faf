"""End of chapter eight: two persons at each agency shred the logo; nothing of it is left, and it does not come back."""

from node.demo.chapters.attack import SPARE
from node.demo.chapters.federate import sync
from node.demo.chapters.look import logo_hashes, look
from node.demo.chapters.prepare import own_import, write_secret
from node.demo.parties import AGENCIES, Party
from node.demo.processes import Outcome
from node.demo.record import Sight
from node.demo.search import Search
from node.demo.unseal import found_opened
from node.demo.world import LIST, Act, World

PERSONS = {Party.FR: ("anna", "bert"), Party.NL: ("carla", "dirk")}
_ROWS_REFUSED = 3


def erase(world: World) -> None:
    """Two persons at each agency, one who asks and one who approves; peers delete with their next sync."""
    world.serve(*AGENCIES)
    for place in range(2):
        world.perform(*(_person(world, party, PERSONS[party][place]) for party in AGENCIES))
    _shred(world, Party.FR)
    world.perform(sync(Party.NL))
    _shred(world, Party.NL)
    world.perform(sync(Party.FR))
    look(world, "Two persons at each agency shred it")


def _passphrase(world: World, name: str) -> str:
    path = world.place("secrets", f"person-{name}")
    if not path.exists():
        write_secret(path)
    return path.read_text(encoding="ascii")


def _person(world: World, who: Party, name: str) -> Act:
    arguments = ["person", "add", name]
    return Act(who, f"lets {name.title()} decide there", arguments, typed=2 * _passphrase(world, name))


def _shred(world: World, who: Party) -> None:
    asking, approving = PERSONS[who]
    arguments = ["entry", "shred", "--list", LIST, "--hash-from", str(logo_hashes(world))]
    (asked,) = world.perform(
        Act(
            who,
            f"has {asking.title()} ask for its deletion at every node",
            [*arguments, "--reason", "error", "--as", asking, "--yes"],
            typed=_passphrase(world, asking),
            note=lambda outcome: f"request {outcome.first['approval']}",
        )
    )
    number = str(asked.first["approval"])
    world.perform(
        Act(
            who,
            f"has {approving.title()} approve it",
            ["approval", "approve", number, "--as", approving],
            typed=_passphrase(world, approving),
            note=lambda outcome: str(outcome.first["state"]),
        )
    )


def seek(world: World) -> None:
    """Search every folder, journal and database, and every object opened with the keys of its node."""
    complete = _complete(world)
    view = world.record.views[-1]
    search = Search(digests=world.planted)
    places = [world.seat(party).home for party in Party] + [world.seat(party).journal for party in Party]
    found = search.found_in(*places, world.place(SPARE))
    found += [name for party in AGENCIES for name in found_opened(world, party, search)]
    world.record.find(
        "shredded-gone",
        held=world.readable
        and not found
        and complete
        and {view.seen[party] for party in AGENCIES} == {Sight.GONE},
        detail=f"{search.forms:,} forms of {len(world.planted)} hashes and nonces looked for, "
        + ("found before, " if world.readable else "NOT found before, ")
        + (f"FOUND in {', '.join(found)}" if found else "none now")
        + ("; complete at both" if complete else "; NOT complete"),
    )


def _complete(world: World) -> bool:
    """Whether both agencies see that every entry and dispute of it was shredded."""
    outcomes = world.perform(
        *(
            Act(
                party,
                "asks whether the shredding is complete",
                ["shredding", "ls"],
                note=lambda outcome: "complete" if _is_complete(outcome) else "not complete",
            )
            for party in AGENCIES
        )
    )
    return all(_is_complete(outcome) for outcome in outcomes)


def _is_complete(outcome: Outcome) -> bool:
    return bool(outcome.results) and all(facts["complete"] for facts in outcome.results)


def list_again(world: World) -> None:
    """Somebody tries to list it again, at both."""
    outcomes = world.perform(*(_import_again(world, party) for party in AGENCIES))
    view, _ = look(world, "Somebody at each agency tries to list it again")
    refused = [(outcome.exit, outcome.first.get("accepted")) for outcome in outcomes]
    reasons = {row["reason"] for outcome in outcomes for row in outcome.first.get("refused_rows", ())}
    world.record.find(
        "shredded-stays-out",
        held=refused == [(_ROWS_REFUSED, 0)] * len(AGENCIES)
        and {view.seen[party] for party in AGENCIES} == {Sight.GONE},
        detail="; ".join(sorted(reasons)) or "it was listed again",
    )


def _import_again(world: World, who: Party) -> Act:
    act = own_import(world, who, logo_hashes(world).name)
    return Act(
        who,
        "has somebody who tries to list it again",
        act.arguments,
        exits=range(256),
        note=lambda outcome: f"refused (exit {outcome.exit})" if outcome.exit else "listed",
        trouble=True,
    )


def audit(world: World) -> None:
    """FR's audit log says who did what."""
    asking, approving = PERSONS[Party.FR]
    verified, listed = world.perform(
        Act(
            Party.FR,
            "verifies its audit log",
            ["audit", "verify"],
            exits=range(256),
            note=lambda outcome: (
                f"refused (exit {outcome.exit})" if outcome.exit else f"{outcome.first['records']} records"
            ),
        ),
        Act(
            Party.FR,
            "asks it who shredded",
            ["audit", "ls", "--action", "entry.shred"],
            exits=range(256),
            note=lambda outcome: ", ".join(_who(outcome)),
        ),
    )
    told = _who(listed)
    world.record.find(
        "audit-names-both",
        held=not verified.exit and told == [f"{asking}: requested", f"{approving}: ok"],
        detail=f"verified with exit code {verified.exit}; {', '.join(told) or 'nobody'}",
    )


def _who(outcome: Outcome) -> list[str]:
    return [f"{record['actor']}: {record['outcome']}" for record in outcome.results]
