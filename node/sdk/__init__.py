"""sigfed inside a program: `Client` and `AsyncClient` with the same methods, and `scan_partition` for many machines.

The page docs/reference/sdk.md shows each of them; its examples are run by tests.
"""

from node.errors import (
    GoneError,
    ListTooOldError,
    NodeError,
    NotFoundError,
    NotInitialisedError,
    OverQuotaError,
    PeerUnreachableError,
    UsageError,
    VerificationError,
)
from node.hashing.plan import HashPlan
from node.ports.verdicts import Outcome
from node.sdk.async_client import AsyncClient
from node.sdk.client import Client
from node.sdk.partition import Row, scan_partition
from node.sdk.results import (
    DisclosedResult,
    FileResult,
    HitResult,
    ReportResult,
    StatusResult,
    ToldResult,
    UpdateResult,
)
from node.sdk.screen import Screen

__all__ = [
    "AsyncClient",
    "Client",
    "DisclosedResult",
    "FileResult",
    "GoneError",
    "HashPlan",
    "HitResult",
    "ListTooOldError",
    "NodeError",
    "NotFoundError",
    "NotInitialisedError",
    "Outcome",
    "OverQuotaError",
    "PeerUnreachableError",
    "ReportResult",
    "Row",
    "Screen",
    "StatusResult",
    "ToldResult",
    "UpdateResult",
    "UsageError",
    "VerificationError",
    "scan_partition",
]
