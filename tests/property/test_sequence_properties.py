"""The vectorised rules and the remembered forms against the plain reading of the specification."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import EventRuleError, MalformedError, OpeningError
from protocol.limits import MAX_CLOCK_SKEW_MS
from protocol.lists.bundle import verify_bundle
from protocol.lists.event import SHRED, Event, Header, Op
from protocol.lists.ext import Ext
from protocol.lists.opening import Opening, check_opening, commitment, origin_hash
from protocol.lists.sequence import LogShape
from support.lists import ORIGIN, ListWriter, digest

NOW = 10_000
TARGETS = {Op.WITHDRAW: Op.ADD, Op.AMEND: Op.ADD, Op.RESOLVE: Op.DISPUTE}
MOSTLY_RIGHT = st.builds(
    Header,
    op=st.sampled_from([1, 1, 1, 4, 2, 3, 5, 6, 7]),
    collection=st.sampled_from([1, 1, 1, 1, 2, 0]),
    algorithm=st.sampled_from([0, 0, 0, 0, 3, 6]),
    flags=st.sampled_from([0, 0, 0, 1, 2]),
    time_ms=st.sampled_from([NOW, NOW, NOW, NOW, NOW, NOW - 1, NOW + MAX_CLOCK_SKEW_MS + 1]),
    ref=st.sampled_from([0, 0, 0, 1, 2, 3, 2**63]),
)


def keeps_the_rules(header: Header, before: list[Header]) -> bool:
    """The rules of a list, one event at a time, as the specification words them."""
    last = before[-1].time_ms if before else 0
    if not last <= header.time_ms <= NOW + MAX_CLOCK_SKEW_MS:
        return False
    return not header.known or (has_right_fields(header, before) and has_right_target(header, before))


def has_right_fields(header: Header, before: list[Header]) -> bool:
    op = Op(header.op)
    return (
        (not header.flags & SHRED or op in {Op.WITHDRAW, Op.RESOLVE})
        and (not header.algorithm or op in {Op.ADD, Op.DISPUTE})
        and (header.collection == 0) == (op is Op.CONTINUE)
        and (op is not Op.CONTINUE or not before)
    )


def has_right_target(header: Header, before: list[Header]) -> bool:
    if Op(header.op) not in TARGETS:
        return header.ref == 0
    if header.ref >= len(before):
        return False
    target = before[header.ref]
    return target.collection == header.collection and (
        not target.known or target.op == TARGETS[Op(header.op)]
    )


@given(st.lists(MOSTLY_RIGHT, max_size=12), st.integers(1, 5))
def test_a_bundle_is_admitted_up_to_the_first_event_that_breaks_a_rule(
    headers: list[Header], width: int
) -> None:
    kept: list[Header] = []
    for header in headers:
        if not keeps_the_rules(header, kept):
            break
        kept.append(header)
    events = [Event(header, bytes(32)).to_bytes() for header in headers]
    whole = LogShape()
    refused = None
    try:
        whole.admit_bundle(0, events, NOW)
    except EventRuleError as error:
        refused = error.index
    assert refused == (None if len(kept) == len(headers) else len(kept))
    shape = LogShape()
    for first in range(0, len(kept), width):
        shape.admit_bundle(first, events[first : min(first + width, len(kept))], NOW)
    assert shape.size == len(kept)
    assert shape.unknown == [index for index, header in enumerate(kept) if not header.known]
    assert {index for index in range(shape.size) if shape.is_shredded(index)} == {
        header.ref for header in kept if header.shreds
    }


@given(st.lists(st.binary(min_size=56, max_size=56) | st.binary(max_size=60), max_size=4))
def test_only_rule_errors_escape(events: list[bytes]) -> None:
    shape = LogShape()
    with contextlib.suppress(EventRuleError):
        shape.admit_bundle(0, events, NOW)
    assert shape.size in {0, len(events)}


@given(st.binary(max_size=64))
def test_a_shape_is_malformed_or_canonical(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        assert LogShape.from_bytes(data).to_bytes() == data


SAMPLES = [
    Opening(bytes(16), digest("a"), Ext(content_id=b"c" * 16, criteria=1, basis=1)).to_bytes(),
    Opening(bytes(16), digest("a"), Ext(criteria=1, basis=3, relies_on="export")).to_bytes(),
    Opening(bytes(16), digest("a"), Ext(content_id=b"c" * 16)).to_bytes(),
    Opening(bytes(16), None, Ext(reason=1)).to_bytes(),
]
SPLICED = st.builds(
    lambda data, at, patch, cut: (data[:at] + patch + data[at + len(patch) :])[:cut],
    st.sampled_from(SAMPLES),
    st.integers(16, 100),
    st.binary(max_size=3) | st.sampled_from([b"\x01\x50", b"\xa2\x01\x50", b"\x00\x13", b"\x02\x01"]),
    st.integers(14, 100) | st.just(200),
)


@given(st.lists(st.sampled_from(SAMPLES) | SPLICED, min_size=1, max_size=4), st.sampled_from(list(Op)[:5]))
def test_remembered_forms_judge_like_the_parsers(openings: list[bytes], op: Op) -> None:
    writer = ListWriter()
    writer.add(digest("target"))
    writer.dispute(digest("target"))
    ref = {Op.RESOLVE: 1}.get(op, 0)
    header = Header(op=op, collection=1, time_ms=writer_time(writer), ref=ref)
    sealed = [commitment(origin_hash(ORIGIN), header.to_bytes(), opening) for opening in openings]
    refused = [index for index, opening in enumerate(openings, 2) if not is_fine(header, opening)]
    caught = None
    try:
        verify_bundle(
            LogShape(),
            origin_hash=origin_hash(ORIGIN),
            first_index=0,
            events=b"".join([*writer.events, *(Event(header, item).to_bytes() for item in sealed)]),
            openings=[*writer.openings, *openings],
            now_ms=header.time_ms,
            granted=frozenset({1}),
        )
    except OpeningError as error:
        caught = error.index
    assert caught == (refused[0] if refused else None)


def writer_time(writer: ListWriter) -> int:
    """The time of a writer's last event."""
    return Event.from_bytes(writer.events[-1]).header.time_ms


def is_fine(header: Header, data: bytes) -> bool:
    """Whether the parsers accept an opening, or leave it to later versions."""
    if len(data) > 16 and data[16] > 5:
        return True
    try:
        check_opening(header, Opening.from_bytes(data))
    except MalformedError:
        return False
    return True
