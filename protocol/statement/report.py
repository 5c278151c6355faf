"""A hit report: a partner tells the node which digest it met, and proves that it had it evaluated.

The proof is a MAC under the digest's PRF output, which nobody has who did not ask for it: a guess tells nothing and
is paid for. The digest travels inside the report alone, never in an address. Spec: docs/spec/statement.md, "Report".
"""

import hmac
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final, NamedTuple

from protocol.digest import Algorithm, Digest
from protocol.encoding import CborValue, encode_cbor
from protocol.errors import MalformedError, TooLargeError, UntrustedError
from protocol.limits import MAX_DIGEST_BYTES, MAX_HIT_REPORT_BYTES, MAX_LOG_SIZE
from protocol.subset.fields import Fields
from protocol.subset.identity import SUBSET_ID_BYTES
from protocol.subset.manifest import MAX_EPOCH

FORMAT: Final = 1
REPORT_ID_BYTES: Final = 16
MAC_BYTES: Final = 32
MAX_PARTNER_BYTES: Final = 64

_KEY_INFO: Final = b"SIGFED-V1 hit"
_ALGORITHMS: Final = frozenset(Algorithm) - {Algorithm.HIDDEN}


class _Key(IntEnum):
    FORMAT = 0
    PARTNER = 1
    SUBSET_ID = 2
    EPOCH = 3
    VERSION = 4
    ALGORITHM = 5
    DIGEST = 6
    REPORT_ID = 7
    FOUND_EPOCH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class HitReport:
    """A digest that a partner met in a release of a subset."""

    partner: str
    subset_id: bytes
    epoch: int
    version: int
    """Of the release that listed the digest."""
    digest: Digest
    report_id: bytes
    """16 random bytes of the partner's: the same report twice is one report."""
    found_epoch: int | None = None
    """The epoch, before `epoch`, in which the hit was found, when it had to be evaluated again; else None."""

    def __post_init__(self) -> None:
        if self.found_epoch is not None and self.found_epoch >= self.epoch:
            raise MalformedError("hit report: found in an epoch that is not an earlier one")

    def to_bytes(self) -> bytes:
        """Deterministic CBOR: the body that is authenticated."""
        fields: dict[int, CborValue] = {
            _Key.FORMAT: FORMAT,
            _Key.PARTNER: self.partner,
            _Key.SUBSET_ID: self.subset_id,
            _Key.EPOCH: self.epoch,
            _Key.VERSION: self.version,
            _Key.ALGORITHM: int(self.digest.algorithm),
            _Key.DIGEST: self.digest.value,
            _Key.REPORT_ID: self.report_id,
        }
        if self.found_epoch is not None:
            fields[_Key.FOUND_EPOCH] = self.found_epoch
        return encode_cbor(fields)

    @classmethod
    def from_bytes(cls, data: bytes) -> "HitReport":
        """Parse a body; raises `MalformedError`."""
        fields = Fields(data, name="hit report", max_bytes=MAX_HIT_REPORT_BYTES - MAC_BYTES)
        fields.number(_Key.FORMAT, minimum=FORMAT, maximum=FORMAT)
        report = cls(
            partner=fields.line(_Key.PARTNER, MAX_PARTNER_BYTES),
            subset_id=fields.octets(_Key.SUBSET_ID, SUBSET_ID_BYTES),
            epoch=fields.number(_Key.EPOCH, maximum=MAX_EPOCH),
            version=fields.number(_Key.VERSION, minimum=1, maximum=MAX_LOG_SIZE),
            digest=_digest(
                fields.number(_Key.ALGORITHM, maximum=255),
                fields.octets_within(_Key.DIGEST, MAX_DIGEST_BYTES),
            ),
            report_id=fields.octets(_Key.REPORT_ID, REPORT_ID_BYTES),
            found_epoch=fields.optional_number(_Key.FOUND_EPOCH, maximum=MAX_EPOCH),
        )
        fields.finish()
        return report

    def sha256(self) -> bytes:
        """SHA-256 of the body: what a receipt names. Whoever knows all other fields can test digests against it."""
        return sha256(self.to_bytes()).digest()


def _digest(algorithm: int, value: bytes) -> Digest:
    if algorithm not in _ALGORITHMS:
        raise MalformedError("hit report: unknown algorithm")
    return Digest(Algorithm(algorithm), value)


@dataclass(frozen=True, slots=True)
class SentReport:
    """A report as it is sent: the body and what authenticates it."""

    report: HitReport
    mac: bytes

    def to_bytes(self) -> bytes:
        """32 bytes of MAC, then the body."""
        return self.mac + self.report.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "SentReport":
        """Parse a request; what it says is not believed yet. Raises `MalformedError`."""
        if len(data) > MAX_HIT_REPORT_BYTES:
            raise TooLargeError(f"hit report: more than {MAX_HIT_REPORT_BYTES} bytes")
        if len(data) < MAC_BYTES:
            raise MalformedError("hit report: shorter than what authenticates it")
        return cls(HitReport.from_bytes(data[MAC_BYTES:]), data[:MAC_BYTES])


class Evaluated(NamedTuple):
    """A hash that met an answer: its report, and what tells later, without asking, whether it still meets one."""

    report: SentReport
    tag: bytes
    """The first 8 bytes of its PRF output (`protocol.subset.answers.tag`)."""


def authenticate(report: HitReport, output: bytes) -> SentReport:
    """The report under the 64-byte PRF output of its digest in its epoch."""
    return SentReport(report, _mac(report, output))


def require_evaluated(sent: SentReport, output: bytes, *, partner: str) -> HitReport:
    """The report of `partner`, if whoever made it knew the PRF output.

    Raises `UntrustedError`, which does not say why: another partner's report tells as little as a guess.
    """
    known = hmac.compare_digest(sent.mac, _mac(sent.report, output))
    if not known or sent.report.partner != partner:
        raise UntrustedError("the hit report does not verify")
    return sent.report


def _mac(report: HitReport, output: bytes) -> bytes:
    # HKDF-Expand (RFC 5869) of 32 bytes with SHA-512 is the head of its first block.
    key = hmac.digest(output, _KEY_INFO + b"\x01", "sha512")[:32]
    return hmac.digest(key, report.to_bytes(), "sha256")
