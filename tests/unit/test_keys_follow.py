"""Following a node's trust: what is asked for, what is refused, and what is kept when something is."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tuf.api.metadata import Metadata, MetaFile, Snapshot, Targets

from keys.encoding import MAX_INTEGER
from keys.errors import (
    ForkedTrustError,
    KeysError,
    MalformedTrustError,
    NotCurrentError,
    RolledBackError,
    ThresholdError,
)
from keys.trust import follow
from keys.trust.follow import MAX_FILES, MAX_ROOTS_A_RUN, Following
from keys.trust.held_trust import HeldTrust, open_held, require_confirmed, under_newest
from keys.trust.node_document import open_node_document
from keys.trust.tuf import root
from keys.trust.tuf.repository import open_timestamp
from keys.trust.tuf.root import RootContent
from keys.trust.tuf.write_root import sign_metadata
from support.trust import author_next_root
from support.tuf_origin import (
    HOLDERS,
    NEXT_ONLINE,
    ONLINE,
    SUCCESSORS,
    TARGETS_HOLDERS,
    TARGETS_SUCCESSORS,
    TufOrigin,
    replaced,
)

DAY = timedelta(days=1)


class Reader:
    """Keeps what it may, and remembers what it asked for."""

    def __init__(self, origin: TufOrigin) -> None:
        self.held = HeldTrust(roots=(origin.files.get("1.root.json"),))
        self.asked: list[str] = []

    def visit(self, origin: TufOrigin, later: timedelta = timedelta(0)) -> HeldTrust:
        """Follow to what the origin has, at a time from now on."""
        self.asked.clear()
        run = Following(self.held, datetime.now(UTC) + later)
        try:
            while run.wanted is not None:
                wanted = run.wanted
                self.asked.append(wanted.name)
                place = f"targets/{wanted.name}" if wanted.is_target else wanted.name
                data = origin.files.get(place) if origin.files.exists(place) else None
                assert data is None or len(data) <= wanted.max_bytes
                run.take(wanted.held if data == wanted.held else data)
        finally:
            self.held = run.held
        return self.held


@pytest.fixture
def origin() -> TufOrigin:
    return TufOrigin()


@pytest.fixture
def reader(origin: TufOrigin) -> Reader:
    reader = Reader(origin)
    reader.visit(origin)
    return reader


# ------------------------------------------------------------------ what is asked for


def test_the_first_visit_fetches_everything_in_tuf_s_order(origin: TufOrigin) -> None:
    reader = Reader(origin)
    held = reader.visit(origin)
    assert held.files == origin.contents
    names = [name.split(".", 1)[1] if len(name) > 60 else name for name in reader.asked]
    assert names == [
        "2.root.json",
        "timestamp.json",
        "1.snapshot.json",
        "1.targets.json",
        "members.json",
        "node.json",
    ]


def test_when_nothing_changed_two_small_questions_are_enough(reader: Reader, origin: TufOrigin) -> None:
    before = reader.held
    assert reader.visit(origin) == before
    assert reader.asked == ["2.root.json", "timestamp.json"]


def test_only_the_files_that_changed_are_fetched(reader: Reader, origin: TufOrigin) -> None:
    origin.revise(serial=2)
    reader.visit(origin)
    assert [name.split(".", 1)[1] for name in reader.asked if len(name) > 60] == ["node.json"]
    assert reader.held.files == origin.contents


def test_files_of_other_names_are_followed_and_unknown_ones_left_alone(
    reader: Reader, origin: TufOrigin
) -> None:
    origin.contents |= {"criteria-1.md": b"# what counts", "novelty.bin": b"of a newer node"}
    origin.contents["revoked.json"] = b"asked for by the hash that the document names"
    origin.revise(serial=2)
    assert sorted(reader.visit(origin).files) == ["criteria-1.md", "members.json", "node.json"]
    del origin.contents["criteria-1.md"]
    origin.revise(serial=3)
    assert sorted(reader.visit(origin).files) == ["members.json", "node.json"]


def test_a_chain_of_many_roots_is_followed_in_runs(reader: Reader, origin: TufOrigin) -> None:
    for _ in range(MAX_ROOTS_A_RUN + 1):
        origin.rotate(HOLDERS[:2])
    reader.visit(origin)
    assert len(reader.held.roots) == 1 + MAX_ROOTS_A_RUN
    reader.visit(origin)
    assert len(reader.held.roots) == 2 + MAX_ROOTS_A_RUN


def test_a_chain_longer_than_anybody_follows_leaves_what_is_held_readable(
    reader: Reader, origin: TufOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (follow, root):
        monkeypatch.setattr(module, "MAX_ROOTS", 3)
    for _ in range(2):
        origin.rotate(HOLDERS[:2])
    assert len(reader.visit(origin).roots) == 3
    newest = origin.roots[-1]
    fields = {name: getattr(newest, name) for name in RootContent.__dataclass_fields__}
    origin.files.put("4.root.json", author_next_root(newest, RootContent(**fields), HOLDERS[:2]))
    with pytest.raises(MalformedTrustError, match="more than 3 versions"):
        reader.visit(origin)
    assert open_held(reader.held).root.version == 3


def test_whoever_comes_back_after_all_holders_were_replaced_twice_follows(
    reader: Reader, origin: TufOrigin
) -> None:
    origin.rotate([*HOLDERS[:2], *SUCCESSORS[:2]], **replaced(3))
    origin.rotate([*HOLDERS[:2], *SUCCESSORS[:2]], root_keys=tuple(key.public for key in HOLDERS))
    origin.rotate_online()
    origin.rotate(HOLDERS[:2], targets_keys=tuple(key.public for key in TARGETS_SUCCESSORS))
    origin.revise(TARGETS_SUCCESSORS[:2], serial=9)
    opened = open_held(reader.visit(origin))
    assert (opened.root.version, opened.document.serial) == (5, 9)
    assert opened.members is not None


def test_the_same_document_signed_by_other_targets_keys_is_no_fork(reader: Reader, origin: TufOrigin) -> None:
    origin.rotate(HOLDERS[:2], targets_keys=tuple(key.public for key in TARGETS_SUCCESSORS))
    origin.revise(TARGETS_SUCCESSORS[1:], serial=1)
    assert reader.visit(origin).files == origin.contents


# ------------------------------------------------------------------ what is refused


def _forge(origin: TufOrigin, name: str, change: Callable[[Metadata], None], *signers: object) -> None:  # type: ignore[type-arg]
    """Alter metadata and sign it again with keys at hand."""
    metadata = Metadata.from_bytes(origin.files.get(name))
    change(metadata)
    metadata.signatures.clear()
    origin.files.put(name, sign_metadata(metadata, signers))  # type: ignore[arg-type]


def _restamp(origin: TufOrigin, snapshot: Callable[[Snapshot], None]) -> None:
    """What a thief of both online keys does: another snapshot, and a timestamp that names it."""
    version = open_timestamp(origin.files.get("timestamp.json"), origin.roots[-1]).names
    name = f"{version}.snapshot.json"
    _forge(origin, name, lambda metadata: snapshot(metadata.signed), ONLINE.snapshot)
    _point(origin, MetaFile.from_data(version, origin.files.get(name), ["sha256"]))


def _point(origin: TufOrigin, meta: MetaFile) -> None:
    def change(metadata: Metadata) -> None:  # type: ignore[type-arg]
        metadata.signed.version = 50
        metadata.signed.snapshot_meta = meta

    _forge(origin, "timestamp.json", change, ONLINE.timestamp)


def _older_timestamp(origin: TufOrigin) -> None:
    origin.forge_timestamp(ONLINE.timestamp, version=1)


def _older_snapshot_named(origin: TufOrigin) -> None:
    _point(origin, MetaFile.from_data(1, origin.files.get("1.snapshot.json"), ["sha256"]))


def _older_targets_named(origin: TufOrigin) -> None:
    def change(snapshot: Snapshot) -> None:
        snapshot.meta["targets.json"] = MetaFile.from_data(1, origin.files.get("1.targets.json"), ["sha256"])

    _restamp(origin, change)


def _ended_timestamp(origin: TufOrigin) -> None:
    origin.forge_timestamp(ONLINE.timestamp, version=9, hours=-1)


def _ended_snapshot(origin: TufOrigin) -> None:
    def change(snapshot: Snapshot) -> None:
        snapshot.expires = datetime.now(UTC).replace(microsecond=0) - DAY

    _restamp(origin, change)


def _another_snapshot(origin: TufOrigin) -> None:
    """Mix and match: signed, and not the one that the timestamp names."""
    origin.revise(serial=3)
    newest = open_timestamp(origin.files.get("timestamp.json"), origin.roots[-1]).names
    origin.files.put(f"{newest}.snapshot.json", origin.files.get(f"{newest - 1}.snapshot.json"))


def _misnumbered_snapshot(origin: TufOrigin) -> None:
    _point(origin, MetaFile.from_data(7, origin.files.get("2.snapshot.json"), ["sha256"]))
    origin.files.put("7.snapshot.json", origin.files.get("2.snapshot.json"))


def _huge_snapshot(origin: TufOrigin) -> None:
    meta = MetaFile.from_data(7, origin.files.get("2.snapshot.json"), ["sha256"])
    meta.length = 10_000_000
    _point(origin, meta)


def _without_a_length(origin: TufOrigin) -> None:
    meta = MetaFile.from_data(7, origin.files.get("2.snapshot.json"), ["sha256"])
    meta.length = None
    _point(origin, meta)


def _without_a_hash(origin: TufOrigin) -> None:
    meta = MetaFile.from_data(7, origin.files.get("2.snapshot.json"), ["sha256"])
    meta.hashes = None
    _point(origin, meta)


def _strangers_timestamp(origin: TufOrigin) -> None:
    origin.forge_timestamp(NEXT_ONLINE.timestamp, version=9)


def _altered_file(origin: TufOrigin) -> None:
    origin.revise(serial=3)
    for name in origin.files.ls("targets/"):
        origin.files.put(name, origin.files.get(name)[:-1] + b" ")


def _older_document(origin: TufOrigin) -> None:
    """Signed by enough holders who run an old copy: TUF's numbers grow, the serial goes back."""
    origin.revise(serial=1)


def _older_register(origin: TufOrigin) -> None:
    origin.revise(serial=4, version=1)


def _second_document(origin: TufOrigin) -> None:
    origin.revise(serial=3, version=2, contact="another")


def _unlisted_document(origin: TufOrigin) -> None:
    del origin.contents["node.json"]
    origin.repository.list_files(origin.roots[-1], origin.contents, TARGETS_HOLDERS[:2])
    origin.stamp()


def _too_much(origin: TufOrigin) -> None:
    origin.contents |= {f"criteria-{number}.md": b"x" * 999_999 for number in range(1, 10)}
    origin.revise(serial=4, version=2)


def _too_long(origin: TufOrigin) -> None:
    origin.contents["criteria-1.md"] = b"x" * 1_000_001
    origin.revise(serial=4, version=2)


def _too_many(origin: TufOrigin) -> None:
    """None of them long: what keeps a reader is that each is asked for by itself."""
    origin.contents |= {f"policy-{number}.txt": b"x" for number in range(1, MAX_FILES)}
    origin.revise(serial=4, version=2)


def _second_targets(origin: TufOrigin) -> None:
    """The holders sign other targets metadata under the number that the reader holds; the next snapshot names them."""

    def change(metadata: Metadata) -> None:  # type: ignore[type-arg]
        assert isinstance(metadata.signed, Targets)
        metadata.signed.expires += DAY

    held = max(version for version in range(1, 9) if origin.files.exists(f"{version}.targets.json"))
    _forge(origin, f"{held}.targets.json", change, *TARGETS_HOLDERS[:2])

    def name(metadata: Metadata) -> None:  # type: ignore[type-arg]
        data = origin.files.get(f"{held}.targets.json")
        metadata.signed.version += 1
        metadata.signed.meta["targets.json"] = MetaFile.from_data(held, data, ["sha256"])

    version = open_timestamp(origin.files.get("timestamp.json"), origin.roots[-1]).names
    following = f"{version + 1}.snapshot.json"
    origin.files.put(following, origin.files.get(f"{version}.snapshot.json"))
    _forge(origin, following, name, ONLINE.snapshot)
    _point(origin, MetaFile.from_data(version + 1, origin.files.get(following), ["sha256"]))


def _second_snapshot(origin: TufOrigin) -> None:
    """A thief of both online keys says it for longer, under the number that the reader holds."""

    def change(snapshot: Snapshot) -> None:
        snapshot.expires += DAY

    _restamp(origin, change)


def _next_root_of_a_stranger(origin: TufOrigin) -> None:
    origin.files.put("2.root.json", origin.files.get("1.root.json"))


REFUSED: Mapping[str, tuple[Callable[[TufOrigin], None], type[KeysError]]] = {
    "an older timestamp": (_older_timestamp, RolledBackError),
    "an older snapshot": (_older_snapshot_named, RolledBackError),
    "older targets": (_older_targets_named, RolledBackError),
    "a timestamp that ended": (_ended_timestamp, NotCurrentError),
    "a snapshot that ended": (_ended_snapshot, NotCurrentError),
    "another snapshot than the named one": (_another_snapshot, MalformedTrustError),
    "a snapshot of another version than named": (_misnumbered_snapshot, MalformedTrustError),
    "a snapshot without end": (_huge_snapshot, MalformedTrustError),
    "a snapshot without a length": (_without_a_length, MalformedTrustError),
    "a snapshot without a hash": (_without_a_hash, MalformedTrustError),
    "a timestamp by another key": (_strangers_timestamp, ThresholdError),
    "an altered trust file": (_altered_file, MalformedTrustError),
    "an older node document": (_older_document, RolledBackError),
    "an older register": (_older_register, RolledBackError),
    "a second node document of one serial": (_second_document, ForkedTrustError),
    "second targets metadata of one version": (_second_targets, ForkedTrustError),
    "a second snapshot of one version": (_second_snapshot, ForkedTrustError),
    "no node document": (_unlisted_document, MalformedTrustError),
    "more files than anybody reads": (_too_much, MalformedTrustError),
    "more single files than anybody asks for": (_too_many, MalformedTrustError),
    "a file longer than anybody reads": (_too_long, MalformedTrustError),
    "a root that is not the next one": (_next_root_of_a_stranger, MalformedTrustError),
}


@pytest.mark.threat("old trust files")
@pytest.mark.parametrize(("lie", "error"), REFUSED.values(), ids=REFUSED)
def test_it_refuses(
    reader: Reader, origin: TufOrigin, lie: Callable[[TufOrigin], None], error: type[KeysError]
) -> None:
    origin.revise(serial=3, version=2)
    files = reader.visit(origin).files
    honest, contents = dict(origin.files.data), dict(origin.contents)
    lie(origin)
    with pytest.raises(error):
        reader.visit(origin)
    assert reader.held.files == files, "what was held stays"
    origin.files.data, origin.contents = honest, contents


@pytest.mark.threat("old trust files")
def test_a_node_that_nobody_speaks_for_is_frozen(reader: Reader, origin: TufOrigin) -> None:
    """Somebody holds the node's answers back: within a day he is noticed, whichever file he shows."""
    reader.visit(origin, later=timedelta(hours=23))
    with pytest.raises(NotCurrentError, match="nobody says what is current"):
        reader.visit(origin, later=timedelta(hours=25))


def test_a_root_that_ended_stops_everything(reader: Reader, origin: TufOrigin) -> None:
    with pytest.raises(NotCurrentError, match="root"):
        reader.visit(origin, later=366 * DAY)


def test_a_root_that_ended_is_left_behind_when_there_is_a_next_one(reader: Reader, origin: TufOrigin) -> None:
    """A year and more away: the first root has ended, and who follows the chain does not mind."""
    origin.clock.advance(400 * DAY.total_seconds())
    expires = origin.clock.now() + 365 * DAY
    origin.rotate(HOLDERS[:2], expires=expires.replace(microsecond=0))
    origin.revise(serial=2)
    assert open_held(reader.visit(origin, later=400 * DAY)).root.version == 2


def test_a_root_counts_although_everything_after_it_is_withheld(reader: Reader, origin: TufOrigin) -> None:
    """It may be the one that replaces stolen keys."""
    origin.rotate_online()
    origin.files.put("timestamp.json", b"{}")
    with pytest.raises(KeysError):
        reader.visit(origin)
    assert len(reader.held.roots) == 2
    assert (reader.held.timestamp, reader.held.snapshot) == (b"", b"")
    assert open_held(reader.held).document.serial == 1, "the files held stay in use"


def test_a_thief_of_an_online_key_does_not_lock_readers_out(reader: Reader, origin: TufOrigin) -> None:
    """Fast-forward: after the key is replaced, the node's own small numbers count again."""
    origin.forge_timestamp(ONLINE.timestamp, version=1_000_000)
    reader.visit(origin)
    origin.rotate_online()
    origin.revise(serial=2)
    assert reader.visit(origin).files == origin.contents
    origin.forge_timestamp(ONLINE.timestamp, version=1_000_001)
    with pytest.raises(ThresholdError):
        reader.visit(origin)


def test_a_root_that_comes_into_force_after_it_was_asked_for_is_followed(
    reader: Reader, origin: TufOrigin
) -> None:
    run = Following(reader.held, datetime.now(UTC))
    run.take(None)
    origin.rotate_online()
    asked = []
    while run.wanted is not None:
        asked.append(run.wanted.name)
        run.take(origin.files.get(run.wanted.name) if origin.files.exists(run.wanted.name) else None)
    assert asked == ["timestamp.json", "2.root.json", "3.root.json", "2.snapshot.json"]
    assert run.held == reader.visit(origin)


def test_a_thief_of_targets_keys_does_not_lock_readers_out(reader: Reader, origin: TufOrigin) -> None:
    """He used up the greatest numbers; with his keys they are forgotten, and so are files that only he signed."""
    origin.revise(serial=MAX_INTEGER, version=MAX_INTEGER)
    assert open_held(reader.visit(origin)).document.serial == MAX_INTEGER
    origin.rotate_online()
    origin.rotate(HOLDERS[:2], targets_keys=tuple(key.public for key in TARGETS_SUCCESSORS))
    origin.revise(TARGETS_SUCCESSORS[:2], serial=5, version=5)
    opened = open_held(reader.visit(origin))
    assert opened.members is not None
    assert (opened.document.serial, opened.members.version) == (5, 5)
    origin.revise(TARGETS_SUCCESSORS[:2], serial=4, version=5)
    with pytest.raises(RolledBackError):
        reader.visit(origin)


def test_who_replaces_one_key_of_three_is_held_to_his_numbers(reader: Reader, origin: TufOrigin) -> None:
    origin.revise(serial=7)
    reader.visit(origin)
    kept = (*TARGETS_HOLDERS[:2], TARGETS_SUCCESSORS[0])
    origin.rotate(HOLDERS[:2], targets_keys=tuple(key.public for key in kept))
    origin.revise(kept[1:], serial=6)
    with pytest.raises(RolledBackError):
        reader.visit(origin)


def test_a_second_timestamp_of_one_number_changes_nothing(reader: Reader, origin: TufOrigin) -> None:
    before = reader.held
    origin.forge_timestamp(ONLINE.timestamp, version=1, hours=20)
    assert reader.visit(origin) == before


def test_a_fork_names_both_files(reader: Reader, origin: TufOrigin) -> None:
    held = reader.held.node_document
    origin.revise(serial=1, contact="another")
    with pytest.raises(ForkedTrustError) as caught:
        reader.visit(origin)
    assert (caught.value.node, caught.value.what) == ("fr.example", "node")
    assert (caught.value.held, caught.value.shown) == (held, origin.contents["node.json"])


@pytest.mark.parametrize(
    ("lie", "what"),
    [
        pytest.param(_second_snapshot, "snapshot", id="snapshot"),
        pytest.param(_second_targets, "targets", id="targets"),
        pytest.param(_second_document, "node", id="node document"),
    ],
)
def test_a_fork_names_what_was_signed_twice(
    reader: Reader, origin: TufOrigin, lie: Callable[[TufOrigin], None], what: str
) -> None:
    origin.revise(serial=3, version=2)
    reader.visit(origin)
    lie(origin)
    with pytest.raises(ForkedTrustError) as caught:
        reader.visit(origin)
    assert caught.value.what == what


# ------------------------------------------------------------------ what is kept


def test_what_is_held_goes_to_files_and_back(reader: Reader, origin: TufOrigin) -> None:
    origin.rotate(HOLDERS[:2])
    held = reader.visit(origin)
    files = held.to_files()
    assert sorted(files) == [
        "1.root.json",
        "2.root.json",
        "members.json",
        "node.json",
        "snapshot.json",
        "targets.json",
        "timestamp.json",
    ]
    assert HeldTrust.from_files(files) == held
    assert HeldTrust.from_files({"1.root.json": held.roots[0]}) == HeldTrust(roots=held.roots[:1])
    with pytest.raises(MalformedTrustError):
        HeldTrust.from_files({"2.root.json": held.roots[1]})


def test_what_was_never_followed_holds_no_register(origin: TufOrigin) -> None:
    bare = HeldTrust(roots=Reader(origin).held.roots, files={"node.json": origin.contents["node.json"]})
    opened = open_held(bare)
    assert (bare.members, opened.members) == (b"", None)
    opened.check_current(datetime.now(UTC))
    with pytest.raises(NotCurrentError):
        opened.check_current(datetime.now(UTC) + 400 * DAY)


def test_what_no_root_signed_is_refused_under_the_newest(reader: Reader, origin: TufOrigin) -> None:
    origin.sign(TARGETS_SUCCESSORS[:2], serial=5)
    document = origin.contents["node.json"]
    with pytest.raises(ThresholdError):
        under_newest(origin.roots, lambda root: open_node_document(document, root))
    damaged = replace(reader.held, files={"node.json": document})
    with pytest.raises(ThresholdError):
        open_held(damaged)


@pytest.mark.parametrize(
    ("age", "counts"),
    [
        pytest.param(timedelta(0), True, id="just now"),
        pytest.param(timedelta(days=7, seconds=-1), True, id="within seven days"),
        pytest.param(timedelta(days=7), False, id="seven days ago"),
        pytest.param(timedelta(days=60), False, id="two months ago"),
        pytest.param(timedelta(minutes=-5), True, id="clocks differ"),
        pytest.param(timedelta(minutes=-6), False, id="a clock was ahead"),
    ],
)
def test_keys_count_for_seven_days(age: timedelta, *, counts: bool) -> None:
    now = datetime(2026, 5, 4, tzinfo=UTC)
    if counts:
        require_confirmed("fr.example", now - age, now)
    else:
        with pytest.raises(NotCurrentError, match="count for 7 days"):
            require_confirmed("fr.example", now - age, now)
