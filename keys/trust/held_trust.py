"""What a reader keeps of another node's trust from one visit to the next, and how long it may go by that.

Files are kept as they came and verified again when they are read. How newer ones replace them is `follow`'s matter;
where they lie is the node's. Spec: docs/spec/trust.md, "Following".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, takewhile
from typing import Final, Self, TypeVar

from keys.errors import MalformedTrustError, NotCurrentError, ThresholdError
from keys.trust.fingerprint import fingerprint
from keys.trust.members import Members, open_members
from keys.trust.node_document import NodeDocument, open_node_document
from keys.trust.tuf.root import TrustedRoot, open_roots
from keys.trust.tuf.target_files import MEMBERS_FILE, NODE_FILE, is_target_name

KEYS_COUNT: Final = timedelta(days=7)
"""How long keys count after the node last confirmed them, whatever their own windows say."""
_SKEW: Final = timedelta(minutes=5)

_METADATA: Final = ("timestamp", "snapshot", "targets")

ReadT = TypeVar("ReadT")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTrust:
    """Trust files of one node as they were received: its roots from the first on, metadata, target files by name."""

    roots: tuple[bytes, ...]
    timestamp: bytes = b""
    snapshot: bytes = b""
    targets: bytes = b""
    """Empty: none is held."""
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def pin(self) -> bytes:
        """SHA-256 of the first root, which was compared when it was first taken, 32 bytes."""
        return fingerprint(self.roots[0])

    @property
    def node_document(self) -> bytes:
        """The signed envelope of the node document; empty when there is none."""
        return self.files.get(NODE_FILE, b"")

    @property
    def members(self) -> bytes:
        """The signed envelope of the members register; empty when there is none."""
        return self.files.get(MEMBERS_FILE, b"")

    def to_files(self) -> dict[str, bytes]:
        """All of it by file name: `N.root.json`, `timestamp.json`, `snapshot.json`, `targets.json`, target files."""
        named = {f"{version}.root.json": data for version, data in enumerate(self.roots, 1)}
        metadata = {f"{role}.json": getattr(self, role) for role in _METADATA if getattr(self, role)}
        return {**named, **metadata, **self.files}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """What `to_files` gave; raises `MalformedTrustError` when there is no first root."""
        names = takewhile(files.__contains__, (f"{version}.root.json" for version in count(1)))
        roots = tuple(files[name] for name in names)
        if not roots:
            raise MalformedTrustError("trust files without a first root")
        metadata = {role: files.get(f"{role}.json", b"") for role in _METADATA}
        targets = {name: data for name, data in files.items() if is_target_name(name)}
        return cls(roots=roots, files=targets, **metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedTrust:
    """The same, verified. Whether root and document are current is for the reader to judge."""

    roots: tuple[TrustedRoot, ...]
    document: NodeDocument
    members: Members | None

    @property
    def root(self) -> TrustedRoot:
        """The newest root."""
        return self.roots[-1]

    def check_current(self, now: datetime) -> None:
        """Returns if root and node document count at `now`, else raises `NotCurrentError`."""
        self.root.check_current(now)
        self.document.valid.require(now, f"the node document of {self.document.node}")


def open_held(held: HeldTrust) -> OpenedTrust:
    """What is held, its signatures checked again; raises as `open_roots`, `open_node_document` and `open_members` do.

    A root may be newer than the files, when these could not be fetched with it: they count under the root of their day.
    """
    roots = open_roots(held.roots, held.pin)
    return OpenedTrust(
        roots=roots,
        document=under_newest(roots, lambda root: open_node_document(held.node_document, root)),
        members=under_newest(roots, lambda root: open_members(held.members, root)) if held.members else None,
    )


def under_newest(roots: Sequence[TrustedRoot], read: Callable[[TrustedRoot], ReadT]) -> ReadT:
    """What `read` gives under the newest root whose keys signed it; raises what it raises under the newest.

    Only for what was verified when it was taken, or what is named by its hash: keys that were replaced count here.
    """
    for root in reversed(roots):
        try:
            return read(root)
        except ThresholdError:
            continue
    return read(roots[-1])


def require_confirmed(node: str, confirmed: datetime, now: datetime) -> None:
    """Returns if `node` confirmed its keys within seven days before `now`, else raises `NotCurrentError`.

    A time ahead of `now` confirms nothing: a clock that was ahead must not make keys count for months.
    """
    if not confirmed - _SKEW <= now < confirmed + KEYS_COUNT:
        raise NotCurrentError(
            "the keys of {node} were last confirmed on {confirmed}, and count for {days} days",
            node,
            f"{confirmed:%Y-%m-%d}",
            KEYS_COUNT.days,
        )
