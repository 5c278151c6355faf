from datetime import date

import cbor2
import pytest

from protocol.digest import Algorithm
from protocol.errors import MalformedError, NotCanonicalError, TooLargeError
from protocol.limits import MAX_EXT_BYTES, MAX_LOG_SIZE, MAX_REAFFIRMS
from protocol.lists.event import SHRED, Header, Op
from protocol.lists.ext import Basis, EntryRef, Ext, Predecessor, Reason
from protocol.lists.opening import Opening, check_opening, commitment, origin_hash, readable
from support.lists import ORIGIN, digest

NONCE = bytes(range(16))
DIGEST = digest("a")
REF = EntryRef(ORIGIN, 7, b"r" * 32)
LOG = Predecessor(ORIGIN, 9, b"r" * 32)
STATEMENT = Ext(
    content_id=b"c" * 16,
    criteria=1,
    basis=Basis.OWN,
    review_by=date(2027, 1, 1),
    legality=("DE", "FR"),
    hash_profile="pdq/1/full",
    reaffirms=(REF,),
)


def header(op: int, algorithm: int = 0, flags: int = 0) -> Header:
    return Header(op=op, collection=1, algorithm=algorithm, flags=flags, time_ms=0)


@pytest.mark.parametrize(
    ("op", "opening"),
    [
        (Op.ADD, Opening(NONCE, DIGEST)),
        (Op.ADD, Opening(NONCE, DIGEST, STATEMENT)),
        (Op.ADD, Opening(NONCE, DIGEST, Ext(basis=Basis.RELIES_ON, relies_on=REF))),
        (Op.ADD, Opening(NONCE, DIGEST, Ext(basis=Basis.RELIES_ON))),
        (Op.WITHDRAW, Opening(NONCE, None, Ext(reason=Reason.ERROR))),
        (Op.WITHDRAW, Opening(NONCE, None)),
        (Op.AMEND, Opening(NONCE, None, Ext(criteria=2, basis=Basis.REVIEWED, reaffirms=(REF,)))),
        (Op.DISPUTE, Opening(NONCE, DIGEST, Ext(reason=Reason.LEGAL))),
        (Op.RESOLVE, Opening(NONCE, None)),
        (Op.CONTINUE, Opening(NONCE, None, Ext(continues=LOG))),
    ],
)
def test_what_each_op_may_say(op: Op, opening: Opening) -> None:
    check_opening(header(op), opening)
    assert Opening.from_bytes(opening.to_bytes()) == opening


@pytest.mark.parametrize(
    ("op", "opening", "reason"),
    [
        (Op.ADD, Opening(NONCE, None), "digest"),
        (Op.DISPUTE, Opening(NONCE, None), "digest"),
        (Op.WITHDRAW, Opening(NONCE, DIGEST), "digest"),
        (Op.AMEND, Opening(NONCE, DIGEST), "digest"),
        (Op.RESOLVE, Opening(NONCE, DIGEST), "digest"),
        (Op.CONTINUE, Opening(NONCE, DIGEST, Ext(continues=LOG)), "digest"),
        (Op.ADD, Opening(NONCE, DIGEST, Ext(reason=1)), "reason"),
        (Op.ADD, Opening(NONCE, DIGEST, Ext(continues=LOG)), "continues"),
        (Op.AMEND, Opening(NONCE, None, Ext(content_id=b"c" * 16)), "content_id"),
        (Op.WITHDRAW, Opening(NONCE, None, Ext(reason=1, criteria=1)), "criteria"),
        (Op.DISPUTE, Opening(NONCE, DIGEST, Ext(reaffirms=(REF,))), "reaffirms"),
        (Op.RESOLVE, Opening(NONCE, None, Ext(basis=1)), "basis"),
        (Op.CONTINUE, Opening(NONCE, None, Ext(continues=LOG, legality=("FR",))), "legality"),
        (Op.CONTINUE, Opening(NONCE, None), "name the log"),
        (Op.ADD, Opening(NONCE, DIGEST, Ext(basis=Basis.OWN, relies_on="x")), "relies-on"),
        (Op.AMEND, Opening(NONCE, None, Ext(relies_on=REF)), "relies-on"),
    ],
)
def test_what_it_may_not(op: Op, opening: Opening, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        check_opening(header(op), opening)


def test_the_header_hides_the_algorithm_or_tells_the_truth() -> None:
    opening = Opening(NONCE, DIGEST)
    check_opening(header(Op.ADD, Algorithm.HIDDEN), opening)
    check_opening(header(Op.ADD, Algorithm.SHA256), opening)
    with pytest.raises(MalformedError, match="algorithm"):
        check_opening(header(Op.ADD, Algorithm.PDQ), opening)
    with pytest.raises(MalformedError, match="algorithm"):
        check_opening(header(Op.RESOLVE, Algorithm.SHA256), Opening(NONCE, None))


GOOD = Opening(NONCE, DIGEST, Ext(criteria=1)).to_bytes()
EMPTY = Opening(NONCE, None).to_bytes()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        EMPTY[:-1],
        GOOD[:-1],
        GOOD + b"\0",
        GOOD[:17] + b"\xff" + GOOD[18:],
        GOOD[:16] + b"\x02" + GOOD[17:],
        GOOD[:16] + b"\x06" + GOOD[17:],
        GOOD[:16] + b"\x00" + GOOD[17:],
        EMPTY[:16] + b"\x01" + EMPTY[17:],
        EMPTY[:18] + b"\0\0",
        NONCE + b"\0\0" + (MAX_EXT_BYTES + 1).to_bytes(2) + bytes(MAX_EXT_BYTES + 1),
        bytes(5000),
    ],
    ids=[
        "empty", "no ext", "short", "long", "digest too long", "wrong size", "unknown algorithm",
        "hidden algorithm with digest", "algorithm without digest", "no map", "long ext", "huge",
    ],
)  # fmt: skip
def test_malformed_openings_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        Opening.from_bytes(data)


@pytest.mark.parametrize(
    "fields",
    [
        {1: b"c" * 15}, {1: 5}, {1: "c" * 16},
        {2: 0}, {2: 2**32}, {2: True}, {2: -1}, {2: b"1"},
        {3: 0}, {3: "own"}, {7: 0},
        {4: -1}, {4: 2**40}, {4: "2027-01-01"},
        {5: []}, {5: "FR"}, {5: ["FR", "DE"]}, {5: ["FR", "FR"]}, {5: ["fr"]}, {5: ["FRA"]}, {5: ["ÄÖ"]}, {5: [1]},
        {6: ""}, {6: "x" * 33}, {6: "pdq\n"}, {6: "pdqé"},
        {8: []}, {8: [REF.index]}, {8: [[ORIGIN, 7]]}, {8: [[ORIGIN, 7, b"r" * 31]]}, {8: [["", 7, b"r" * 32]]},
        {8: [["a b", 7, b"r" * 32]]}, {8: [["x" * 256, 7, b"r" * 32]]}, {8: [[ORIGIN, -1, b"r" * 32]]},
        {8: [[ORIGIN, MAX_LOG_SIZE, b"r" * 32]]}, {8: [[7, ORIGIN, b"r" * 32]]},
        {8: [[ORIGIN, 8, b"r" * 32], [ORIGIN, 7, b"r" * 32]]},
        {8: [[ORIGIN, 7, b"r" * 32], [ORIGIN, 7, b"s" * 32]]},
        {9: ""}, {9: "x" * 65}, {9: 1}, {9: [ORIGIN, 7]},
        {10: [ORIGIN, 7]}, {10: [ORIGIN, MAX_LOG_SIZE + 1, b"r" * 32]}, {10: [ORIGIN, -1, b"r" * 32]},
        {10: [ORIGIN, 1, b""]}, {10: ORIGIN},
        *({key: None} for key in range(1, 11)),
    ],
    ids=str,
)  # fmt: skip
def test_malformed_fields_are_refused(fields: dict[int, object]) -> None:
    with pytest.raises(MalformedError):
        Ext.from_bytes(cbor2.dumps(fields, canonical=True))


def test_too_many_reaffirmed_blocks_are_refused() -> None:
    refs = tuple(EntryRef("a", index, b"r" * 32) for index in range(MAX_REAFFIRMS + 1))
    assert Ext.from_bytes(Ext(reaffirms=refs[:-1]).to_bytes()).reaffirms == refs[:-1]
    with pytest.raises(MalformedError, match="at most"):
        Ext(reaffirms=refs)


def test_too_many_countries_are_refused() -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    with pytest.raises(MalformedError):
        Ext(legality=tuple(a + b for a in letters for b in letters)[:257])


def test_a_field_that_a_writer_cannot_mean_is_refused_at_once() -> None:
    with pytest.raises(MalformedError, match="1970"):
        Ext(review_by=date(1969, 12, 31))
    with pytest.raises(MalformedError, match="unknown"):
        Ext(extra=b"\xa0")
    with pytest.raises(MalformedError, match="unknown"):
        Ext(extra=cbor2.dumps({1: 5}))
    with pytest.raises(AssertionError):
        Opening(b"short", None).to_bytes()


@pytest.mark.parametrize(
    "data",
    [
        bytes.fromhex("a103190001"), bytes.fromhex("a203010201"), bytes.fromhex("bf0201ff"), bytes.fromhex("a1200a"),
        bytes.fromhex("a102f93c00"), bytes.fromhex("a102c101"), bytes.fromhex("a0a0"), b"\x80",
    ],
    ids=["long integer", "order", "indefinite", "negative key", "float", "tag", "trailing", "array"],
)  # fmt: skip
def test_ext_has_one_encoding(data: bytes) -> None:
    with pytest.raises(MalformedError):
        Ext.from_bytes(data)


def test_a_present_null_is_not_an_absent_field() -> None:
    with pytest.raises(NotCanonicalError):
        Ext.from_bytes(cbor2.dumps({2: None}))


def test_an_ext_has_a_longest_form() -> None:
    with pytest.raises(TooLargeError):
        Ext.from_bytes(cbor2.dumps({11: b"x" * MAX_EXT_BYTES}))


def test_keys_of_later_versions_are_kept_and_ignored() -> None:
    data = cbor2.dumps({2: 1, 3: 1, 11: [1, "later"], 1000: {0: None}}, canonical=True)
    ext = Ext.from_bytes(data)
    assert ext.counts
    assert cbor2.loads(ext.extra) == {11: [1, "later"], 1000: {0: None}}
    assert ext.to_bytes() == data
    check_opening(header(Op.ADD), Opening(NONCE, DIGEST, ext))


@pytest.mark.parametrize(
    ("ext", "counts"),
    [
        (Ext(criteria=1, basis=Basis.OWN), True),
        (Ext(criteria=1, basis=Basis.REVIEWED), True),
        (Ext(criteria=1, basis=Basis.RELIES_ON), False),
        (Ext(criteria=1, basis=4), False),
        (Ext(criteria=1), False),
        (Ext(basis=Basis.OWN), False),
    ],
)
def test_only_knowledge_under_criteria_counts(ext: Ext, counts: bool) -> None:
    assert ext.counts is counts
    assert Ext.from_bytes(ext.to_bytes()) == ext


@pytest.mark.parametrize(
    ("header", "data", "expected"),
    [
        pytest.param(header(Op.ADD), GOOD, True, id="known"),
        pytest.param(header(Op.ADD), b"", True, id="short: malformed, not unknown"),
        pytest.param(header(Op.ADD), GOOD[:16] + b"\x06" + GOOD[17:], False, id="later algorithm"),
        pytest.param(header(7), GOOD, False, id="later op"),
        pytest.param(header(Op.WITHDRAW, flags=SHRED | 2), EMPTY, False, id="later flag"),
    ],
)
def test_what_this_version_can_read(header: Header, data: bytes, expected: bool) -> None:
    assert readable(header, data) is expected


def test_a_commitment_holds_in_one_log_for_one_header_and_opening() -> None:
    oh, head = origin_hash(ORIGIN), header(Op.ADD).to_bytes()
    made = {
        commitment(oh, head, GOOD),
        commitment(origin_hash(ORIGIN + "2"), head, GOOD),
        commitment(oh, header(Op.DISPUTE).to_bytes(), GOOD),
        commitment(oh, head, b"\xff" + GOOD[1:]),
    }
    assert len(made) == 4


SAID = Ext(content_id=bytes(16), criteria=7, basis=Basis.OWN, legality=("FR", "NL")).to_bytes()


@pytest.mark.parametrize("content_id", [bytes(16), b"\xff" * 16, b"\x01\x50" * 8])
def test_exts_that_differ_in_the_content_id_alone_are_read_alike(content_id: bytes) -> None:
    data = SAID[:3] + content_id + SAID[19:]
    found = Ext.from_bytes(data)
    assert found == Ext(content_id=content_id, criteria=7, basis=Basis.OWN, legality=("FR", "NL"))
    assert found.to_bytes() == data
    assert Ext.from_bytes(SAID).content_id == bytes(16)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(SAID[:18], id="cut in the id"),
        pytest.param(SAID[:-1], id="cut"),
        pytest.param(SAID + b"\x00", id="longer"),
        pytest.param(b"\xb8" + SAID[:2] + SAID[3:], id="long head"),
        pytest.param(SAID[:19] + b"\x01\x50" + bytes(16) + SAID[19:], id="two ids"),
        pytest.param(SAID[:1] + b"\x01\x4f" + SAID[3:], id="15 bytes"),
        pytest.param(SAID[:19] + b"\x00" + SAID[20:], id="a key before it"),
    ],
)
def test_an_ext_with_a_content_id_is_read_as_strictly_as_any(data: bytes) -> None:
    for _ in range(2):
        with pytest.raises(MalformedError):
            Ext.from_bytes(data)
