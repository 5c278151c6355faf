"""Disclosed look-ups as people type them, with a running node: off at both ends, agreed to, found, and only told."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.errors import UsageError
from node.hashing.plan import HashPlan
from node.hashing.read import hash_path
from node.sdk import Client
from protocol.digest import Algorithm
from support.agencies import LIST, Federation, written
from support.federated import federated
from support.pictures import encoded, image_of, natural
from support.processes import Cli, Running

pytest.importorskip("PIL", reason="needs the images extra: pip install -e '.[images]'")

PICTURES, GALLERY = "pictures", "gallery"
SOME = ("partner", "disclose", GALLERY, "--values-per-day", "20")


def pdq(path: Path) -> str:
    found = hash_path(path, HashPlan()).parts[0].digests
    return next(each.value.hex() for each in found if each.algorithm is Algorithm.PDQ)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A listed picture, the same at half its size, and another."""
    folder = tmp_path_factory.mktemp("pictures")
    written(folder / "original.png", encoded(natural(600, 800)))
    image_of(natural(600, 800)).resize((400, 300)).save(folder / "smaller.jpg", "JPEG", quality=40)
    written(folder / "garden.png", encoded(natural(600, 800, seed=2)))
    written(folder / "text.txt", "no picture")
    return folder


@pytest.fixture(scope="module")
def near(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Agencies that list the picture, and a partner."""
    with federated(tmp_path_factory.mktemp("near")) as made:
        table = written(
            pictures / "listed.csv", f"pdq,collection\n{pdq(pictures / 'original.png')},baseline\n"
        )
        for cli in (made.fr, made.nl):
            cli.done("entry", "import", table, "--list", LIST, "--basis", "own")
            cli.done("publish")
        made.fr.done("peer", "sync")
        made.fr.done("subset", "create", PICTURES, "--pdq")
        made.fr.done("subset", "release", PICTURES)
        made.fr_node.stop()
        made.fr_node = Running(made.fr)
        invited = made.fr.done("partner", "invite", GALLERY, "--subset", PICTURES)
        made.partner = replace(made.partner, home=tmp_path_factory.mktemp("gallery") / "home")
        made.partner.done("enroll", "--stdin", typed=f"{invited['invitation']}\n")
        yield made


def switched_on(near: Federation) -> None:
    """Both switches, and what two persons decide."""
    fr = near.fr
    fr.add_persons("alice", "bruno")
    asked = fr.done_as("alice", *SOME)
    assert asked["subject"] == "gallery may show 20 PDQ values a day (now: 0)"
    fr.done_as("bruno", "approval", "approve", str(asked["approval"]))
    near.fr_node.stop()
    switch = "[disclosed_lookup]\nenabled = "
    fr.edit("sigfed.toml", f"{switch}false", f"{switch}true")
    near.fr_node = Running(fr)


@pytest.mark.threat("a near picture as a hit")
def test_it_is_off_at_both_ends_until_switched_on_and_near_is_only_told(
    near: Federation, pictures: Path
) -> None:
    partner: Cli = near.partner
    smaller, garden, text, original = (
        str(pictures / name) for name in ("smaller.jpg", "garden.png", "text.txt", "original.png")
    )
    partner.refused(2, "disclosed look-ups are off", "disclose", smaller, "--yes")
    settings = partner.home / "partner.toml"
    settings.write_text("[disclosed_lookup]\nenabled = true\n")
    settings.chmod(0o600)
    off = partner.run("disclose", smaller, "--yes")
    assert off.results == [{"file": smaller, "verdict": "unanswered", "disclosed": True}]
    assert off.exit != 0

    with Client(partner.home, jobs=1) as client:
        (nobody,) = client.disclose(smaller)
    assert (nobody.near, nobody.file.clean) == (None, True)
    assert nobody.reason

    switched_on(near)
    no = partner.run("disclose", smaller, typed="n\n")
    assert "What leaves this machine, in the clear, to fr.example: 1 PDQ value of 1 picture" in no.err
    assert near.fr.done("partner", "ls")["disclosed"]["asked"] == 0
    done = partner.run("-vv", "disclose", smaller, garden, text, original, "--yes")
    assert done.exit == 1, done.err
    verdicts = {result["file"]: result["verdict"] for result in done.results}
    assert verdicts == {smaller: "near", garden: "clean", text: "clean", original: "hit"}
    assert [result["collection"] for result in done.results if result["file"] == smaller] == ["baseline"]
    assert "near is not the same" in done.err
    assert "2 PDQ values of 2 pictures" in done.err, "what is found exactly is not shown"
    assert near.fr.done("partner", "ls")["disclosed"] == {
        "values_per_day": 20,
        "left": 18,
        "asked": 2,
        "met": 1,
        "stopped_ms": None,
    }
    hits = partner.run("hit", "ls").results
    assert [hit["file"] for hit in hits] == [original], "what is near is no hit"
    for value in map(pdq, (Path(smaller), Path(garden))):
        assert value not in done.out + done.err


def test_a_program_is_told_the_same(near: Federation, pictures: Path, tmp_path: Path) -> None:
    """After the test above, which switched it on at both ends."""
    partner = near.new_partner(tmp_path / "partner")
    smaller, garden, text, original = (
        pictures / name for name in ("smaller.jpg", "garden.png", "text.txt", "original.png")
    )
    settings = partner.home / "partner.toml"
    settings.unlink()
    with Client(partner.home, jobs=1) as client:
        with pytest.raises(UsageError, match="disclosed look-ups are off"):
            client.disclose(smaller)
        settings.write_text("[disclosed_lookup]\nenabled = true\n")
        settings.chmod(0o600)
        results = client.disclose(smaller, garden, text, original)
        assert [one.near for one in results] == [True, False, None, None]
        assert [one.collection for one in results] == ["baseline", None, None, None]
        assert "no PDQ value" in results[2].reason
        assert results[3].file.listed
        assert "is hit" in results[3].reason
        assert [hit.name for hit in client.hits()] == [str(original)], "what is near is no hit"


def test_what_must_be_said(near: Federation) -> None:
    near.partner.refused(2, "name files, or --hash-from", "disclose")
    near.partner.refused(2, "add --yes", "disclose", "--hash-from", "-")
