"""Chapter five: a hoster enrols with one string, updates, and asks privately about five files."""

from collections.abc import Sequence
from typing import Final

from node.clock import system_entropy
from node.demo.parties import Party
from node.demo.processes import Facts, Outcome
from node.demo.synthetic import MadeUp
from node.demo.world import SUBSET, Act, World
from node.home import Home
from node.hoster.folder import PartnerFolder
from node.hoster.lookup.held_releases import HeldReleases
from protocol.digest import SIZES, Algorithm, Digest
from protocol.subset.canary import LISTED
from protocol.subset.lookup import Lookup
from protocol.subset.screen import screen_values

_TRIED: Final = 20_000
_FEW: Final = 25
"""One in 2^12 or fewer is expected to pass, and so few values to be those of two files."""


def enrol(world: World) -> None:
    """Invite, enrol, update."""
    world.serve(Party.FR)
    invite = ["partner", "invite", Party.HOSTER.node, "--subset", SUBSET, "--files-per-day", "10000"]
    (invited,) = world.perform(
        Act(
            Party.FR,
            "invites the hoster",
            invite,
            note=lambda outcome: f"one string of {len(outcome.first['invitation'])} characters",
        )
    )
    world.perform(
        Act(
            Party.HOSTER,
            "enrols with that string and fetches the first release",
            ["enroll", "--stdin"],
            typed=invited.first["invitation"] + "\n",
            source=Party.FR,
            note=lambda outcome: f"{outcome.first['entries']:,} answers, self-test passed",
        )
    )
    world.perform(update())


def update(*, exits: Sequence[int] = (0,), trouble: bool = False) -> Act:
    """The hoster brings the newest release in force."""
    return Act(
        Party.HOSTER,
        "updates",
        ["update"],
        exits=exits,
        source=Party.FR,
        note=_updated,
        moved=lambda outcome: outcome.first.get("bytes_received"),
        trouble=trouble,
    )


def _updated(outcome: Outcome) -> str:
    if outcome.exit:
        return f"refused (exit {outcome.exit})"
    first = outcome.first
    if first["old"] == first["new"]:
        return f"version {first['new']} is the newest"
    return f"version {first['old']} → {first['new']}, {first['added']:,} added, {first['removed']:,} removed"


def check(world: World, *files: MadeUp, exits: Sequence[int] = (0, 1)) -> Act:
    """The hoster asks about files of the cast."""
    many = f"{len(files)} files" if len(files) > 1 else "a file"
    return Act(
        Party.HOSTER,
        f"asks about {many}, blinded",
        ["check", *(str(world.file(file)) for file in files)],
        exits=exits,
        source=Party.FR,
        note=_verdicts,
    )


def _verdicts(outcome: Outcome) -> str:
    verdicts = [result["verdict"] for result in outcome.results]
    return ", ".join(f"{verdicts.count(kind)} {kind}" for kind in dict.fromkeys(verdicts)) or "no verdict"


def verdict(world: World, outcome: Outcome, file: MadeUp) -> Facts:
    """What a check said about a file."""
    wanted = str(world.file(file))
    return next((result for result in outcome.results if result["file"] == wanted), {"verdict": "missing"})


def told(facts: Facts) -> str:
    """A verdict in words."""
    if facts["verdict"] != "hit":
        return str(facts["verdict"])
    return (
        f"hit, {facts['collection'] or 'no collection'}, {' and '.join(facts['countries']) or 'no country'}"
    )


def look_up(world: World) -> None:
    """Ask about all five files."""
    world.serve(Party.FR)
    cast = world.actors
    (answered,) = world.perform(check(world, *cast.asked()))
    both = verdict(world, answered, cast.both)
    record = world.record
    record.find("quorum-hit", held=both["verdict"] == "hit", detail=told(both))
    record.find(
        "label-countries",
        held=both.get("collection") == "baseline" and sorted(both.get("countries", ())) == ["FR", "NL"],
        detail=told(both),
    )
    for claim, file in (
        ("single-agency-clean", cast.single),
        ("relied-on-clean", cast.relied),
        ("unlisted-clean", cast.unlisted),
    ):
        seen = verdict(world, answered, file)
        record.find(claim, held=seen["verdict"] == "clean", detail=told(seen))
    try_offline(world)


def try_offline(world: World) -> None:
    """What the hoster's folder tells whoever tries hashes on it, without asking: the lists name files by two hashes."""
    folder = PartnerFolder(Home(world.seat(Party.HOSTER).home).partner)
    _, held = HeldReleases(folder).in_force()
    assert held is not None, "it has just updated"
    files, known = len(world.listed), held.release.manifest.screen_count - len(LISTED)
    tried = [Digest(Algorithm.MD5, system_entropy(SIZES[Algorithm.MD5])) for _ in range(_TRIED)]
    passed = int(Lookup(held.release).survives(screen_values(tried)).sum())
    world.record.find(
        "one-value-a-file",
        held=files - _FEW <= known <= files and passed <= _FEW,
        detail=f"{known:,} values for {files:,} files; {passed:,} of {_TRIED:,} hashes of no list pass",
    )
