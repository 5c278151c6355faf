import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MalformedError, NotCanonicalError
from protocol.tlog.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from protocol.tlog.tileproof import TileTree
from protocol.tlog.tiles import (
    Tile,
    bundle_widths,
    decode_bundle,
    encode_bundle,
    entries_path,
    new_hash_tiles,
    parse_entries_path,
    parse_tile_path,
    tile_path,
    width_at,
)
from support.trees import inclusion_proof, leaves

LEAVES = leaves(70_000)


def grow(store: dict[Tile, bytes], old: int, new: int) -> list[Tile]:
    added = list(new_hash_tiles(old, b"".join(LEAVES[old:new]), store.__getitem__))
    store.update(added)
    return [tile for tile, _ in added]


# C2SP tlog-tiles: 1234067 is its example of an index; the others follow its rules.
PATHS = {
    "tile/0/000": Tile(0, 0, 256),
    "tile/0/000.p/1": Tile(0, 0, 1),
    "tile/1/999.p/255": Tile(1, 999, 255),
    "tile/2/x001/000": Tile(2, 1000, 256),
    "tile/0/x001/x234/067": Tile(0, 1234067, 256),
    "tile/63/x001/x234/067.p/17": Tile(63, 1234067, 17),
}


@pytest.mark.parametrize(("path", "tile"), PATHS.items(), ids=PATHS)
def test_paths_of_hash_tiles(path: str, tile: Tile) -> None:
    assert tile_path(tile) == path
    assert parse_tile_path(path) == tile
    assert tile.full == (".p/" not in path)


@pytest.mark.parametrize(
    ("path", "index", "width"),
    [
        ("tile/entries/000", 0, 256),
        ("tile/entries/x001/x234/067", 1234067, 256),
        ("tile/entries/273.p/112", 273, 112),
    ],
)
def test_paths_of_bundles(path: str, index: int, width: int) -> None:
    assert entries_path(index, width) == path
    assert parse_entries_path(path) == (index, width)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/001/001",
        "tile/0/x000/001",
        "tile/0/x001",
        "tile/0/X001/000",
        "tile/0/000/",
        "/tile/0/000",
        "tile//000",
        "tiles/0/000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/1.p/1",
        "tile/0/../000",
        "tile/0/%30%30%30",
        "tile/0/\u0661\u0661\u0661",
        "tile/0/x001/x099/x511/x627/776/" + "0" * 60,
        "tile/0/x999/x999/x999/x999/999",
        "tile/entries/000",
    ],
)
def test_other_spellings_of_tile_paths_are_refused(path: str) -> None:
    with pytest.raises(MalformedError):
        parse_tile_path(path)


@pytest.mark.parametrize("path", ["tile/0/000", "tile/entries/0", "tile/entries/000.p/0", "entries/000"])
def test_other_spellings_of_bundle_paths_are_refused(path: str) -> None:
    with pytest.raises(MalformedError):
        parse_entries_path(path)


@given(st.integers(0, 63), st.integers(0, 2**40), st.integers(1, 256))
def test_paths_round_trip(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert parse_tile_path(tile_path(tile)) == tile
    assert parse_entries_path(entries_path(index, width)) == (index, width)


@pytest.mark.parametrize(
    ("level", "index", "width"), [(64, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)]
)
def test_tile_that_cannot_be_is_a_programming_mistake(level: int, index: int, width: int) -> None:
    with pytest.raises(AssertionError):
        Tile(level, index, width)


def test_bundle_is_lengths_and_entries() -> None:
    entries = [b"one", b"", b"x" * 300]
    data = encode_bundle(entries)
    assert data == b"\x00\x03one" + b"\x00\x00" + b"\x01\x2c" + b"x" * 300
    assert decode_bundle(data, 3) == entries
    assert decode_bundle(b"", 0) == []


@pytest.mark.parametrize(
    ("data", "width"),
    [
        pytest.param(b"", 1, id="empty"),
        pytest.param(b"\x00", 1, id="half a length"),
        pytest.param(b"\x00\x02a", 1, id="short entry"),
        pytest.param(b"\x00\x01a", 2, id="too few"),
        pytest.param(b"\x00\x01a\x00", 2, id="half a second"),
        pytest.param(b"\x00\x01a\x00\x01b", 1, id="too many"),
        pytest.param(b"\x00\x01ab", 1, id="rest"),
        pytest.param(b"\xff\xffa", 1, id="long"),
    ],
)
def test_broken_bundles_are_refused(data: bytes, width: int) -> None:
    with pytest.raises(MalformedError):
        decode_bundle(data, width)


@given(st.lists(st.binary(max_size=8), max_size=6), st.integers(0, 7))
def test_bundles_round_trip_at_their_width_only(entries: list[bytes], width: int) -> None:
    data = encode_bundle(entries)
    if width == len(entries):
        assert decode_bundle(data, width) == entries
    else:
        with pytest.raises(MalformedError):
            decode_bundle(data, width)


@given(st.binary(max_size=20), st.integers(0, 4))
def test_what_reads_as_a_bundle_is_one(data: bytes, width: int) -> None:
    try:
        entries = decode_bundle(data, width)
    except MalformedError:
        return
    assert encode_bundle(entries) == data


@pytest.mark.parametrize("entries", [[b""] * 257, [b"x" * 65536]], ids=["too many", "too long"])
def test_what_fits_no_bundle_is_a_programming_mistake(entries: list[bytes]) -> None:
    with pytest.raises(AssertionError):
        encode_bundle(entries)


@pytest.mark.parametrize(
    ("old", "new", "bundles"),
    [
        (0, 0, []),
        (256, 256, []),
        (100, 100, []),
        (0, 1, [(0, 1)]),
        (0, 256, [(0, 256)]),
        (0, 257, [(0, 256), (1, 1)]),
        (100, 200, [(0, 200)]),
        (255, 513, [(0, 256), (1, 256), (2, 1)]),
        (256, 300, [(1, 44)]),
    ],
)
def test_bundles_of_a_growth(old: int, new: int, bundles: list[tuple[int, int]]) -> None:
    assert list(bundle_widths(old, new)) == bundles


def test_shrinking_is_a_programming_mistake() -> None:
    with pytest.raises(AssertionError):
        list(bundle_widths(2, 1))


def test_tiles_of_the_example_in_tlog_tiles() -> None:
    # C2SP tlog-tiles, "Partial Tiles": size 70,000 and size 256.
    tiles = grow({}, 0, 70_000)
    expected = [Tile(0, n, 256) for n in range(273)]
    expected += [Tile(0, 273, 112), Tile(1, 0, 256), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert tiles == expected
    assert grow({}, 0, 256) == [Tile(0, 0, 256), Tile(1, 0, 1)]


STEPS = [1, 2, 255, 256, 257, 300, 512, 1000, 65_535, 65_536, 65_537, 65_800, 70_000]


def test_growing_in_steps_adds_what_growing_at_once_has() -> None:
    store: dict[Tile, bytes] = {}
    old = 0
    for size in STEPS:
        grow(store, old, size)
        old = size
        once: dict[Tile, bytes] = {}
        grow(once, 0, size)
        assert once.items() <= store.items()
        for level in range(4):
            last = (size >> 8 * level) // 256
            width = width_at(level=level, index=last, size=size)
            assert width <= 0 or Tile(level, last, width) in once


def test_a_growth_reads_only_partial_tiles() -> None:
    store: dict[Tile, bytes] = {}
    grow(store, 0, 65_800)
    asked: list[Tile] = []

    def read(tile: Tile) -> bytes:
        asked.append(tile)
        return store[tile]

    list(new_hash_tiles(65_800, b"".join(LEAVES[65_800:66_100]), read))
    assert asked == [Tile(0, 257, 8), Tile(1, 1, 1)]


def test_growing_by_nothing_adds_nothing() -> None:
    assert grow({}, 300, 300) == []


@pytest.mark.parametrize("size", STEPS)
def test_proofs_from_tiles_are_those_from_leaves(size: int) -> None:
    store: dict[Tile, bytes] = {}
    grow(store, 0, size)
    tree = TileTree(size, store.__getitem__)
    root = root_of(LEAVES[:size])
    assert tree.root() == root
    for index in {0, size // 3, size - 1}:
        proof = tree.inclusion_proof(index)
        assert proof == inclusion_proof(LEAVES[:size], index)
        verify_inclusion(index=index, size=size, leaf=tree.leaf(index), proof=proof, root=root)
        old = index + 1
        steps = tree.consistency_proof(old)
        assert steps == consistency_proof(LEAVES, old, size)
        verify_consistency(
            old_size=old, old_root=root_of(LEAVES[:old]), new_size=size, new_root=root, proof=steps
        )


def test_each_tile_is_read_once_and_few_are() -> None:
    store: dict[Tile, bytes] = {}
    grow(store, 0, 70_000)
    asked: list[Tile] = []

    def read(tile: Tile) -> bytes:
        asked.append(tile)
        return store[tile]

    tree = TileTree(70_000, read)
    tree.inclusion_proof(12_345)
    tree.inclusion_proof(12_346)
    assert len(asked) == len(set(asked)) <= 5


def test_empty_tree() -> None:
    store: dict[Tile, bytes] = {}
    tree = TileTree(0, store.__getitem__)
    assert tree.root() == EMPTY_ROOT
    with pytest.raises(AssertionError):
        tree.leaf(0)


@pytest.mark.parametrize("data", [b"", b"\x00" * 31, b"\x00" * 64])
def test_damaged_tile_is_reported(data: bytes) -> None:
    with pytest.raises(MalformedError):
        TileTree(1, lambda _: data).root()
    with pytest.raises(MalformedError):
        list(new_hash_tiles(1, LEAVES[1], lambda _: data))


def test_a_second_spelling_is_not_canonical() -> None:
    with pytest.raises(NotCanonicalError):
        parse_tile_path("tile/0/x000/000")
