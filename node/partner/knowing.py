"""Whom a partner believes: the node's trust files, followed from the root it pinned when it enrolled."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from keys.errors import KeysError
from keys.trust.fingerprint import fingerprint
from keys.trust.members import Members, open_members
from keys.trust.node_document import NodeDocument, open_node_document
from keys.trust.node_parts import EpochInfo
from keys.trust.revocations import Revocations, file_name, none_revoked, open_revocations
from keys.trust.root import TrustedRoot, open_root
from keys.trust.window import valid_at
from node.errors import NotFoundError, VerificationError
from node.partner.state import Enrolment
from protocol.api import TrustApi
from protocol.tlog.note import VerifierKey

_ASK: Final = "what is held stays in force; ask the agency by telephone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The node's documents, verified."""

    root: TrustedRoot
    document: NodeDocument
    """Without the keys that the node took back."""
    members: Members
    revocations: Revocations

    @property
    def pins(self) -> frozenset[bytes]:
        """SPKI hashes of the TLS keys it may serve with."""
        return self.document.pins

    def log_keys(self, origin: str, now: datetime) -> tuple[VerifierKey, ...]:
        """Keys that may sign the log `origin` now."""
        vkeys = [vkey for log in self.document.logs if log.origin == origin for vkey in log.vkeys]
        return tuple(VerifierKey.from_text(dated.vkey) for dated in valid_at(vkeys, now))

    def all_log_keys(self, origin: str) -> tuple[VerifierKey, ...]:
        """Every key of the log `origin` that the document names: what signed a checkpoint that is held."""
        return tuple(
            VerifierKey.from_text(dated.vkey)
            for log in self.document.logs
            if log.origin == origin
            for dated in log.vkeys
        )

    def epoch(self, subset: str, number: int) -> EpochInfo:
        """The key that the node document names for an epoch of a subset, and when it answers.

        Raises:
            VerificationError: it names none.
        """
        try:
            return self.epochs[subset, number]
        except KeyError:
            raise VerificationError(
                f"the node document names no key for epoch {number} of {subset}"
            ) from None

    @property
    def epochs(self) -> Mapping[tuple[str, int], EpochInfo]:
        """All epochs that the node document names, by subset and number."""
        return {(info.name, each.epoch): each for info in self.document.subsets for each in info.epochs}

    def country_of(self, origin: str) -> str:
        """Country (or, for a body of no country, name) of the member whose list `origin` is."""
        node = origin.partition("/")[0]
        for member in self.members.members:
            if member.node == node:
                return member.country or node
        return node


def known(enrolment: Enrolment) -> Known:
    """The documents that are stored; their signatures are checked again."""
    root = open_root(enrolment.root, fingerprint(enrolment.root))
    revoked = enrolment.revoked
    revocations = open_revocations(revoked, root) if revoked else none_revoked(root.node)
    return Known(
        root=root,
        document=revocations.signing(open_node_document(enrolment.node_document, root)),
        members=open_members(enrolment.members, root),
        revocations=revocations,
    )


async def refresh(enrolment: Enrolment, api: TrustApi, now: datetime) -> Enrolment:
    """The enrolment with the newest trust files of the node.

    Raises:
        VerificationError: they are not signed by the pinned root, out of date, older than those held, or name another
            key for an epoch than before.
    """
    node_document = await api.node_document(held=enrolment.node_document)
    members = await api.members(held=enrolment.members)
    offered = replace(enrolment, node_document=node_document, members=members)
    try:
        held, found = known(enrolment), known(offered)
        found.root.check_current(now)
        found.document.valid.require(now, f"the node document of {found.document.node}")
    except KeysError as exc:
        raise VerificationError(f"trust files of the node: {exc}") from exc
    if found.document.serial < held.document.serial or found.members.version < held.members.version:
        raise VerificationError("the node serves older trust files than before: somebody replays them")
    if (found.document.serial == held.document.serial and found.document != held.document) or (
        found.members.version == held.members.version and found.members != held.members
    ):
        raise VerificationError("the node signed two different trust files under one number")
    _require_same_epochs(held, found)
    return await _with_revocations(replace(offered, serial=found.document.serial), held, api)


def _require_same_epochs(held: Known, found: Known) -> None:
    """A node that changed a key in between could tell apart who updated before from who updated after."""
    for (subset, number), info in held.epochs.items():
        if found.epochs.get((subset, number), info).pk != info.pk:
            raise VerificationError(f"the node names another key for epoch {number} of {subset} than before")


async def _with_revocations(enrolment: Enrolment, held: Known, api: TrustApi) -> Enrolment:
    """The enrolment with the revocations that its node document names; those held are never forgotten."""
    named = open_node_document(enrolment.node_document, held.root).revoked_sha256
    if named is None or (enrolment.revoked and file_name(enrolment.revoked) == named):
        return enrolment
    try:
        data = await api.revoked(named)
    except NotFoundError as exc:
        raise VerificationError("the node does not show which of its keys it took back", hint=_ASK) from exc
    renewed = replace(enrolment, revoked=data)
    try:
        found = known(renewed)
    except KeysError as exc:
        raise VerificationError(f"revocations of the node: {exc}") from exc
    if file_name(data) != named or (enrolment.revoked and not found.revocations.follows(held.revocations)):
        raise VerificationError("the node shows revocations that do not follow those held", hint=_ASK)
    return renewed
