"""Pulls of one list: the order of requests, every way a peer can be wrong, and every way a caller can."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from protocol.errors import (
    EventRuleError,
    ForkError,
    FreezeError,
    MalformedError,
    NotCanonicalError,
    OpeningError,
    OverlapError,
    ProtocolError,
    RollbackError,
    RootMismatchError,
    TooLargeError,
    UncosignedError,
    UntrustedError,
    WrongOriginError,
)
from protocol.evidence import verify_evidence
from protocol.lists.event import BASELINE, NATIONAL, PRIVATE_FROM, Header, Op
from protocol.lists.ext import Ext, Predecessor, Reason
from protocol.lists.opening import Opening, commitment, origin_hash
from protocol.lists.sequence import LogShape
from protocol.pull.inputs import Held, Witnessing
from protocol.pull.machine import Accepted, GetBundle, GetCheckpoint, Pull, Pulled, RecallShape, Unchanged
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from protocol.tlog.cosignature import cosign
from protocol.tlog.note import Note, NoteSignature
from support.lists import ORIGIN, START_MS, ListWriter, digest
from support.logs import LOG, NEXT_LOG, WITNESSES, policy_of, with_lines, witness_key
from support.pulling import (
    ALL,
    NOW,
    NOW_MS,
    Answer,
    Served,
    drive,
    filled,
    pull_of,
    rows_of,
    served,
    with_row,
)

NO_DIGEST = Opening(b"n" * 16, None, Ext(reason=Reason.OTHER)).to_bytes()


# ---------------------------------------------------------------- order of requests


def test_a_first_pull_asks_for_the_head_and_every_bundle() -> None:
    source = served(600)
    course = drive(pull_of(source), source)
    assert course.requests == [
        GetCheckpoint(ORIGIN, None),
        GetBundle(ORIGIN, 0, 256, openings=True),
        GetBundle(ORIGIN, 1, 256, openings=True),
        GetBundle(ORIGIN, 2, 88, openings=True),
    ]
    result = course.result
    assert isinstance(result, Pulled)
    assert (result.first_index, result.checkpoint.checkpoint.size) == (0, 600)
    assert result.frontier == source.tree().to_bytes()
    assert result.shape.to_bytes() == source.shape(600).to_bytes()
    assert not result.unknown


def test_a_later_pull_recalls_the_shape_and_starts_in_the_partial_bundle() -> None:
    source = served(600)
    course = drive(pull_of(source, source.held(300)), source)
    assert course.requests == [
        GetCheckpoint(ORIGIN, source.note(300)),
        RecallShape(ORIGIN, 300),
        GetBundle(ORIGIN, 1, 256, openings=True),
        GetBundle(ORIGIN, 2, 88, openings=True),
    ]
    assert isinstance(course.result, Pulled)
    assert course.result.first_index == 300
    assert course.result.frontier == source.tree().to_bytes()


def test_a_pull_from_a_full_bundle_has_no_overlap() -> None:
    source = served(257)
    course = drive(pull_of(source, source.held(256)), source)
    assert course.requests[2:] == [GetBundle(ORIGIN, 1, 1, openings=True)]


def test_an_empty_list_is_pulled_without_bundles() -> None:
    source = served(0)
    course = drive(pull_of(source), source)
    assert course.requests == [GetCheckpoint(ORIGIN, None)]
    assert isinstance(course.result, Pulled)
    assert course.result.checkpoint.checkpoint.size == 0


def test_a_list_that_was_empty_needs_no_memory() -> None:
    source = served(3)
    course = drive(pull_of(source, source.held(0)), source)
    assert [type(request) for request in course.requests] == [GetCheckpoint, GetBundle]


def test_nothing_new_costs_one_request() -> None:
    source = served(20)
    course = drive(pull_of(source, source.held(20)), source)
    assert course.requests == [GetCheckpoint(ORIGIN, source.note())]
    assert isinstance(course.result, Unchanged)
    assert course.result.checkpoint.note == source.note()


def test_the_same_head_in_other_bytes_is_unchanged() -> None:
    source = served(20)
    both = sign_checkpoint(Checkpoint(ORIGIN, 20, source.tree().root()), [LOG, NEXT_LOG])
    course = drive(pull_of(source, source.held(20)), source, note=both)
    assert isinstance(course.result, Unchanged)
    assert course.result.checkpoint.note == both


def test_nothing_granted_asks_for_no_openings() -> None:
    source = served(20)
    course = drive(pull_of(source, granted=frozenset()), source)
    assert course.requests[1:] == [GetBundle(ORIGIN, 0, 20, openings=False)]


def test_what_is_not_granted_stays_closed() -> None:
    source = served(20)
    only = frozenset({BASELINE})
    course = drive(pull_of(source, granted=only), source, granted=only)
    assert isinstance(course.result, Pulled)


def test_bundles_can_be_asked_for_ahead() -> None:
    source = served(600)
    pull = pull_of(source)
    assert pull.upcoming(9) == ()
    pull.receive_head(source.note())
    ahead = pull.upcoming(2)
    assert [request.index for request in ahead] == [0, 1]
    assert pull.next_request() == ahead[0]
    assert len(pull.upcoming(9)) == 3
    for request in (*ahead, GetBundle(ORIGIN, 2, 88, openings=True)):
        entries, openings = source.bundle(request)
        accepted = pull.receive_bundle(entries, openings)
        assert accepted == Accepted(
            index=request.index, width=request.width, entries=entries, openings=openings
        )
    assert pull.upcoming(9) == ()
    assert pull.next_request() is None


def test_a_log_may_continue_another() -> None:
    writer = ListWriter()
    writer.carry_on(Predecessor("agency.example/lists/old", 7, b"\x07" * 32))
    source = Served(filled(5, writer=writer))
    assert isinstance(drive(pull_of(source), source).result, Pulled)


def test_events_of_a_newer_version_are_kept_and_named() -> None:
    source = served(3)
    source.writer.write(77, collection=BASELINE)
    result = drive(pull_of(source), source).result
    assert isinstance(result, Pulled)
    assert list(result.unknown) == [3]


# ---------------------------------------------------------------- the head


def _head_cases() -> dict[str, tuple[bytes, type[ProtocolError]]]:
    source = served(20)
    good = source.note()
    other = Checkpoint("agency.example/lists/other", 20, source.tree().root())
    sized = good.replace(b"\n20\n", b"\n020\n")
    flipped = bytearray(good)
    flipped[-10] ^= 1
    return {
        "not a note": (b"hello", MalformedError),
        "empty": (b"", MalformedError),
        "too long": (good + b"\x00" * 65536, TooLargeError),
        "leading zero": (sized, NotCanonicalError),
        "flipped signature": (bytes(flipped), UntrustedError),
        "altered size": (good.replace(b"\n20\n", b"\n21\n"), UntrustedError),
        "a key nobody named": (
            sign_checkpoint(Checkpoint(ORIGIN, 20, source.tree().root()), [NEXT_LOG]),
            UntrustedError,
        ),
        "another list": (sign_checkpoint(other, [LOG]), WrongOriginError),
        "smaller": (source.note(19), RollbackError),
        "another root": (sign_checkpoint(Checkpoint(ORIGIN, 20, b"\x01" * 32), [LOG]), ForkError),
    }


@pytest.mark.parametrize(("note", "error"), _head_cases().values(), ids=_head_cases())
def test_a_wrong_head_ends_the_pull(note: bytes, error: type[ProtocolError]) -> None:
    source = served(20)
    pull = pull_of(source, source.held(20))
    with pytest.raises(error):
        pull.receive_head(note)
    assert pull.next_request() is None
    with pytest.raises(AssertionError):
        _ = pull.result
    with pytest.raises(AssertionError, match="FAILED"):
        pull.receive_head(source.note())


def test_forks_and_rollbacks_carry_evidence() -> None:
    source = served(20)
    forked = sign_checkpoint(Checkpoint(ORIGIN, 20, b"\x01" * 32), [LOG])
    for note in (forked, source.note(3)):
        with pytest.raises((ForkError, RollbackError)) as caught:
            pull_of(source, source.held(20)).receive_head(note)
        error = caught.value
        assert isinstance(error, ForkError | RollbackError)
        finding = verify_evidence(error.evidence, origin=ORIGIN, log_keys=source.trust().log_keys)
        assert (finding.held.note, finding.offered.note) == (source.note(), note)


def test_an_unchanged_head_is_refused_when_its_key_no_longer_counts() -> None:
    source = served(20)
    pull = pull_of(source, source.held(20), trust=replace(source.trust(), log_keys=()))
    with pytest.raises(UntrustedError):
        pull.receive_head(None)


def _cosigned(source: Served, moment: timedelta, names: str) -> bytes:
    note = Note.parse(source.note())
    time_s = int((NOW - moment).timestamp())
    lines = [cosign(note.text, witness_key(name).name, WITNESSES[name], time_s) for name in names]
    return with_lines(note, lines).to_bytes()


@pytest.mark.parametrize(
    ("age", "names", "error"),
    [
        pytest.param(timedelta(hours=1), "ab", None, id="two recent"),
        pytest.param(timedelta(hours=1), "a", UntrustedError, id="one of two"),
        pytest.param(timedelta(hours=1), "", UntrustedError, id="none"),
        pytest.param(timedelta(days=2), "ab", FreezeError, id="two old"),
    ],
)
def test_witnesses_are_counted_when_the_follower_asks_for_them(
    age: timedelta, names: str, error: type[ProtocolError] | None
) -> None:
    source = served(20)
    policy = policy_of(threshold=2)
    witnessing = Witnessing(policy=policy, max_age=timedelta(days=1))
    pull = pull_of(source, trust=replace(source.trust(), witnessing=witnessing))
    note = _cosigned(source, age, names) if names else source.note()
    if error is None:
        assert isinstance(drive(pull, source, note=note).result, Pulled)
        return
    with pytest.raises(error):
        pull.receive_head(note)


@pytest.mark.parametrize(
    ("on_note", "own", "error"),
    [
        pytest.param({"a": 0}, {"b": 0}, None, id="the other one"),
        pytest.param({"a": 0}, {"a": 0}, UncosignedError, id="the same one again"),
        pytest.param({"a": 0, "b": 48}, {"b": 0}, None, id="newer than the line that came"),
        pytest.param({"a": 0}, {"b": -300}, None, id="by a clock ahead of the judged moment"),
        pytest.param({"a": 0}, {"b": 48}, FreezeError, id="too old"),
        pytest.param({}, {"b": 0}, UncosignedError, id="alone"),
    ],
)
def test_the_followers_own_witness_is_heard_like_the_others(
    on_note: dict[str, int], own: dict[str, int], error: type[ProtocolError] | None
) -> None:
    """Ages in hours; b is the follower's own witness."""
    source = served(20)
    note = Note.parse(source.note())

    def lines(ages: dict[str, int]) -> tuple[NoteSignature, ...]:
        return tuple(
            cosign(
                note.text,
                witness_key(name).name,
                WITNESSES[name],
                int((NOW - timedelta(hours=age)).timestamp()),
            )
            for name, age in ages.items()
        )

    policy = policy_of(threshold=2)
    witnessing = Witnessing(policy=policy, max_age=timedelta(days=1), own=lines(own))
    pull = pull_of(source, trust=replace(source.trust(), witnessing=witnessing))
    offered = with_lines(note, lines(on_note)).to_bytes()
    if error is None:
        pull.receive_head(offered)
        return
    with pytest.raises(error):
        pull.receive_head(offered)


def test_an_own_line_on_another_head_is_no_cosignature() -> None:
    source = served(20)
    line = cosign("another head\n", witness_key("b").name, WITNESSES["b"], int(NOW.timestamp()))
    policy = policy_of(threshold=1)
    witnessing = Witnessing(policy=policy, max_age=timedelta(days=1), own=(line,))
    with pytest.raises(UntrustedError, match="bad signature"):
        pull_of(source, trust=replace(source.trust(), witnessing=witnessing)).receive_head(source.note())


def test_a_contradiction_comes_before_a_missing_cosignature() -> None:
    source = served(20)
    policy = policy_of(threshold=2)
    witnessing = Witnessing(policy=policy, max_age=timedelta(days=1))
    held = source.held(20)
    pull = pull_of(source, held=held, trust=replace(source.trust(), witnessing=witnessing))
    forged = sign_checkpoint(Checkpoint(ORIGIN, 20, bytes(32)), [LOG])
    with pytest.raises(ForkError):
        pull.receive_head(forged)


@pytest.mark.parametrize(
    ("size", "accepted"), [(19, True), (20, True), (21, False)], ids=["before", "at its end", "past its end"]
)
def test_a_closed_log_ends_where_its_node_said(size: int, *, accepted: bool) -> None:
    source = served(21)
    final = Checkpoint(ORIGIN, 20, source.tree(20).root())
    pull = pull_of(source, trust=replace(source.trust(), final=final))
    if accepted:
        pull.receive_head(source.note(size))
        return
    with pytest.raises(RootMismatchError):
        pull.receive_head(source.note(size))


@pytest.mark.parametrize(("size", "accepted"), [(20, True), (19, False)], ids=["its end", "before"])
def test_only_the_end_of_a_closed_log_needs_no_cosignature(size: int, *, accepted: bool) -> None:
    """Witnesses that saw more, of a log whose end was lost or forked, cosign no smaller head."""
    source = served(21)
    policy = policy_of(threshold=2)
    witnessing = Witnessing(policy=policy, max_age=timedelta(days=1))
    final = Checkpoint(ORIGIN, 20, source.tree(20).root())
    pull = pull_of(source, trust=replace(source.trust(), final=final, witnessing=witnessing))
    if accepted:
        pull.receive_head(source.note(size))
        return
    with pytest.raises(UncosignedError):
        pull.receive_head(source.note(size))


def test_a_closed_log_has_one_last_root() -> None:
    source = served(20)
    pull = pull_of(source, trust=replace(source.trust(), final=Checkpoint(ORIGIN, 20, b"\x05" * 32)))
    with pytest.raises(RootMismatchError):
        pull.receive_head(source.note())


def test_a_peer_cannot_call_a_head_unchanged_that_was_never_held() -> None:
    with pytest.raises(MalformedError, match="none is held"):
        pull_of(served(20)).receive_head(None)


# ---------------------------------------------------------------- bundles


Lie = Callable[[bytes, bytes], Answer]
"""What a peer makes of the honest entries and openings of a bundle."""


def _cut_elsewhere(entries: bytes, openings: bytes) -> Answer:
    rows = rows_of(entries)
    rows[2], rows[3] = rows[2] + b"\x00", rows[3][:-1]
    return b"".join(len(row).to_bytes(2) + row for row in rows), openings


def _one_opening_fewer(entries: bytes, openings: bytes) -> Answer:
    return entries, b"".join(len(row).to_bytes(2) + row for row in rows_of(openings)[:-1])


def _swapped(entries: bytes, openings: bytes) -> Answer:
    rows = rows_of(openings)
    rows[0], rows[1] = rows[1], rows[0]
    return entries, b"".join(len(row).to_bytes(2) + row for row in rows)


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


_LIES: dict[str, tuple[Lie, type[ProtocolError]]] = {
    "nothing": (lambda _e, _o: (b"", b""), MalformedError),
    "one event fewer": (lambda e, o: (e[:-58], o), MalformedError),
    "one event more": (lambda e, o: (e + e[-58:], o), TooLargeError),
    "cut": (lambda e, o: (e[:-1], o), MalformedError),
    "a short event": (lambda e, o: (with_row(e, 3, bytes(55)), o), MalformedError),
    "events cut elsewhere": (_cut_elsewhere, MalformedError),
    "a length in the high byte": (lambda e, o: (_flip(e, 58), o), MalformedError),
    "openings cut": (lambda e, o: (e, o[:-1]), MalformedError),
    "an opening fewer": (_one_opening_fewer, MalformedError),
    "an opening more": (lambda e, o: (e, o + b"\x00\x00"), MalformedError),
    "openings beyond all length": (lambda e, o: (e, o + bytes(20 * 3000)), TooLargeError),
    "a flipped commitment": (lambda e, o: (_flip(e, 57), o), OpeningError),
    "a flipped opening": (lambda e, o: (e, _flip(o, 2)), OpeningError),
    "swapped openings": (_swapped, OpeningError),
    "a withheld opening": (lambda e, o: (e, with_row(o, 7, b"")), OpeningError),
    "another opening": (lambda e, o: (e, with_row(o, 7, NO_DIGEST)), OpeningError),
    "a flipped version": (lambda e, o: (_flip(e, 2), o), EventRuleError),
    "reserved bits": (lambda e, o: (_flip(e, 8), o), EventRuleError),
    "all withheld": (lambda e, _o: (e, bytes(2 * 20)), OpeningError),
}


def _told(source: Served, lie: Lie) -> Callable[[GetBundle], Answer]:
    def answer(request: GetBundle) -> Answer:
        entries, openings = source.bundle(request)
        assert openings is not None
        return lie(entries, openings)

    return answer


@pytest.mark.parametrize(("lie", "error"), _LIES.values(), ids=_LIES)
def test_a_wrong_bundle_ends_the_pull(lie: Lie, error: type[ProtocolError]) -> None:
    source = served(20)
    with pytest.raises(error) as caught:
        drive(pull_of(source), source, answer=_told(source, lie))
    assert type(caught.value) is error


@pytest.mark.threat("openings withheld")
def test_an_opening_that_was_not_granted_is_refused() -> None:
    source = served(20)
    with pytest.raises(OpeningError, match="opening 4: was not asked for"):
        drive(pull_of(source, granted=frozenset({BASELINE})), source, granted=ALL)


def test_closed_leaves_must_still_be_those_that_were_signed() -> None:
    source = served(20)

    def lie(request: GetBundle) -> Answer:
        entries, openings = source.bundle(request, granted=frozenset({BASELINE}))
        return _flip(entries, 4 * 58 + 57), openings

    with pytest.raises(RootMismatchError):
        drive(pull_of(source, granted=frozenset({BASELINE})), source, answer=lie)


def test_entries_that_are_held_may_not_differ() -> None:
    source = served(300)
    with pytest.raises(OverlapError):
        drive(pull_of(source, source.held(280)), source, answer=_told(source, lambda e, o: (_flip(e, 57), o)))


def test_a_longer_fork_with_valid_signatures_is_refused() -> None:
    mine, other = served(256), Served(filled(300, writer=ListWriter()))
    other.writer.events[7] = other.writer.events[8]
    with pytest.raises(RootMismatchError):
        drive(pull_of(mine, mine.held(256)), mine, note=other.note(), answer=other.bundle)


def test_what_the_overlap_opens_again_is_passed_over() -> None:
    source = served(300)

    answer = _told(source, lambda e, o: (e, with_row(o, 0, NO_DIGEST)))
    assert isinstance(drive(pull_of(source, source.held(280)), source, answer=answer).result, Pulled)


# ---------------------------------------------------------------- events that break the rules


def _adds() -> ListWriter:
    writer = ListWriter()
    for number in range(5):
        writer.add(digest(f"{number}"))
    return writer


def _broken(**fields: int) -> ListWriter:
    writer = _adds()
    collection = fields.pop("collection", BASELINE)
    writer.write(
        fields.pop("op", Op.WITHDRAW), None, Ext(reason=Reason.OTHER), collection=collection, **fields
    )
    return writer


def _reserved() -> ListWriter:
    writer = _adds()
    header = bytearray(Header(op=Op.ADD, collection=BASELINE, time_ms=START_MS + 9).to_bytes())
    header[6] = 1
    writer.events.append(bytes(header) + commitment(origin_hash(ORIGIN), bytes(header), NO_DIGEST))
    writer.openings.append(NO_DIGEST)
    return writer


def _amends_a_withdraw() -> ListWriter:
    writer = _adds()
    add = writer.write(Op.WITHDRAW, None, Ext(reason=Reason.OTHER), ref=2)
    writer.amend(add, Ext(criteria=2))
    return writer


def _withdraw_with_digest() -> ListWriter:
    writer = _adds()
    writer.write(Op.WITHDRAW, digest("2"), Ext(reason=Reason.OTHER), ref=2)
    return writer


_BROKEN = {
    "a later reference": (_broken(ref=6), EventRuleError),
    "a reference to itself": (_broken(ref=5), EventRuleError),
    "time goes back": (_broken(time_ms=START_MS), EventRuleError),
    "time ahead of the follower": (_broken(time_ms=NOW_MS + 300_001), EventRuleError),
    "amend of a withdraw": (_amends_a_withdraw(), EventRuleError),
    "resolve of an add": (_broken(op=Op.RESOLVE, ref=2), EventRuleError),
    "another collection": (_broken(ref=2, collection=NATIONAL), EventRuleError),
    "reserved bits": (_reserved(), EventRuleError),
    "an add with a reference": (_broken(op=Op.ADD, ref=2), EventRuleError),
    "a continue in the middle": (_broken(op=Op.CONTINUE, collection=0), EventRuleError),
    "a withdraw with a digest": (_withdraw_with_digest(), OpeningError),
}


@pytest.mark.threat("broken rules")
@pytest.mark.parametrize(("writer", "error"), _BROKEN.values(), ids=_BROKEN)
def test_a_list_that_breaks_its_rules_is_refused_although_it_is_signed(
    writer: ListWriter, error: type[ProtocolError]
) -> None:
    source = Served(writer)
    with pytest.raises(error):
        drive(pull_of(source), source)


def test_five_minutes_ahead_are_allowed() -> None:
    source = Served(_broken(ref=2, time_ms=NOW_MS + 300_000))
    assert isinstance(drive(pull_of(source), source).result, Pulled)


# ---------------------------------------------------------------- shredding


def _shredded(*, between: int) -> Served:
    """A list whose first add lost its opening, with a shredding withdraw `between` events later."""
    writer = ListWriter()
    add = writer.add(digest("first"))
    for number in range(between):
        writer.add(digest(f"between {number}"))
    writer.withdraw(add, shred=True)
    writer.openings[0] = None
    return Served(writer)


@pytest.mark.parametrize("between", [0, 300], ids=["in its bundle", "in a later bundle"])
def test_a_shredded_opening_may_be_missing(between: int) -> None:
    source = _shredded(between=between)
    assert isinstance(drive(pull_of(source), source).result, Pulled)


@pytest.mark.threat("openings withheld")
def test_it_may_not_be_missing_before_the_shredding_is_signed() -> None:
    source = _shredded(between=300)
    with pytest.raises(OpeningError, match="opening 0: is withheld"):
        drive(pull_of(source), source, note=source.note(290))


# ---------------------------------------------------------------- interruption and misuse


def test_an_interrupted_pull_is_fed_again_what_was_staged() -> None:
    source = served(700)
    pull = pull_of(source)
    pull.receive_head(source.note())
    staged = [pull.receive_bundle(*source.bundle(request)) for request in pull.upcoming(2)]
    again = pull_of(source)
    again.receive_head(source.note())
    for accepted in staged:
        assert again.receive_bundle(accepted.entries, accepted.openings) == accepted
    result = drive(again, source).result
    assert isinstance(result, Pulled)
    assert result.frontier == source.tree().to_bytes()


def test_a_staged_bundle_of_a_fork_does_not_survive_the_root() -> None:
    mine, other = served(300), served(300)
    other.writer.events[7] = other.writer.events[6]
    other.writer.openings[7] = other.writer.openings[6]
    pull = pull_of(mine)
    pull.receive_head(mine.note())
    first, last = pull.upcoming(2)
    pull.receive_bundle(*other.bundle(first))
    with pytest.raises(RootMismatchError):
        pull.receive_bundle(*other.bundle(last))


def _misuses() -> dict[str, Callable[[], object]]:
    source = served(20)
    answer = source.bundle(GetBundle(ORIGIN, 0, 20, openings=True))

    def started(held: Held | None = None) -> Pull:
        pull = pull_of(source, held)
        pull.receive_head(source.note())
        return pull

    return {
        "bundle before head": lambda: pull_of(source).receive_bundle(*answer),
        "memory before head": lambda: pull_of(source).recall(LogShape()),
        "head twice": lambda: started().receive_head(source.note()),
        "no openings": lambda: started().receive_bundle(answer[0], None),
        "result before the end": lambda: started().result,
        "another shape": lambda: started(source.held(5)).recall(source.shape(4)),
        "a tail of another size": lambda: pull_of(source, replace(source.held(5), tail=())),
        "openings that nobody asked for": lambda: _ungranted(source).receive_bundle(*answer),
    }


def _ungranted(source: Served) -> Pull:
    pull = pull_of(source, granted=frozenset())
    pull.receive_head(source.note())
    return pull


@pytest.mark.parametrize("misuse", _misuses().values(), ids=_misuses())
def test_mistakes_of_the_caller_are_told_apart(misuse: Callable[[], object]) -> None:
    with pytest.raises(AssertionError):
        misuse()


def test_private_collections_travel_like_others() -> None:
    writer = ListWriter()
    writer.add(digest("a"), collection=PRIVATE_FROM)
    source = Served(writer)
    granted = frozenset({PRIVATE_FROM})
    assert isinstance(drive(pull_of(source, granted=granted), source, granted=granted).result, Pulled)


@pytest.mark.parametrize("lie", [lie for lie, _ in _LIES.values()], ids=_LIES)
def test_no_error_tells_what_was_sent(lie: Lie) -> None:
    source = served(20)
    with pytest.raises(ProtocolError) as caught:
        drive(pull_of(source), source, answer=_told(source, lie))
    values = [digest(f"file {number}").value for number in range(20)]
    assert not any(value.hex() in str(caught.value) for value in values)
