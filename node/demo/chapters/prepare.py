"""Chapters one and two: made-up files and exports; two agencies found their nodes, list and publish."""

from pathlib import Path

from node.clock import system_entropy
from node.demo.exports import Export
from node.demo.parties import AGENCIES, Party
from node.demo.record import Tally
from node.demo.synthetic import MadeUp, make
from node.demo.world import LIST, Act, Cast, World


def make_files(world: World) -> None:
    """Make files, and three exports of their hashes."""
    began = world.clock.now()
    for name in ("files", "exports", "journals", "secrets"):
        world.place(name).mkdir(mode=0o700, parents=True)
    files = make(system_entropy, 2 * world.rows + 2)

    def take(count: int) -> tuple[MadeUp, ...]:
        return tuple(next(files) for _ in range(count))

    shared, relied = take(world.rows // 2), take(world.rows // 10)
    alone = {party: take(world.rows // 4) for party in AGENCIES}
    others = {party: take(world.rows // 10) for party in AGENCIES}
    unlisted, logo = take(2)
    world.listed = shared
    world.record.tally = Tally(
        shared=len(shared), alone=len(alone[Party.FR]), relied=len(relied), others=len(others[Party.FR])
    )
    world.cast = Cast(
        both=shared[0],
        withdrawn=shared[1],
        single=alone[Party.NL][0],
        relied=relied[0],
        unlisted=unlisted,
        logo=logo,
    )
    for name, file in world.cast.names().items():
        world.place("files", name).write_bytes(file.data)
    exports = {
        "fr.csv": Export(agency="FR", baseline=(*shared, *alone[Party.FR], *relied), others=others[Party.FR]),
        "nl.csv": Export(agency="NL", baseline=(*shared, *alone[Party.NL]), others=others[Party.NL]),
        "nl-from-a-supplier.csv": Export(agency="supplier", baseline=relied),
    }
    world.case_words = exports["fr.csv"].case_words
    size = sum(export.write(world.place("exports", name)) for name, export in exports.items())
    rows = sum(len(export.baseline) + len(export.others) for export in exports.values())
    note = f"{rows:,} rows in {len(exports)} exports, {size / 1e6:.1f} MB"
    world.own_act(Party.FR, "and Agency NL have made-up exports", began=began, note=note)


def found(world: World) -> None:
    """Found both nodes; each starts a list, imports, publishes."""
    secrets = {party: _secrets(world, party) for party in AGENCIES}
    founded = world.perform(*(_init(world, party, *secrets[party]) for party in AGENCIES))
    for party, outcome in zip(AGENCIES, founded, strict=True):
        world.words[party] = outcome.first["fingerprint"]
    world.perform(*(Act(party, "starts a list", ["list", "create", LIST]) for party in AGENCIES))
    world.perform(*(own_import(world, party, f"{party.value}.csv") for party in AGENCIES))
    world.perform(relying_import(world, Party.NL, "nl-from-a-supplier.csv"))
    world.perform(*(publication(party) for party in AGENCIES))


def _secrets(world: World, party: Party) -> tuple[Path, Path]:
    paths = world.place("secrets", party.value), world.place("secrets", f"{party.value}-root")
    for path in paths:
        write_secret(path)
    return paths


def write_secret(path: Path) -> None:
    """A new passphrase in a file."""
    path.touch(mode=0o600)
    path.write_text(system_entropy(16).hex() + "\n", encoding="ascii")


def _init(world: World, party: Party, passphrase: Path, root_passphrase: Path) -> Act:
    port = str(world.ports[party])
    arguments = ["init", "--node", party.node, "--country", party.country, "--url", world.url(party)]
    arguments += ["--port", port, "--profile", "small", "--root-kdf", "online"]
    arguments += ["--passphrase-file", str(passphrase), "--root-passphrase-file", str(root_passphrase)]
    return Act(
        party,
        "founds its node",
        arguments,
        note=lambda outcome: f"fingerprint {' '.join(outcome.first['fingerprint'].split()[:2])} …",
    )


def own_import(world: World, party: Party, name: str, *, to: str = LIST) -> Act:
    """An agency imports what it holds itself."""
    path = world.place("exports", name)
    return Act(
        party,
        "imports its own export",
        ["entry", "import", str(path), "--list", to, "--basis", "own"],
        note=lambda outcome: f"{outcome.first['accepted']:,} rows, {outcome.first['entries']:,} entries",
        moved=lambda _: path.stat().st_size,
    )


def relying_import(world: World, party: Party, name: str) -> Act:
    """An agency imports what somebody else says."""
    path = world.place("exports", name)
    arguments = ["entry", "import", str(path), "--list", LIST, "--basis", "relies-on", "--source", "supplier"]
    return Act(
        party,
        "imports a supplier's export, relying on it",
        arguments,
        note=lambda outcome: f"{outcome.first['accepted']:,} rows, recorded, never counted",
        moved=lambda _: path.stat().st_size,
    )


def publication(party: Party, name: str = LIST) -> Act:
    """An agency signs and publishes what waits."""
    return Act(
        party,
        "signs and publishes its list",
        ["publish", name],
        note=lambda outcome: (
            f"{outcome.first['size']:,} events: {outcome.first['adds']:,} added,"
            f" {outcome.first['withdrawals']:,} withdrawn"
        ),
    )
