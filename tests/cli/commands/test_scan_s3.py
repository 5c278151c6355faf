"""Scanning buckets of a real S3 server on loopback: each object once, and no credential anywhere."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import pytest
from obstore.store import S3Store

from support.agencies import BOTH, UNLISTED
from support.processes import Cli, Finished, free_port, wait_until

SECRET = "a made-up secret key"
LARGE = 65 * 2**20


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an S3 server with the bucket `uploads`."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def made() -> bool:
        try:
            request = urllib.request.Request(f"{address}/uploads", method="PUT")
            return bool(urllib.request.urlopen(request).status == 200)
        except URLError:
            return False

    try:
        wait_until(made)
        yield address
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def store(server: str, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """The bucket, and an environment that reaches it."""
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "reader",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }.items():
        monkeypatch.setenv(name, value)
    return S3Store("uploads")


def statuses(finished: Finished) -> dict[str, str]:
    return {one["path"]: one["status"] for one in finished.results if one["type"] == "file"}


def test_a_bucket(partner: Cli, store: S3Store, tmp_path: Path) -> None:
    odd = "ein Ordner/é #+%41.jpg"
    store.put(odd, BOTH)
    store.put("ein Ordner/clean", UNLISTED)
    store.put("ein Ordner/empty", b"")
    store.put("ein Ordner2/other", BOTH)
    report = tmp_path / "report.jsonl"
    found = partner.run("scan", "s3://uploads/ein Ordner", "--report", str(report))
    assert found.exit == 1, found.err
    assert statuses(found) == {f"s3://uploads/{odd}": "hit"}
    assert found.results[-1]["read"] == 3
    (hit,) = partner.run("hit", "ls").results
    assert hit["file"] == f"s3://uploads/{odd}"

    again = partner.run("scan", "--resume")
    assert (statuses(again), again.results[-1]["read"]) == (statuses(found), 0)
    store.put("ein Ordner/clean", b"another content")
    assert partner.run("scan", "--resume").results[-1]["read"] == 1

    one = partner.run("scan", f"s3://uploads/{odd}")
    assert (one.exit, one.results[-1]["files"], one.results[-1]["read"]) == (1, 1, 0)
    for path in [report, *(partner.home / "partner").rglob("*")]:
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()


def test_what_cannot_be_read_is_accounted_for(partner: Cli, store: S3Store) -> None:
    found = partner.run("scan", "s3://uploads/nothing here", "s3://missing")
    assert found.exit == 3, found.err
    assert statuses(found) == {"s3://missing": "unreadable", "s3://uploads/nothing here": "unreadable"}
    refused = partner.run("scan", "s3://")
    assert (refused.exit, refused.out) == (2, "")
    assert "names no bucket" in refused.err


@pytest.mark.threat("a file that evades a scan")
def test_a_key_that_cannot_be_listed_hides_its_own_folder_alone(
    partner: Cli, store: S3Store, server: str
) -> None:
    for name in ("keys/a/b/listed", "keys/c/listed", "keys/z"):
        store.put(name, BOTH)
    for key, content in (("keys/a//x", b"x"), ("keys/c/%2E%2E/x", b"x"), ("keys/d/", b"")):
        urllib.request.urlopen(urllib.request.Request(f"{server}/uploads/{key}", data=content, method="PUT"))
    found = partner.run("scan", "s3://uploads/keys")
    assert statuses(found) == {
        "s3://uploads/keys/a": "unreadable",
        "s3://uploads/keys/c": "unreadable",
        "s3://uploads/keys/z": "hit",
    }
    assert "rename that object" in found.err + found.out


def test_a_large_object_is_hashed_while_it_arrives(partner: Cli, store: S3Store) -> None:
    store.put("large/picture.jpg", b"\xff\xd8\xff" + bytes(LARGE))
    store.put("large/film.mp4", b"\x00\x00\x00\x18ftypmp42" + bytes(LARGE))
    found = partner.run("scan", "s3://uploads/large")
    assert statuses(found) == {"s3://uploads/large/picture.jpg": "partly"}, "a film has nothing to look into"
    (result,) = [one for one in found.results if one["type"] == "file"]
    assert (result["size"], found.exit) == (LARGE + 3, 3)
    assert "not looked into" in result["reasons"][0]


def test_a_server_that_is_away_ends_nothing(
    partner: Cli, store: S3Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    (tmp_path / "file").write_bytes(b"local")
    found = partner.run("scan", "s3://uploads", str(tmp_path / "file"))
    assert (found.exit, statuses(found)) == (3, {"s3://uploads": "unreadable"})
    assert found.results[-1]["files"] == 2
    assert SECRET not in found.err + found.out
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == SECRET
