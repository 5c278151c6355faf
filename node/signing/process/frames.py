"""What a node and its signer process say to each other: one request and one reply a connection.

A message is the lengths of its header and its body as u32, a header in JSON and a body of bytes. The header names what
is asked, so the length of a body is judged before any of it is read. Whoever is at the other end may have been taken
over: everything is bounded, and what cannot be read is refused. Spec: docs/spec/signer.md, "Messages".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from struct import Struct
from types import MappingProxyType
from typing import Final

from keys.encoding import Fields, Json, dump, load
from keys.errors import KeysError, MalformedTrustError
from keys.trust.statement import MAX_STATEMENT_BYTES
from keys.trust.tuf.repository import MAX_METADATA_BYTES
from node.errors import (
    AlreadyExistsError,
    ConfigError,
    ConflictError,
    MissingKeyError,
    NodeError,
    NotFoundError,
    SignerDownError,
    SignerRefusedError,
    StoreError,
)
from protocol.limits import MAX_ADD_CHECKPOINT_BYTES, MAX_NOTE_BYTES

VERSION: Final = 1
MAX_HEADER: Final = 16 * 1024
MAX_LEAVES: Final = 2**18
"""Leaves in one request: as many as a round of a publication has."""
MAX_ROOTS: Final = 2 * MAX_METADATA_BYTES
"""Bytes of a chain of roots with the file that they vouch for."""
_MAX_TEXT: Final = 2000
_LENGTHS: Final = Struct(">II")


class Ask(StrEnum):
    """What can be asked; docs/spec/signer.md says what each must hold."""

    PUBLICS = "publics"
    CREATE = "create"
    DESTROY = "destroy"
    APPEND = "append"
    RENEW = "renew"
    SIZE = "size"
    COSIGN = "cosign"
    WITNESSED = "witnessed"
    STATEMENT = "statement"
    ASSERTION = "assertion"
    TOKEN = "token"  # noqa: S105 - the name of a request
    SNAPSHOT = "snapshot"
    TIMESTAMP = "timestamp"
    STAMPED = "stamped"
    RESUME = "resume"
    GIVE_UP = "give-up"
    REJOINED = "rejoined"


MAX_BODY: Final[Mapping[Ask, int]] = MappingProxyType(
    {
        Ask.PUBLICS: 0,
        Ask.CREATE: 0,
        Ask.DESTROY: MAX_ROOTS,
        Ask.APPEND: 32 * MAX_LEAVES,
        Ask.RENEW: 0,
        Ask.SIZE: 0,
        Ask.COSIGN: MAX_ADD_CHECKPOINT_BYTES,
        Ask.WITNESSED: 0,
        Ask.STATEMENT: MAX_STATEMENT_BYTES,
        Ask.ASSERTION: 8192,
        Ask.TOKEN: 8192,
        Ask.SNAPSHOT: MAX_ROOTS,
        Ask.TIMESTAMP: MAX_ROOTS,
        Ask.STAMPED: 0,
        Ask.RESUME: MAX_ROOTS + MAX_NOTE_BYTES,
        Ask.GIVE_UP: MAX_ROOTS + MAX_NOTE_BYTES,
        Ask.REJOINED: MAX_ROOTS,
    }
)
_MAX_REPLY_BODY: Final = 4 * 1024 * 1024

_ERRORS: Final[Mapping[str, type[NodeError]]] = MappingProxyType(
    {
        "conflict": ConflictError,
        "exists": AlreadyExistsError,
        "missing": MissingKeyError,
        "unknown": NotFoundError,
        "refused": SignerRefusedError,
        "state": StoreError,
        "config": ConfigError,
        "down": SignerDownError,
    }
)
"""Nearest first: a `ConflictError` is a `StoreError`, too."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, its fields and its body."""

    ask: Ask
    fields: Mapping[str, Json] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)

    def to_bytes(self) -> bytes:
        """The message."""
        return _message({**self.fields, "v": VERSION, "ask": self.ask.value}, self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """What was signed, or found."""

    fields: Mapping[str, Json] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)

    def to_bytes(self) -> bytes:
        """The message."""
        return _message({**self.fields, "v": VERSION}, self.body)


Source = Callable[[int], bytes]
"""Where the bytes of a message come from: exactly so many, or an `OSError`."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came in."""

    ask: Ask
    fields: Fields
    body: bytes = field(repr=False)


def read_request(source: Source) -> Received:
    """The next request; raises `SignerRefusedError` before it reads what is too long or unknown."""
    header, length = _read_header(source)
    try:
        name = header.text("ask", longest=32)
        ask = Ask(name)
    except (KeysError, ValueError):
        raise refused("a request of unknown kind") from None
    if length > MAX_BODY[ask]:
        raise refused(f"a request to {ask} with a body of more than {MAX_BODY[ask]} bytes")
    return Received(ask, header, source(length))


def read_reply(source: Source) -> tuple[Fields, bytes]:
    """The reply, whose error is raised if it is one."""
    header, length = _read_header(source)
    if length > _MAX_REPLY_BODY:
        raise refused("a reply that is too long")
    if not header.absent("error"):
        kind = _ERRORS.get(header.text("error"), SignerDownError)
        raise kind(header.text("text"), hint="" if header.absent("hint") else header.text("hint"))
    return header, source(length)


def failure(error: Exception) -> bytes:
    """The message that tells of a failure; of one that is not ours only its name."""
    name = next((name for name, kind in _ERRORS.items() if isinstance(error, kind)), "")
    if isinstance(error, KeysError) or (isinstance(error, NodeError) and not name):
        name = "refused"
    if not name:
        return _message(
            {"v": VERSION, "error": "down", "text": f"the signer failed: {type(error).__name__}"}, b""
        )
    hint = _shown(error.hint) if isinstance(error, NodeError) else ""
    return _message(
        {"v": VERSION, "error": name, "text": _shown(str(error)) or name, "hint": hint or None}, b""
    )


def refused(why: str) -> SignerRefusedError:
    """What the signer answers to a request that it does not serve."""
    return SignerRefusedError("the signer does not sign {why}", why)


def _read_header(source: Source) -> tuple[Fields, int]:
    head, body = _LENGTHS.unpack(source(_LENGTHS.size))
    if head > MAX_HEADER:
        raise refused("a message with such a header")
    try:
        fields = load(source(head), max_bytes=MAX_HEADER, where="message", error=MalformedTrustError)
        fields.integer("v", least=VERSION, most=VERSION)
    except KeysError:
        raise refused("a message that cannot be read") from None
    return fields, body


def _message(header: Mapping[str, Json], body: bytes) -> bytes:
    data = dump(header)
    assert len(data) <= MAX_HEADER, "a header of ours is short"
    return _LENGTHS.pack(len(data), len(body)) + data + body


def _shown(text: str) -> str:
    plain = "".join(char if char.isascii() and char.isprintable() else " " for char in text)
    return plain[:_MAX_TEXT]
