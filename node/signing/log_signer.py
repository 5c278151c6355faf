"""The signer of a node's own logs: it appends, it cannot fork or go back.

It keeps the compact range of every log it signs in a private state file of its own. It is given leaf hashes,
extends that range and computes the root itself, so whoever asks (even a process that was taken over) can make it
sign a continuation of what it signed before, and nothing else. The state is durable before a note leaves, and one
process at a time reads and replaces it: two that signed at once would sign two histories of one size.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from keys.signer import Signer
from node.errors import ConflictError
from node.signing.state_file import LogStates, State, damaged
from protocol.errors import MalformedError, ProofError
from protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from protocol.tlog.merkle import CompactRange, verify_consistency
from protocol.tlog.note import Note

KeysOf = Callable[[str], Sequence[Signer]]
"""The log keys that sign an origin now: one, or two while a roll overlaps."""


@dataclass(frozen=True, slots=True)
class _State:
    before: CompactRange
    """Where the last signed batch began, as a range: what the batch is repeated from."""
    range: CompactRange
    start: int
    """Where the last signed batch began, so that the same batch can be signed again after a crash."""
    note: bytes


class FolderLogSigner:
    """Signs heads of the node's own logs; one state file a log in `folder`."""

    def __init__(self, folder: Path, keys_of: KeysOf) -> None:
        self.states = LogStates(folder)
        self._keys_of = keys_of

    def sign(self, origin: str, *, start: int, leaf_hashes: Sequence[bytes]) -> bytes:
        """Append `leaf_hashes` at `start` and sign the resulting head.

        Asking again for the batch that was signed last returns its note: that is how a publication that was cut
        off between signature and commit is finished.

        Raises:
            ConflictError: `start` is not where this signer stands, or the repeated batch differs.
            StoreError: the state is damaged.
        """
        with self.states.alone(origin):
            self._require_kept(origin)
            return self._sign(origin, start, leaf_hashes)

    def _require_kept(self, origin: str) -> None:
        if (lost := self.states.lost_at(origin)) is not None:
            raise ConflictError(
                "{origin} was signed up to size {lost}, and what that was is lost; it is never signed again",
                origin,
                f"{lost:,}",
                hint="go on in another: sigfed list create NAME --continues LIST, sigfed subset create NAME",
            )

    def _sign(self, origin: str, start: int, leaf_hashes: Sequence[bytes]) -> bytes:
        state = self._load(origin)
        if start == state.range.size and not leaf_hashes and state.note:
            return state.note
        if start == state.range.size:
            return self._extend(origin, state, leaf_hashes)
        if start + len(leaf_hashes) == state.range.size:
            return self._again(origin, state, start, leaf_hashes)
        raise ConflictError(
            "{origin}: the signer stands at size {size}, the request starts at {start}",
            origin,
            state.range.size,
            start,
            hint="the store is older than the signer; restore it from peers before publishing",
        )

    def renew(self, origin: str) -> bytes:
        """Sign the last head once more, under the keys that sign now; empty when none was signed.

        After a key was taken back nobody believes a head that it alone signed, and a list may not grow for weeks.
        """
        with self.states.alone(origin):
            self._require_kept(origin)
            state = self._load(origin)
            if not state.note:
                return b""
            note = sign_checkpoint(
                Checkpoint(origin, state.range.size, state.range.root()), self._keys_of(origin)
            )
            self._save(origin, before=state.before, start=state.start, grown=state.range, note=note)
            return note

    def resume(self, origin: str, *, frontier: bytes, proof: Sequence[bytes], note: bytes) -> None:
        """Go on from a head that this node signed and others kept, after its own state was lost or put back.

        `proof` leads from where this signer stands to that head (RFC 9162 section 2.1.4.2), and is empty where nothing
        was signed yet.

        Raises:
            ConflictError: this signer stands further, or at another history, or gave the log up beyond that head.
        """
        tree = CompactRange.from_bytes(frontier)
        with self.states.alone(origin):
            state = self._load(origin)
            if (self.states.lost_at(origin) or 0) > tree.size:
                self._require_kept(origin)
            if tree.size == state.range.size and tree.root() == state.range.root():
                return
            if not _continues(state.range, tree, proof):
                raise ConflictError(
                    "{origin}: the signer signed another history, or more of this one", origin
                )
            self._save(origin, before=tree, start=tree.size, grown=tree, note=note)

    def contradicts(self, origin: str, head: Checkpoint, *, root: bytes, proof: Sequence[bytes]) -> bool:
        """Whether a head is of another history than the one that was signed here.

        `root` is said to be what the log signed here had at the size of `head`; `proof` leads from there to where this
        signer stands, and is empty at that size itself. Raises `ProofError` where it does not.
        """
        held = self._load(origin).range
        if not 0 < head.size <= held.size:
            return False
        verify_consistency(
            old_size=head.size, old_root=root, new_size=held.size, new_root=held.root(), proof=proof
        )
        return head.root != root

    def give_up(self, origin: str, *, size: int) -> None:
        """Sign nothing of this log any more: up to `size` it was signed, and what that was is lost."""
        with self.states.alone(origin):
            self.states.write(origin, {**(self.states.read(origin) or {}), "lost_at": size})

    def ls(self) -> Sequence[tuple[str, int]]:
        """Every log and how many leaves of it were signed; raises `StoreError` for one that contradicts its note."""
        return [self.check(path) for path in self.states.paths()]

    def check(self, path: Path) -> tuple[str, int]:
        """What one of these files says, if it is whole; raises `StoreError`."""
        origin = self.states.origin_of(path)
        state = self._load(origin)
        head = Checkpoint(origin, state.range.size, state.range.root())
        if state.note and Note.parse(state.note).text != head.text():
            raise damaged(path.name)
        return origin, state.range.size

    def size(self, origin: str) -> int:
        """How many leaves of `origin` this signer has signed."""
        return self._load(origin).range.size

    def _extend(self, origin: str, state: _State, leaf_hashes: Sequence[bytes]) -> bytes:
        grown = state.range.copy()
        grown.extend(leaf_hashes)
        note = sign_checkpoint(Checkpoint(origin, grown.size, grown.root()), self._keys_of(origin))
        self._save(origin, before=state.range, start=state.range.size, grown=grown, note=note)
        return note

    def _again(self, origin: str, state: _State, start: int, leaf_hashes: Sequence[bytes]) -> bytes:
        before = state.before.copy()
        if start != state.start or before.size != start:
            raise ConflictError("{origin}: only the last signed batch can be signed again", origin)
        before.extend(leaf_hashes)
        # Another batch of the same length would be a second history of one size: a fork.
        if before.root() != state.range.root():
            raise ConflictError("{origin}: the signer signed other entries at this size", origin)
        return state.note

    def _load(self, origin: str) -> _State:
        fields = self.states.read(origin)
        if fields is None or ("lost_at" in fields and "range" not in fields):
            return _State(before=CompactRange(), range=CompactRange(), start=0, note=b"")
        try:
            return _State(
                before=CompactRange.from_bytes(b64decode(str(fields["before"]))),
                range=CompactRange.from_bytes(b64decode(str(fields["range"]))),
                start=int(fields["start"]),
                note=b64decode(str(fields["note"])),
            )
        except (MalformedError, ValueError, KeyError) as exc:
            raise damaged(origin) from exc

    def _save(
        self, origin: str, *, before: CompactRange, start: int, grown: CompactRange, note: bytes
    ) -> None:
        fields: State = {
            "before": b64encode(before.to_bytes()).decode(),
            "start": start,
            "range": b64encode(grown.to_bytes()).decode(),
            "note": b64encode(note).decode(),
        }
        self.states.write(origin, fields)


def _continues(held: CompactRange, tree: CompactRange, proof: Sequence[bytes]) -> bool:
    """Whether a tree is the one that is held, grown; everything follows the empty one."""
    if not held.size:
        return tree.size > 0 and not proof
    try:
        verify_consistency(
            old_size=held.size, old_root=held.root(), new_size=tree.size, new_root=tree.root(), proof=proof
        )
    except ProofError:
        return False
    return True
