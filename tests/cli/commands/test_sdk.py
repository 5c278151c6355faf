"""The SDK against a running node: the same verdicts, hits and reports as the command line, in a program."""

import asyncio
import hashlib
import inspect
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5, sha256
from pathlib import Path
from typing import cast

import pytest

from node import sdk
from node.errors import NotFoundError
from node.hashing import open_files, worker_link
from node.home import Home
from node.hoster.hits.homes import hit_spool
from node.hoster.hits.instructions import unverified
from node.hoster.store.kinds import FactName, Kind
from node.remote.node import RemoteNode
from node.sdk import AsyncClient, Client, Outcome
from node.sdk.partition import scan_partition
from protocol.statement.end import Ended, EndedReports
from support.agencies import BOTH, SINGLE, UNLISTED, Federation
from support.digest_search import DigestSearch
from support.dying import kill_saving
from support.federated import federated
from support.partner_rows import spoil
from support.processes import Cli
from support.tour import blocks

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/reference/sdk.md"
HASHES = {"sha256": sha256(BOTH).hexdigest(), "md5": md5(BOTH, usedforsecurity=False).hexdigest()}


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    with federated(tmp_path_factory.mktemp("sdk")) as made:
        yield made


@pytest.fixture
def client(partner: Cli) -> Iterator[Client]:
    with Client(partner.home, jobs=1) as made:
        yield made


# ------------------------------------------------------------------ one interface


def public(kind: type) -> dict[str, object]:
    return {name: value for name, value in vars(kind).items() if not name.startswith("_")}


def test_both_clients_have_the_same_methods() -> None:
    assert set(public(Client)) == set(public(AsyncClient))


@pytest.mark.parametrize("name", ["__init__", *public(AsyncClient)])
def test_a_method_has_the_same_signature_in_both(name: str) -> None:
    ours, other = getattr(Client, name), getattr(AsyncClient, name)
    assert inspect.signature(ours) == inspect.signature(other)
    if name != "__init__":
        assert inspect.iscoroutinefunction(other)
        assert not inspect.iscoroutinefunction(ours)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_every_method_explains_itself_and_is_on_the_page(kind: type) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert public(kind)
    for name, value in public(kind).items():
        assert getattr(value, "__doc__", None), name
        assert f"`{name}(" in page, name


# ------------------------------------------------------------------ looking up


def test_a_file_its_bytes_and_its_hashes_are_the_same_hit(
    federation: Federation, client: Client, partner: Cli
) -> None:
    path = federation.files["both"]
    by_file = client.check_file(path)
    assert (by_file.listed, by_file.clean, by_file.name) == (True, False, path)
    assert (by_file.collection, by_file.countries, by_file.weak) == ("baseline", ("FR", "NL"), False)
    assert {"sha256", "md5"} <= set(by_file.algorithms)
    assert client.check_bytes(BOTH, path).hit_id == by_file.hit_id
    assert client.check_file(path, name="s3://bucket/key").name == "s3://bucket/key"
    assert client.check_hashes(HASHES, path).hit_id == by_file.hit_id
    assert [hit.name for hit in client.hits()] == [path, "s3://bucket/key"]
    assert partner.run("hit", "ls").results[0]["hit"] == by_file.hit_id


def test_what_is_not_on_the_list_is_clean(client: Client) -> None:
    for content in (UNLISTED, SINGLE, b"", b"a holiday" + os.urandom(1000)):
        result = client.check_bytes(content)
        assert (result.outcome, result.clean) == (Outcome.CLEAN, True)
    assert client.hits() == []


@pytest.mark.parametrize("algorithm", HASHES)
def test_a_listed_file_is_a_hit_by_any_hash_alone(client: Client, partner: Cli, algorithm: str) -> None:
    """The screen may know the file by another of its hashes: what it cannot answer for is asked about."""
    assert client.check_hashes({algorithm: HASHES[algorithm]}).listed
    table = partner.home / "asked"
    table.write_text(HASHES[algorithm], encoding="utf-8")
    assert partner.run("check", "--hash-from", str(table)).exit == 1


def test_hashes_of_a_file_that_is_not_listed_are_clean_and_those_that_ask_nothing_unknown(
    client: Client,
) -> None:
    whole = {name: hashlib.new(name, UNLISTED).hexdigest() for name in ("sha256", "sha1", "md5")}
    assert client.check_hashes(whole).clean
    assert client.check_hashes({"md5": whole["md5"]}).clean
    pdq = client.check_hashes({"pdq": whole["sha256"]})
    assert (pdq.outcome, pdq.clean) == (Outcome.UNKNOWN, False)
    assert "is asked by md5 or sha1 or sha256" in pdq.reason


@pytest.mark.parametrize(
    ("hashes", "said"),
    [
        ({}, "no hash"),
        ({"sha999": "00"}, "no algorithm"),
        ({"sha256": "00"}, "no sha256 hash"),
        ({"sha256": "secret"}, "no sha256 hash"),
    ],
)
def test_what_is_no_hash_is_said_without_it(client: Client, hashes: dict[str, str], said: str) -> None:
    with pytest.raises(sdk.UsageError, match=said) as caught:
        client.check_hashes(hashes)
    assert "secret" not in str(caught.value)


def test_what_cannot_be_read_is_an_oserror(client: Client, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(ROOT / "README.md")
    os.mkfifo(tmp_path / "pipe")
    for name in ("absent", "link", "pipe", "."):
        with pytest.raises(OSError, match=r".+"):
            client.check_file(tmp_path / name)


def test_while_the_node_is_down_nothing_is_clean_and_nothing_is_lost(
    federation: Federation, client: Client
) -> None:
    with federation.fr_stopped():
        result = client.check_bytes(BOTH, "upload-1")
        assert (result.outcome, result.clean, result.listed) == (Outcome.UNKNOWN, False, False)
        assert "fr.example cannot be reached" in result.reason
        assert client.check_bytes(UNLISTED).clean, "the screen alone clears it"
        assert client.status().unknown_files == 1
        with pytest.raises(sdk.PeerUnreachableError):
            client.update()
    assert client.update().confirmed == 1
    assert [hit.name for hit in client.hits()] == ["upload-1"]
    assert client.status().unknown_files == 0


def test_what_is_looked_up_at_once_shares_batches(federation: Federation, client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda number: client.check_bytes(BOTH, f"copy {number}"), range(24)))
    assert {result.outcome for result in results} == {Outcome.HIT}
    assert len({result.hit_id for result in results}) == len(client.hits()) == 24


async def test_the_async_client_does_the_same(federation: Federation, partner: Cli) -> None:
    async with AsyncClient(partner.home, jobs=1) as client:
        results = await asyncio.gather(
            client.check_file(federation.files["both"]), *(client.check_bytes(UNLISTED) for _ in range(9))
        )
        assert [result.listed for result in results] == [True] + [False] * 9
        assert (await client.report()).left == 0
        assert (await client.hits())[0].state == "reported"
        assert (await client.status()).unreported_hits == 0


# ------------------------------------------------------------------ hits


def test_a_hit_is_reported_disputed_and_resolved(client: Client) -> None:
    found = client.check_bytes(BOTH, "a.jpg").hit_id
    with pytest.raises(sdk.UsageError, match="not reported yet"):
        client.dispute(found, "our logo")
    reported = client.report(found)
    assert ([hit.state for hit in reported.hits], reported.left, reported.problem) == (["reported"], 0, "")
    assert client.dispute(found, "our logo", "abuse@hoster.example").state == "disputed"
    with pytest.raises(sdk.UsageError, match="an action is one of"):
        client.resolve(found, "deleted")
    assert client.resolve(found[:8], "removed").action == "removed"
    with pytest.raises(sdk.NotFoundError):
        client.resolve("00000000", "removed")


def test_what_cannot_be_reported_now_stays(federation: Federation, client: Client) -> None:
    client.check_bytes(BOTH, "a.jpg")
    with federation.fr_stopped():
        done = client.report()
    assert (done.hits, done.left) == ((), 1)
    assert "cannot be reached" in done.problem
    assert client.report().left == 0


def test_an_end_that_does_not_verify_is_told_to_who_reports(
    client: Client, partner: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by the command line: somebody may be making up that lists were wrong."""
    client.check_bytes(BOTH, "a.jpg")
    [hit] = hit_spool(Home(partner.home)).ls()
    page = EndedReports((Ended(hit.sent.report.report_id, b"", b"not signed"),))

    async def unknown(*_: object) -> bytes:
        raise NotFoundError("no such entry")

    async def made_up(*_: object) -> bytes:
        return page.to_bytes()

    monkeypatch.setattr(RemoteNode, "report_hit", unknown)
    monkeypatch.setattr(RemoteNode, "ended_reports", made_up)
    done = client.report()
    assert ([hit.state for hit in done.hits], done.problem) == (["refused"], unverified(1))


def test_status_and_update_are_those_of_the_command_line(client: Client, partner: Cli) -> None:
    now = client.status()
    assert (now.partner, now.subset, now.version) == ("hoster", "baseline", 1)
    done = client.update()
    assert (done.old, done.new, done.confirmed) == (1, 1, 0)
    assert partner.done("status")["version"] == now.version


# ------------------------------------------------------------------ opening and closing


def test_where_nobody_is_enrolled_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(sdk.NotInitialisedError) as caught, Client(tmp_path / "nowhere"):
        pass
    assert "sigfed enroll" in caught.value.hint
    assert not (tmp_path / "nowhere").exists()


def test_a_client_is_used_in_its_block(partner: Cli) -> None:
    client = Client(partner.home, jobs=1)
    with pytest.raises(sdk.UsageError, match="is not open"):
        client.status()
    with client:
        client.status()
    with pytest.raises(sdk.UsageError, match="is not open"):
        client.status()
    with client:
        assert client.check_bytes(UNLISTED).clean


async def test_an_async_client_is_opened_once(partner: Cli) -> None:
    client = AsyncClient(partner.home, jobs=1)
    async with client:
        pass
    with pytest.raises(sdk.UsageError, match="opened once"):
        await client.__aenter__()


def test_an_update_starts_the_operators_programs_as_the_command_does(partner: Cli, tmp_path: Path) -> None:
    told = tmp_path / "told"
    (partner.home / "partner.toml").write_text(
        f'[hooks]\non_error = ["/bin/sh", "-c", "echo failed > {told}"]\n'
    )
    with Client(partner.home, jobs=1) as client:
        spoil(partner.home / "partner", Kind.FACT, FactName.STATE)
        with pytest.raises(sdk.NodeError):
            client.update()
    assert told.read_text() == "failed\n"


def test_a_forked_process_is_told_to_open_its_own(client: Client) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:  # pragma: no cover -- another process
        try:
            client.status()
        except sdk.UsageError as exc:
            os.write(writer, str(exc).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as said:
        assert "forked" in said.read()


# ------------------------------------------------------------------ many machines


@pytest.mark.threat("workers of a cluster")
def test_a_partition_gives_rows_of_what_the_screen_does_not_clear(
    federation: Federation, client: Client, tmp_path: Path
) -> None:
    files: list[tuple[str, bytes | str]]
    files = [("listed", BOTH), ("path", federation.files["both"]), ("clean", UNLISTED), ("empty", b"")]
    files += [
        ("absent", str(tmp_path / "absent")),
        *((f"random {at}", b"a holiday" + os.urandom(90)) for at in range(600)),
    ]
    screen = pickle.loads(pickle.dumps(client.screen()))
    rows = list(scan_partition(files, screen))
    keys = [row.key for row in rows]
    assert keys[:3] == ["listed", "path", "absent"]
    assert len(rows) < 30, "few survive by chance"
    results = dict(zip(keys, client.confirm(rows), strict=True))
    assert results["listed"].listed
    assert results["path"].listed
    assert (results["absent"].outcome, results["absent"].reason) == (
        Outcome.UNKNOWN,
        "No such file or directory",
    )
    assert [result for result in (results[key] for key in keys[3:]) if not result.clean] == []
    assert {hit.name for hit in client.hits()} == {"listed", "path"}


_DYING = """
import os, node.hashing.read as reading
whole = reading.StreamHasher._look
def look(self):
    return os._exit(1) if self._exact.head == b"hostile" and self._plan.images else whole(self)
reading.StreamHasher._look = look
"""


@pytest.mark.threat("workers of a cluster")
@pytest.mark.parametrize("as_path", [True, False], ids=["a path", "bytes"])
def test_a_picture_that_ends_its_decoder_costs_no_other_file_of_a_partition(
    client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, as_path: bool
) -> None:
    for module in (worker_link, open_files):
        monkeypatch.setattr(module, "_CHILD", _DYING + module._CHILD)
    files: list[tuple[str, bytes | str]] = [("hostile", b"hostile"), ("clean", UNLISTED), ("listed", BOTH)]
    if as_path:
        for name, data in files:
            (tmp_path / name).write_bytes(cast(bytes, data))
        files = [(name, str(tmp_path / name)) for name, _ in files]
    first, *_, last = scan_partition(files, client.screen())
    assert (first.key, last.key) == ("hostile", "listed")
    assert "its worker process ended" in first.faults[0] or "their decoder failed" in first.faults[0]
    assert client.confirm([last])[0].listed


@pytest.mark.threat("workers of a cluster")
def test_a_screen_travels_as_a_file_without_key_or_hash(client: Client, partner: Cli, tmp_path: Path) -> None:
    screen = client.screen()
    screen.save(tmp_path / "screen")
    assert sdk.Screen.load(tmp_path / "screen") == screen
    data = pickle.dumps(screen) + (tmp_path / "screen").read_bytes()
    assert (partner.home / "partner/auth.key").read_bytes().strip() not in data
    search = DigestSearch(frozenset(map(bytes.fromhex, HASHES.values())))
    assert search.sightings_in({"screen": data}) == []
    assert str(screen.values) not in repr(screen)
    (row,) = scan_partition([("a", BOTH)], screen)
    assert not any(digits in repr(row) for digits in HASHES.values())


def test_a_screen_that_is_half_saved_takes_the_place_of_none(tmp_path: Path) -> None:
    """Half of the values would clear files that are listed."""
    before = sdk.Screen(version=1, width=64, values=bytes(range(8)))
    before.save(tmp_path / "screen")
    kill_saving(sdk.Screen(version=2, width=64, values=bytes(range(80))), tmp_path / "screen")
    assert sdk.Screen.load(tmp_path / "screen") == before


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"sigfed-screen-1\n", b"sigfed-screen-1\n" + bytes(17), bytes(range(64))),
        *(b"sigfed-screen-2\n", b"sigfed-screen-2\n" + bytes(8)),
        b"sigfed-screen-2\n" + (24).to_bytes(8, "little") + bytes(16),
    ],
)
def test_another_file_is_no_screen(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "screen").write_bytes(data)
    with pytest.raises(sdk.UsageError, match="is not a screen"):
        sdk.Screen.load(tmp_path / "screen")


# ------------------------------------------------------------------ what the pages show


def python(partner: Cli, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    variables = {
        **os.environ,
        "SIGFED_HOME": str(partner.home),
        "DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "error",
    }
    return subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", *arguments],
        input=text,
        env=variables,
        cwd=partner.home.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


EXAMPLES = [(line, "\n".join(lines)) for line, lines in blocks(PAGE.read_text(encoding="utf-8"), "python")]


@pytest.mark.parametrize(("line", "text"), EXAMPLES, ids=[f"line {line}" for line, _ in EXAMPLES])
def test_an_example_of_the_page_runs(partner: Cli, line: int, text: str) -> None:
    (partner.home.parent / "upload.jpg").write_bytes(BOTH)
    done = python(partner, "-", text=text)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_dask_example_finds_what_a_scan_finds(partner: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    for number in range(1200):
        (folder / f"{number}.bin").write_bytes(b"clean %d" % number)
    for name in ("1.jpg", "2.jpg"):
        (folder / name).write_bytes(BOTH)
    done = python(partner, str(ROOT / "docs/examples/dask_scan.py"), str(folder))
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[-1] == "1202 files, 2 on the list"
    assert {str(hit["file"]) for hit in partner.run("hit", "ls").results} == {
        str(folder / "1.jpg"),
        str(folder / "2.jpg"),
    }
