"""Whatever a witness is sent: only our errors, one spelling, and never two cosignatures that contradict each other."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import MalformedError
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.merkle import consistency_proof
from protocol.tlog.note import Note
from protocol.witness.cosign import AddCheckpoint, Refuse, Status, Witnessed, judge
from support.logs import LOG_KEY, ORIGIN, signed_note
from support.trees import leaves, naive_root

TRUE = leaves(9)
FALSE = [*TRUE[:4], *reversed(leaves(14)[9:])]
REQUESTS = st.builds(
    lambda old, size, hashes, proof: AddCheckpoint(
        old,
        tuple(proof)
        if proof is not None
        else tuple(consistency_proof(hashes, old, size) if 0 < old <= size else ()),
        Note.parse(signed_note(Checkpoint(ORIGIN, size, naive_root(hashes[:size])))),
    ),
    st.integers(0, 9),
    st.integers(0, 9),
    st.sampled_from([TRUE, FALSE]),
    st.none() | st.lists(st.binary(min_size=32, max_size=32), max_size=3),
)


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: b"old 0\n\n" + text.encode()))
def test_only_malformed_errors_leave_the_reader(data: bytes) -> None:
    with suppress(MalformedError):
        assert AddCheckpoint.from_bytes(data).to_bytes() == data


@given(REQUESTS)
@settings(max_examples=50)
def test_what_was_written_is_what_is_read(asked: AddCheckpoint) -> None:
    assert AddCheckpoint.from_bytes(asked.to_bytes()) == asked


@given(REQUESTS, st.integers(0, 400), st.integers(1, 255))
@settings(max_examples=100)
def test_an_altered_byte_is_refused_or_read_as_it_is(asked: AddCheckpoint, at: int, mask: int) -> None:
    data = bytearray(asked.to_bytes())
    data[at % len(data)] ^= mask
    with suppress(MalformedError):
        assert AddCheckpoint.from_bytes(bytes(data)).to_bytes() == data


@given(st.lists(st.tuples(REQUESTS, st.integers(1, 100)), max_size=12))
@settings(max_examples=100, deadline=None)
def test_what_is_cosigned_is_one_growing_history(dialogue: list[tuple[AddCheckpoint, int]]) -> None:
    held: Witnessed | None = None
    for asked, now_s in dialogue:
        judged = judge(asked, log_keys=[LOG_KEY], held=held, now_s=now_s)
        if isinstance(judged, Refuse):
            assert (judged.size is None) == (judged.status is not Status.BEHIND)
            continue
        if held is not None:
            assert judged.size >= held.size
            assert judged.time_s >= held.time_s
            assert any(
                naive_root(hashes[: held.size]) == held.root
                and naive_root(hashes[: judged.size]) == judged.root
                for hashes in (TRUE, FALSE)
            )
        held = judged
