"""The members' own trust files, as the partner's node passes them on.

The register says who is a member, and by which root. What a member says of itself, above all with which key it cosigns,
counts only when that root has signed it; so a node can hold a member's files back, and no more. What does not verify is
told and not used: whoever counts witnesses counts its member as one that is not heard, never as one that is not there.
One member's bad file stops no update by itself. Spec: docs/spec/trust.md, "Files of members".
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from keys.errors import KeysError
from keys.trust.follow import MAX_ROOTS_A_RUN
from keys.trust.members import Member
from keys.trust.node_document import NodeDocument, open_node_document
from keys.trust.tuf.root import TrustedRoot, open_roots
from node.errors import NotFoundError, PeerRefusedError, RateLimitedError
from node.hoster.folder import MemberFiles, PartnerFolder
from node.hoster.trust.node import Known
from protocol.api import TrustApi
from protocol.trustfork import TrustFork


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """The members' documents that verify, by node name; and what people should know, in words."""

    documents: Mapping[str, NodeDocument]
    changes: tuple[str, ...] = ()
    """What is new about members' witnesses."""
    warnings: tuple[str, ...] = ()
    """What was refused, or not to be had."""


class _RefusedError(Exception):
    """What the node passed on of a member is not used; the text says why."""


@dataclass(frozen=True, slots=True)
class _Read:
    """Files of a member whose signatures were checked."""

    root: TrustedRoot
    files: MemberFiles
    document: NodeDocument


def held_documents(folder: PartnerFolder, found: Known, now: datetime) -> Mapping[str, NodeDocument]:
    """The documents held of the register's members, the node's own among them, without asking anybody."""
    read = [(member.node, _held(folder, member)) for member in found.members.members]
    current = {node: one.document for node, one in read if one is not None and _is_current(one.root, now)}
    return {**current, found.document.node: found.document}


async def refresh_members(folder: PartnerFolder, found: Known, api: TrustApi, now: datetime) -> Relayed:
    """Fetch what is new of every member, keep what verifies, and say what changed."""
    changes: list[str] = []
    warnings: list[str] = []
    for member in found.members.members:
        if member.node == found.document.node:
            continue
        held = _held(folder, member)
        try:
            new = await _fetch(folder, member, held, api, now)
        except _RefusedError as exc:
            warnings.append(str(exc))
            continue
        if held is None or new.files != held.files:
            folder.keep_member(member.node, new.files)
        if held is not None:
            changes += _witness_changes(held.document, new.document)
        if not _is_current(new.root, now):
            warnings.append(f"the root of {member.node} has ended: it counts as a witness that is not heard")
    return Relayed(
        documents=held_documents(folder, found, now), changes=tuple(changes), warnings=tuple(warnings)
    )


def _held(folder: PartnerFolder, member: Member) -> _Read | None:
    """What is held of a member under the root that the register names now."""
    files = folder.member(member.node)
    if files is None:
        return None
    try:
        return _read(files, member)
    except KeysError:  # of an earlier root, or damaged
        return None


def _read(files: MemberFiles, member: Member) -> _Read:
    root = open_roots(files.roots, member.root_sha256)[-1]
    if root.node != member.node:
        raise _RefusedError(f"the register names the root of {root.node} for {member.node}")
    return _Read(root, files, open_node_document(files.document, root))


async def _fetch(
    folder: PartnerFolder, member: Member, held: _Read | None, api: TrustApi, now: datetime
) -> _Read:
    """The member's files as they are now; raises `_RefusedError`."""
    node = member.node
    try:
        document = await api.member_document(node, held=held.files.document if held else b"")
        if held is not None and document == held.files.document and _is_current(held.root, now):
            return held
        roots = held.files.roots if held else (await api.member_root(node),)
        roots = (*roots, *[data async for data in _later_roots(node, len(roots), api)])
    except (NotFoundError, PeerRefusedError, RateLimitedError) as exc:
        raise _RefusedError(f"the node does not pass on what {node} says of itself") from exc
    try:
        new = _read(MemberFiles(roots, document), member)
    except KeysError as exc:
        raise _RefusedError(f"what the node passed on of {node} is refused: {exc}") from exc
    if held is not None:
        _require_newer(folder, held, new)
    return new


async def _later_roots(node: str, version: int, api: TrustApi) -> AsyncIterator[bytes]:
    """Versions after `version`, one by one, until there is none; a newer document may be signed with their keys."""
    for later in range(version + 1, version + 1 + MAX_ROOTS_A_RUN):
        try:
            yield await api.member_root(node, version=later)
        except NotFoundError:
            return


def _is_vouched_for(document: bytes, root: TrustedRoot) -> bool:
    try:
        open_node_document(document, root)
    except KeysError:
        return False
    return True


def _require_newer(folder: PartnerFolder, held: _Read, new: _Read) -> None:
    node = held.document.node
    if not _is_vouched_for(held.files.document, new.root):
        return  # only keys that were replaced signed it: its number binds nobody
    if new.document.serial < held.document.serial:
        raise _RefusedError(f"the node passed on an older document of {node} than before: not used")
    if new.document.serial == held.document.serial and new.document != held.document:
        fork = TrustFork(node=node, what="node", one=held.files.document, other=new.files.document)
        kept = folder.keep_evidence(fork.to_bytes(), held.files)
        raise _RefusedError(
            f"{node} signed two documents under one number: the one held counts; the evidence is in {kept}"
        )


def _is_current(root: TrustedRoot, now: datetime) -> bool:
    try:
        root.check_current(now)
    except KeysError:
        return False
    return True


def _witness_changes(old: NodeDocument, new: NodeDocument) -> list[str]:
    """What changed about a member as a witness, in words."""
    before, after = old.witness, new.witness
    if before is None or after is None:
        if before is after:
            return []
        return [f"{new.node} {'cosigns from now on' if after else 'no longer cosigns'}"]
    if {vkey.vkey for vkey in after.vkeys} - {vkey.vkey for vkey in before.vkeys}:
        return [f"{new.node} has a new witness key"]
    if before != after:
        return [f"{new.node} changed what it says of its witness key"]
    return []
