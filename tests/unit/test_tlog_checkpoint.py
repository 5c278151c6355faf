import pytest

from keys.key import WitnessPrivateKey
from protocol.errors import MalformedError, UntrustedError, WrongOriginError
from protocol.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from protocol.tlog.cosignature import (
    Cosignature,
    cosign,
    cosigned_message,
    verify_cosignatures,
    without_bad_lines,
)
from protocol.tlog.merkle import EMPTY_ROOT
from protocol.tlog.note import Note, NoteSignature, SignatureType, VerifierKey, sign_note
from support.logs import (
    C2SP_NOTES,
    LOG,
    LOG_KEY,
    NEXT_LOG,
    NEXT_LOG_KEY,
    ORIGIN,
    WITNESS_KEYS,
    WITNESSES,
    head,
    signed_note,
    with_lines,
    witness_key,
)

EXAMPLE = C2SP_NOTES["cosigned_checkpoint"]["note"]
ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
TIME = 1679315147


def test_example_of_tlog_checkpoint_reads() -> None:
    note = Note.parse(EXAMPLE.encode())
    checkpoint = Checkpoint.from_text(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.hex() == C2SP_NOTES["cosigned_checkpoint"]["root_hex"]
    assert checkpoint.text() == note.text
    # The times in the example's cosignature line and in the example of the signed message are one.
    assert int.from_bytes(note.signatures[1].body[:8], "big") == TIME
    assert len(note.signatures[1].body) == 72


def test_message_of_tlog_cosignature() -> None:
    text = Note.parse(EXAMPLE.encode()).text
    assert cosigned_message(text, TIME).decode() == C2SP_NOTES["cosigned_message"]["message"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("\n", id="newline"),
        pytest.param(f"{ORIGIN}\n5\n", id="no root"),
        pytest.param(f"{ORIGIN}\n5\n{ROOT}", id="no last newline"),
        pytest.param(f"{ORIGIN}\n5\n{ROOT}\n\n", id="empty extension"),
        pytest.param(f"{ORIGIN}\n5\n{ROOT}\nextension\n", id="extension line"),
        pytest.param(f"\n5\n{ROOT}\n", id="no origin"),
        pytest.param(f"agency example\n5\n{ROOT}\n", id="space in the origin"),
        pytest.param(f"agency+example\n5\n{ROOT}\n", id="plus in the origin"),
        pytest.param(f"{'a' * 256}\n5\n{ROOT}\n", id="long origin"),
        pytest.param(f"{ORIGIN}\n05\n{ROOT}\n", id="leading zero"),
        pytest.param(f"{ORIGIN}\n+5\n{ROOT}\n", id="plus sign"),
        pytest.param(f"{ORIGIN}\n-5\n{ROOT}\n", id="negative"),
        pytest.param(f"{ORIGIN}\n5 \n{ROOT}\n", id="space behind the size"),
        pytest.param(f"{ORIGIN}\n281474976710657\n{ROOT}\n", id="size beyond 2^48"),
        pytest.param(f"{ORIGIN}\n\n{ROOT}\n", id="no size"),
        pytest.param(f"{ORIGIN}\n5\n{ROOT[:-4]}\n", id="short root"),
        pytest.param(f"{ORIGIN}\n5\n{ROOT[:-2]}J=\n", id="root with trailing bits"),
        pytest.param(f"{ORIGIN}\n5\n{ROOT[:-1]}\n", id="root without padding"),
        pytest.param(f"{ORIGIN}\n5\n\n", id="empty root"),
        pytest.param(f"{ORIGIN}\n0\n{ROOT}\n", id="empty tree with another root"),
    ],
)
def test_malformed_checkpoints(text: str) -> None:
    with pytest.raises(MalformedError):
        Checkpoint.from_text(text)


def test_empty_tree_has_a_checkpoint() -> None:
    checkpoint = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert Checkpoint.from_text(checkpoint.text()) == checkpoint


@pytest.mark.parametrize(("size", "root"), [(-1, b"r" * 32), (2**48 + 1, b"r" * 32), (1, b"r" * 31)])
def test_impossible_checkpoints(size: int, root: bytes) -> None:
    with pytest.raises(MalformedError):
        Checkpoint(ORIGIN, size, root)


def test_signed_and_opened() -> None:
    data = sign_checkpoint(head(7), [LOG, NEXT_LOG])
    opened = open_checkpoint(data, origin=ORIGIN, log_keys=[LOG_KEY, NEXT_LOG_KEY])
    assert opened.checkpoint == head(7)
    assert opened.note == data
    assert opened.signers == (LOG_KEY, NEXT_LOG_KEY)
    assert opened.cosignatures == ()


def test_cosignatures_are_reported_with_their_times() -> None:
    data = signed_note(head(7), {"b": TIME, "a": TIME + 1, "c": 0})
    opened = open_checkpoint(data, origin=ORIGIN, log_keys=[LOG_KEY], witnesses=WITNESS_KEYS[:2])
    assert opened.cosignatures == (
        Cosignature(witness_key("b"), TIME),
        Cosignature(witness_key("a"), TIME + 1),
    )


def test_another_log_is_refused() -> None:
    data = signed_note(head(7))
    with pytest.raises(WrongOriginError):
        open_checkpoint(data, origin="agency.example/lists/other", log_keys=[LOG_KEY])
    # A log's own key under its own name, but on the head of another log.
    text = Checkpoint("agency.example/lists/other", 7, head(7).root).text()
    with pytest.raises(WrongOriginError):
        open_checkpoint(
            Note(text, (sign_note(text, ORIGIN, LOG),)).to_bytes(), origin=ORIGIN, log_keys=[LOG_KEY]
        )
    stray = VerifierKey.of_log("agency.example/lists/other", LOG.public)
    with pytest.raises(WrongOriginError):
        open_checkpoint(data, origin=ORIGIN, log_keys=[LOG_KEY, stray])


def test_unsigned_by_known_keys_is_refused() -> None:
    with pytest.raises(UntrustedError):
        open_checkpoint(signed_note(head(7)), origin=ORIGIN, log_keys=[NEXT_LOG_KEY])
    with pytest.raises(UntrustedError):
        open_checkpoint(signed_note(head(7)), origin=ORIGIN, log_keys=[])


def cosigned(line: NoteSignature) -> bytes:
    return with_lines(Note.parse(signed_note(head(7))), [line]).to_bytes()


def bad_line(body: bytes) -> NoteSignature:
    return NoteSignature(witness_key("a").name, witness_key("a").key_hash, body)


GOOD = cosign(head(7).text(), witness_key("a").name, WITNESSES["a"], TIME)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(cosigned(bad_line(GOOD.body[:8] + b"s" * 64)), id="bad signature"),
        pytest.param(cosigned(bad_line((TIME + 1).to_bytes(8, "big") + GOOD.body[8:])), id="time changed"),
        pytest.param(
            cosigned(
                bad_line(
                    (2**63).to_bytes(8, "big") + WITNESSES["a"].sign(cosigned_message(head(7).text(), 2**63))
                )
            ),
            id="time beyond 2^63 - 1",
        ),
        pytest.param(cosigned(bad_line(GOOD.body + b"\x00")), id="a byte too many"),
        pytest.param(cosigned(bad_line(GOOD.body[8:])), id="no time"),
        pytest.param(
            cosigned(cosign(head(8).text(), witness_key("a").name, WITNESSES["a"], TIME)), id="another head's"
        ),
        pytest.param(
            Note(
                head(7).text(),
                (
                    sign_note(head(7).text(), ORIGIN, LOG),
                    GOOD,
                    cosign(head(7).text(), witness_key("a").name, WITNESSES["a"], TIME + 1),
                ),
            ).to_bytes(),
            id="two lines of one witness",
        ),
    ],
)
def test_a_known_witness_with_a_bad_line_rejects_the_note(data: bytes) -> None:
    open_checkpoint(data, origin=ORIGIN, log_keys=[LOG_KEY])  # to whom the witness is a stranger
    with pytest.raises(UntrustedError):
        open_checkpoint(data, origin=ORIGIN, log_keys=[LOG_KEY], witnesses=WITNESS_KEYS)


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        pytest.param(GOOD.body, True, id="good"),
        pytest.param(GOOD.body[:8] + b"s" * 64, False, id="of another key"),
        pytest.param(GOOD.body[8:], False, id="no time"),
    ],
)
def test_whoever_collects_cosignatures_drops_bad_lines_of_known_witnesses(body: bytes, kept: bool) -> None:
    note = with_lines(Note.parse(signed_note(head(7), {"b": TIME})), [bad_line(body)])
    found = without_bad_lines(note, WITNESS_KEYS)
    assert found.text == note.text
    assert found.signatures == (note.signatures if kept else note.signatures[:-1])
    # Of a witness that nobody here knows, no line can be called bad.
    assert without_bad_lines(note, []) == note


def test_log_signature_is_no_cosignature() -> None:
    # A log cannot pass its own signature off as a witness's: the messages differ.
    text = head(7).text()
    both = WitnessPrivateKey.from_seed(LOG.seed)
    key = VerifierKey.of_witness(ORIGIN, both.public)
    assert key.key_hash != LOG_KEY.key_hash
    plain = NoteSignature(ORIGIN, key.key_hash, bytes(8) + LOG.sign(text.encode()))
    with pytest.raises(UntrustedError):
        verify_cosignatures(Note(text, (plain,)), [key])


def test_programming_mistakes() -> None:
    with pytest.raises(AssertionError):
        cosign(head(7).text(), "a.example/witness", LOG, TIME)
    with pytest.raises(AssertionError):
        cosign(head(7).text(), "a.example/witness", WITNESSES["a"], 2**63)
    with pytest.raises(AssertionError):
        verify_cosignatures(Note.parse(signed_note(head(7))), [LOG_KEY])
    assert SignatureType(4) is SignatureType.COSIGNATURE
