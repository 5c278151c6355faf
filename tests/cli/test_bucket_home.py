"""Agencies whose objects are in a bucket of a real S3 store, and their partner: the same commands, whatever it does."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5, sha256
from itertools import count
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest

from node.app.serve import Parts
from node.config import load
from node.errors import StoreLockedError
from node.home import Home
from node.identity.identity import open_identity
from node.objects.bucket import Bucket
from node.objects.s3 import Owner, S3Objects
from support.agencies import (
    BOTH,
    LIST,
    SINGLE,
    SUBSET,
    Federation,
    federate,
    fetch,
    found_agency,
    import_files,
    list_files,
    numbered,
    publish_files,
    report,
    table,
    written,
)
from support.digest_search import DigestSearch
from support.processes import Cli, wait_until
from support.seaweedfs import KEY, OPEN, SECRET, BadProxy, Fault, S3Server, bad_proxy, seaweedfs

BUCKET = f"s3://{OPEN}/agencies"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with seaweedfs() as running:
        yield running


@pytest.fixture(scope="module")
def proxy(server: S3Server) -> Iterator[BadProxy]:
    with bad_proxy(server) as standing:
        yield standing


@pytest.fixture(scope="module")
def pair(proxy: BadProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """Two agencies and a partner; their store is behind the proxy."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        patched.setenv("AWS_ALLOW_HTTP", "true")
        patched.setenv("AWS_REGION", "eu")
        patched.setenv("AWS_ACCESS_KEY_ID", KEY)
        patched.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        made = federate(tmp_path_factory.mktemp("bucket"), objects=BUCKET)
        try:
            yield made
        finally:
            proxy.mend()
            made.stop()


def test_how_long_a_file_of_a_release_is_costs_no_download(
    pair: Federation, proxy: BadProxy, server: S3Server
) -> None:
    def release(files: list[bytes]) -> dict[str, Any]:
        for cli in (pair.fr, pair.nl):
            publish_files(cli, files)
        pair.fr.done("peer", "sync")
        proxy.asked.clear()
        return pair.fr.done("subset", "release", SUBSET)

    release(numbered("both list", 100))
    released = release([b"one more file"])
    objects, places = objects_of(server, pair.fr), f"releases/{SUBSET}/{released['version']}-"
    deltas = [
        name for name in objects.ls(f"releases/{SUBSET}/") if name.startswith(places) and "/since-" in name
    ]
    wholes = [re.sub("since-.*/", "", name) for name in deltas if not name.endswith("/labels")]
    smaller = [
        whole
        for whole in wholes
        for delta in deltas
        if delta.endswith(whole.rpartition("/")[2]) and objects.size(delta) < objects.size(whole)
    ]
    assert smaller
    read = [each.split("/fr/")[-1] for each in proxy.asked if each.startswith("GET ")]
    assert set(read) & set(wholes) == set(wholes) - set(smaller)
    (spliced,) = (name for name in objects.ls(wholes[0].rpartition("/")[0] + "/") if "/labels-of-" in name)
    base = f"releases/{SUBSET}/{spliced.partition('/labels-of-')[2]}/labels"
    assert (read.count(base), read.count(spliced)) == (1, 0), "old labels are read once, and never new ones"


@pytest.fixture
def secret(tmp_path: Path) -> str:
    path = tmp_path / "backup-passphrase"
    path.touch(mode=0o600)
    path.write_text("made-up words for backups\n")
    return str(path)


def objects_of(server: S3Server, cli: Cli) -> S3Objects:
    """What the bucket has of an agency, for somebody who only looks."""
    bucket = Bucket(name=OPEN, prefix=f"agencies/{cli.home.name}", endpoint=server.endpoint)
    return S3Objects(bucket, Owner(node="nobody.example"))


def first_openings(server: S3Server, cli: Cli) -> set[bytes]:
    """Of the own list, as they are sealed: of its first bundle."""
    objects = objects_of(server, cli)
    folder = sha256(f"{cli.home.name}.example/lists/{LIST}".encode()).hexdigest()
    return {objects.get(name) for name in objects.ls(f"openings/{folder}/") if f"{folder}/0" in name}


def test_import_publish_sync_release_and_look_up(pair: Federation, server: S3Server) -> None:
    publish_files(pair.nl, numbered("more", 300))
    pair.fr.done("peer", "sync")
    pair.fr.done("subset", "release", SUBSET)
    pair.partner.done("update")
    found = pair.partner.run("check", *pair.files.values())
    assert found.exit == 1
    assert sorted(one["verdict"] for one in found.results) == ["clean", "clean", "hit"]
    for cli in (pair.fr, pair.nl):
        for words in (("doctor",), ("doctor", "--deep")):
            looked = cli.run(*words)
            assert looked.exit == 0, looked.out
        kinds = {name.partition("/")[0] for name in objects_of(server, cli).ls("")}
        assert kinds >= {"logs", "openings"}
        assert not (cli.home / "objects").exists()
        for path in cli.home.rglob("*"):
            assert not path.is_file() or SECRET.encode() not in path.read_bytes()


def test_shredding_takes_openings_out_of_the_bucket(pair: Federation, server: S3Server) -> None:
    pair.nl.add_persons("alice", "bruno")
    before = first_openings(server, pair.nl)
    assert before
    hashes = written(pair.folder / "wrong.txt", sha256(SINGLE).hexdigest() + "\n")
    pair.nl.agreed("entry", "shred", "--list", LIST, "--hash-from", hashes, "--yes")
    assert pair.nl.run("shredding", "ls").results
    assert not before & first_openings(server, pair.nl), "sealed anew, without it"
    assert pair.nl.run("doctor", "--deep").exit == 0


def test_a_backup_while_it_works_and_a_folder_that_comes_of_it(
    pair: Federation, server: S3Server, tmp_path: Path, secret: str
) -> None:
    stopped = Event()

    def work() -> None:
        for number in count():
            if stopped.is_set():
                return
            publish_files(pair.fr, numbered(f"while it is written {number}", 20))

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        made = pair.fr.done(
            "backup", "create", str(tmp_path / "backup"), "--passphrase-file", secret, "--kdf", "online"
        )
        stopped.set()
        working.result()
    read = (made["backup"], "--passphrase-file", secret)
    new = Cli(tmp_path / "restored")
    assert new.done("backup", "verify", *read)["node"] == "fr.example"
    tried = new.run("backup", "drill", *read)
    assert tried.exit == 0, tried.out
    before = list(objects_of(server, pair.fr).ls(""))
    new.done("backup", "restore", *read)
    assert (load(new.home).store.objects, load(pair.fr.home).store.objects) == ("", f"{BUCKET}/fr")
    assert (new.home / "objects/logs").is_dir()
    assert not (new.home / "objects/staging").exists()
    assert list(objects_of(server, pair.fr).ls("")) == before


def test_a_store_that_is_down_is_said_and_comes_back_by_itself(pair: Federation, proxy: BadProxy) -> None:
    import_files(pair.fr, numbered("waiting", 5))  # with two hashes each
    assert fetch(pair.fr, pair.fr_node, "/health/ready")[0] == 200
    proxy.bad = Fault(answers=503)
    refused = pair.fr.run("publish")
    assert refused.exit == 2
    assert "the object store answered 503" in refused.err
    assert not any(each in refused.err for each in (KEY, SECRET, proxy.endpoint))
    wait_until(lambda: fetch(pair.fr, pair.fr_node, "/health/ready")[0] == 503)
    assert pair.partner.run("check", pair.files["both"]).exit == 1, "which reads no object"
    proxy.mend()
    wait_until(lambda: fetch(pair.fr, pair.fr_node, "/health/ready")[0] == 200)
    assert pair.fr.done("publish")["adds"] == 10
    assert pair.fr.run("doctor", "--deep").exit == 0


@pytest.mark.parametrize("after", [0, 1, 3, 5])
@pytest.mark.parametrize("how", ["cut", "killed"])
def test_a_publication_that_breaks_off_is_done_again(
    how: str, after: int, pair: Federation, proxy: BadProxy
) -> None:
    import_files(pair.fr, numbered(f"broken off {how} {after}", 5))
    size = report(pair.fr).log.head.size
    if how == "cut":
        proxy.bad = Fault(cuts="before", of="PUT", after=after)
        assert pair.fr.run("publish").exit in {0, 2}
    else:
        proxy.bad = Fault(stalls=True, of="PUT", after=after)
        publishing = pair.fr.begin("publish")
        wait_until(lambda: proxy.waiting > 0 or publishing.poll() is not None)
        publishing.kill()
        publishing.communicate()
    proxy.mend()
    pair.fr.run("publish")
    found = report(pair.fr)
    assert (found.log.head.size, found.waiting) == (size + 10, 0)
    looked = pair.fr.run("doctor", "--deep")
    assert looked.exit == 0, looked.out


def test_a_read_only_store_goes_on_answering(pair: Federation, proxy: BadProxy) -> None:
    hashes = written(pair.folder / "hash.txt", sha256(BOTH).hexdigest() + "\n")
    proxy.bad = Fault(answers=403, of="PUT")
    path = written(pair.folder / "more.csv", table(*numbered("refused", 3)))
    refused = pair.fr.run("entry", "import", path, "--list", LIST, "--basis", "own")
    assert refused.exit == 2
    assert "the object store refuses this node" in refused.err
    assert pair.partner.run("check", pair.files["both"]).exit == 1
    assert pair.fr.run("entry", "explain", "--hash-from", hashes).exit == 0
    proxy.mend()
    pair.fr.done("entry", "import", path, "--list", LIST, "--basis", "own")
    assert pair.fr.done("publish")["adds"] == 6


def test_a_store_that_ignores_conditions_is_refused(
    pair: Federation, proxy: BadProxy, server: S3Server, tmp_path: Path
) -> None:
    proxy.bad = Fault(ignores=frozenset({"if-none-match", "if-match"}))
    with pytest.raises(AssertionError, match="does not heed If-None-Match"):
        found_agency(tmp_path, name="de", country="DE", objects=f"{BUCKET}/de")
    assert not (tmp_path / "de/sigfed.toml").exists()
    assert not (tmp_path / "de/keys").exists()
    refused = pair.fr.run("contact", "a@fr.example", forked=True)
    assert refused.exit == 2
    assert "does not heed If-None-Match" in refused.err
    proxy.mend()
    with pytest.raises(AssertionError, match="belong to another folder"):
        found_agency(tmp_path, name="de", country="DE", objects=f"{BUCKET}/fr")
    Bucket(name=OPEN, prefix="agencies/used", endpoint=server.endpoint).put("of/somebody", b"x")
    with pytest.raises(AssertionError, match=f"there are objects in {BUCKET}/used"):
        found_agency(tmp_path, name="de", country="DE", objects=f"{BUCKET}/used")
    found_agency(tmp_path, name="de", country="DE", objects=f"{BUCKET}/de")


async def stops_after_a_minute(cli: Cli) -> BaseException | None:
    """Why a node that runs in this home stops when it looks, which it does each minute."""
    stopped = asyncio.get_running_loop().create_future()
    storage, store = SimpleNamespace(refusals=dict), SimpleNamespace(standing=dict)
    running = SimpleNamespace(
        identity=open_identity(Home(cli.home)), storage=storage, store=store, stopped=stopped
    )
    await Parts._renew(cast("Parts", running))
    return stopped.exception() if stopped.done() else None


@pytest.mark.threat("two folders, one node")
def test_a_copy_of_the_folder_does_not_write_into_its_bucket(
    pair: Federation, server: S3Server, tmp_path: Path
) -> None:
    """Until the node moves there, which the first one notices."""
    first = found_agency(tmp_path, name="be", country="BE", objects=f"{BUCKET}/be")
    list_files(first, numbered("listed", 3))
    copy = first.copied(tmp_path / "copy")
    before = list(objects_of(server, first).ls(""))
    path = written(tmp_path / "more.csv", table(*numbered("more", 3)))
    writes = (
        ("publish",),
        ("contact", "a@be.example"),
        ("key", "rotate", "token"),
        ("entry", "import", path, "--list", LIST, "--basis", "own"),
        ("run",),
    )
    for words in writes:
        refused = copy.run(*words, forked=True)
        assert refused.exit == 11, (words, refused.err)
        assert str(first.home) in refused.err
    assert list(objects_of(server, first).ls("")) == before
    first.done("contact", "b@be.example")
    assert asyncio.run(stops_after_a_minute(first)) is None
    moved = first.copied(tmp_path / "moved")
    moved.done("backup", "finish", "--yes")
    moved.done(*writes[-2])
    assert first.run("contact", "c@be.example", forked=True).exit == 11
    assert isinstance(asyncio.run(stops_after_a_minute(first)), StoreLockedError)


@pytest.mark.threat("the keeper of the objects")
def test_who_keeps_the_objects_reads_no_hash_and_is_found_out(pair: Federation, server: S3Server) -> None:
    bucket = Bucket(name=OPEN, prefix="agencies/fr", endpoint=server.endpoint)
    held = {name: objects_of(server, pair.fr).get(name) for name in objects_of(server, pair.fr).ls("")}
    files = (BOTH, SINGLE, *numbered("more", 300))
    digests = [hashed(data).digest() for data in files for hashed in (sha256, md5)]
    search = DigestSearch(digests)
    assert not [found for name, data in held.items() for found in search.sightings(data, name)]
    folder = sha256(f"fr.example/lists/{LIST}".encode()).hexdigest()
    bundle = max(name for name in held if name.startswith(f"logs/{folder}/tile/entries/"))
    opening = max(name for name in held if name.startswith(f"openings/{folder}/"))
    for name in (bundle, opening):
        bucket.put(name, bytes([held[name][0] ^ 1]) + held[name][1:])
        looked = pair.fr.run("doctor", "--deep")
        assert (looked.exit, name in looked.out) == (2, True), looked.out
        bucket.put(name, held[name])
    bucket.delete(bundle)
    looked = pair.fr.run("doctor")
    assert (looked.exit, f"objects of fr.example/lists/{LIST} are gone" in looked.out) == (2, True)
    bucket.put(bundle, held[bundle])
    assert pair.fr.run("doctor", "--deep").exit == 0
