"""End of chapter five: a hit is reported, and what proves it is verified where nothing is known but words.

The evidence holds the hash that was reported, so it lies outside of every home.
"""

from pathlib import Path

from node.demo.alteration import flip
from node.demo.parties import Party
from node.demo.world import Act, World

_ELSEWHERE = "machine-with-nothing"
_REFUSED = 14
_ID_DIGITS = 8
"""A hit is called by the first digits of its id, as people do."""


def report(world: World) -> None:
    """The hoster reports one of its hits, and fetches the evidence."""
    world.serve(Party.FR)
    wanted = str(world.file(world.actors.both))
    (found,) = world.perform(
        Act(
            Party.HOSTER,
            "looks at its hits",
            ["hit", "ls"],
            note=lambda outcome: f"{len(outcome.results)}, nobody was told of them",
        )
    )
    hit = next((result["hit"][:_ID_DIGITS] for result in found.results if result["file"] == wanted), "")
    world.place("evidence").mkdir(mode=0o700)
    world.perform(
        Act(
            Party.HOSTER,
            "reports one of them, against a signed receipt",
            ["hit", "report", hit],
            note=lambda outcome: f"{outcome.first['state']}, receipt verified",
        )
    )
    world.perform(
        Act(
            Party.HOSTER,
            "fetches what proves it",
            ["hit", "evidence", hit, "-o", str(evidence(world))],
            source=Party.FR,
            note=lambda _: "evidence of one hit",
            moved=lambda outcome: outcome.first["bytes"],
        )
    )


def evidence(world: World) -> Path:
    """Where the evidence of the reported hit lies."""
    return world.place("evidence", "hit.evidence")


def _verification(world: World, file: Path, *, trouble: bool = False) -> Act:
    arguments = ["evidence", "verify", str(file), "--words", world.words[Party.FR]]
    return Act(
        Party.HOSTER,
        "has it verified on a machine that has nothing",
        arguments,
        exits=range(256),
        note=lambda outcome: f"refused (exit {outcome.exit})" if outcome.exit else "verified",
        trouble=trouble,
    )


def prove(world: World) -> None:
    """Somebody who knows FR's fingerprint words verifies the evidence, offline."""
    outcome = world.perform_at(_ELSEWHERE, _verification(world, evidence(world)))
    backings = outcome.first.get("backings", ())
    countries = sorted(backing["country"] for backing in backings)
    world.record.find(
        "hit-evidence-verifies",
        held=outcome.exit == 0 and countries == ["FR", "NL"] and not world.place(_ELSEWHERE).exists(),
        detail=f"exit {outcome.exit}: listed on own knowledge by {' and '.join(countries) or 'nobody'}",
    )


def forge(world: World) -> None:
    """Somebody alters one bit of it."""
    forged = altered_evidence(world)
    forged.write_bytes(evidence(world).read_bytes())
    flip(forged)
    world.moment("altered-evidence")
    outcome = world.perform_at(_ELSEWHERE, _verification(world, forged, trouble=True))
    words = world.last_words(Party.HOSTER) if outcome.exit else "it was believed"
    world.record.find(
        "altered-evidence-refused", held=outcome.exit == _REFUSED, detail=f"exit {outcome.exit}: {words}"
    )


def altered_evidence(world: World) -> Path:
    """The evidence with one bit flipped."""
    return world.place("evidence", "altered.evidence")
