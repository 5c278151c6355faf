"""The signer as a witness: it cosigns the same head again, or one that contains what it cosigned last, and no other.

It keeps the last head of each log in a private state file of its own and dates cosignatures by its own clock: whoever
asks can neither make it cosign an older head, nor a second one of a size, nor have one dated ahead so that it seems
fresh for years. Whether the log signed the head is the asker's to verify: under a head that its log did not sign a
cosignature is worth nothing to anybody.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path

from keys.signer import Signer
from node.errors import ConflictError
from node.signing.process.frames import refused
from node.signing.state_file import LogStates, State, damaged
from node.store.peers.records import WitnessRecord
from protocol.tlog.cosignature import cosign
from protocol.witness.cosign import AddCheckpoint, Refuse, Witnessed, judge_growth


class FolderWitness:
    """Cosigns for one witness; one state file a log in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.states = LogStates(folder)

    def cosign(
        self, request: AddCheckpoint, *, name: str, signers: Sequence[Signer], now_s: int
    ) -> WitnessRecord:
        """The head of the request, cosigned as the witness `name` by each of `signers`.

        Raises:
            ConflictError: it does not follow the head that was cosigned last.
            SignerRefusedError: it never can.
        """
        origin = request.claim.origin
        with self.states.alone(origin):
            held = self.standing(origin)
            judged = judge_growth(request, held=held.head if held else None, now_s=now_s)
            if isinstance(judged, Refuse) and judged.size is not None:
                raise ConflictError("{origin}: the signer cosigned size {size} last", origin, judged.size)
            if isinstance(judged, Refuse):
                raise refused(f"this head of {origin}: {judged.reason}")
            lines = [cosign(request.note.text, name, signer, judged.time_s).to_line() for signer in signers]
            record = WitnessRecord(origin=origin, head=judged, cosignature="".join(lines).encode())
            self.adopt(record)
            return record

    def standing(self, origin: str) -> WitnessRecord | None:
        """What was cosigned last of a log; raises `StoreError` when that cannot be read."""
        fields = self.states.read(origin)
        return None if fields is None else _record(origin, fields)

    def ls(self) -> Sequence[WitnessRecord]:
        """What was cosigned last of every log; raises `StoreError` when some of it cannot be read."""
        return [self.check(path) for path in self.states.paths()]

    def check(self, path: Path) -> WitnessRecord:
        """What one of these files says, if it is whole; raises `StoreError`."""
        origin = self.states.origin_of(path)
        return _record(origin, self.states.read(origin) or {})

    def adopt(self, record: WitnessRecord) -> None:
        """Begin where another keeper of this witness's state stands: when the keys move here, and never after."""
        self.states.write(record.origin, _fields(record))


def _fields(record: WitnessRecord) -> State:
    head = record.head
    return {
        "size": head.size,
        "root": b64encode(head.root).decode(),
        "time_s": head.time_s,
        "note": b64encode(head.note).decode(),
        "cosignature": b64encode(record.cosignature).decode(),
    }


def _record(origin: str, fields: State) -> WitnessRecord:
    try:
        head = Witnessed(
            size=int(fields["size"]),
            root=b64decode(str(fields["root"]), validate=True),
            time_s=int(fields["time_s"]),
            note=b64decode(str(fields["note"]), validate=True),
        )
        line = b64decode(str(fields["cosignature"]), validate=True)
    except (ValueError, KeyError):
        raise damaged(origin) from None
    return WitnessRecord(origin=origin, head=head, cosignature=line)
