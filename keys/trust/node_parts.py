"""The parts of a node document: where the node answers, and with which keys for which purpose.

Each part checks itself when it is made, so one that exists is well formed, whether it was read or written. Rules that
span parts, such as that no key serves two roles, are `keys.trust.node_document`'s. Spec: docs/spec/trust.md,
"Node document".
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, Self

from typing_extensions import TypeVar

from keys.encoding import MAX_INTEGER, Fields, Json, b64u
from keys.errors import MalformedTrustError
from keys.key import LogPublicKey, PublicKey, WitnessPublicKey
from keys.trust.names import is_log_name
from keys.trust.vkey import DatedVkey
from keys.trust.window import Window

_URL: Final = re.compile(r"https://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?(/[!-~]*)?")
_KID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_WITNESS: Final = re.compile(r"[!-*,-~]{1,128}")
MAX_PINS: Final = 4
_MAX_EPOCH: Final = 2**32 - 1

DEFAULT_DISPUTES_PER_DAY: Final = 500
"""What a document says that names no limit for disputes: older ones do not."""

KeyT_co = TypeVar("KeyT_co", bound=PublicKey, covariant=True, default=PublicKey)
KeyT = TypeVar("KeyT", bound=PublicKey)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A base URL, and SHA-256 of the public key infos its TLS certificate may have: current, then next."""

    url: str
    tls_spki_sha256: tuple[bytes, ...]

    def __post_init__(self) -> None:
        _check_url(self.url)
        pins = self.tls_spki_sha256
        if not 1 <= len(set(pins)) == len(pins) <= MAX_PINS or any(len(pin) != 32 for pin in pins):
            raise MalformedTrustError("endpoint: not 1 to {most} different pins of 32 bytes", MAX_PINS)

    def to_fields(self) -> Json:
        """As written in a document."""
        return {"url": self.url, "tls_spki_sha256": [pin.hex() for pin in self.tls_spki_sha256]}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From an object; raises `MalformedTrustError`."""
        return cls(fields.text("url"), fields.sha256s("tls_spki_sha256"))


@dataclass(frozen=True, slots=True)
class DatedKey(Generic[KeyT_co]):
    """A public key, the name that tokens and statements call it by, and when it counts."""

    kid: str
    key: KeyT_co
    valid: Window

    def __post_init__(self) -> None:
        if not is_kid(self.kid):
            raise MalformedTrustError("key: a kid is 1 to 64 letters, digits, dots, hyphens or underscores")

    def to_fields(self) -> Json:
        """As written in a document."""
        return {"kid": self.kid, "x": b64u(self.key.raw), "valid": self.valid.to_fields()}


def is_kid(text: str) -> bool:
    """Whether `text` can name a key: 1 to 64 letters, digits, dots, hyphens or underscores."""
    return _KID.fullmatch(text) is not None


def read_key(fields: Fields, kind: type[KeyT]) -> DatedKey[KeyT]:
    """A key of the role of `kind`; raises `MalformedTrustError` or `MalformedKeyError`."""
    return DatedKey(fields.text("kid"), kind.from_bytes(fields.base64url("x")), Window.read(fields))


class LogStatus(StrEnum):
    """Whether a log still grows."""

    ACTIVE = "active"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class FinalCheckpoint:
    """The size and root at which a log was closed."""

    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_INTEGER or len(self.root) != 32:
            raise MalformedTrustError("final checkpoint: not a size and a root of 32 bytes")

    def to_fields(self) -> Json:
        """As written in a document."""
        return {"size": self.size, "root": self.root.hex()}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From an object; raises `MalformedTrustError`."""
        return cls(fields.integer("size"), fields.sha256("root"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogInfo:
    """One log of the node: a list, or the releases of a subset."""

    origin: str
    url: str
    vkeys: tuple[DatedVkey, ...]
    status: LogStatus = LogStatus.ACTIVE
    final_checkpoint: FinalCheckpoint | None = None
    predecessor: str | None = None
    """Origin of the log that this one continues."""

    def __post_init__(self) -> None:
        _check_url(self.url)
        if (self.status is LogStatus.CLOSED) != (self.final_checkpoint is not None):
            raise MalformedTrustError("log: a final checkpoint goes with a closed log, and with no other")
        if self.predecessor == self.origin:
            raise MalformedTrustError("log: it continues itself")
        _check_vkeys(self.vkeys, name=self.origin, kind=LogPublicKey)

    def to_fields(self) -> Json:
        """As written in a document."""
        return {
            "origin": self.origin,
            "url": self.url,
            "vkeys": [vkey.to_fields() for vkey in self.vkeys],
            "status": self.status,
            "final_checkpoint": None if self.final_checkpoint is None else self.final_checkpoint.to_fields(),
            "predecessor": self.predecessor,
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From an object; raises `MalformedTrustError`."""
        status = fields.text("status")
        if status not in set(LogStatus):
            raise fields.refuse("status", "is unknown")
        closed = not fields.absent("final_checkpoint")
        return cls(
            origin=fields.text("origin"),
            url=fields.text("url"),
            vkeys=tuple(map(DatedVkey.read, fields.nested_list("vkeys"))),
            status=LogStatus(status),
            final_checkpoint=FinalCheckpoint.read(fields.nested("final_checkpoint")) if closed else None,
            predecessor=None if fields.absent("predecessor") else fields.text("predecessor"),
        )


@dataclass(frozen=True, slots=True)
class WitnessInfo:
    """The node as a witness of other nodes' logs."""

    name: str
    url: str
    vkeys: tuple[DatedVkey, ...]

    def __post_init__(self) -> None:
        _check_url(self.url)
        if not _WITNESS.fullmatch(self.name):
            raise MalformedTrustError("witness: not a name without spaces and plus signs")
        _check_vkeys(self.vkeys, name=self.name, kind=WitnessPublicKey)

    def to_fields(self) -> Json:
        """As written in a document."""
        return {"name": self.name, "url": self.url, "vkeys": [vkey.to_fields() for vkey in self.vkeys]}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From an object; raises `MalformedTrustError`."""
        vkeys = tuple(map(DatedVkey.read, fields.nested_list("vkeys")))
        return cls(fields.text("name"), fields.text("url"), vkeys)


@dataclass(frozen=True, slots=True)
class EpochInfo:
    """One OPRF key of a subset: its public key (ristretto255, 32 bytes) and when it answers."""

    epoch: int
    pk: bytes
    valid: Window

    def __post_init__(self) -> None:
        if not 0 <= self.epoch <= _MAX_EPOCH:
            raise MalformedTrustError("epoch: not a number of 32 bits")
        # Under the identity every answer is the same. The group itself is protocol.oprf's to check.
        if len(self.pk) != 32 or self.pk == bytes(32):
            raise MalformedTrustError("epoch: not a public key")

    def to_fields(self) -> Json:
        """As written in a document."""
        return {"epoch": self.epoch, "pk": b64u(self.pk), "valid": self.valid.to_fields()}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From an object; raises `MalformedTrustError`."""
        return cls(fields.integer("epoch"), fields.base64url("pk"), Window.read(fields))


@dataclass(frozen=True, slots=True)
class SubsetInfo:
    """A subset and the epochs of its private look-ups."""

    name: str
    epochs: tuple[EpochInfo, ...]

    def __post_init__(self) -> None:
        if not is_log_name(self.name):
            raise MalformedTrustError("subset: not a name")
        if len({epoch.epoch for epoch in self.epochs}) != len(self.epochs):
            raise MalformedTrustError("subset: an epoch appears twice")

    def to_fields(self) -> Json:
        """As written in a document."""
        return {"name": self.name, "epochs": [epoch.to_fields() for epoch in self.epochs]}

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From an object; raises `MalformedTrustError`."""
        return cls(fields.text("name"), tuple(map(EpochInfo.read, fields.nested_list("epochs"))))


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLimits:
    """What the node says its own normal days look like; followers stop and ask beyond it."""

    max_adds_per_day: int
    max_withdraws_per_day: int
    max_checkpoint_age_s: int
    max_disputes_per_day: int = DEFAULT_DISPUTES_PER_DAY

    def __post_init__(self) -> None:
        values = (
            self.max_adds_per_day,
            self.max_withdraws_per_day,
            self.max_checkpoint_age_s,
            self.max_disputes_per_day,
        )
        if not all(0 <= value <= MAX_INTEGER for value in values):
            raise MalformedTrustError("limits: a number out of range")

    def to_fields(self) -> Json:
        """As written in a document."""
        return {
            "max_adds_per_day": self.max_adds_per_day,
            "max_withdraws_per_day": self.max_withdraws_per_day,
            "max_checkpoint_age_s": self.max_checkpoint_age_s,
            "max_disputes_per_day": self.max_disputes_per_day,
        }

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """From an object; raises `MalformedTrustError`."""
        return cls(
            max_adds_per_day=fields.integer("max_adds_per_day"),
            max_withdraws_per_day=fields.integer("max_withdraws_per_day"),
            max_checkpoint_age_s=fields.integer("max_checkpoint_age_s"),
            max_disputes_per_day=DEFAULT_DISPUTES_PER_DAY
            if fields.absent("max_disputes_per_day")
            else fields.integer("max_disputes_per_day"),
        )


def _check_url(url: str) -> None:
    if len(url) > 512 or not _URL.fullmatch(url):
        raise MalformedTrustError("url: not an https address")


def _check_vkeys(vkeys: tuple[DatedVkey, ...], *, name: str, kind: type[PublicKey]) -> None:
    if any(vkey.name != name or not isinstance(vkey.key, kind) for vkey in vkeys):
        raise MalformedTrustError("vkeys: one is not a {role} key of this name", kind.role)
