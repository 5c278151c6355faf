"""Whatever a repository answers, a reader keeps what verifies, and no other error than ours comes of it."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from keys.errors import KeysError
from keys.trust.follow import Following
from keys.trust.held_trust import HeldTrust, open_held
from support.tuf_origin import TufOrigin

ORIGIN = TufOrigin()
FIRST = HeldTrust(roots=(ORIGIN.files.get("1.root.json"),))
ORIGIN.rotate_online()
ORIGIN.revise(serial=2)


def _served(name: str, *, is_target: bool) -> bytes | None:
    place = f"targets/{name}" if is_target else name
    return ORIGIN.files.get(place) if ORIGIN.files.exists(place) else None


def _follow(meddle: Callable[[bytes], bytes]) -> HeldTrust:
    run = Following(FIRST, ORIGIN.clock.now())
    try:
        while run.wanted is not None:
            wanted = run.wanted
            data = _served(wanted.name, is_target=wanted.is_target)
            run.take(None if data is None else meddle(data)[: wanted.max_bytes])
    except KeysError:
        return run.held
    assert open_held(run.held).document.serial == 2
    return run.held


def _flipped(data: bytes, at: int) -> bytes:
    place = at % len(data)
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@settings(max_examples=60)
@given(st.integers(0, 6), st.integers(0, 10**6))
def test_one_flipped_bit_anywhere_is_refused_or_means_nothing(turn: int, at: int) -> None:
    turns = iter(range(10))
    held = _follow(lambda data: _flipped(data, at) if next(turns) == turn else data)
    for name, data in held.files.items():
        assert data == ORIGIN.contents[name]


@settings(max_examples=60)
@given(st.integers(0, 6), st.binary(max_size=200))
def test_other_bytes_are_refused(turn: int, other: bytes) -> None:
    turns = iter(range(10))
    held = _follow(lambda data: other if next(turns) == turn else data)
    for name, data in held.files.items():
        assert data == ORIGIN.contents[name]
