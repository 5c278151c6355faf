"""`sigfed doctor --deep` names a wrong byte in any file that something vouches for, at a node and at a partner."""

import re
from collections.abc import Iterator
from itertools import cycle, product
from pathlib import Path

import pytest

from support.agencies import LIST, SUBSET, Federation, import_files, lawful_table, numbered, written
from support.processes import Cli
from support.sizes import THOROUGH

PLACES = {"start": 0.0, "middle": 0.5, "end": 1.0}
PLAIN = re.compile(
    r"fr/(sigfed\.toml|sigfed\.db|members/[^/]+/url|objects/(gossip|sweeps)/.*)"
    r"|partner/partner/((allowance|last-update)\.json|access\.token)"
)
"""What nothing vouches for: `doctor` says that it cannot check it."""
EXPORT = Path(__file__).parents[3] / "docs/examples/icse-export.csv"


@pytest.fixture(scope="module")
def homes(federation: Federation, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cli]:
    """An agency and a hoster that have something of every kind."""
    folder = tmp_path_factory.mktemp("whole")
    partner = federation.new_partner(folder / "partner")
    partner.run("check", federation.files["both"])
    partner.run(
        "propose",
        written(folder / "new.bin", b"new here"),
        "--reason",
        "found",
        "--contact",
        "a@b.example",
        "--yes",
    )
    fr = federation.fr_copied(folder / "fr")
    lawful = written(folder / "lawful.csv", lawful_table(*numbered("lawful", 3)))
    fr.done("guard", "benign", "add", lawful)
    fr.run("entry", "import", str(EXPORT), "--list", LIST, "--basis", "own")
    import_files(fr, numbered("more", 150))
    fr.done("publish")
    fr.done("subset", "release", SUBSET)
    import_files(fr, numbered("waiting", 2))
    return {"fr": fr, "partner": partner}


def files(cli: Cli) -> list[str]:
    found = (path.relative_to(cli.home) for path in sorted(cli.home.rglob("*")) if path.is_file())
    return [path.as_posix() for path in found if not path.name.endswith(("-wal", "-shm", ".lock"))]


def kind(name: str) -> str:
    """Files that are checked in one way, as far as their names tell."""
    return re.sub(r"[0-9a-f]{16,}|[0-9]+", "N", name)


def chosen(names: list[str]) -> Iterator[tuple[str, str]]:
    """Every place of every file, or one place of one file of each kind, another one with each kind."""
    if THOROUGH:
        yield from product(names, PLACES)
        return
    first = {kind(name): name for name in names}
    yield from zip(first.values(), cycle(PLACES), strict=False)


def flip(path: Path, place: str) -> bytes:
    before = path.read_bytes()
    at = round(PLACES[place] * (len(before) - 1))
    path.write_bytes(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
    return before


def checks(cli: Cli) -> tuple[int, list[dict[str, str]]]:
    done = cli.run("doctor", "--deep")
    return done.exit, done.results


@pytest.mark.parametrize("who", ["fr", "partner"])
def test_a_wrong_byte_is_named(homes: dict[str, Cli], who: str) -> None:
    cli = homes[who]
    code, whole = checks(cli)
    assert code == 0, [check for check in whole if check["health"] == "fail"]
    missed = []
    for name, place in chosen([name for name in files(cli) if not re.fullmatch(PLAIN, f"{who}/{name}")]):
        before = flip(cli.home / name, place)
        done = cli.run("doctor", "--deep")
        (cli.home / name).write_bytes(before)
        if done.exit == 0 or not (name in done.out or name in done.err):
            missed.append((name, place, done.exit, done.err))
    assert missed == []
