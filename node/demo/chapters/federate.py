"""Chapters three and four: the agencies count and follow each other; one releases what both list.

Scenes are functions of the world; those before have been played.
"""

from node.demo.parties import AGENCIES, Party
from node.demo.processes import Facts, Outcome
from node.demo.world import LIST, SUBSET, Act, World, pairs


def meet(world: World) -> None:
    """Compare fingerprints and become members of one federation."""
    world.serve(*AGENCIES)
    world.perform(*(_member(world, who, other) for who, other in pairs(AGENCIES)))


def follow(world: World) -> None:
    """Become peers, sync both ways, and see what a peer can read."""
    world.serve(*AGENCIES)
    world.perform(*(_peer(who, other) for who, other in pairs(AGENCIES)))
    world.perform(*(sync(who) for who in AGENCIES))
    _test_grant(world)


def _member(world: World, who: Party, other: Party) -> Act:
    arguments = ["member", "add", world.url(other), "--words", world.words[other], "--country", other.country]
    return Act(
        who,
        f"counts {other.country} as a member, after comparing fingerprints by telephone",
        arguments,
        source=other,
        note=lambda outcome: f"{outcome.first['k']} countries must agree",
    )


def _peer(who: Party, other: Party) -> Act:
    return Act(
        who,
        f"follows {other.country}, and lets it read baseline here",
        ["peer", "add", other.node, "--grant", "baseline"],
    )


def sync(who: Party) -> Act:
    """An agency fetches what its peer published."""
    return Act(
        who,
        "syncs, verifying every event",
        ["peer", "sync"],
        source=next(other for other in AGENCIES if other is not who),
        note=lambda outcome: f"{_sum(outcome, 'adds'):,} added, {_sum(outcome, 'withdrawals'):,} withdrawn",
        moved=lambda outcome: _sum(outcome, "bytes"),
    )


def _sum(outcome: Outcome, name: str) -> int:
    return sum(result[name] for result in outcome.results)


def _test_grant(world: World) -> None:
    origin = f"{Party.FR.node}/lists/{LIST}"
    own, seen = world.perform(
        Act(Party.FR, "looks at its list", ["list", "show", LIST]),
        Act(Party.NL, "looks at what it holds of FR's list", ["list", "show", origin]),
    )
    here, there = own.first["active"], seen.first["active"]
    readable = {name: there.get(name, 0) for name in here}
    world.record.find(
        "grant-kept",
        held=own.first["size"] == seen.first["size"]
        and readable == {name: count if name == "baseline" else 0 for name, count in here.items()}
        and len(here) > 1,
        detail=f"of FR's {own.first['size']:,} events NL holds all, and can read:"
        f" {', '.join(f'{name} {count:,} of {here[name]:,}' for name, count in readable.items())}",
    )


def define(world: World) -> None:
    """FR defines a subset for partners."""
    arguments = ["subset", "create", SUBSET, "--collection", "baseline", "--screen-bits", "12"]
    world.perform(Act(Party.FR, "defines a subset for partners", arguments))


def agree(world: World) -> None:
    """FR releases what both countries list."""
    (released,) = world.perform(release())
    wanted, entries = 2 * len(world.listed), released.first["entries"]
    world.record.find(
        "only-agreed-released",
        held=entries == wanted,
        detail=f"{entries:,} hashes released; both list {wanted:,} (MD5 and SHA-1 of {len(world.listed):,} files)",
    )


def cosign(world: World) -> None:
    """Each agency has the heads of its lists and releases cosigned by the other."""
    world.serve(*AGENCIES)
    outcomes = world.perform(*(_witnesses(party) for party in AGENCIES))
    heads = [head for outcome in outcomes for head in _released_heads(outcome)]
    world.record.find(
        "heads-cosigned",
        held=len(heads) > len(AGENCIES) and all(head["cosigned"] and not head["missing"] for head in heads),
        detail="; ".join(f"{head['origin']} by {head['cosigned']}" for head in heads),
    )


def _witnesses(who: Party) -> Act:
    return Act(
        who,
        "asks the other agency's witness to cosign its heads",
        ["witness", "ask"],
        source=next(other for other in AGENCIES if other is not who),
        note=lambda outcome: f"{sum(bool(head['cosigned']) for head in _released_heads(outcome))} cosigned",
    )


def _released_heads(outcome: Outcome) -> list[Facts]:
    """Heads that others act on; the audit log, which grows with every command, is cosigned now and then."""
    return [head for head in outcome.results if "/audit/" not in head["origin"]]


def release() -> Act:
    """FR releases what is effective."""
    return Act(
        Party.FR,
        "releases what both countries list",
        ["subset", "release", SUBSET],
        note=lambda outcome: (
            f"version {outcome.first['version']}: {outcome.first['added']:,} added,"
            f" {outcome.first['removed']:,} removed"
        ),
    )
