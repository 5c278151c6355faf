"""Taking a key of this node back: listed for good, and out of the node document, in one sitting of the holders.

What is listed is also kept beside what other nodes took back, because the quorum judges own lists like all others. Of a
log whose key was stolen the events from the last good head on are doubted, until another key has signed and the holders
say from which size on. Making the successor and letting it sign is the caller's matter.
Spec: docs/spec/trust.md, "Revocations".
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from keys.key import (
    AuthPublicKey,
    LogPublicKey,
    PublicKey,
    StatementPublicKey,
    TokenPublicKey,
    WitnessPublicKey,
)
from keys.signer import Signer
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import DatedKey, WitnessInfo
from keys.trust.revocations import Revocation, Revocations
from keys.trust.vkey import DatedVkey
from keys.trust.window import Window
from node.errors import AlreadyExistsError, NotFoundError, UsageError
from node.ports.storage import Storage
from node.services.honouring import accept
from node.services.trusting import REVOKED_NAME, OwnTrust

Change = Callable[[NodeDocument], NodeDocument]
_KeyT = TypeVar("_KeyT", bound=PublicKey)


def revoke_key(
    trust: OwnTrust,
    storage: Storage,
    revocation: Revocation,
    *,
    successor: Change,
    signers: Sequence[Signer],
) -> Revocations:
    """List a key as taken back, and sign the document in which `successor` put another in its place.

    Raises:
        AlreadyExistsError: it was taken back before.
    """
    if trust.revocations().find(revocation.role, revocation.key) is not None:
        raise AlreadyExistsError("this key was taken back before", hint="see it with: sigfed key status")

    def change(old: Revocations) -> Revocations:
        return replace(old, entries=(*old.entries, revocation))

    revised = trust.revise_revocations(change, document=successor, signers=signers)
    note_own(storage, trust)
    return revised


def resume_log(
    trust: OwnTrust, storage: Storage, origin: str, size: int, *, signers: Sequence[Signer]
) -> Revocations:
    """Say that another key goes on with a log from `size` on: what is added from there counts.

    Raises:
        NotFoundError: no key of the log was stolen, or it was said before.
        UsageError: a size before the last good head.
    """
    waiting = [one for one in trust.revocations().entries if one.name == origin and _waits(one)]
    if not waiting:
        raise NotFoundError(f"{origin} has no stolen key after which it was not resumed")
    if any(one.doubted.start > size for one in waiting):
        raise UsageError(f"{origin} cannot be resumed before its last good size")

    def change(old: Revocations) -> Revocations:
        entries = (replace(one, resumes=size) if one in waiting else one for one in old.entries)
        return replace(old, entries=tuple(entries))

    revised = trust.revise_revocations(change, signers=signers)
    note_own(storage, trust)
    return revised


def note_own(storage: Storage, trust: OwnTrust) -> None:
    """Keep this node's own revocations beside those of others; the same again changes nothing."""
    data = trust.listed_files().get(REVOKED_NAME)
    if data is not None:
        accept(storage, trust.root(), data)


def succeeded(document: NodeDocument, old: str, key: PublicKey, valid: Window) -> NodeDocument:
    """The document with `key` instead of the one that it named `old`, which serves no more.

    A stolen witness key ends the name as well: a new witness has signed nothing, so it contradicts nothing.
    """
    match key:
        case AuthPublicKey():
            return replace(document, auth_keys=_instead(document.auth_keys, old, key, valid))
        case TokenPublicKey():
            return replace(document, token_keys=_instead(document.token_keys, old, key, valid))
        case StatementPublicKey():
            return replace(document, statement_keys=_instead(document.statement_keys, old, key, valid))
        case WitnessPublicKey():
            return replace(document, witness=_next_witness(document, key, valid))
        case LogPublicKey():
            return _with_log_key(document, old, key, valid)
        case _:
            raise UsageError(f"a key of the role {key.role} is not replaced here")


def next_witness_name(name: str) -> str:
    """The name of a witness after this one: `NODE/w1`, `NODE/w2`."""
    base, number = name.rstrip("0123456789"), name[len(name.rstrip("0123456789")) :]
    return f"{base}{int(number or '1') + 1}"


def since(moment: datetime) -> datetime:
    """The time of a revocation: whole seconds."""
    return moment.replace(microsecond=0)


def _waits(one: Revocation) -> bool:
    return one.last_good is not None and one.resumes is None


def _instead(
    keys: tuple[DatedKey[_KeyT], ...], old: str, key: _KeyT, valid: Window
) -> tuple[DatedKey[_KeyT], ...]:
    kept = tuple(dated for dated in keys if dated.kid != old)
    return (*kept, DatedKey(key.kid, key, valid))


def _next_witness(document: NodeDocument, key: WitnessPublicKey, valid: Window) -> WitnessInfo:
    assert document.witness is not None, "a witness key is one of a witness"
    name = next_witness_name(document.witness.name)
    return replace(document.witness, name=name, vkeys=(DatedVkey.of(key, name=name, valid=valid),))


def _with_log_key(document: NodeDocument, old: str, key: LogPublicKey, valid: Window) -> NodeDocument:
    origin = old.partition("+")[0]
    new = DatedVkey.of(key, name=origin, valid=valid)
    return replace(
        document,
        logs=tuple(
            replace(log, vkeys=(*(vkey for vkey in log.vkeys if vkey.vkey != old), new))
            if log.origin == origin
            else log
            for log in document.logs
        ),
    )
