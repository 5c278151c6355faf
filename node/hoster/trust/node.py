"""Whom a partner believes: the node's trust files, followed from the root it pinned when it enrolled."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from keys.errors import KeysError, MalformedTrustError
from keys.trust.held_trust import HeldTrust, open_held, require_confirmed, under_newest
from keys.trust.members import Members
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import EpochInfo
from keys.trust.revocations import Revocations, file_name, none_revoked, open_revocations
from keys.trust.tuf.root import TrustedRoot
from keys.trust.tuf.target_files import MEMBERS_FILE
from keys.trust.window import valid_at
from node.clock import milliseconds, moment_of
from node.errors import NodeError, NotFoundError, VerificationError
from node.hoster.folder import Enrolment
from node.trust.tuf.client import follow
from protocol.api import TrustApi
from protocol.tlog.log_keys import log_keys
from protocol.tlog.note import VerifierKey

_ASK: Final = "what is held stays in force; ask the agency by telephone"


class OutdatedTrustError(VerificationError):
    """What the node signed is of other trust files than those here; it may have signed newer ones meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The node's documents, verified."""

    root: TrustedRoot
    """The newest."""
    document: NodeDocument
    """Without the keys that the node took back."""
    members: Members
    revocations: Revocations

    def address(self, enrolled_at: str) -> str:
        """Where the node is: still where the partner enrolled, or else at the first address that it names now."""
        named = [endpoint.url for endpoint in self.document.endpoints]
        return enrolled_at if enrolled_at in named else named[0]

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
        return log_keys(self.document, origin)

    def epoch(self, subset: str, number: int) -> EpochInfo:
        """The key that the node document names for an epoch of a subset, and when it answers.

        Raises:
            OutdatedTrustError: it names none.
        """
        try:
            return self.epochs[subset, number]
        except KeyError:
            raise OutdatedTrustError(
                "the node document names no key for epoch {number} of {subset}", number, subset
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
    return known_of(enrolment.trust, enrolment.revoked)


def known_of(trust: HeldTrust, revoked: bytes = b"") -> Known:
    """The documents in trust files, with what the node took back.

    Raises `KeysError` for what does not verify, and for files without a register.
    """
    opened = open_held(trust)
    if opened.members is None:
        raise MalformedTrustError("trust files without a members register")
    revocations = (
        under_newest(opened.roots, lambda root: open_revocations(revoked, root))
        if revoked
        else none_revoked(opened.root.node)
    )
    return Known(
        root=opened.root,
        document=revocations.signing(opened.document),
        members=opened.members,
        revocations=revocations,
    )


def is_confirmed(enrolment: Enrolment, now: datetime) -> bool:
    """Whether the node confirmed its keys within the last seven days: older ones count only after a refresh."""
    # One ahead of now is a day old at most: files are not confirmed when they have ended. What is wrong with this
    # machine's clock, the node says before it answers.
    confirmed = min(moment_of(enrolment.confirmed_ms), now)
    try:
        require_confirmed(enrolment.partner, confirmed, now)
    except KeysError:
        return False
    return True


async def refresh(enrolment: Enrolment, api: TrustApi, now: datetime) -> tuple[Enrolment, Exception | None]:
    """The enrolment with what the node signed since, and why that is not everything, if it is not.

    What was accepted is in it even then. The failure is a `VerificationError` for files that do not verify, are out of
    date or older than those held, or what the connection raised.
    """
    followed = await follow(enrolment.trust, api, now)
    failure = followed.failure
    if failure is None:
        try:
            open_held(followed.held).check_current(now)
            return await _honoured(enrolment, followed.held, api, now), None
        except KeysError as exc:
            failure = exc
        except NodeError as exc:
            return enrolment, exc
    if isinstance(failure, KeysError):
        failure = _unverified(failure)
    return replace(enrolment, trust=followed.held), failure


async def _honoured(enrolment: Enrolment, trust: HeldTrust, api: TrustApi, now: datetime) -> Enrolment:
    """With trust files that are current, once their epochs are those held and their revocations are here."""
    held = known(enrolment)
    _require_same_epochs(held, known_of(trust))
    confirmed = replace(enrolment, trust=trust, confirmed_ms=milliseconds(now))
    return await _with_revocations(confirmed, held, api)


def caught_up(enrolment: Enrolment, trust: HeldTrust, spki_sha256: bytes) -> Enrolment | None:
    """The enrolment with trust files that came over a connection nobody vouches for; None when its key is not in them.

    Raises `VerificationError` for another key of an epoch than before, `KeysError` for files that do not verify.
    """
    found = known_of(trust, enrolment.revoked)
    _require_same_epochs(known(enrolment), found)
    if spki_sha256 not in found.pins:
        return None
    return with_register(replace(enrolment, trust=trust), enrolment)


def with_register(enrolment: Enrolment, old: Enrolment) -> Enrolment:
    """The same with the register of `old`: a change of members is kept once people were told of it."""
    files = {**enrolment.trust.files, MEMBERS_FILE: old.trust.members}
    return replace(enrolment, trust=replace(enrolment.trust, files=files))


def _unverified(error: KeysError) -> VerificationError:
    refusal = VerificationError("trust files of the node: {reason}", error)
    refusal.__cause__ = error
    return refusal


def _require_same_epochs(held: Known, found: Known) -> None:
    """A node that changed a key in between could tell apart who updated before from who updated after."""
    for (subset, number), info in held.epochs.items():
        if found.epochs.get((subset, number), info).pk != info.pk:
            raise VerificationError(
                "the node names another key for epoch {number} of {subset} than before", number, subset
            )


async def _with_revocations(enrolment: Enrolment, held: Known, api: TrustApi) -> Enrolment:
    """The enrolment with the revocations that its node document names; those held are never forgotten."""
    named = open_held(enrolment.trust).document.revoked_sha256
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
        raise VerificationError("revocations of the node: {reason}", exc) from exc
    if file_name(data) != named or (enrolment.revoked and not found.revocations.follows(held.revocations)):
        raise VerificationError("the node shows revocations that do not follow those held", hint=_ASK)
    return renewed
