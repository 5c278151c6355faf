"""What a follower brings to a pull: what it holds of the log, and whom it believes about it.

Both are trusted: they come from the follower's own store and from the peer's verified node document. A value that
contradicts itself is therefore a mistake of the caller, not of the peer.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from protocol.limits import BUNDLE_WIDTH
from protocol.tlog.checkpoint import Checkpoint, SignedCheckpoint
from protocol.tlog.cosignature import verify_cosignatures
from protocol.tlog.merkle import CompactRange
from protocol.tlog.note import Note, NoteSignature, VerifierKey
from protocol.tlog.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How far a log is held: its newest accepted note, and what is needed to go on from there."""

    note: bytes | None = None
    """None before the first pull."""
    frontier: bytes = CompactRange().to_bytes()
    """`CompactRange.to_bytes()` at the size of the note."""
    tail: tuple[bytes, ...] = ()
    """The events (56 bytes each) of the last bundle, when it is not full."""

    def head(self) -> SignedCheckpoint | None:
        """The accepted checkpoint. Its signatures were verified when it was accepted; their keys may be gone."""
        if self.note is None:
            return None
        return SignedCheckpoint(Checkpoint.from_text(Note.parse(self.note).text), self.note, (), ())

    def tree(self) -> CompactRange:
        """The compact range to extend."""
        tree = CompactRange.from_bytes(self.frontier)
        assert len(self.tail) == tree.size % BUNDLE_WIDTH, "the events of the last, partial bundle"
        return tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessing:
    """Which cosignatures a checkpoint needs, and how old they may be."""

    policy: Policy
    max_age: timedelta
    own: tuple[NoteSignature, ...] = ()
    """Cosignatures of the follower's own witness on the head that is offered; verified like those that came with it."""

    def heard(self, offered: SignedCheckpoint, now: datetime) -> SignedCheckpoint:
        """The offered head with the follower's own cosignatures, which take the place of older ones by their keys.

        They were made just now. Where `now` is in the past, as for heads that came over an air gap, they are no
        younger than it.
        """
        text, latest = offered.checkpoint.text(), int(now.timestamp())
        own = tuple(
            replace(one, time_s=min(one.time_s, latest))
            for one in verify_cosignatures(Note(text, self.own), self.policy.witness_keys)
        )
        mine = {cosignature.witness for cosignature in own}
        others = (one for one in offered.cosignatures if one.witness not in mine)
        return replace(offered, cosignatures=(*others, *own))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTrust:
    """Whom to believe about a log, as the peer's node document says now."""

    origin: str
    log_keys: tuple[VerifierKey, ...]
    """Keys valid now; none when all are revoked or expired."""
    witnessing: Witnessing | None = None
    """None: this follower asks for no witnesses."""
    final: Checkpoint | None = None
    """Head of a closed log: nothing may come after it."""
