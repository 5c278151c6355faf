"""Chapter seven: an entry is withdrawn and its file becomes clean; then everybody's folders are searched."""

from dataclasses import replace
from pathlib import Path

from node.demo.chapters.ask import check, told, update, verdict
from node.demo.chapters.attack import SPARE
from node.demo.chapters.federate import release, sync
from node.demo.chapters.prepare import publication
from node.demo.parties import AGENCIES, Party
from node.demo.search import Search
from node.demo.world import LIST, Act, World

_SMALL = 4
"""An update of a handful of changes moves less than a whole release by at least this factor."""


def notice(world: World) -> None:
    """Somebody notices that a file was listed by mistake."""
    file = world.file(world.actors.withdrawn)
    arguments = ["hash", str(file), "-o", str(_hashes(world))]
    world.perform(Act(Party.FR, "hashes a file that was listed by mistake", arguments))


def withdraw(world: World) -> None:
    """Withdraw, publish, sync, release."""
    world.serve(*AGENCIES)
    arguments = ["entry", "withdraw", "--list", LIST, "--hash-from", str(_hashes(world))]
    world.perform(
        Act(
            Party.FR,
            "withdraws it: one person is enough",
            [*arguments, "--reason", "error", "--yes"],
            note=lambda outcome: f"{outcome.first['withdrawals']} entries",
        )
    )
    world.perform(publication(Party.FR))
    world.perform(sync(Party.NL))
    world.perform(release())


def _hashes(world: World) -> Path:
    return world.place("exports", "to-withdraw.csv")


def ask_again(world: World) -> None:
    """Update, ask about two files again, and see how little moved."""
    world.serve(Party.FR)
    (updated,) = world.perform(update())
    cast = world.actors
    (answered,) = world.perform(check(world, cast.withdrawn, cast.both))
    gone, there = verdict(world, answered, cast.withdrawn), verdict(world, answered, cast.both)
    world.record.find(
        "withdrawn-clean",
        held=(gone["verdict"], there["verdict"]) == ("clean", "hit"),
        detail=f"the withdrawn file: {told(gone)}; the other one: {told(there)}",
    )
    _report_the_rest(world)
    _compare(world, updated.first["bytes_received"])


def _report_the_rest(world: World) -> None:
    """What is still to be reported is; the hit of the withdrawn file is not among it."""
    reporting = Act(
        Party.HOSTER,
        "reports all hits that wait",
        ["hit", "report", "--all"],
        note=lambda outcome: f"{sum('hit' in result for result in outcome.results)}",
    )
    looking = Act(
        Party.FR, "looks at what was reported", ["hit", "ls"], note=lambda outcome: f"{len(outcome.results)}"
    )
    own = replace(looking, who=Party.HOSTER, what="looks at its own hits")
    _, theirs, ours = world.perform(reporting, looking, own)
    wanted = str(world.file(world.actors.withdrawn))
    hits = {result["hit"]: result["state"] for result in ours.results if result["file"] == wanted}
    told_of = hits.keys() & {result["hit"] for result in theirs.results}
    world.record.find(
        "withdrawn-not-reported",
        held=set(hits.values()) == {"withdrawn"} and not told_of,
        detail=f"the hit is {' and '.join(hits.values()) or 'missing'}; the agency has {len(told_of)} report of it",
    )


def _compare(world: World, moved: int) -> None:
    """What the update moved against the same release fetched whole, by the second machine."""
    act = replace(
        update(),
        what="fetches the whole release on its second machine, to compare",
        arguments=["update", "--whole"],
        note=lambda outcome: f"version {outcome.first['new']}, whole",
    )
    whole = world.perform_at(SPARE, act).first["bytes_received"]
    world.record.find(
        "delta-small",
        held=moved * _SMALL <= whole,
        detail=f"{moved:,} bytes over the wire, headers and trust files included; the whole release: {whole:,}",
    )


def search(world: World) -> None:
    """Search everybody's folder and journal."""
    record, hoster = world.record, world.seat(Party.HOSTER)
    listed = Search(digests=(digest for file in world.listed for digest in file.digests))
    places = [hoster.home, world.place(SPARE), hoster.journal]
    found = listed.found_in(*places)
    record.find("partner-holds-no-digest", held=not found, detail=_searched(listed, found))
    asked = Search(digests=(digest for file in world.actors.asked() for digest in file.digests))
    node = world.seat(Party.FR)
    found = asked.found_in(node.home, node.journal)
    record.find("node-learned-nothing", held=not found, detail=_searched(asked, found))
    case = Search(words=world.case_words)
    found = case.found_in(world.seat(Party.NL).home, world.seat(Party.NL).journal, *places)
    record.find("case-data-stays", held=not found, detail=_searched(case, found))


def _searched(search: Search, found: list[str]) -> str:
    looked = f"{search.forms:,} forms looked for (bytes, hex, base64), planted ones found"
    return f"{looked}; FOUND in {', '.join(found)}" if found else f"{looked}; none"
