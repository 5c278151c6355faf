from collections.abc import Callable

import pytest

from protocol.digest import Algorithm
from protocol.errors import EventRuleError, FutureEventError, MalformedError
from protocol.limits import MAX_CLOCK_SKEW_MS
from protocol.lists.event import BASELINE, NATIONAL, SHRED, Op
from protocol.lists.ext import Ext, Predecessor
from protocol.lists.sequence import LogShape
from support.lists import OWN, START_MS, ListWriter, digest

NOW = START_MS + 1_000_000
A, B = digest("a"), digest("b")


def whole() -> ListWriter:
    """A list with every op, and events of a later version."""
    writer = ListWriter()
    writer.carry_on(Predecessor("agency.example/lists/old", 3, bytes(32)))
    first = writer.add(A)
    second = writer.add(B, collection=NATIONAL)
    writer.amend(first, OWN)
    writer.withdraw(first)
    writer.withdraw(first, shred=True)
    dispute = writer.dispute(A, collection=NATIONAL)
    writer.resolve(dispute, collection=NATIONAL, shred=True)
    later = writer.write(9, A, ref=77)
    writer.write(Op.ADD, A, flags=2)
    writer.write(Op.ADD, A, algorithm=6)
    writer.withdraw(later)
    writer.withdraw(second, collection=NATIONAL)
    return writer


@pytest.mark.parametrize("width", [1, 2, 5, 256])
def test_a_list_with_every_op_is_admitted_in_bundles_of_any_width(width: int) -> None:
    events = whole().events
    shape = LogShape()
    unknown = []
    for first in range(0, len(events), width):
        unknown += shape.admit_bundle(first, events[first : first + width], NOW)
    assert shape.size == len(events)
    assert shape.unknown == unknown == [8, 9, 10]
    assert [shape.op(index) for index in (0, 1, 6, 8)] == [Op.CONTINUE, Op.ADD, Op.DISPUTE, None]
    assert [shape.collection(index) for index in (0, 1, 2)] == [0, BASELINE, NATIONAL]
    assert [index for index in range(shape.size) if shape.is_shredded(index)] == [1, 6]
    assert shape.last_time_ms == START_MS + len(events) - 1


def test_joined_events_and_none_are_admitted() -> None:
    shape = LogShape()
    assert shape.admit_bundle(0, b"", NOW) == []
    shape.admit_bundle(0, b"".join(whole().events), NOW)
    assert shape.size == len(whole().events)


def test_a_shape_goes_on_where_its_bytes_stopped() -> None:
    events = whole().events
    shape = LogShape()
    shape.admit_bundle(0, events[:6], NOW)
    resumed = LogShape.from_bytes(shape.to_bytes())
    resumed.admit_bundle(6, events[6:], NOW)
    shape.admit_bundle(6, events[6:], NOW)
    assert resumed.to_bytes() == shape.to_bytes()
    assert len(shape.to_bytes()) == 16 + 3 * len(events)
    assert LogShape.from_bytes(LogShape().to_bytes()).size == 0


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: data[:-1], id="short"),
        pytest.param(lambda data: data + b"\0", id="long"),
        pytest.param(lambda data: data[:15], id="no head"),
        pytest.param(lambda data: b"\xff" + data[1:], id="size"),
        pytest.param(lambda data: data[:16] + b"\x07" + data[17:], id="op"),
    ],
)
def test_other_bytes_are_no_shape(change: Callable[[bytes], bytes]) -> None:
    shape = LogShape()
    shape.admit_bundle(0, whole().events, NOW)
    with pytest.raises(MalformedError):
        LogShape.from_bytes(change(shape.to_bytes()))


def _broken(write: Callable[[ListWriter], object]) -> ListWriter:
    """A list of an add, a dispute, and one event more."""
    writer = ListWriter()
    writer.add(A)
    writer.dispute(B)
    write(writer)
    return writer


CASES: list[tuple[str, Callable[[ListWriter], object], str]] = [
    ("withdraw a dispute", lambda w: w.write(Op.WITHDRAW, ref=1), "wrong kind"),
    ("amend a dispute", lambda w: w.write(Op.AMEND, ref=1), "wrong kind"),
    ("resolve an add", lambda w: w.write(Op.RESOLVE, ref=0), "wrong kind"),
    ("withdraw itself", lambda w: w.write(Op.WITHDRAW, ref=2), "exist yet"),
    ("withdraw what comes", lambda w: w.write(Op.WITHDRAW, ref=2**64 - 1), "exist yet"),
    ("withdraw elsewhere", lambda w: w.write(Op.WITHDRAW, ref=0, collection=NATIONAL), "another collection"),
    ("resolve elsewhere", lambda w: w.write(Op.RESOLVE, ref=1, collection=NATIONAL), "another collection"),
    ("add with ref", lambda w: w.write(Op.ADD, A, ref=1), "does not use"),
    ("dispute with ref", lambda w: w.write(Op.DISPUTE, A, ref=1), "does not use"),
    ("shred by an add", lambda w: w.write(Op.ADD, A, flags=SHRED), "shredding"),
    ("shred by an amend", lambda w: w.write(Op.AMEND, flags=SHRED), "shredding"),
    ("shred by a dispute", lambda w: w.write(Op.DISPUTE, A, flags=SHRED), "shredding"),
    ("withdraw with algorithm", lambda w: w.write(Op.WITHDRAW, algorithm=Algorithm.MD5), "without a digest"),
    ("add without collection", lambda w: w.write(Op.ADD, A, collection=0), "wrong collection"),
    ("continue late", lambda w: w.write(Op.CONTINUE, collection=0), "not the first"),
    ("time goes back", lambda w: w.write(Op.ADD, A, time_ms=START_MS), "ahead of it"),
    ("future", lambda w: w.write(Op.ADD, A, time_ms=NOW + MAX_CLOCK_SKEW_MS + 1), "future"),
    ("unknown op in the future", lambda w: w.write(9, A, time_ms=2**64 - 1), "future"),
]


@pytest.mark.threat("broken rules")
@pytest.mark.parametrize(("write", "reason"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
@pytest.mark.parametrize("width", [1, 256])
def test_an_event_that_breaks_a_rule_is_named_and_nothing_is_admitted(
    write: Callable[[ListWriter], object], reason: str, width: int
) -> None:
    events = _broken(write).events
    shape = LogShape()
    before = 2 if width == 1 else 0
    for index in range(before):
        shape.admit_bundle(index, [events[index]], NOW)
    with pytest.raises(EventRuleError, match=reason) as caught:
        shape.admit_bundle(before, events[before:], NOW)
    assert caught.value.index == 2
    assert shape.size == before


def test_a_continue_has_no_collection() -> None:
    writer = ListWriter()
    writer.write(Op.CONTINUE, None, Ext(), collection=BASELINE)
    with pytest.raises(EventRuleError, match="wrong collection"):
        LogShape().admit_bundle(0, writer.events, NOW)


@pytest.mark.threat("a wrong clock")
def test_the_latest_time_is_five_minutes_ahead() -> None:
    writer = ListWriter()
    writer.write(Op.ADD, A, time_ms=NOW + MAX_CLOCK_SKEW_MS)
    shape = LogShape()
    shape.admit_bundle(0, writer.events, NOW)
    assert shape.size == 1


@pytest.mark.parametrize("now_ms", [-(10**9), 0])
def test_a_clock_before_1970_refuses_instead_of_failing(now_ms: int) -> None:
    with pytest.raises(EventRuleError, match="future"):
        LogShape().admit_bundle(0, whole().events, now_ms)


@pytest.mark.parametrize("time_ms", [NOW + MAX_CLOCK_SKEW_MS + 1, 2**64 - 1])
def test_what_is_dated_ahead_is_told_apart_and_may_be_asked_for(time_ms: int) -> None:
    writer = ListWriter()
    writer.write(Op.ADD, A, time_ms=time_ms)
    with pytest.raises(FutureEventError):
        LogShape().examine(0, writer.events, NOW)
    assert LogShape().examine(0, writer.events, None).last_time_ms == time_ms
    writer.write(Op.ADD, A, time_ms=NOW)
    with pytest.raises(EventRuleError, match="before the event ahead of it"):
        LogShape().examine(0, writer.events, None)


@pytest.mark.parametrize(
    ("at", "byte", "reason"), [(0, 2, "version"), (0, 0, "version"), (6, 1, "reserved"), (7, 1, "reserved")]
)
def test_headers_of_another_version_are_refused(at: int, byte: int, reason: str) -> None:
    events = whole().events
    events[3] = events[3][:at] + bytes([byte]) + events[3][at + 1 :]
    with pytest.raises(EventRuleError, match=reason) as caught:
        LogShape().admit_bundle(0, events, NOW)
    assert caught.value.index == 3


def test_events_of_another_length_are_refused() -> None:
    events = whole().events
    with pytest.raises(EventRuleError, match="55 bytes") as caught:
        LogShape().admit_bundle(0, [events[0], events[1][:-1], events[2] + b"\0"], NOW)
    assert caught.value.index == 1
    with pytest.raises(EventRuleError, match="cut short") as caught:
        LogShape().admit_bundle(0, b"".join(events)[:-1], NOW)
    assert caught.value.index == len(events) - 1


def test_bundles_come_in_order_and_once() -> None:
    shape = LogShape()
    events = whole().events
    with pytest.raises(AssertionError):
        shape.examine(1, events[1:], NOW)
    first = shape.examine(0, events[:2], NOW)
    shape.accept(first)
    with pytest.raises(AssertionError):
        shape.accept(first)
