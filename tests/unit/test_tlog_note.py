import pytest
from typing_extensions import override

from keys.key import AuthPrivateKey, LogPrivateKey
from protocol.errors import MalformedError, TooLargeError, UntrustedError
from protocol.tlog.note import (
    Note,
    NoteSignature,
    SignatureType,
    VerifierKey,
    parse_signatures,
    sign_note,
    verify_note,
)
from support.logs import C2SP_NOTES, LOG, LOG_KEY, NEXT_LOG, NEXT_LOG_KEY, ORIGIN, WITNESS_KEYS

EXAMPLE_KEY = C2SP_NOTES["signed_note"]["vkey"]
EXAMPLE = C2SP_NOTES["signed_note"]["note"]
POEM = C2SP_NOTES["note_with_empty_line"]["note"]
TEXT = "some text\n"


def note_of(*signatures: NoteSignature, text: str = TEXT) -> Note:
    return Note(text, signatures)


def log_line(key: LogPrivateKey = LOG, text: str = TEXT) -> NoteSignature:
    return sign_note(text, ORIGIN, key)


def test_example_of_signed_note_verifies() -> None:
    key = VerifierKey.from_text(EXAMPLE_KEY)
    note = Note.parse(EXAMPLE.encode())
    assert verify_note(note, [key]) == (key,)
    assert (note.text, note.to_bytes()) == ("This is an example message.\n", EXAMPLE.encode())
    assert (key.name, key.type, key.to_text()) == ("example.com/foo", SignatureType.ED25519, EXAMPLE_KEY)


def test_example_with_another_text_does_not() -> None:
    forged = Note.parse(EXAMPLE.replace("an example", "no example").encode())
    with pytest.raises(UntrustedError):
        verify_note(forged, [VerifierKey.from_text(EXAMPLE_KEY)])


def test_text_ends_at_the_last_empty_line() -> None:
    note = Note.parse(POEM.encode())
    assert note.text.endswith("sole:\n\n\u00e8d \u00e8 subito sera.\n")
    assert [s.name for s in note.signatures] == ["quasimodo.example/salvatore"]
    assert note.to_bytes() == POEM.encode()


LINE = log_line().to_line()


@pytest.mark.parametrize(
    "data",
    {
        "empty": b"",
        "no blank line": b"text\n" + LINE.encode(),
        "no signature": b"text\n\n",
        "no text, no signature": b"\n\n",
        "no last newline": b"text\n\n" + LINE.encode()[:-1],
        "blank line behind": b"text\n\n" + LINE.encode() + b"\n",
        "carriage returns": b"text\r\n\r\n" + LINE.encode(),
        "tab": b"te\txt\n\n" + LINE.encode(),
        "nul": b"te\x00xt\n\n" + LINE.encode(),
        "not UTF-8": b"te\xffxt\n\n" + LINE.encode(),
        "hyphen for the dash": b"text\n\n" + LINE.replace("\u2014", "-").encode(),
        "no space behind the dash": b"text\n\n" + LINE.replace("\u2014 ", "\u2014").encode(),
        "two spaces": b"text\n\n" + LINE.replace("\u2014 ", "\u2014  ").encode(),
        "space at the end": b"text\n\n" + LINE.replace("\n", " \n").encode(),
        "no base64": "text\n\n\u2014 name\n".encode(),
        "only a key hash": "text\n\n\u2014 name AAAAAA==\n".encode(),
        "name with plus": "text\n\n\u2014 na+me AAAAAAA=\n".encode(),
        "name with no-break space": "text\n\n\u2014 na\u00a0me AAAAAAA=\n".encode(),
        "name with line separator": "text\n\n\u2014 na\u2028me AAAAAAA=\n".encode(),
        "base64 with trailing bits": "text\n\n\u2014 name AAAAAAB=\n".encode(),
        "base64 without padding": "text\n\n\u2014 name AAAAAAA\n".encode(),
        "base64 for URLs": "text\n\n\u2014 name AAAA_-A=\n".encode(),
    }.items(),
    ids=lambda case: case[0],
)
def test_malformed_notes(data: tuple[str, bytes]) -> None:
    with pytest.raises(MalformedError):
        Note.parse(data[1])


def test_bounds_of_a_note() -> None:
    most = Note(TEXT, (NoteSignature("name", b"hash", b"s"),) * 128).to_bytes()
    assert len(Note.parse(most).signatures) == 128
    with pytest.raises(TooLargeError):
        Note.parse(most + most.splitlines(keepends=True)[-1])
    with pytest.raises(TooLargeError):
        Note.parse(b"a" * 65_537)
    with pytest.raises(TooLargeError):
        Note.parse(f"text\n\n\u2014 {'n' * 256} AAAAAAA=\n".encode())


def test_unknown_keys_are_ignored() -> None:
    strangers = (
        NoteSignature("stranger.example", LOG_KEY.key_hash, b"s" * 64),
        NoteSignature(ORIGIN, b"\x00" * 4, b"s" * 64),
        NoteSignature(ORIGIN, b"\x00" * 4, b"s" * 64),
    )
    assert verify_note(note_of(*strangers, log_line()), [LOG_KEY]) == (LOG_KEY,)


def test_all_signers_are_reported_in_the_order_of_lines() -> None:
    note = note_of(log_line(NEXT_LOG), log_line())
    assert verify_note(note, [LOG_KEY, NEXT_LOG_KEY]) == (NEXT_LOG_KEY, LOG_KEY)
    assert verify_note(note, [LOG_KEY]) == (LOG_KEY,)


BAD_LINE = NoteSignature(ORIGIN, NEXT_LOG_KEY.key_hash, log_line().body)


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(note_of(log_line(text="other text\n")), id="signature of another text"),
        pytest.param(note_of(log_line(), BAD_LINE), id="good line, then a known key's bad one"),
        pytest.param(note_of(BAD_LINE, log_line()), id="a known key's bad line, then a good one"),
        pytest.param(note_of(log_line(), log_line()), id="one key's line twice"),
        pytest.param(
            note_of(log_line(), NoteSignature(ORIGIN, LOG_KEY.key_hash, b"s" * 64)),
            id="one key's good and bad line",
        ),
        pytest.param(
            note_of(NoteSignature(ORIGIN, LOG_KEY.key_hash, log_line().body + b"\x00")), id="a byte too many"
        ),
        pytest.param(
            note_of(NoteSignature(ORIGIN, LOG_KEY.key_hash, log_line().body[:63])), id="a byte too few"
        ),
        pytest.param(note_of(NoteSignature("stranger.example", b"hash", b"s" * 64)), id="strangers only"),
    ],
)
def test_untrusted_notes(note: Note) -> None:
    with pytest.raises(UntrustedError):
        verify_note(Note.parse(note.to_bytes()), [LOG_KEY, NEXT_LOG_KEY])


def test_every_flipped_bit_of_the_signature_is_noticed() -> None:
    good = log_line()
    for bit in range(512):
        body = (int.from_bytes(good.body, "big") ^ 1 << bit).to_bytes(64, "big")
        with pytest.raises(UntrustedError):
            verify_note(note_of(NoteSignature(ORIGIN, good.key_hash, body)), [LOG_KEY])


def test_no_key_trusts_no_note() -> None:
    with pytest.raises(UntrustedError):
        verify_note(note_of(log_line()), [])


class _Colliding(VerifierKey):
    """A key ground until its 4-byte hash is another's."""

    __slots__ = ()

    @property
    @override
    def key_hash(self) -> bytes:
        return LOG_KEY.key_hash


def test_keys_that_collide_are_not_guessed_between() -> None:
    other = _Colliding.of_log(ORIGIN, NEXT_LOG.public)
    for keys in ([LOG_KEY, other], [other, LOG_KEY]):
        with pytest.raises(UntrustedError):
            verify_note(note_of(log_line()), keys)


def test_one_key_given_twice_is_one_key() -> None:
    assert verify_note(note_of(log_line()), [LOG_KEY, LOG_KEY]) == (LOG_KEY,)


def test_signature_lines_alone() -> None:
    lines = log_line().to_line() + log_line(NEXT_LOG).to_line()
    assert parse_signatures(lines) == (log_line(), log_line(NEXT_LOG))
    for broken in ("", "\n", lines[:-1], lines + "\n"):
        with pytest.raises(MalformedError):
            parse_signatures(broken)


@pytest.mark.parametrize("key", [LOG_KEY, *WITNESS_KEYS], ids=lambda key: key.name)
def test_verifier_keys_round_trip(key: VerifierKey) -> None:
    assert VerifierKey.from_text(key.to_text()) == key


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("name", id="name only"),
        pytest.param("name+530d903a", id="no key"),
        pytest.param("+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", id="no name"),
        pytest.param(
            "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", id="other hash"
        ),
        pytest.param(
            "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", id="upper-case hash"
        ),
        pytest.param(
            "example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", id="other name"
        ),
        pytest.param("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k=", id="padding"),
        pytest.param(
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k+", id="plus behind"
        ),
        pytest.param("example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", id="ECDSA"),
        pytest.param("example.com/foo+530d903a+Aeky", id="short key"),
        pytest.param("example.com/foo+530d903a+", id="empty key"),
        pytest.param("exa mple+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", id="space"),
        pytest.param("exa\ud800mple+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", id="surrogate"),
        pytest.param(
            "example.com/foo+530d903a+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", id="identity point"
        ),
    ],
)
def test_malformed_verifier_keys(text: str) -> None:
    with pytest.raises(MalformedError):
        VerifierKey.from_text(text)


def test_key_of_another_purpose_is_a_programming_mistake() -> None:
    with pytest.raises(AssertionError):
        VerifierKey(ORIGIN, SignatureType.COSIGNATURE, LOG.public)
    with pytest.raises(AssertionError):
        sign_note(TEXT, ORIGIN, AuthPrivateKey.from_seed(b"a" * 32))
    with pytest.raises(AssertionError):
        sign_note("no newline", ORIGIN, LOG)
    with pytest.raises(AssertionError):
        verify_note(
            note_of(NoteSignature(WITNESS_KEYS[0].name, WITNESS_KEYS[0].key_hash, b"s" * 72)), WITNESS_KEYS
        )


def test_a_renewed_line_takes_the_place_of_the_one_before() -> None:
    old, other, new = (
        NoteSignature("w", b"hash", b"old"),
        NoteSignature("w", b"hush", b"another key"),
        NoteSignature("w", b"hash", b"new"),
    )
    note = Note(TEXT, (old, other)).renewed([new, NoteSignature("x", b"hash", b"more")])
    assert note == Note(TEXT, (new, other, NoteSignature("x", b"hash", b"more")))
    assert note.renewed(()) == note
