"""What a partner proposed: one sealed private file each, durable before anything is sent.

A file holds the proposal as it is, or will be, sent, the names of the files, which never leave this machine, the node's
receipt, and what the node last said. It is sealed with a key that lies beside the folder, as hits are: a copy of the
folder alone tells nobody a hash.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.message import Message
from node.clock import Entropy, system_entropy
from node.errors import AlreadyExistsError, NotFoundError, StoreError, UsageError
from node.files import (
    create_key,
    make_private_folder,
    read_private,
    replace_private,
    sync_folder,
    verify_sealed,
)
from node.home import Home
from node.hoster.state import PartnerFolder
from node.store.vault import KEY_BYTES, seal, unseal
from protocol.encoding import b64, unb64
from protocol.errors import ProtocolError
from protocol.statement.proposal import Proposal, ProposedFile
from protocol.statement.proposal_state import FileState, ProposalState

MIN_ID_CHARS: Final = 4
_MAX_BYTES: Final = 4 * 2**20
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProposal:
    """One proposal, and what is known of it."""

    KIND: ClassVar[str] = Message("proposal")
    proposal: Proposal = field(repr=False)
    names: tuple[str, ...]
    """Of the files or rows, in the proposal's order."""
    made_ms: int
    receipt: bytes = field(default=b"", repr=False)
    """The node's statement; empty: not sent yet."""
    refused: str = ""
    """Why the node does not take it, in words; empty: it was not refused."""
    state: ProposalState | None = None
    """What the node last said of it."""

    @property
    def id(self) -> str:
        """Its id in hexadecimal digits."""
        return self.proposal.proposal_id.hex()

    @property
    def waiting(self) -> bool:
        """Whether it is still to be sent."""
        return not self.receipt and not self.refused

    @property
    def decided(self) -> bool:
        """Whether the node said that nothing of it waits any more."""
        return self.state is not None and all(
            each.state is not FileState.WAITING for each in self.state.files
        )

    @property
    def word(self) -> str:
        """In one word: waiting (to be sent), refused (by the node, as it is), sent, or decided."""
        if self.refused:
            return "refused"
        if not self.receipt:
            return "waiting"
        return "decided" if self.decided else "sent"


class ProposalFolder:
    """The proposals of one enrolment, in a folder of their own."""

    def __init__(self, folder: Path, *, entropy: Entropy = system_entropy) -> None:
        self._folder = folder
        self._key = folder.with_name(f"{folder.name}.key")
        self._entropy = entropy

    def save(self, kept: OwnProposal) -> None:
        """Write a proposal in place of what was kept of it."""
        make_private_folder(self._folder)
        fields = {
            "v": _FORMAT,
            "body": b64(kept.proposal.to_bytes()),
            "names": list(kept.names),
            "made_ms": kept.made_ms,
            "receipt": b64(kept.receipt),
            "refused": kept.refused,
            "state": b64(kept.state.to_bytes()) if kept.state else "",
        }
        sealed = seal(self._cipher(), kept.id, json.dumps(fields).encode(), self._entropy)
        replace_private(self._folder / f"{kept.id}.sealed", sealed)

    def ls(self) -> list[OwnProposal]:
        """All proposals, oldest first; raises `StoreError` for a damaged file."""
        kept = [self._read(path) for path in self._folder.glob("[0-9a-f]*.sealed")]
        return sorted(kept, key=lambda each: (each.made_ms, each.id))

    def verify(self) -> Iterator[tuple[str, str]]:
        """Every file that is kept, opened: its name, and what is wrong with it, or nothing."""
        return verify_sealed(self._folder.glob("[0-9a-f]*.sealed"), self._read, key=self._key)

    def get(self, text: str) -> OwnProposal:
        """The one proposal whose id begins with these digits; raises `NotFoundError` or `UsageError`."""
        digits = text.lower().replace("-", "")
        if len(digits) < MIN_ID_CHARS:
            raise UsageError("an id is given by {least} or more of its digits", MIN_ID_CHARS)
        found = [path for path in self._folder.glob("[0-9a-f]*.sealed") if path.stem.startswith(digits)]
        if len(found) > 1:
            raise UsageError("{count} ids begin with that", len(found), hint="give more digits")
        if not found:
            raise NotFoundError("there is no such proposal here", hint="see them with: sigfed proposal ls")
        return self._read(found[0])

    def forget(self, kept: OwnProposal) -> None:
        """Remove one that the node does not have."""
        (self._folder / f"{kept.id}.sealed").unlink(missing_ok=True)
        sync_folder(self._folder)

    def proposed(self) -> frozenset[ProposedFile]:
        """Files that need not be proposed again: those of proposals that the node did not refuse."""
        return frozenset(file for kept in self.ls() if not kept.refused for file in _standing(kept))

    def _read(self, path: Path) -> OwnProposal:
        try:
            sealed = read_private(path, max_bytes=_MAX_BYTES)
            fields = json.loads(unseal(self._cipher(), path.stem, sealed))
            return OwnProposal(
                proposal=Proposal.from_bytes(unb64(fields["body"])),
                names=tuple(map(str, fields["names"])),
                made_ms=int(fields["made_ms"]),
                receipt=unb64(fields["receipt"]),
                refused=str(fields["refused"]),
                state=ProposalState.from_bytes(unb64(fields["state"])) if fields["state"] else None,
            )
        except (ValueError, KeyError, TypeError, ProtocolError, StoreError) as exc:
            raise StoreError(
                "{path} is damaged", path, hint="restore it from a backup, or propose the files again"
            ) from exc

    def _cipher(self) -> AESGCM:
        """The key of the folder, made with its first proposal."""
        if not self._key.exists():
            with suppress(AlreadyExistsError):  # another command made it at the same moment
                create_key(self._key, self._entropy(KEY_BYTES))
        return AESGCM(read_private(self._key))


def _standing(kept: OwnProposal) -> list[ProposedFile]:
    """Its files, but for those that the partner took back."""
    if kept.state is None:
        return list(kept.proposal.files)
    pairs = zip(kept.proposal.files, kept.state.files, strict=True)
    return [file for file, said in pairs if said.state is not FileState.WITHDRAWN]


def proposal_folder(home: Home) -> ProposalFolder:
    """The proposals of the partner in `home`."""
    return ProposalFolder(home.partner / "proposals")


def proposals(home: Home) -> list[OwnProposal]:
    """All proposals, oldest first; raises `NotInitialisedError`."""
    PartnerFolder(home.partner).load()
    return proposal_folder(home).ls()
