from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.digest import Algorithm
from protocol.errors import EventRuleError, OpeningError
from protocol.lists.bundle import VerifiedBundle, verify_bundle, verify_openings
from protocol.lists.event import BASELINE, NATIONAL, Header, Op
from protocol.lists.ext import EntryRef, Ext, Predecessor
from protocol.lists.grant import Grant
from protocol.lists.opening import Opening, origin_hash
from protocol.lists.sequence import LogShape
from protocol.tlog.merkle import leaf_hash
from support.lists import ORIGIN, OWN, RELYING, START_MS, ListWriter, digest

NOW = START_MS + 1_000_000
A, B = digest("a"), digest("b")
WITH_ID = replace(OWN, content_id=b"c" * 16)
NONCE = bytes(16)


def verify(
    writer: ListWriter, granted: tuple[int, ...] = (BASELINE, NATIONAL), shape: LogShape | None = None
) -> VerifiedBundle:
    return verify_bundle(
        LogShape() if shape is None else shape,
        origin_hash=origin_hash(writer.origin),
        first_index=0,
        events=b"".join(writer.events),
        openings=writer.openings,
        now_ms=NOW,
        granted=frozenset(granted),
    )


def whole() -> ListWriter:
    writer = ListWriter()
    writer.carry_on(Predecessor("agency.example/lists/old", 3, bytes(32)))
    first = writer.add(A, WITH_ID)
    writer.add(B, WITH_ID)
    writer.add(A, RELYING, collection=NATIONAL)
    writer.amend(first, OWN)
    writer.withdraw(first, shred=True)
    dispute = writer.dispute(B)
    writer.resolve(dispute)
    many = tuple(EntryRef(ORIGIN, index, bytes(32)) for index in range(15))
    writer.add(A, Ext(criteria=1, basis=1, content_id=b"d" * 16, reaffirms=many))
    return writer


def test_a_list_with_all_openings() -> None:
    writer = whole()
    assert max(len(opening or b"") for opening in writer.openings) > 512  # one without a remembered form
    shape = LogShape()
    report = verify(writer, shape=shape)
    assert report.leaf_hashes == b"".join(map(leaf_hash, writer.events))
    assert report.missing == report.unknown == []
    assert shape.size == len(writer.events)


def test_granted_leaves_without_opening_are_reported() -> None:
    writer = whole()
    writer.openings[0] = writer.openings[1] = writer.openings[3] = None
    report = verify(writer)
    assert report.missing == [0, 1, 3]
    assert report.leaf_hashes == b"".join(map(leaf_hash, writer.events))


def test_leaves_outside_the_grant_stay_closed() -> None:
    writer = whole()
    writer.openings[3] = None
    assert verify(writer, granted=(BASELINE,)).missing == []


def test_an_opening_outside_the_grant_is_refused() -> None:
    shape = LogShape()
    with pytest.raises(OpeningError, match="not asked for") as caught:
        verify(whole(), granted=(BASELINE,), shape=shape)
    assert caught.value.index == 3
    assert shape.size == 0


@pytest.mark.parametrize("index", range(9))
def test_a_changed_opening_is_refused_and_the_shape_stays(index: int) -> None:
    writer = whole()
    opening = writer.openings[index]
    assert opening is not None
    writer.openings[index] = bytes([opening[0] ^ 1]) + opening[1:]
    shape = LogShape()
    with pytest.raises(OpeningError, match="commitment") as caught:
        verify(writer, shape=shape)
    assert caught.value.index == index
    assert shape.size == 0


def test_an_opening_of_another_log_is_refused() -> None:
    writer = whole()
    writer.origin = "agency.example/lists/other"
    with pytest.raises(OpeningError, match="commitment"):
        verify(writer)


def test_a_broken_rule_is_refused() -> None:
    writer = ListWriter()
    writer.write(Op.WITHDRAW, ref=0)
    with pytest.raises(EventRuleError):
        verify(writer)


GOOD = Opening(NONCE, A, WITH_ID).to_bytes()
EXT_AT = 18 + 32 + 2


def _with_ext(ext: bytes, length: int | None = None) -> bytes:
    return GOOD[: EXT_AT - 2] + (len(ext) if length is None else length).to_bytes(2) + ext


@pytest.mark.parametrize(
    "opening",
    [
        b"",
        GOOD[:17],
        GOOD[:18],
        GOOD[:-1],
        GOOD + b"\0",
        GOOD[:EXT_AT],
        GOOD[: EXT_AT + 3],
        GOOD[: EXT_AT + 10],
        GOOD[:16] + b"\x02" + GOOD[17:],
        GOOD[:17] + b"\xff" + GOOD[18:],
        GOOD[:16] + b"\0\0" + GOOD[EXT_AT - 2 :],
        _with_ext(b"\xa1\x01\x50" + bytes(15)),
        _with_ext(b"\xa1\x01\x50" + bytes(15), 19),
        _with_ext(b"\xa2\x01\x50" + bytes(16)),
        _with_ext(b"\xa1\x01\x50" + bytes(16) + b"\0"),
        _with_ext(b"\x81\x01\x50" + bytes(16)),
        _with_ext(b"\xb8\x01\x50" + bytes(16)),
        _with_ext(b"\xa2\x01\x50" + bytes(16) + b"\x02\x18\x01"),
        _with_ext(b"\xa2\x02\x01\x01\x50" + bytes(16)),
        _with_ext(b"\xa2\x01\x50" + bytes(16) + b"\x07\x01"),
        _with_ext(b"\xa1\x02\x58\x20" + bytes(32)),
        _with_ext(b"\xa1\x0b\x59\x02\x00" + bytes(511)),
        _with_ext(b"\xa1\x0b\x96" + b"\x1c" * 16 + bytes(6)),
    ],
    ids=[
        "empty", "no length", "head only", "short", "long", "no ext", "id head only", "id cut", "other algorithm",
        "long digest", "no digest", "short id", "short id, right length", "promised key missing", "byte after ext",
        "array", "long map head", "long integer", "order", "reason on an add", "wrong type", "long and malformed",
        "malformed where an id would be",
    ],
)  # fmt: skip
def test_a_committed_but_malformed_opening_is_refused(opening: bytes) -> None:
    for known in (GOOD, Opening(NONCE, A).to_bytes()):  # whatever was seen before
        writer = ListWriter()
        header = Header(op=Op.ADD, collection=BASELINE, time_ms=START_MS)
        writer.put(header, known)
        writer.put(header, opening)
        with pytest.raises(OpeningError) as caught:
            verify(writer)
        assert caught.value.index == 1


def test_the_same_form_is_judged_anew_for_another_op_or_algorithm() -> None:
    def write(op: int, algorithm: int) -> ListWriter:
        writer = ListWriter()
        writer.put(Header(op=op, collection=BASELINE, algorithm=algorithm, time_ms=START_MS), GOOD)
        return writer

    assert verify(write(Op.ADD, 3)).unknown == []
    assert verify(write(Op.ADD, 0)).unknown == []
    for op, algorithm in ((Op.ADD, 1), (Op.DISPUTE, 3), (Op.DISPUTE, 0)):
        with pytest.raises(OpeningError):
            verify(write(op, algorithm))


@pytest.mark.parametrize(
    ("header", "opening"),
    [
        (Header(op=9, collection=BASELINE, time_ms=START_MS), b"anything"),
        (Header(op=9, collection=BASELINE, time_ms=START_MS), GOOD),
        (Header(op=Op.ADD, collection=BASELINE, flags=4, time_ms=START_MS), GOOD),
        (Header(op=Op.ADD, collection=BASELINE, algorithm=6, time_ms=START_MS), GOOD),
        (Header(op=Op.ADD, collection=BASELINE, time_ms=START_MS), GOOD[:16] + b"\x06" + GOOD[17:]),
    ],
    ids=["op", "op with a known form", "flag", "algorithm", "hidden algorithm"],
)
def test_what_this_version_does_not_know_is_kept_and_reported(header: Header, opening: bytes) -> None:
    writer = ListWriter()
    writer.put(header, opening)
    assert verify(writer).unknown == [0]
    writer.openings[0] = opening + b"x"
    with pytest.raises(OpeningError, match="commitment"):
        verify(writer)


def test_an_unknown_event_need_not_be_opened() -> None:
    writer = ListWriter()
    writer.put(Header(op=9, collection=BASELINE, time_ms=START_MS), b"")
    writer.openings[0] = None
    assert verify(writer).missing == []


def test_as_many_openings_as_events() -> None:
    writer = whole()
    writer.openings.pop()
    with pytest.raises(AssertionError):
        verify(writer)


ALL = Grant(collections=frozenset({BASELINE, NATIONAL}))


def closed(writer: ListWriter) -> LogShape:
    """What a follower remembers that was given no opening."""
    openings, writer.openings = writer.openings, [None] * len(writer.events)
    shape = LogShape()
    verify(writer, granted=(), shape=shape)
    writer.openings = openings
    return shape


def open_late(
    writer: ListWriter,
    shape: LogShape,
    *,
    wanted: frozenset[int] = frozenset(),
    grant: Grant = ALL,
    first: int = 0,
) -> None:
    verify_openings(
        shape,
        origin_hash=origin_hash(writer.origin),
        first_index=first,
        events=writer.events[first:],
        openings=writer.openings[first:],
        wanted=wanted,
        grant=grant,
    )


@given(st.sets(st.integers(0, 8)), st.integers(0, 8))
def test_openings_that_come_late_are_judged_like_those_that_come_at_once(
    given_: set[int], first: int
) -> None:
    writer = whole()
    shape = closed(writer)
    before = shape.to_bytes()
    for index in given_:
        writer.openings[index] = None
    wanted = frozenset(range(9 - first)) - {index - first for index in given_}
    open_late(writer, shape, wanted=wanted, first=first)
    assert shape.to_bytes() == before


@given(st.integers(0, 8))
def test_what_is_wanted_must_come(index: int) -> None:
    writer = whole()
    shape = closed(writer)
    writer.openings[index] = None
    with pytest.raises(OpeningError, match="withheld") as caught:
        open_late(writer, shape, wanted=frozenset({index}))
    assert caught.value.index == index


@pytest.mark.parametrize("index", range(9))
def test_an_altered_opening_that_comes_late_is_refused(index: int) -> None:
    writer = whole()
    shape = closed(writer)
    opening = writer.openings[index]
    assert opening is not None
    writer.openings[index] = opening[:-1] + bytes([opening[-1] ^ 1])
    with pytest.raises(OpeningError, match="commitment") as caught:
        open_late(writer, shape)
    assert caught.value.index == index


def test_what_is_not_granted_does_not_come_late() -> None:
    writer = whole()
    shape = closed(writer)
    with pytest.raises(OpeningError, match="not asked for") as caught:
        open_late(writer, shape, grant=Grant(collections=frozenset({BASELINE})))
    assert caught.value.index == 3
    with pytest.raises(OpeningError, match="not asked for") as caught:
        open_late(writer, shape, grant=replace(ALL, algorithms=frozenset({Algorithm.MD5})))
    assert caught.value.index == 1
    open_late(writer, shape, grant=replace(ALL, algorithms=frozenset({Algorithm.SHA256})))


def test_a_committed_but_malformed_opening_is_refused_late_too() -> None:
    writer = ListWriter()
    writer.put(Header(op=Op.ADD, collection=BASELINE, time_ms=START_MS), GOOD + b"\0")
    with pytest.raises(OpeningError):
        open_late(writer, closed(writer))


def test_of_what_this_version_does_not_know_the_commitment_alone_is_judged_late() -> None:
    writer = ListWriter()
    writer.put(Header(op=9, collection=BASELINE, time_ms=START_MS), b"anything")
    shape = closed(writer)
    open_late(writer, shape)
    writer.openings[0] = b"another"
    with pytest.raises(OpeningError, match="commitment"):
        open_late(writer, shape)


def test_of_some_algorithms_an_entry_that_hides_its_own_may_stay_closed() -> None:
    writer = ListWriter()
    writer.add(A)
    writer.put(Header(op=Op.ADD, collection=BASELINE, algorithm=3, time_ms=START_MS), GOOD)
    writer.openings = [None, None]
    some = frozenset({Algorithm.SHA256})
    report = verify_bundle(
        LogShape(),
        origin_hash=origin_hash(writer.origin),
        first_index=0,
        events=b"".join(writer.events),
        openings=writer.openings,
        now_ms=NOW,
        granted=frozenset({BASELINE}),
        algorithms=some,
    )
    assert report.missing == [1]
