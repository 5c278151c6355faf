"""Chapter seven: an entry is withdrawn and its file becomes clean; then everybody's folders are searched."""

from node.demo.asking import check, told, update, verdict
from node.demo.attacking import SPARE
from node.demo.federating import release, sync
from node.demo.parties import AGENCIES, Party
from node.demo.preparing import publication
from node.demo.searching import Search
from node.demo.world import LIST, Act, World

_SMALL = 4
"""An update of a handful of changes moves less than a whole release by at least this factor."""


def withdraw(world: World) -> None:
    """Withdraw, publish, sync, release, update, ask again."""
    world.serve(*AGENCIES)
    _withdraw(world)
    world.perform(release())
    world.moment("before-last-update")
    (updated,) = world.perform(update())
    cast = world.actors
    (answered,) = world.perform(check(world, cast.withdrawn, cast.both))
    gone, there = verdict(world, answered, cast.withdrawn), verdict(world, answered, cast.both)
    world.record.find(
        "withdrawn-clean",
        held=(gone["verdict"], there["verdict"]) == ("clean", "hit"),
        detail=f"the withdrawn file: {told(gone)}; the other one: {told(there)}",
    )
    _compare(world, updated.first["bytes_received"])
    world.moment("before-search")
    _search(world)


def _withdraw(world: World) -> None:
    hashes = world.place("exports", "to-withdraw.csv")
    file = world.file(world.actors.withdrawn)
    world.perform(
        Act(
            who=Party.FR,
            what="hashes a file that was listed by mistake",
            arguments=["hash", str(file), "-o", str(hashes)],
        )
    )
    world.moment("before-withdrawal")
    arguments = [
        "entry",
        "withdraw",
        "--list",
        LIST,
        "--hash-from",
        str(hashes),
        "--reason",
        "error",
        "--yes",
    ]
    world.perform(
        Act(
            who=Party.FR,
            what="withdraws it: one person is enough",
            arguments=arguments,
            note=lambda outcome: f"{outcome.first['withdrawals']} entries",
        )
    )
    world.perform(publication(Party.FR))
    world.perform(sync(Party.NL))


def _compare(world: World, moved: int) -> None:
    """What the update moved against the same release fetched whole, by the second machine."""
    whole = world.run_at(SPARE, update(), "--whole").first["bytes_received"]
    world.record.find(
        "delta-small",
        held=moved * _SMALL <= whole,
        detail=f"{moved:,} bytes over the wire, handshakes and trust files included; the whole release: {whole:,}",
    )


def _search(world: World) -> None:
    record, hoster = world.record, world.seat(Party.HOSTER)
    listed = Search(digests=(digest for file in world.listed for digest in file.digests))
    places = [hoster.home, world.place(SPARE), hoster.journal]
    found = listed.found_in(*places)
    record.find("partner-holds-no-digest", held=not found, detail=_searched(listed, found))
    asked = Search(digests=(digest for file in world.actors.names().values() for digest in file.digests))
    node = world.seat(Party.FR)
    found = asked.found_in(node.home, node.journal)
    record.find("node-learned-nothing", held=not found, detail=_searched(asked, found))
    case = Search(words=world.case_words)
    found = case.found_in(world.seat(Party.NL).home, world.seat(Party.NL).journal, *places)
    record.find("case-data-stays", held=not found, detail=_searched(case, found))


def _searched(search: Search, found: list[str]) -> str:
    looked = f"{search.forms:,} forms looked for (bytes, hex, base64), planted ones found"
    return f"{looked}; FOUND in {', '.join(found)}" if found else f"{looked}; none"
