"""Proposals of trust files that wait in the node's home until their holders have signed them.

Each is a file that commands read as well (`sigfed key changes FILE`). What comes back from a holder replaces it only if
it is the same proposal with more signatures: nobody can put another one in the place of what was read and agreed.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Final

from keys.errors import KeysError, MalformedTrustError
from keys.trust.proposals.proposal import Proposal, from_json
from keys.trust.proposals.sign import OpenedProposal, open_proposal
from node.errors import (
    AlreadyExistsError,
    ConflictError,
    InputRefusedError,
    NodeError,
    NotFoundError,
    UsageError,
)
from node.files import create_private, locked, make_private_folder, remove_private
from node.home import Home
from node.identity.identity import Identity, open_identity
from node.identity.key_holders import ProposalFile, read_proposal
from node.journal import Journal

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")
_SUFFIX: Final = ".proposal"
_GIVEN: Final = ".given"
"""Of an empty file that stays: the name is not given again."""
_LOCK_NAME: Final = "proposals.lock"
_journal = Journal("proposals")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposal in the home that is not in force yet."""

    name: str
    path: Path
    opened: OpenedProposal


def folder_of(home: Home) -> Path:
    """The folder in which the proposals of a home wait."""
    return home.folder / "proposals"


def path_of(home: Home, name: str) -> Path:
    """The file of the proposal `name`; raises `UsageError` for what is no name of one."""
    if not _NAME.fullmatch(name):
        raise UsageError("this is no name of a proposal")
    return folder_of(home) / f"{name}{_SUFFIX}"


def ls(home: Home) -> Sequence[Waiting]:
    """All of them, by name; a file that cannot be read is told to the journal and left out."""
    found = []
    for name in names(home):
        try:
            found.append(get(home, name))
        except (NodeError, KeysError) as exc:
            _journal.warning("unreadable", file=f"{name}{_SUFFIX}", error=type(exc).__name__)
    return found


def names(home: Home) -> Sequence[str]:
    """What they are called, sorted; none is opened."""
    found = (path.name.removesuffix(_SUFFIX) for path in folder_of(home).glob(f"*{_SUFFIX}"))
    return sorted(filter(_NAME.fullmatch, found))


def get(home: Home, name: str) -> Waiting:
    """One of them; raises `NotFoundError`, or `InputRefusedError` for a file that was damaged."""
    path = path_of(home, name)
    return Waiting(name, path, open_proposal(read_proposal(path)))


def begin(identity: Identity, wanted: str) -> tuple[str, Identity]:
    """The node as it proposes instead of signing, into a new file whose name begins with `wanted`.

    A name is given once: neither another person at this moment nor an older page means another proposal by it.
    """
    folder = folder_of(identity.home)
    make_private_folder(folder)
    base = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-") or "change"
    name = next(name for number in count(1) if _is_new(folder, name := f"{base[:60]}-{number}"))
    proposing = open_identity(
        identity.home, clock=identity.clock, entropy=identity.entropy, proposal=path_of(identity.home, name)
    )
    return name, replace(proposing, actor=identity.actor)


def _is_new(folder: Path, name: str) -> bool:
    """Whether nobody had the name before; nobody has it afterwards."""
    if (folder / f"{name}{_SUFFIX}").exists():  # begun by an earlier version
        return False
    with suppress(AlreadyExistsError):
        create_private(folder / f"{name}{_GIVEN}", b"")
        return True
    return False


def take_back(home: Home, name: str, text: str) -> Waiting:
    """Keep what a holder signed in place of what waits.

    Raises:
        InputRefusedError: it is no proposal.
        ConflictError: it is another proposal than the one that waits here.
    """
    try:
        came = from_json(text.strip("\r\n").encode())
        opened = open_proposal(came)
    except MalformedTrustError as exc:
        raise InputRefusedError(
            "this is no proposal: {reason}", exc, hint="choose the file that the holder gave back"
        ) from exc
    with locked(folder_of(home) / _LOCK_NAME):
        here = get(home, name)
        if _unsigned(came) != _unsigned(here.opened.proposal):
            raise ConflictError(
                "this is another proposal than the one that waits here", hint="choose the one of this name"
            )
        if not _holds(came, here.opened.proposal):
            raise ConflictError(
                "somebody else's signature came back meanwhile, and this file does not have it",
                hint="take the file from here once more and have this holder sign that",
            )
        ProposalFile(here.path).write(came)
    return replace(here, opened=opened)


def discard(home: Home, name: str) -> None:
    """Forget one, signed or not; raises `NotFoundError`."""
    path = path_of(home, name)
    with locked(folder_of(home) / _LOCK_NAME):
        if not path.exists():
            raise NotFoundError("there is no such proposal")
        remove_private(path)


def _unsigned(proposal: Proposal) -> Proposal:
    return replace(proposal, signatures={})


def _holds(came: Proposal, waiting: Proposal) -> bool:
    """Whether every signature that is here came back too: what is listed was listed with them."""
    return all(
        came.signatures.get(of, {}).get(key) == signature
        for of, signed in waiting.signatures.items()
        for key, signature in signed.items()
    )
