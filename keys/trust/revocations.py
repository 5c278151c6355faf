"""The keys that a node takes back, and what becomes of what they signed.

A file of its own, because it outlives the keys: a node document says who signs now, this one who must not be believed,
also about the past. It only ever grows, so nobody who once learned that a key was stolen can be made to forget it.
Which events of a log count is `protocol.judgement.voices`' matter; here is only the range. Spec: docs/spec/trust.md,
"Revocations".
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final, Self, TypeVar

from keys.encoding import MAX_INTEGER, MAX_ITEMS, MAX_TEXT, Fields, Json, dump, format_time, load
from keys.errors import MalformedTrustError
from keys.roles import Role
from keys.trust.envelope import open_envelope
from keys.trust.names import is_node_name, is_origin_of
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import DatedKey, FinalCheckpoint, is_kid
from keys.trust.tuf.root import RootContent
from keys.trust.vkey import DatedVkey, read_vkey
from keys.trust.window import Window

KIND: Final = "revoked"
FORMAT_VERSION: Final = 1
MAX_REVOCATIONS_BYTES: Final = 256_000

BY_KID: Final = frozenset({Role.AUTH, Role.TOKEN, Role.STATEMENT})
"""Roles whose keys a node document names by kid; those of logs and witnesses it names by vkey."""
BY_VKEY: Final = frozenset({Role.LOG, Role.WITNESS})

_LAST_MOMENT: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_WHERE: Final = "revocations"
_DatedT = TypeVar("_DatedT", bound=DatedKey | DatedVkey)


class Reason(StrEnum):
    """Why a key is taken back."""

    COMPROMISE = "compromise"
    """Somebody else has it, or may: nothing it signed is believed because of it."""
    LOST = "lost"
    """Nobody has it any more; what it signed stands."""
    SUPERSEDED = "superseded"
    """Another key took its place before its time; what it signed stands."""
    CEASED = "ceased"
    """What it was for has ended; what it signed stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """One key that signs no more; raises `MalformedTrustError` when its parts do not fit together."""

    role: Role
    key: str
    """Its kid, or the vkey of a log or witness key, as the node document named it."""
    time: datetime
    """Since when, UTC with whole seconds."""
    reason: Reason
    last_good: FinalCheckpoint | None = None
    """Of a stolen log key, the newest head that is surely the owner's."""
    resumes: int | None = None
    """The size from which another key goes on with the log; None while none does."""

    def __post_init__(self) -> None:
        if self.role not in BY_KID | BY_VKEY:
            raise MalformedTrustError("{where}: a key of a role that is not revoked here", _WHERE)
        if self.role in BY_KID and not is_kid(self.key):
            raise MalformedTrustError("{where}: key is not a kid", _WHERE)
        if self.role in BY_VKEY and read_vkey(self.key).role is not self.role:
            raise MalformedTrustError("{where}: vkey is not a key of its role", _WHERE)
        Window(self.time, _LAST_MOMENT)  # the same form of time as everywhere
        stolen_log = self.role is Role.LOG and self.reason is Reason.COMPROMISE
        if stolen_log != (self.last_good is not None):
            raise MalformedTrustError(
                "{where}: last_good goes with a stolen log key, and with no other", _WHERE
            )
        if self.resumes is not None:
            self._check_resumes(self.resumes)

    def _check_resumes(self, resumes: int) -> None:
        if self.last_good is None or not self.last_good.size <= resumes <= MAX_INTEGER:
            raise MalformedTrustError("{where}: resumes is not a size from last_good on", _WHERE)

    @property
    def name(self) -> str:
        """Origin of the log or name of the witness whose key it was; empty for other roles."""
        return self.key.partition("+")[0] if self.role in BY_VKEY else ""

    @property
    def kid(self) -> str:
        """Its kid, whatever the node document named it by."""
        return self.key if self.role in BY_KID else read_vkey(self.key).kid

    @property
    def doubted(self) -> range:
        """Of a stolen log key, the indices of events that a thief may have added; empty for others."""
        if self.last_good is None:
            return range(0)
        return range(self.last_good.size, MAX_INTEGER if self.resumes is None else self.resumes)

    def covers(self, later: "Revocation") -> bool:
        """Whether `later` says the same, or this with the size where the log goes on."""
        resumes = later.resumes if self.resumes is None else self.resumes
        return replace(self, resumes=resumes) == later

    def to_fields(self) -> Json:
        """As written in the file."""
        return {
            "role": self.role,
            "kid" if self.role in BY_KID else "vkey": self.key,
            "time": format_time(self.time),
            "reason": self.reason,
            "last_good": None if self.last_good is None else self.last_good.to_fields(),
            "resumes": self.resumes,
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From an object; raises `MalformedTrustError`."""
        role, reason = fields.text("role"), fields.text("reason")
        if role not in set(Role) or reason not in set(Reason):
            raise MalformedTrustError("{where}: a role or reason of unknown name", _WHERE)
        return cls(
            role=Role(role),
            key=fields.text("kid" if Role(role) in BY_KID else "vkey", longest=MAX_TEXT),
            time=fields.time("time"),
            reason=Reason(reason),
            last_good=None
            if fields.absent("last_good")
            else FinalCheckpoint.read(fields.nested("last_good")),
            resumes=None if fields.absent("resumes") else fields.integer("resumes"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocations:
    """All keys that a node ever took back, oldest first; a key stands in it once."""

    version: int
    """Grows with every change."""
    node: str
    entries: tuple[Revocation, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.version <= MAX_INTEGER:
            raise MalformedTrustError("{where}: version is out of range", _WHERE)
        if not is_node_name(self.node):
            raise MalformedTrustError("{where}: node is not a node name", _WHERE)
        if len(self.entries) > MAX_ITEMS:
            raise MalformedTrustError("{where}: more than {most} keys", _WHERE, MAX_ITEMS)
        if len({(entry.role, entry.key) for entry in self.entries}) != len(self.entries):
            raise MalformedTrustError("{where}: a key appears twice", _WHERE)
        if not all(_belongs(entry, self.node) for entry in self.entries):
            raise MalformedTrustError("{where}: a key of another node's log or witness", _WHERE)

    def find(self, role: Role, key: str) -> Revocation | None:
        """What is said of a key, by its kid or vkey; None when it was not taken back."""
        return next((entry for entry in self.entries if (entry.role, entry.key) == (role, key)), None)

    def doubted(self, origin: str) -> tuple[range, ...]:
        """The index ranges of a log in which a thief may have added events, one for each stolen key."""
        ranges = (entry.doubted for entry in self.entries if entry.name == origin)
        return tuple(span for span in ranges if span)

    def follows(self, earlier: "Revocations") -> bool:
        """Whether who holds `earlier` may take this: the same, signed again, or a higher version that keeps it all."""
        if self == earlier:  # the next holders sign what is there
            return True
        if (self.node, self.version > earlier.version) != (earlier.node, True):
            return False
        kept = self.entries[: len(earlier.entries)]
        return len(kept) == len(earlier.entries) and all(
            old.covers(new) for old, new in zip(earlier.entries, kept, strict=True)
        )

    def signing(self, document: NodeDocument) -> NodeDocument:
        """The document without the keys taken back: who may sign from now on, whatever it still lists."""
        return self._without(document, self.entries)

    def believable(self, document: NodeDocument) -> NodeDocument:
        """The document without the stolen keys: by whose signatures a past can be proved."""
        return self._without(document, (e for e in self.entries if e.reason is Reason.COMPROMISE))

    def _without(self, document: NodeDocument, entries: Iterable[Revocation]) -> NodeDocument:
        gone = {(entry.role, entry.key) for entry in entries}
        if not gone:
            return document
        witness = document.witness
        return replace(
            document,
            auth_keys=_kept(document.auth_keys, gone),
            token_keys=_kept(document.token_keys, gone),
            statement_keys=_kept(document.statement_keys, gone),
            logs=tuple(replace(log, vkeys=_kept(log.vkeys, gone)) for log in document.logs),
            witness=None if witness is None else replace(witness, vkeys=_kept(witness.vkeys, gone)),
        )


def to_json(revocations: Revocations) -> bytes:
    """The one encoding of a node's revocations."""
    return dump(
        {
            "v": FORMAT_VERSION,
            "version": revocations.version,
            "node": revocations.node,
            "entries": [entry.to_fields() for entry in revocations.entries],
        }
    )


def from_json(data: bytes) -> Revocations:
    """The revocations that `data` is the one encoding of; raises `MalformedTrustError` or `MalformedKeyError`."""
    fields = load(data, max_bytes=MAX_REVOCATIONS_BYTES, where=_WHERE, error=MalformedTrustError)
    fields.integer("v", least=FORMAT_VERSION, most=FORMAT_VERSION)
    revocations = Revocations(
        version=fields.integer("version"),
        node=fields.text("node"),
        entries=tuple(map(Revocation.read, fields.nested_list("entries"))),
    )
    # A field that a reader passes over could be a revocation that a later one relies on.
    if to_json(revocations) != data:
        raise MalformedTrustError("{where}: not the one encoding of these revocations", _WHERE)
    return revocations


def open_revocations(data: bytes, root: RootContent) -> Revocations:
    """The revocations in `revoked.json`, about the node that `root` is of.

    That versions follow each other is the reader's to check, with `Revocations.follows`. Raises
    `MalformedTrustError`, `MalformedKeyError` or `ThresholdError`.
    """
    revocations = from_json(open_envelope(data, KIND, root))
    if revocations.node != root.node:
        raise MalformedTrustError("{where}: they are about another node than the root", _WHERE)
    return revocations


def none_revoked(node: str) -> Revocations:
    """Where there is no file: nothing is taken back."""
    return Revocations(version=1, node=node, entries=())


def file_name(data: bytes) -> bytes:
    """SHA-256 of the envelope, 32 bytes: what a node document names the file by."""
    return sha256(data).digest()


def _belongs(entry: Revocation, node: str) -> bool:
    if entry.role is Role.LOG:
        return is_origin_of(entry.name, node)
    return entry.role in BY_KID or entry.name.startswith(f"{node}/")


def _kept(keys: tuple[_DatedT, ...], gone: set[tuple[Role, str]]) -> tuple[_DatedT, ...]:
    def name(dated: _DatedT) -> str:
        return dated.kid if isinstance(dated, DatedKey) else dated.vkey

    return tuple(dated for dated in keys if (dated.key.role, name(dated)) not in gone)
