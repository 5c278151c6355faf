"""What passes between a node and its signer: the example of the specification, and every bound."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import KeysError, MalformedKeyError
from keys.key import LogPrivateKey
from keys.trust.envelope import pre_authentication
from node.errors import (
    AlreadyExistsError,
    ConfigError,
    ConflictError,
    GoneError,
    MissingKeyError,
    NodeError,
    NotFoundError,
    SignerDownError,
    SignerRefusedError,
    StoreError,
)
from node.signing.log_signer import FolderLogSigner
from node.signing.process.frames import (
    MAX_BODY,
    MAX_HEADER,
    Ask,
    Reply,
    Request,
    Source,
    failure,
    read_reply,
    read_request,
)
from node.signing.process.statements import KINDS, split_statement, statement_message
from protocol.tlog.merkle import leaf_hash

SPEC = Path(__file__).parents[2] / "docs/spec/signer.md"
KEY = LogPrivateKey.from_text("sigfed-log-key:nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
LIST = "fr.example/lists/main"


def source(data: bytes) -> Source:
    rest = bytearray(data)

    def read(count: int) -> bytes:
        if len(rest) < count:
            raise ConnectionResetError
        found = bytes(rest[:count])
        del rest[:count]
        return found

    return read


def test_the_example_of_the_specification(tmp_path: Path) -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(5)]
    signer = FolderLogSigner(tmp_path, lambda _: [KEY])
    signer.sign(LIST, start=0, leaf_hashes=leaves[:3])
    note = signer.sign(LIST, start=3, leaf_hashes=leaves[3:])
    asked = Request(Ask.APPEND, {"origin": LIST, "start": 3, "labels": "lists-main-1"}, b"".join(leaves[3:]))
    text = SPEC.read_text(encoding="utf-8")
    example = text.split("```\n")[1].splitlines()
    lengths, header, _, reply_lengths, reply_header, *signed = example
    assert bytes.fromhex(lengths) + header.encode() == asked.to_bytes()[:-64]
    said = (
        bytes.fromhex(reply_lengths)
        + reply_header.encode()
        + "".join(line + "\n" for line in signed).encode()
    )
    assert said == Reply(body=note).to_bytes()


@given(
    st.sampled_from(Ask),
    st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 9)),
    st.binary(max_size=99),
)
def test_requests_are_read_as_they_were_written(ask: Ask, fields: dict[str, int], body: bytes) -> None:
    body = body[: MAX_BODY[ask]]
    found = read_request(source(Request(ask, fields, body).to_bytes()))
    assert (found.ask, found.body) == (ask, body)
    assert all(found.fields.integer(name) == value for name, value in fields.items())


@given(st.binary(max_size=200))
def test_whatever_comes_is_a_request_or_an_error_of_ours(data: bytes) -> None:
    """Any other error fails this."""
    for read in (read_request, read_reply):
        with suppress(NodeError, KeysError, OSError):
            read(source(data))


@pytest.mark.parametrize("ask", Ask, ids=str)
def test_a_body_is_judged_before_it_is_read(ask: Ask) -> None:
    message = bytearray(Request(ask).to_bytes())
    message[4:8] = (MAX_BODY[ask] + 1).to_bytes(4)
    with pytest.raises(SignerRefusedError):
        read_request(source(bytes(message)))  # whose body is not there


def test_a_header_is_judged_before_it_is_read() -> None:
    with pytest.raises(SignerRefusedError):
        read_request(source((MAX_HEADER + 1).to_bytes(4) + bytes(4)))


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (ConflictError("c", hint="h"), ConflictError),
        (AlreadyExistsError("e"), AlreadyExistsError),
        (NotFoundError("n"), NotFoundError),
        (MissingKeyError("k"), MissingKeyError),
        (SignerRefusedError("r"), SignerRefusedError),
        (StoreError("s"), StoreError),
        (ConfigError("g"), ConfigError),
        (SignerDownError("d"), SignerDownError),
        (GoneError("another of ours"), SignerRefusedError),
        (MalformedKeyError("of keys"), SignerRefusedError),
        (RuntimeError("a bug, with \x00 and a secret"), SignerDownError),
        (NotFoundError("with ü\nand more" * 400), NotFoundError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_errors_cross_over(error: Exception, becomes: type[NodeError]) -> None:
    with pytest.raises(becomes) as caught:
        read_reply(source(failure(error)))
    assert type(caught.value) is becomes
    assert "secret" not in str(caught.value)


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=300))
def test_a_statement_is_taken_apart_and_put_together(kind: str, payload: bytes) -> None:
    message = pre_authentication(f"application/vnd.sigfed.{kind}.v1+cbor", payload)
    assert split_statement(message) == (kind, payload)
    with suppress(SignerRefusedError):
        assert statement_message(kind, payload, node="fr.example") == message


@given(
    st.binary(max_size=200) | st.sampled_from(sorted(KINDS)).map(lambda kind: f"DSSEv1 9 {kind} 1 x".encode())
)
def test_what_is_no_statement_is_not_taken_apart(message: bytes) -> None:
    with pytest.raises(SignerRefusedError):
        split_statement(message)
