"""A hit report: a partner tells the node which digest it met, and proves that it had it evaluated.

The proof is a MAC under the digest's PRF output, which nobody has who did not ask for it: a guess tells nothing and
is paid for. The digest travels inside the report alone, never in an address. Spec: docs/spec/statement.md, "Report".
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, ClassVar, Final, NamedTuple

from protocol.cbor_map import CborMap, Field, line, number, octets, optional_number
from protocol.digest import Algorithm, Digest
from protocol.errors import MalformedError, TooLargeError, UntrustedError
from protocol.fields import Fields
from protocol.limits import MAX_DIGEST_BYTES, MAX_HIT_REPORT_BYTES, MAX_LOG_SIZE
from protocol.subset.identity import SUBSET_ID_BYTES
from protocol.subset.manifest import MAX_EPOCH

REPORT_ID_BYTES: Final = 16
MAC_BYTES: Final = 32
MAX_PARTNER_BYTES: Final = 64

_KEY_INFO: Final = b"SIGFED-V1 hit"
_ALGORITHMS: Final = frozenset(Algorithm) - {Algorithm.HIDDEN}


def _digest(fields: Fields) -> Digest:
    algorithm = fields.number(5, maximum=255)
    value = fields.octets_within(6, MAX_DIGEST_BYTES)
    if algorithm not in _ALGORITHMS:
        raise MalformedError("hit report: unknown algorithm")
    return Digest(Algorithm(algorithm), value)


_DIGEST: Final = Field(_digest, lambda digest: {5: int(digest.algorithm), 6: digest.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class HitReport(CborMap):
    """A digest that a partner met in a release of a subset."""

    name: ClassVar[str] = "hit report"
    max_bytes: ClassVar[int] = MAX_HIT_REPORT_BYTES - MAC_BYTES

    partner: Annotated[str, line(1, MAX_PARTNER_BYTES)]
    subset_id: Annotated[bytes, octets(2, SUBSET_ID_BYTES)]
    epoch: Annotated[int, number(3, MAX_EPOCH)]
    version: Annotated[int, number(4, MAX_LOG_SIZE, minimum=1)]
    """Of the release that listed the digest."""
    digest: Annotated[Digest, _DIGEST]
    report_id: Annotated[bytes, octets(7, REPORT_ID_BYTES)]
    """16 random bytes of the partner's: the same report twice is one report."""
    found_epoch: Annotated[int | None, optional_number(8, MAX_EPOCH)] = None
    """The epoch, before `epoch`, in which the hit was found, when it had to be evaluated again; else None."""

    def __post_init__(self) -> None:
        if self.found_epoch is not None and self.found_epoch >= self.epoch:
            raise MalformedError("hit report: found in an epoch that is not an earlier one")

    def sha256(self) -> bytes:
        """SHA-256 of the body: what a receipt names. Whoever knows all other fields can test digests against it."""
        return sha256(self.to_bytes()).digest()


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
            raise TooLargeError("hit report: more than {most} bytes", MAX_HIT_REPORT_BYTES)
        if len(data) < MAC_BYTES:
            raise MalformedError("hit report: shorter than what authenticates it")
        return cls(HitReport.from_bytes(data[MAC_BYTES:]), data[:MAC_BYTES])


class Evaluated(NamedTuple):
    """A hash that met an answer: its report, and what tells later, without asking, whether it still meets one."""

    report: SentReport
    tag: bytes
    """The first 8 bytes of its PRF output (`protocol.subset.label.tag`)."""


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
