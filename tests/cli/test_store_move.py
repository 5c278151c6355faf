"""Moving objects into a bucket of a real S3 store: killed anywhere, nothing is lost, and nobody writes aside."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from keys.keyfile import ONLINE
from node.app.move import _Copy
from node.backup.write import create_backup
from node.config import load
from node.errors import ConflictError, StoreDownError
from node.home import Home
from node.identity.identity import open_identity
from node.identity.store import open_store
from node.objects.bucket import Bucket
from node.objects.s3 import Owner, S3Objects
from node.ports.objects import ObjectStore
from support.agencies import LIST, SUBSET, found_agency, import_files, list_files, numbered, table, written
from support.postgres import postgres_server
from support.preloaded import Begun
from support.processes import Cli, Running, wait_until
from support.seaweedfs import KEY, OPEN, SECRET, BadProxy, Fault, S3Server, bad_proxy, seaweedfs

COMMENT = "# somebody wrote this\n"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with seaweedfs() as running:
        yield running


@pytest.fixture
def proxy(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[BadProxy]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with bad_proxy(server) as standing:
        yield standing


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """An agency with a list, a release and changes that wait; never changed."""
    cli = found_agency(tmp_path_factory.mktemp("agency"), name="fr", country="FR")
    list_files(cli, numbered("published", 300))
    cli.done("subset", "create", SUBSET)
    cli.done("subset", "release", SUBSET)
    import_files(cli, numbered("waiting", 3))
    cli.edit("sigfed.toml", "[store]\n", f"[store]\n{COMMENT}")
    return cli


@pytest.fixture
def agency(founded: Cli, tmp_path: Path) -> Cli:
    return founded.copied(tmp_path / "fr")


def move(cli: Cli, proxy: BadProxy, folder: Path) -> tuple[str, ...]:
    return ("store", "move", "--to", f"s3://{OPEN}/moved/{folder.name}", "--endpoint", proxy.endpoint)


def in_folder(cli: Cli) -> dict[str, bytes]:
    top = cli.home / "objects"
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def in_bucket(server: S3Server, folder: Path) -> dict[str, bytes]:
    bucket = Bucket(name=OPEN, prefix=f"moved/{folder.name}", endpoint=server.endpoint)
    objects = S3Objects(bucket, Owner(node="nobody.example"))
    return {name: objects.get(name) for name in objects.ls("")}


def require_moved(
    cli: Cli, server: S3Server, folder: Path, before: dict[str, bytes], *, waiting: int = 3
) -> None:
    """Every object is there as it was, the folder is gone, and the node goes on from there."""
    found = in_bucket(server, folder)
    grown = {name for name in before if name not in found}
    assert all("/tile/" in name and ".p/" in name for name in grown), (
        "a wider one took its place: of the audit log"
    )
    assert len(grown) <= 2
    assert all(found[name] == data for name, data in before.items() if name not in grown)
    assert not (cli.home / "objects").is_dir()
    assert not list(cli.home.glob("objects-*"))
    assert COMMENT in (cli.home / "sigfed.toml").read_text()
    assert load(cli.home).store.objects == f"s3://{OPEN}/moved/{folder.name}"
    looked = cli.run("doctor", "--deep")
    assert looked.exit == 0, looked.results
    assert cli.done("publish")["adds"] == 2 * waiting


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_every_object_is_moved_and_read_back(
    database: str,
    agency: Cli,
    proxy: BadProxy,
    server: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    if database == "postgresql":
        with postgres_server() as running:
            cli = found_agency(tmp_path, name="be", country="BE", store=running.database())
            list_files(cli, numbered("published", 3))
            cli.done(*move(cli, proxy, tmp_path))
            assert cli.run("doctor", "--deep").exit == 0
            before = in_bucket(server, tmp_path)
            (tmp_path / "anew").mkdir()
            with pytest.raises(AssertionError, match="belong to another folder"):  # of the same node, though
                found_agency(
                    tmp_path / "anew",
                    name="be",
                    country="BE",
                    store=running.database(),
                    objects=f"s3://{OPEN}/moved/{tmp_path.name}",
                )
            assert in_bucket(server, tmp_path) == before
            cli.done("publish")
        return
    before = in_folder(agency)
    done = agency.done(*move(agency, proxy, tmp_path))
    everything = {"objects": len(before), "bytes": sum(map(len, before.values())), "copied": len(before)}
    assert done == {**everything, "to": f"s3://{OPEN}/moved/{tmp_path.name}"}
    agency.edit("sigfed.toml", f'moved/{tmp_path.name}"', f'moved/{tmp_path.name}/"')
    again = agency.done(*move(agency, proxy, tmp_path))
    assert again["copied"] == 0
    agency.edit("sigfed.toml", f'moved/{tmp_path.name}/"', f'moved/{tmp_path.name}"')
    elsewhere = agency.run("store", "move", "--to", f"s3://{OPEN}/other", "--endpoint", proxy.endpoint)
    assert elsewhere.exit == 2
    assert "are in s3://" in elsewhere.err
    require_moved(agency, server, tmp_path, before)
    actions = [one["action"] for one in agency.run("audit", "ls").results]
    assert "store.move" in actions


@pytest.mark.parametrize(
    "place",
    [
        "node.app.move:_write_note 0",
        "node.app.move:_Copy._copy 0",
        "node.app.move:_Copy._copy 7",
        "node.app.move:_Copy._is 11",
        "node.app.move:_Copy.tidy 0",
        "node.app.move:_set_aside 0",
        "node.app.move:create_private 0",
        "node.app.move:_write_note 1",
        "node.app.move:replace_private 2",
        "node.app.move:_let_go 0",
        "node.app.move:remove_private 0",
    ],
)
def test_killed_anywhere_the_same_command_goes_on(
    place: str, agency: Cli, proxy: BadProxy, server: S3Server, tmp_path: Path
) -> None:
    before = in_folder(agency)
    words = move(agency, proxy, tmp_path)
    agency.killed(place, *words)
    there = len(in_bucket(server, tmp_path))
    looked = agency.run("doctor")
    path = written(tmp_path / "between.csv", table(*numbered("between", 3)))
    between = agency.run("entry", "import", path, "--list", LIST, "--basis", "own", forked=True)
    assert between.exit in {0, 2}, between.err
    before = in_folder(agency) or before
    done = agency.done(*words)
    if done["objects"]:  # else it was killed when all of them were there
        assert done["copied"] <= len(before) - there + 16, "what was there is not written again"
    require_moved(agency, server, tmp_path, before, waiting=3 if between.exit else 6)
    assert any("was cut off" in str(each) for each in looked.results) == (not place.endswith("_write_note 0"))


def test_what_changes_meanwhile_follows(
    agency: Cli, proxy: BadProxy, server: S3Server, tmp_path: Path
) -> None:
    """A move that was killed lies days back: what was written since, and what was deleted."""
    words = move(agency, proxy, tmp_path)
    agency.killed("node.app.move:_Copy.tidy 0", *words)
    agency.done("publish")
    import_files(agency, numbered("since", 3))
    before = in_folder(agency)
    agency.done(*words)
    pending = {name for name in before if name.startswith("pending/")}
    assert {name for name in in_bucket(server, tmp_path) if name.startswith("pending/")} == pending
    require_moved(agency, server, tmp_path, before)


def test_who_still_knows_the_folder_fails_instead_of_writing_there(
    agency: Cli, proxy: BadProxy, tmp_path: Path
) -> None:
    """As a command that waits for somebody to type a passphrase meanwhile."""
    identity = open_identity(Home(agency.home))
    store = open_store(identity)
    agency.done(*move(agency, proxy, tmp_path))
    acts: tuple[Callable[[ObjectStore], object], ...] = (
        lambda objects: objects.put("pending/aside", b"x"),
        lambda objects: objects.exchange("pending/aside", b"x", b"y"),
        lambda objects: objects.get("pending/aside"),
        lambda objects: objects.exists("pending/aside"),
        lambda objects: objects.ls(""),
        lambda objects: objects.ls("pending/"),
        lambda objects: objects.delete("pending/aside"),
        lambda objects: objects.sweep(wait=True),
    )
    for act in acts:
        with pytest.raises(StoreDownError, match="not in their folder any more"):
            act(store.objects)
    store.dispose()
    with pytest.raises(StoreDownError, match="not in their folder any more"):
        open_store(identity)


def waits_for_the_folder(process: Begun) -> bool:
    """Whether it stands where it would write an object, while the move has the folder alone."""
    locks = Path("/proc/locks").read_text().splitlines()
    return any("-> FLOCK" in line and f" {process.pid} " in line for line in locks)


def test_what_others_are_about_to_write_while_the_move_ends(
    agency: Cli, proxy: BadProxy, server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = in_folder(agency)
    begun: list[Begun] = []
    path = written(tmp_path / "meanwhile.csv", table(*numbered("meanwhile", 3)))
    tidy = _Copy.tidy

    def tidying(copy: _Copy) -> None:
        begun.append(agency.begin("entry", "import", path, "--list", LIST, "--basis", "own"))
        wait_until(lambda: waits_for_the_folder(begun[0]) or begun[0].poll() is not None)
        assert begun[0].poll() is None
        agency.edit("sigfed.toml", COMMENT, f"{COMMENT}# and this, while it was copied\n")
        tidy(copy)

    monkeypatch.setattr(_Copy, "tidy", tidying)
    agency.done(*move(agency, proxy, tmp_path))
    _, said = begun[0].communicate(timeout=60)
    assert (begun[0].returncode, b"not in their folder any more" in said) == (2, True), said
    assert "# and this, while" in (agency.home / "sigfed.toml").read_text()
    require_moved(agency, server, tmp_path, before)


@pytest.mark.parametrize("killed", [False, True])
def test_a_backup_that_was_begun_before_says_that_it_has_no_objects(
    killed: bool, agency: Cli, proxy: BadProxy, tmp_path: Path
) -> None:
    """As one that waits for its passphrase, or for the database that the move holds."""
    identity, target = open_identity(Home(agency.home)), tmp_path / "backup"
    words = move(agency, proxy, tmp_path)
    if killed:
        agency.killed("node.app.move:replace_private 2", *words)
    else:
        agency.done(*words)
    with pytest.raises(ConflictError, match="were moved meanwhile"):
        create_backup(identity, target, passphrase=b"made-up words", profile=ONLINE)
    assert not target.exists()


def test_a_folder_that_no_move_copied_is_never_deleted(
    agency: Cli, proxy: BadProxy, server: S3Server, tmp_path: Path
) -> None:
    """Somebody wrote the bucket into the configuration, which copies nothing."""
    before, words = in_folder(agency), move(agency, proxy, tmp_path)
    by_hand = f'objects = "s3://{OPEN}/moved/{tmp_path.name}"\nobjects_endpoint = "{proxy.endpoint}"\n'
    empty = 'objects = ""\nobjects_endpoint = ""\n'
    agency.edit("sigfed.toml", empty, by_hand)
    looked = agency.run("doctor")
    assert (looked.exit, "take store.objects out" in str(looked.results)) == (2, True), looked.results
    path = written(tmp_path / "more.csv", table(*numbered("more", 3)))
    for typed in (words, ("entry", "import", path, "--list", LIST, "--basis", "own"), ("publish",)):
        refused = agency.run(*typed, forked=True)
        assert (refused.exit, "no move has copied all of it" in refused.err) == (2, True), (typed, refused)
    assert in_bucket(server, tmp_path) == {}
    assert in_folder(agency) == before
    agency.edit("sigfed.toml", by_hand, empty)
    agency.done(*words)
    require_moved(agency, server, tmp_path, before)


def test_a_node_that_runs_is_not_moved(agency: Cli, proxy: BadProxy, tmp_path: Path) -> None:
    with Running(agency):
        refused = agency.run(*move(agency, proxy, tmp_path))
    assert refused.exit == 11
    assert load(agency.home).store.objects == ""


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        (Fault(answers=507, of="PUT"), 2, "answered 507"),
        (Fault(ignores=frozenset({"if-match"})), 2, "does not heed If-Match"),
    ],
    ids=["full", "does not compare"],
)
def test_a_store_that_fails_changes_nothing(
    fault: Fault, code: int, says: str, agency: Cli, proxy: BadProxy, server: S3Server, tmp_path: Path
) -> None:
    before = in_folder(agency)
    proxy.bad = fault
    refused = agency.run(*move(agency, proxy, tmp_path), forked=True)
    assert (refused.exit, says in refused.err) == (code, True), refused.err
    assert (in_folder(agency), load(agency.home).store.objects) == (before, "")
    proxy.mend()
    agency.done(*move(agency, proxy, tmp_path))
    require_moved(agency, server, tmp_path, before)


def test_a_store_that_gives_back_other_bytes_is_noticed(agency: Cli, proxy: BadProxy, tmp_path: Path) -> None:
    before = in_folder(agency)
    proxy.bad = Fault(alters="logs/", of="GET")
    refused = agency.run(*move(agency, proxy, tmp_path), forked=True)
    assert refused.exit == 14
    assert "gave back other bytes" in refused.err
    assert (in_folder(agency), load(agency.home).store.objects) == (before, "")
