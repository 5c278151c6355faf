"""The quick ways through a bundle never change the verdict: each opening, each header is judged as if it came alone."""

from hypothesis import given
from hypothesis import strategies as st

from protocol.digest import Algorithm
from protocol.errors import EventRuleError, MalformedError, OpeningError
from protocol.lists.bundle import verify_bundle
from protocol.lists.event import BASELINE, Event, Header, Op
from protocol.lists.ext import Ext, Reason
from protocol.lists.opening import Opening, check_opening, commitment, origin_hash, readable
from protocol.lists.sequence import LogShape
from support.lists import ORIGIN, OWN, RELYING, START_MS, digest

NOW_MS = START_MS + 10**6
IDENTIFIED = Ext(content_id=b"c" * 16, criteria=1, basis=1)
OPENINGS = [
    Opening(b"n" * 16, digest("a"), IDENTIFIED),
    Opening(b"n" * 16, digest("a", Algorithm.MD5), IDENTIFIED),
    Opening(b"n" * 16, digest("b"), OWN),
    Opening(b"n" * 16, digest("b"), RELYING),
    Opening(b"n" * 16, digest("b"), Ext()),
    Opening(b"n" * 16, digest("c"), Ext(content_id=b"c" * 16, criteria=3, legality=("FR", "NL"))),
    Opening(b"n" * 16, digest("d"), Ext(reason=Reason.ERROR)),
    Opening(b"n" * 16, None, Ext(reason=Reason.OTHER)),
    Opening(b"n" * 16, None, Ext(criteria=4, basis=2, legality=("FR",))),
]
OPS = [Op.ADD, Op.ADD, Op.ADD, Op.WITHDRAW, Op.AMEND, Op.DISPUTE, 77]
"""What may follow an add, and a number this version does not know."""


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """An opening of any kind, perhaps with a few bytes changed, cut off or added."""
    data = bytearray(draw(st.sampled_from(OPENINGS)).to_bytes())
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        data[draw(st.integers(16, len(data) - 1))] = draw(st.integers(0, 255))
    cut = draw(st.sampled_from([0, 0, 0, 0, 1, 5, 16, 21, len(data)]))
    return bytes(data[: len(data) - cut]) + draw(st.sampled_from([b"", b"", b"", b"\x00", bytes(16)]))


def header_of(op: int, index: int) -> Header:
    """A header that keeps the rules behind an add at index 0."""
    return Header(op=op, collection=BASELINE, time_ms=START_MS + index)


def event_of(header: Header, opening: bytes) -> bytes:
    return Event(header, commitment(origin_hash(ORIGIN), header.to_bytes(), opening)).to_bytes()


def verdict(header: Header, opening: bytes) -> str:
    """The rules for one opening, read directly."""
    if not readable(header, opening):
        return "kept"
    try:
        check_opening(header, Opening.from_bytes(opening))
    except MalformedError:
        return "refused"
    return "read"


def judged(headers: list[Header], openings: list[bytes]) -> list[str]:
    """The same from a bundle; what comes after a refused opening is not judged."""
    try:
        report = verify_bundle(
            LogShape(),
            origin_hash=origin_hash(ORIGIN),
            first_index=0,
            events=b"".join([event_of(*pair) for pair in zip(headers, openings, strict=True)]),
            openings=openings,
            now_ms=NOW_MS,
            granted=frozenset({BASELINE}),
        )
    except OpeningError as exc:
        return ["?"] * exc.index + ["refused"]
    return ["kept" if at in report.unknown else "read" for at in range(len(openings))]


@given(st.lists(st.tuples(st.sampled_from(OPS), mutated()), max_size=8))
def test_openings_are_judged_as_if_alone(rows: list[tuple[int, bytes]]) -> None:
    headers = [header_of(Op.ADD, 0), *(header_of(op, at) for at, (op, _) in enumerate(rows, 1))]
    openings = [OPENINGS[0].to_bytes(), *(opening for _, opening in rows)]
    expected = [verdict(*pair) for pair in zip(headers, openings, strict=True)]
    if "refused" in expected:
        first = expected.index("refused")
        expected = ["?"] * first + ["refused"]
    assert judged(headers, openings) == expected


HEADERS = st.builds(
    Header,
    op=st.sampled_from([1, 1, 1, 2, 3, 4, 5, 6, 0, 9]),
    collection=st.sampled_from([1, 1, 1, 2, 0, 5]),
    algorithm=st.sampled_from([0, 0, 3, 1, 9]),
    flags=st.sampled_from([0, 0, 0, 0, 1, 2]),
    time_ms=st.sampled_from([START_MS, START_MS, START_MS, START_MS - 1, START_MS + 1, NOW_MS + 300_001]),
    ref=st.sampled_from([0, 0, 0, 1, 2, 7]),
)


def admitted(pieces: list[list[bytes]]) -> tuple[str, bytes]:
    """What becomes of events that come in pieces: the refusal, and the shape."""
    shape = LogShape()
    try:
        for piece in pieces:
            shape.admit_bundle(shape.size, piece, NOW_MS)
    except EventRuleError as exc:
        return str(exc), b""
    return "", shape.to_bytes()


@given(st.lists(HEADERS, max_size=12))
def test_headers_are_judged_as_if_alone(headers: list[Header]) -> None:
    events = [header.to_bytes() + bytes(32) for header in headers]
    assert admitted([events]) == admitted([[event] for event in events])
