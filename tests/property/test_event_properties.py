import contextlib

from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MalformedError
from protocol.lists.event import Event, Header

U8 = st.integers(0, 2**8 - 1)
U16 = st.integers(0, 2**16 - 1)
U64 = st.integers(0, 2**64 - 1)
HEADERS = st.builds(Header, op=U8, collection=U16, algorithm=U8, flags=U8, time_ms=U64, ref=U64)
EVENTS = st.builds(Event, HEADERS, st.binary(min_size=32, max_size=32))


@given(EVENTS)
def test_round_trip(event: Event) -> None:
    data = event.to_bytes()
    assert len(data) == 56
    assert Event.from_bytes(data) == event


@given(st.binary(max_size=60) | st.binary(min_size=55, max_size=55).map(lambda tail: b"\1" + tail))
def test_arbitrary_bytes_are_malformed_or_canonical(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        assert Event.from_bytes(data).to_bytes() == data


@given(HEADERS)
def test_an_unknown_part_makes_the_event_unknown(header: Header) -> None:
    known = 1 <= header.op <= 6 and header.flags <= 1 and header.algorithm <= 5
    assert header.known is known
    assert header.shreds is (known and header.flags == 1)
