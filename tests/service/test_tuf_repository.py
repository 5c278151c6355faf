"""When the node says anew that its trust files are current, and what of its folder anybody may read."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from keys.errors import ThresholdError
from keys.trust.members import sign_members
from keys.trust.node_document import open_node_document, sign_node_document
from keys.trust.tuf.repository import open_snapshot, open_targets, open_timestamp
from keys.trust.tuf.target_files import target_name, target_path
from node.errors import NotFoundError, VerificationError
from node.trust.tuf.repository import Freshness, ServedTuf, TufRepository
from support.fakes_api import HandClock
from support.federation import FoundedNode
from support.new_stores import MemoryObjects
from support.tuf_origin import HOLDERS, ONLINE, TIMESTAMPS, TufOrigin

HOUR, DAY = 3600, 24 * 3600


@pytest.fixture
def origin() -> TufOrigin:
    return TufOrigin()


def versions(origin: TufOrigin) -> tuple[int, int, int]:
    """Of the timestamp that is served, the snapshot that it names, and the targets that that one names."""
    root = origin.roots[-1]
    timestamp = open_timestamp(origin.files.get("timestamp.json"), root)
    snapshot = open_snapshot(origin.files.get(f"{timestamp.names}.snapshot.json"), root)
    targets = open_targets(origin.files.get(f"{snapshot.names}.targets.json"), root)
    return timestamp.version, snapshot.version, targets.version


@pytest.mark.parametrize(
    ("seconds", "found"),
    [
        pytest.param(0, (1, 1, 1), id="at once"),
        pytest.param(6 * HOUR - 1, (1, 1, 1), id="before six hours"),
        pytest.param(6 * HOUR, (2, 1, 1), id="after six hours"),
        pytest.param(14 * DAY, (2, 1, 1), id="the snapshot has half its life"),
        pytest.param(15 * DAY, (2, 2, 1), id="and less"),
    ],
)
def test_it_is_said_again_when_little_is_left(
    origin: TufOrigin, seconds: int, found: tuple[int, int, int]
) -> None:
    origin.clock.advance(seconds)
    assert origin.stamp() == (found != (1, 1, 1))
    assert versions(origin) == found
    assert not origin.stamp()


def test_a_revision_is_current_at_once(origin: TufOrigin) -> None:
    origin.revise()
    assert versions(origin) == (2, 2, 2)


def test_a_listing_that_was_cut_off_is_stamped_by_the_next_one_who_looks(origin: TufOrigin) -> None:
    origin.online = Freshness(_Broken(), _Broken())
    with pytest.raises(OSError, match="cut off"):
        origin.revise()
    assert versions(origin) == (1, 1, 1)
    origin.online = ONLINE
    assert origin.stamp()
    assert versions(origin) == (2, 2, 2)


class _Broken:
    public = ONLINE.snapshot.public

    def sign(self, message: bytes) -> bytes:
        raise OSError("cut off")


def test_keys_are_opened_only_when_they_sign(origin: TufOrigin) -> None:
    def refuse() -> Freshness:
        pytest.fail("nothing had to be signed")

    assert not origin.repository.stamp(origin.roots[-1], refuse)
    nothing = TufRepository(MemoryObjects(), HandClock())
    assert not nothing.stamp(origin.roots[-1], refuse), "nothing was ever listed"


def test_other_online_keys_say_everything_anew(origin: TufOrigin) -> None:
    origin.revise()
    origin.rotate_online()
    assert versions(origin) == (1, 3, 2), "a client forgets the old timestamp with its key"


def test_a_founded_node_has_a_repository_that_follows_its_trust_files() -> None:
    node = FoundedNode("fr.example", "FR", HandClock())
    root = node.trust.root()
    for serial in (1, 2):
        listed = open_targets(node.files.get(f"{serial}.targets.json"), root)
        assert listed.expires - node.clock.now() == timedelta(days=180)
        for path, found in listed.files.items():
            name = path.removeprefix("trust/")
            assert found.length == len(node.files.get(f"targets/{found.sha256.hex()}.{name}"))
        node.revise(lambda old: old)
    assert not node.trust.stamp()


class CutOffError(Exception):
    """The process was killed."""


def cut_off(node: FoundedNode, *, at: int) -> bool:
    """Revise the document and be killed before write `at`; whether there were so many."""
    writes = count()

    def put(name: str, data: bytes) -> None:
        if next(writes) == at:
            raise CutOffError
        MemoryObjects.put(node.files, name, data)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(node.files, "put", put)
        try:
            node.revise(lambda old: replace(old, contact="one"))
        except CutOffError:
            return True
    return False


def test_a_revision_that_was_cut_off_is_whole_or_never_was() -> None:
    """Never listed by halves, so that the same command typed again has nothing to do where it looks done."""
    found = []
    for at in count():
        node = FoundedNode("fr.example", "FR", HandClock())
        if not cut_off(node, at=at):
            break
        document = node.trust.document()
        found.append(document.contact)
        assert not node.trust.tuf_status().unlisted
        node.trust.stamp()
        held = node.trust.current()
        assert open_node_document(held.files["node.json"], node.trust.root()) == document
        node.revise(lambda old: replace(old, contact="another"))
        signed = [node.files.get("node.json"), *map(node.files.get, node.files.ls("targets/"))]
        documents = {
            open_node_document(data, node.trust.root()) for data in signed if b"vnd.sigfed.node" in data
        }
        assert len({each.serial for each in documents}) == len(documents), "two files of one number"
    assert (found[0], set(found[1:])) == (None, {"one"})


async def test_listed_files_are_served(origin: TufOrigin) -> None:
    served = ServedTuf(origin.files)
    for name in ("1.root.json", "1.targets.json", "1.snapshot.json", "timestamp.json"):
        assert await served.tuf_metadata(name) == origin.files.get(name)
    for name in origin.files.ls("targets/"):
        assert await served.tuf_target(name.removeprefix("targets/")) == origin.files.get(name)


@pytest.mark.parametrize(
    "name",
    [
        "node.json",
        "2.root.json",
        "0.root.json",
        "01.root.json",
        "root.json",
        "../sigfed.toml",
        "tls-1.pem",
        "",
    ],
)
@pytest.mark.parametrize("read", [ServedTuf.tuf_metadata, ServedTuf.tuf_target])
async def test_nothing_else_of_the_folder_is(
    origin: TufOrigin, name: str, read: Callable[..., object]
) -> None:
    for other in ("node.json", "tls-1.pem"):
        origin.files.put(other, b"not for TUF clients")
    with pytest.raises(NotFoundError):
        await read(ServedTuf(origin.files), name)  # type: ignore[misc]


async def test_a_root_that_is_published_while_it_is_asked_for_waits_for_its_timestamp(
    origin: TufOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    exists = origin.files.exists

    def exists_later(name: str) -> bool:
        there = exists(name)
        if name == "2.root.json" and not there:
            timestamp_keys = (TIMESTAMPS[1].public,)
            origin.rotate(HOLDERS[:2], timestamp_keys=timestamp_keys)
        return there

    monkeypatch.setattr(origin.files, "exists", exists_later)
    for _ in range(2):
        with pytest.raises(NotFoundError):
            await ServedTuf(origin.files).tuf_metadata("2.root.json")
    origin.online = Freshness(ONLINE.snapshot, TIMESTAMPS[1])
    origin.stamp()
    assert await ServedTuf(origin.files).tuf_metadata("2.root.json") == origin.files.get("2.root.json")


async def test_a_trust_file_of_any_known_name_is_listed_and_served_beside_the_two() -> None:
    node = FoundedNode("fr.example", "FR", HandClock())
    node.trust.replace_file("criteria-1.md", b"# What counts", signers=node.signers)
    node.trust.replace_file("policy-main.txt", b"quorum 2", signers=node.signers)
    node.revise(lambda old: old)
    listed = open_targets(node.files.get("4.targets.json"), node.trust.root()).files
    assert sorted(listed) == [
        "trust/criteria-1.md",
        "trust/members.json",
        "trust/node.json",
        "trust/policy-main.txt",
    ]
    served, found = ServedTuf(node.files), listed["trust/criteria-1.md"]
    assert await served.tuf_target(f"{found.sha256.hex()}.criteria-1.md") == b"# What counts"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("trust/node.json", "node.json"),
        ("trust/members.json", "members.json"),
        ("trust/revoked.json", "revoked.json"),
        ("trust/policy-main-list.txt", "policy-main-list.txt"),
        ("trust/criteria-12.md", "criteria-12.md"),
        ("trust/criteria-0.md", None),
        ("trust/policy-.txt", None),
        ("trust/timestamp.json", None),
        ("trust/../node.json", None),
        ("node.json", None),
        ("lists/node.json", None),
        ("trust/node.json\n", None),
    ],
)
def test_names_of_trust_files(path: str, name: str | None) -> None:
    assert target_name(path) == name
    if name is not None:
        assert target_path(name) == path


def test_a_revision_that_was_cut_off_before_it_was_listed_shows() -> None:
    node = FoundedNode("fr.example", "FR", HandClock())
    assert node.trust.tuf_status().unlisted == ()
    signed = sign_members(replace(node.trust.members(), version=2), node.signers)
    node.files.put("members.json", signed)
    assert node.trust.tuf_status().unlisted == ("members.json",)
    node.revise(lambda document: document)
    assert node.trust.tuf_status().unlisted == ()


def test_metadata_that_names_something_older_ends_nothing() -> None:
    """A listing that nobody stamped: clients get the one before it, however long that lasts."""
    node = FoundedNode("fr.example", "FR", HandClock())
    before = node.trust.tuf_status()
    assert before.timestamp_end is not None
    TufRepository(node.files, node.clock).list_files(
        node.trust.root(), node.trust.listed_files(), node.signers
    )
    after = node.trust.tuf_status()
    assert (after.snapshot_end, after.timestamp_end) == (None, None)
    assert node.trust.stamp()
    assert node.trust.tuf_status().timestamp_end is not None


def test_a_node_that_never_listed_anything() -> None:
    node = FoundedNode("fr.example", "FR", HandClock())
    for name in list(node.files.data):
        if not name[0].isalpha() and "root" not in name:
            node.files.delete(name)
    standing = node.trust.tuf_status()
    assert standing.targets_end is None
    assert standing.unlisted == ("members.json", "node.json")


def test_a_node_document_that_root_keys_signed_is_explained() -> None:
    node = FoundedNode("fr.example", "FR", HandClock())
    node.files.put("node.json", sign_node_document(node.trust.document(), node.holders))
    with pytest.raises(VerificationError, match="knew no targets keys") as refused:
        node.trust.document()
    assert "sigfed init" in refused.value.hint


def test_a_node_document_that_strangers_signed_is_not_explained_away() -> None:
    node, stranger = (FoundedNode(name, "FR", HandClock()) for name in ("fr.example", "nl.example"))
    node.files.put("node.json", sign_node_document(node.trust.document(), stranger.holders))
    with pytest.raises(ThresholdError):
        node.trust.document()
