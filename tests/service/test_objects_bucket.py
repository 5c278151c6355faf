"""A bucket that fails: what it does not keep is refused, what it cannot do now is said, and nothing is half done."""

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from node.errors import AlreadyExistsError, ConfigError, StoreDownError, StoreLockedError, UsageError
from node.objects import bucket as bucket_module
from node.objects.bucket import Bucket
from node.objects.s3 import Owner, S3Objects
from support import seaweedfs
from support.processes import free_port, wait_until
from support.seaweedfs import KEY, SECRET, BadProxy, Fault, S3Server, bad_proxy

MINE = Owner(node="fr.example")
ACTS: dict[str, Callable[[S3Objects], object]] = {
    "get": lambda objects: objects.get("a/b"),
    "exists": lambda objects: objects.exists("a/b"),
    "ls": lambda objects: list(objects.ls("")),
    "put": lambda objects: objects.put("a/c", b"x"),
    "put_all": lambda objects: objects.put_all((f"many/{n}", b"x") for n in range(100)),
    "exchange": lambda objects: objects.exchange("a/b", b"old", b"new"),
    "delete": lambda objects: objects.delete("a/b"),
}
DOWN = {
    "503": (Fault(answers=503), "answered 503"),
    "full": (Fault(answers=507), "answered 507"),
    "refused": (Fault(answers=403), "refuses this node"),
    "cut": (Fault(cuts="before"), "cannot be reached"),
    "slow": (Fault(stalls=True), "takes too long"),
}


@pytest.fixture
def server(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    seaweedfs.program()
    s3.environment(monkeypatch)
    return s3


@pytest.fixture
def proxy(server: S3Server) -> Iterator[BadProxy]:
    with bad_proxy(server) as proxy:
        yield proxy


@contextmanager
def impatient(*, waits: float = 10) -> Iterator[None]:
    """Asks once more instead of three times, and waits as long for an answer."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("quick", "taking", "sending", "reading"):
            patched.setitem(bucket_module._PATIENCE, name, {"timeout": timedelta(seconds=waits)})
        patched.setitem(bucket_module._RETRY, "max_retries", 1)
        bucket_module._client.cache_clear()
        yield
    bucket_module._client.cache_clear()


def through(proxy: BadProxy, server: S3Server, folder: Path) -> S3Objects:
    return S3Objects(server.bucket(folder.name, proxy.endpoint), MINE)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        pytest.param(
            Fault(ignores=frozenset({"if-none-match"})),
            "does not heed If-None-Match",
            id="creates over what is there",
        ),
        pytest.param(
            Fault(ignores=frozenset({"if-match"})), "does not heed If-Match", id="replaces what it was not"
        ),
        pytest.param(Fault(adds={"X-Amz-Version-Id": "3"}), "keeps every version", id="deletes nothing"),
        pytest.param(Fault(adds={"Etag": ""}), "does not heed If-Match", id="has no marks"),
        pytest.param(Fault(answers=412, of="PUT"), "does not heed If-Match", id="replaces nothing"),
        pytest.param(Fault(answers=501, of="PUT"), "does not know a request", id="knows none"),
    ],
)
@pytest.mark.parametrize("act", ["put", "put_all", "exchange", "delete"])
def test_a_store_that_does_not_keep_its_word_is_not_written_to(
    fault: Fault, says: str, act: str, proxy: BadProxy, server: S3Server, tmp_path: Path
) -> None:
    directly = S3Objects(server.bucket(tmp_path.name), MINE)
    directly.put("a/b", b"old")
    proxy.bad = fault
    with pytest.raises(ConfigError, match=says):
        ACTS[act](through(proxy, server, tmp_path))
    assert list(directly.ls("")) == ["a/b"]
    assert directly.get("a/b") == b"old"
    assert {asked for asked in proxy.asked if not asked.startswith("GET")} <= {
        f"PUT /open/homes/{tmp_path.name}/.owner"
    }


def test_it_is_asked_once_and_who_reads_does_not_ask(
    proxy: BadProxy, server: S3Server, tmp_path: Path
) -> None:
    objects = through(proxy, server, tmp_path)
    assert not objects.exists("a/b")
    assert not any("PUT" in asked for asked in proxy.asked)
    objects.put("a/b", b"x")
    before = len(proxy.asked)
    objects.put("a/c", b"x")
    assert len(proxy.asked) == before + 1


def test_the_objects_of_another_node_are_not_taken_over(server: S3Server, tmp_path: Path) -> None:
    bucket = server.bucket(tmp_path.name)
    S3Objects(bucket, MINE).put("a/b", b"x")
    before = bucket.get(".owner")
    with pytest.raises(StoreLockedError, match="belong to another folder") as refused:
        S3Objects(bucket, Owner(node="nl.example", home="one")).take_over()
    assert "backup finish" not in str(refused.value.hint)
    assert bucket.get(".owner") == before


def test_what_names_no_folder_yet_is_the_first_ones(server: S3Server, tmp_path: Path) -> None:
    """Earlier versions wrote the node alone where the tables are in PostgreSQL."""
    bucket = server.bucket(tmp_path.name)
    S3Objects(bucket, Owner(node="fr.example")).put("a/b", b"x")
    first, second = (S3Objects(bucket, Owner(node="fr.example", home=home)) for home in ("one", "two"))
    for objects in (first, second):
        objects.require_own()
    first.put("a/b", b"y")
    with pytest.raises(StoreLockedError, match="belong to another folder"):
        second.put("a/b", b"z")
    assert first.get("a/b") == b"y"


def test_the_objects_of_another_node_are_left_alone(server: S3Server, tmp_path: Path) -> None:
    bucket = server.bucket(tmp_path.name)
    first, copy = (Owner(node="fr.example", home=home, place=f"host:/{home}") for home in ("one", "copy"))
    S3Objects(bucket, first).put("a/b", b"x")
    for other in (Owner(node="nl.example"), copy):
        with pytest.raises(StoreLockedError, match="belong to another folder: host:/one"):
            S3Objects(bucket, other).delete("a/b")
    S3Objects(bucket, copy).take_over()
    S3Objects(bucket, copy).put("a/b", b"y")
    with pytest.raises(StoreLockedError, match="belong to another folder: host:/copy"):
        S3Objects(bucket, first).require_own()
    assert S3Objects(bucket, first).get("a/b") == b"y"


def test_a_prefix_that_begins_with_another_is_a_place_of_its_own(server: S3Server, tmp_path: Path) -> None:
    outer = S3Objects(server.bucket(tmp_path.name), MINE)
    inner = S3Objects(server.bucket(f"{tmp_path.name}/logs/nl"), Owner(node="nl.example"))
    inner.claim()
    outer.claim()
    for objects in (outer, inner):
        objects.put("logs/a", b"x")
    assert [list(objects.ls("")) for objects in (outer, inner)] == [["logs/a"], ["logs/a"]]
    outer.delete("logs/a")
    assert inner.get("logs/a") == b"x"
    outer.put("logs/b", b"x")
    with pytest.raises(AlreadyExistsError, match="there are objects in"):
        S3Objects(server.bucket(f"{tmp_path.name}/logs"), MINE).claim()


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("kind", DOWN)
def test_what_cannot_be_done_now_is_said_and_can_be_done_again(
    kind: str, act: str, proxy: BadProxy, server: S3Server, tmp_path: Path
) -> None:
    fault, says = DOWN[kind]
    objects = through(proxy, server, tmp_path)
    objects.put("a/b", b"old")
    proxy.bad = fault
    with impatient(waits=0.5 if fault.stalls else 10), pytest.raises(StoreDownError, match=says) as refused:
        ACTS[act](objects)
    said = f"{refused.value} {refused.value.hint} {refused.value.__cause__}"
    assert not any(secret in said for secret in (KEY, SECRET, proxy.endpoint, tmp_path.name, "a/b"))
    proxy.mend()
    assert objects.get("a/b") == b"old"
    ACTS[act](objects)


@pytest.mark.parametrize("act", ACTS)
def test_without_the_package_it_is_said_what_to_install(act: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "obstore"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(UsageError, match="one more package") as refused:
        ACTS[act](S3Objects(Bucket(name="open", prefix="nobody-asked"), MINE))
    assert "[s3]" in refused.value.hint


def test_a_store_that_is_not_there(server: S3Server) -> None:
    bucket = Bucket(name="open", endpoint=f"http://127.0.0.1:{free_port()}", region="eu")
    nowhere = Bucket(name="nobody-made-this", endpoint=server.endpoint, region="eu")
    with impatient():
        for act in ACTS.values():
            with pytest.raises(StoreDownError, match="cannot be reached"):
                act(S3Objects(bucket, MINE))
    for name in ("get", "exists", "ls", "put"):
        with pytest.raises(StoreDownError, match="there is no such bucket"):
            ACTS[name](S3Objects(nowhere, MINE))


def test_only_a_certificate_of_an_authority_that_is_known_is_believed(
    server: S3Server, tmp_path: Path
) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    known = tmp_path / "authority.pem"
    known.write_bytes(authority.cert_pem.bytes())
    with bad_proxy(server, context) as proxy:
        stranger = server.bucket(tmp_path.name, proxy.endpoint)
        with impatient(), pytest.raises(StoreDownError, match="cannot be reached"):
            S3Objects(stranger, MINE).put("a/b", b"x")
        assert proxy.asked == []
        S3Objects(replace(stranger, ca_file=known), MINE).put("a/b", b"x")
    with pytest.raises(ConfigError, match="cannot be read"):
        S3Objects(replace(stranger, ca_file=tmp_path / "none"), MINE).get("a/b")


def test_wrong_credentials(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    for act in ACTS.values():
        with pytest.raises(StoreDownError, match="refuses this node"):
            act(S3Objects(server.bucket(f"{tmp_path.name}-wrong"), MINE))


def test_a_read_only_store_gives_what_it_has(proxy: BadProxy, server: S3Server, tmp_path: Path) -> None:
    objects = through(proxy, server, tmp_path)
    objects.put("a/b", b"old")
    proxy.bad = Fault(answers=403, of="PUT")
    with pytest.raises(StoreDownError, match="refuses this node"):
        objects.put_all((f"many/{n}", b"x") for n in range(100))
    assert objects.get("a/b") == b"old"
    assert list(objects.ls("")) == ["a/b"]


@pytest.mark.parametrize("cuts", ["before", "after"])
@pytest.mark.parametrize("act", ["get", "put", "exchange", "delete"])
def test_what_one_connection_lost_is_asked_for_again(
    act: str, cuts: str, proxy: BadProxy, server: S3Server, tmp_path: Path
) -> None:
    """By the client; of an exchange by whoever asked for it, who looks at what is there first."""
    objects = through(proxy, server, tmp_path)
    objects.put("a/b", b"old")
    method = {"get": "GET", "delete": "POST"}.get(act, "PUT")
    proxy.bad = Fault(cuts=cuts, of=method, once=True)
    if act == "exchange":
        with pytest.raises(StoreDownError, match="cannot be reached"):
            ACTS[act](objects)
        assert objects.get("a/b") == {"before": b"old", "after": b"new"}[cuts]
        assert ACTS[act](objects) is (cuts == "before")
    else:
        assert ACTS[act](objects) in {None, b"old"}
    proxy.mend()
    held = {name: objects.get(name) for name in objects.ls("")}
    assert (
        held
        == {
            "get": {"a/b": b"old"},
            "put": {"a/b": b"old", "a/c": b"x"},
            "exchange": {"a/b": b"new"},
            "delete": {},
        }[act]
    )


def test_nobody_loses_what_another_exchanged(server: S3Server, tmp_path: Path) -> None:
    objects = S3Objects(server.bucket(tmp_path.name), MINE)
    objects.put("count", b"0")

    def count(_: int) -> None:
        done = False
        while not done:
            held = objects.get("count")
            done = objects.exchange("count", held, str(int(held) + 1).encode())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(40)))
    assert objects.get("count") == b"40"


_WRITER = """
import sys
from support.seaweedfs import S3Server
from node.objects.s3 import Owner, S3Objects
objects = S3Objects(S3Server(int(sys.argv[1])).bucket(sys.argv[2]), Owner(node="fr.example"))
while True:
    objects.put_all((f"many/{n}", b"%6d" % n * 100_000) for n in range(1000))
"""


def test_a_writer_that_is_killed_leaves_whole_objects(server: S3Server, tmp_path: Path) -> None:
    objects = S3Objects(server.bucket(tmp_path.name), MINE)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["tests", "."])}
    arguments = [sys.executable, "-c", _WRITER, str(server.port), tmp_path.name]
    process = subprocess.Popen(arguments, env=environment, cwd=Path(__file__).parents[2])
    try:
        wait_until(lambda: len(list(objects.ls("many/"))) > 20)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    names = list(objects.ls(""))
    assert len(names) > 20
    assert all(objects.get(name) == b"%6d" % int(name.removeprefix("many/")) * 100_000 for name in names)
    assert objects.sweep(wait=True) == 0


def test_many_are_on_their_way_at_once_and_no_more_than_some(
    proxy: BadProxy, server: S3Server, tmp_path: Path
) -> None:
    objects = through(proxy, server, tmp_path)
    names = [f"a/{n}" for n in range(40)]
    objects.put_all((name, b"x") for name in names)
    proxy.asked.clear()
    proxy.bad = Fault(stalls=True)
    with ThreadPoolExecutor(1) as pool:
        found = objects.get_all(names)
        first = pool.submit(next, found)
        wait_until(lambda: proxy.waiting == 16)
        assert len(proxy.asked) == 16
        proxy.mend()
        assert first.result() == b"x"
        assert list(found) == [b"x"] * 39
