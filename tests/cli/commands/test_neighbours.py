"""Pictures that were changed on the way are found in a fetched list, on a machine that has nothing else."""

import json
from pathlib import Path

import pytest

from node.hashing.plan import HashPlan
from node.hashing.read import hash_path
from protocol.digest import Algorithm
from support.agencies import written
from support.pictures import encoded, image_of, natural
from support.processes import Cli

pytest.importorskip("PIL", reason="needs the images extra: pip install -e '.[images]'")


@pytest.fixture
def recipient(tmp_path: Path) -> Cli:
    """A machine without a home."""
    return Cli(tmp_path / "nothing")


def pdq(path: str) -> str:
    found = hash_path(Path(path), HashPlan()).parts[0].digests
    return next(each.value.hex() for each in found if each.algorithm is Algorithm.PDQ)


@pytest.fixture
def fetched(tmp_path: Path) -> str:
    """A list with the PDQ value of a made-up picture in its second line."""
    original = written(tmp_path / "original.png", encoded(natural(600, 800)))
    lines = [
        {"collection": "national", "algorithm": "md5", "digest": "ab" * 16},
        {"collection": "baseline", "algorithm": "pdq", "digest": pdq(original)},
        {"digests": 2},
    ]
    return written(tmp_path / "hashes", "".join(f"{json.dumps(line)}\n" for line in lines))


def smaller(tmp_path: Path) -> str:
    """The same picture at half its size, compressed hard."""
    half = image_of(natural(600, 800)).resize((400, 300))
    path = tmp_path / "smaller.jpg"
    half.save(path, "JPEG", quality=40)
    return str(path)


def test_a_changed_picture_is_near_and_another_is_not(recipient: Cli, fetched: str, tmp_path: Path) -> None:
    other = written(tmp_path / "other.png", encoded(natural(600, 800, seed=2)))
    done = recipient.run("recipient", "near", fetched, smaller(tmp_path), other)
    assert done.exit == 1, done.err
    first, second = done.results
    assert (first["verdict"], first["line"], first["collection"]) == ("near", 2, "baseline")
    assert 0 <= first["distance"] <= 31
    assert second == {"file": other, "verdict": "clean"}
    assert "2 pictures compared with 1 PDQ values of 2 hashes" in done.err
    exact = recipient.run("recipient", "near", fetched, str(tmp_path / "original.png"), "--distance", "0")
    assert (exact.exit, exact.first["distance"]) == (1, 0)
    assert pdq(str(tmp_path / "original.png")) not in done.out + done.err
    assert not recipient.home.exists()


def test_what_cannot_be_compared_is_told(recipient: Cli, fetched: str, tmp_path: Path) -> None:
    text = written(tmp_path / "text", "no picture")
    done = recipient.run("recipient", "near", fetched, text, str(tmp_path / "none"))
    assert done.exit == 3
    assert [(each["verdict"], each["reason"]) for each in done.results] == [
        ("unreadable", "it has no PDQ value"),
        ("unreadable", "No such file or directory"),
    ]


def test_hashes_instead_of_pictures(recipient: Cli, fetched: str, tmp_path: Path) -> None:
    value = f"{int(pdq(str(tmp_path / 'original.png')), 16) ^ 0b111:064x}"
    done = recipient.run("recipient", "near", fetched, "--hash-from", "-", typed=f"pdq:{value}\n")
    assert (done.exit, done.first["distance"], done.first["file"]) == (1, 3, "line 1")
    weak = recipient.run("recipient", "near", fetched, "--hash-from", "-", typed="ab" * 16)
    assert weak.exit == 3


def test_a_list_that_was_cut_off_answers_nothing(recipient: Cli, fetched: str, tmp_path: Path) -> None:
    cut = written(tmp_path / "cut", Path(fetched).read_bytes().rpartition(b'{"digests"')[0])
    recipient.refused(2, "it was cut off", "recipient", "near", cut, smaller(tmp_path))
    recipient.refused(2, "name files, or --hash-from", "recipient", "near", fetched)
