"""Chapter eight, second half: NL disputes the logo; FR withdraws it, and sees who has followed."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from node.demo.chapters.ask import update
from node.demo.chapters.federate import sync
from node.demo.chapters.look import in_words, logo_hashes, look
from node.demo.chapters.poison import reach_partners
from node.demo.parties import AGENCIES, Party
from node.demo.processes import Outcome
from node.demo.record import Sight
from node.demo.search import Search
from node.demo.unseal import found_opened, openings
from node.demo.world import LIST, Act, World

_NONCE_BYTES = 16


def object_to(world: World) -> None:
    """An analyst at NL examines the file, and disputes it."""
    world.serve(*AGENCIES)
    arguments = ["entry", "dispute", "--list", LIST, "--hash-from", str(logo_hashes(world)), "--yes"]
    world.perform(
        Act(
            Party.NL,
            "examines the file, sees a logo, and disputes it",
            arguments,
            note=lambda outcome: f"{outcome.first['disputed']} hashes",
        )
    )
    released, words = reach_partners(world)
    view, explained = look(world, "NL examines it, and disputes it")
    _remember(world, explained)
    world.record.find(
        "dispute-blocks",
        held=not released.exit
        and view.seen == {Party.FR: Sight.BLOCKED, Party.NL: Sight.BLOCKED, Party.HOSTER: Sight.CLEAN},
        detail=f"{in_words(view)}; {words}",
    )


def _remember(world: World, explained: list[Outcome]) -> None:
    """Note what must be gone in the end, while it can still be read."""
    hidden = [
        opening[:_NONCE_BYTES]
        for party, outcome in zip(AGENCIES, explained, strict=True)
        for opening in openings(world, party, _own_places(party, outcome))
    ]
    world.planted = (*world.actors.logo.digests, *hidden)
    search = Search(digests=world.planted)
    world.readable = all(found_opened(world, party, search) for party in AGENCIES)


def _own_places(party: Party, outcome: Outcome) -> Iterator[int]:
    """Where an agency's own list has entries and disputes of the explained hashes."""
    for facts in outcome.results:
        yield from (
            place["index"] for place in (*facts["listed"], *facts["blocks"]) if place["node"] == party.node
        )


def recall(world: World) -> None:
    """FR withdraws at once; then everybody follows."""
    world.serve(*AGENCIES)
    arguments = ["entry", "withdraw", "--list", LIST, "--hash-from", str(logo_hashes(world))]
    world.perform(
        Act(
            Party.FR,
            "withdraws it at once: one person is enough",
            [*arguments, "--reason", "error", "--now", "--yes"],
            note=lambda outcome: f"{outcome.first['withdrawals']} entries, published and released",
        )
    )
    before = _behind(world)
    first, _ = look(world, "FR withdraws it; NL has not synced yet")
    world.perform(sync(Party.NL), replace(update(), source=Party.FR))
    after = _behind(world)
    last, _ = look(world, "NL has synced")
    world.record.find(
        "withdrawal-followed",
        held=(before, after) == ([Party.NL.node], [])
        and (first.seen[Party.FR], first.seen[Party.NL]) == (Sight.WITHDRAWN, Sight.BLOCKED)
        and last.seen[Party.NL] is Sight.WITHDRAWN,
        detail=f"not followed yet: {_listed(before)}; after a sync: {_listed(after)}; {in_words(last)}",
    )


def _behind(world: World) -> list[str]:
    """Peers that FR knows not to hold its newest withdrawal."""
    (asked,) = world.perform(
        Act(
            Party.FR,
            "asks who has not applied it",
            ["withdrawal", "ls"],
            note=lambda outcome: _listed(_waited_for(outcome)),
        )
    )
    return _waited_for(asked)


def _waited_for(outcome: Outcome) -> list[str]:
    newest: Mapping[str, list[Mapping[str, object]]] = max(
        outcome.results, key=lambda facts: facts["first"], default={"peers": []}
    )
    return [str(peer["peer"]) for peer in newest["peers"] if peer["held_ms"] is None]


def _listed(peers: list[str]) -> str:
    return ", ".join(peers) or "nobody"
