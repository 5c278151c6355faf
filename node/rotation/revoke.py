"""Taking back a key of an opened node, in one sitting: it signs no more, its successor does, and all can know.

In this order, so that running it again finishes what was cut off: the ring stops the key here, the holders list it and
name its successor, the newest head of its log is signed anew. Successors that lay beside a stolen key go with it: who
had one key file of this node and its passphrase had them all. Where a log goes on is said once witnesses have cosigned
it under the new key, or nobody has to. Rules: docs/spec/rotation.md and docs/spec/trust.md, "Revocations".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from keys.key import PRIVATE_KEY_TYPES, LogPublicKey, WitnessPublicKey
from keys.roles import Role
from keys.signer import Signer
from keys.trust.lifecycle import Lineage, Stage
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import FinalCheckpoint
from keys.trust.revocations import BY_KID, Reason, Revocation
from keys.trust.vkey import DatedVkey
from keys.trust.window import Window
from node.errors import ConflictError, NotFoundError, UsageError
from node.identity.audit import tell
from node.identity.identity import Identity
from node.identity.keyring import make_key
from node.identity.rollback import signer_of
from node.identity.witnesses import cosign_own
from node.lists.head_renewal import resign
from node.ports.keyring import RingKey, signing
from node.rotation.rotate import advance_keys
from node.signing.ring import get_key
from node.store.lists.records import LogRecord
from node.store.store import Store
from node.trust.revoke import next_witness_name, note_own, resume_log, revoke_keys
from node.trust.successors import SUCCEEDED, with_key
from node.witnesses.standings import Cosigned

_LIVING: Final = frozenset({Stage.GENERATED, Stage.PUBLISHED, Stage.ACTIVE, Stage.RETIRED})
_GONE: Final = frozenset({Stage.REVOKED, Stage.LOST})
_ELSEWHERE: Final = {
    Role.ROOT: "its holders replace it: sigfed key propose",
    Role.TARGETS: "its holders replace it: sigfed key propose",
    Role.SNAPSHOT: "the next root names another: sigfed key rotate snapshot",
    Role.TIMESTAMP: "the next root names another: sigfed key rotate timestamp",
    Role.TLS: "let another follow it: sigfed key rotate tls",
    Role.OPRF: "begin another epoch: sigfed key rotate oprf",
    Role.STORAGE: "let another follow it: sigfed key rotate storage",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """What came of it."""

    taken_back: tuple[str, ...]
    """Names of the keys that sign nothing more."""
    successor: RingKey | None
    """Which signs now; None where another of the lineage went on signing."""
    origin: str = ""
    """Of the log whose key it was."""
    last_good: int | None = None
    """Of a stolen log key: its events from there on are doubted."""
    goes_on: bool = False
    """Whether the log can; one that was given up is never signed again."""
    proposed: bool = False
    """Whether holders have to sign elsewhere first: the keys are stopped here, and nothing else is done yet."""


def check(identity: Identity, name: str) -> RingKey:
    """The key that people call `name`, which can be taken back here.

    Raises:
        NotFoundError: there is none.
        UsageError: a key of a role that is taken back in another way.
    """
    key = get_key(identity.adopt_keys(), name)
    if key.role not in SUCCEEDED:
        raise UsageError(
            "a {role} key is not taken back by this command", key.role, hint=_ELSEWHERE[key.role]
        )
    return key


def log_of(store: Store, key: RingKey) -> LogRecord | None:
    """The log that the key signs, as it is published; None for keys of other roles."""
    if key.role is not Role.LOG:
        return None
    with store.read() as unit:
        return unit.logs.get(key.managed.lineage.of)


def revoke(
    identity: Identity,
    store: Store,
    key: RingKey,
    *,
    reason: Reason,
    last_good: FinalCheckpoint | None,
    signers: Sequence[Signer],
) -> Revoked:
    """Take back `key`, and what lay beside it when it was stolen."""
    now = identity.clock.now().replace(microsecond=0)
    gone = list(_with_successors(identity.ring.read(), key, reason))
    names = {each.name for each in gone}
    stage = Stage.LOST if reason is Reason.LOST else Stage.REVOKED

    def stop(keys: tuple[RingKey, ...]) -> Iterable[RingKey]:
        return (
            each.entering(stage, now) if each.name in names and each.stage is not stage else each
            for each in keys
        )

    identity.ring.change(stop)
    if not identity.proposing:
        advance_keys(identity, store)  # what holders signed since a run that was cut off, or proposed it
    _sign(identity, store, key.managed.lineage, gone, reason, last_good, signers, now)
    note_own(store, identity.trust)
    if identity.proposing:
        return Revoked(taken_back=tuple(sorted(names)), successor=None, proposed=True)
    identity.adopt_keys()
    advance_keys(identity, store)
    goes_on = key.role is Role.LOG and identity.given_up_at(key.managed.lineage.of) is None
    if goes_on:
        resign(store, key.managed.lineage.of, signer_of(identity, store))
    for each in gone:
        details = {"role": str(each.role), "reason": str(reason)}
        tell(identity, store, f"key.{stage}", each.name, details=details)
    return Revoked(
        taken_back=tuple(sorted(names)),
        successor=_successor(identity, key.managed.lineage),
        origin=key.managed.lineage.of if key.role is Role.LOG else "",
        last_good=None if last_good is None else last_good.size,
        goes_on=goes_on,
    )


def settle(identity: Identity, store: Store) -> None:
    """Do what follows once the holders' word about keys that were taken back is in force; the same again does nothing.

    Raises:
        ConflictError: a log was published or cosigned at the same time; running again does it.
    """
    note_own(store, identity.trust)
    identity.adopt_keys()
    advance_keys(identity, store)
    ring = identity.ring.read()
    gone = {key.managed.lineage.of for key in ring if key.role is Role.LOG and key.stage in _GONE}
    now = identity.clock.now()
    for origin in sorted(gone):
        if signing(ring, Role.LOG, origin, now) and identity.given_up_at(origin) is None:
            resign(store, origin, signer_of(identity, store))


async def confirm_by_witnesses(identity: Identity, store: Store, origin: str) -> Cosigned:
    """Ask the members' witnesses about the newest head of an own log; how it stands.

    Raises:
        NotFoundError: it has no published head.
    """
    standing = (await cosign_own(identity, store)).get(origin)
    if standing is None:
        raise NotFoundError("{origin} has no published head", origin)
    return standing


def resume(
    identity: Identity, store: Store, origin: str, standing: Cosigned, *, signers: Sequence[Signer]
) -> int:
    """Say that the log goes on from its newest head, which the witnesses cosigned; gives the size.

    Raises:
        ConflictError: witnesses claim another history, or too few have cosigned.
        NotFoundError: nothing of the log is doubted without end.
    """
    if strangers := seen_elsewhere(store, standing):
        raise ConflictError(
            "{strangers} saw another or a longer history of {origin} than this node has",
            ", ".join(strangers),
            origin,
            hint="whoever has the stolen key showed it there; publish nothing, and see docs/manuals/recovery.md",
        )
    if standing.missing:
        raise ConflictError(
            "{missing} more witnesses must cosign {origin} first",
            standing.missing,
            origin,
            hint="they learn of the new key within the hour; run the command again then",
        )
    resume_log(identity.trust, store, origin, standing.size, signers=signers)
    tell(identity, store, "key.resume", origin, details={"size": str(standing.size)})
    return standing.size


def seen_elsewhere(store: Store, standing: Cosigned) -> tuple[str, ...]:
    """Members that saw more of an own log than this node has, or something else: its witnesses, and peers that told."""
    witnesses = {one.witness for one in standing.asked if one.alarm}
    with store.read() as unit:
        told = {one.source for one in unit.evidence.heard() if one.origin == standing.origin}
    return tuple(sorted(witnesses | told))


def _sign(
    identity: Identity,
    store: Store,
    lineage: Lineage,
    gone: Sequence[RingKey],
    reason: Reason,
    last_good: FinalCheckpoint | None,
    signers: Sequence[Signer],
    now: datetime,
) -> None:
    """What the holders sign. Of a run that was cut off, what is listed already stays as it was said first."""
    document, known = identity.trust.document(), identity.trust.revocations()
    listed = [
        Revocation(
            role=each.role, key=_listed_name(document, each), time=now, reason=reason, last_good=last_good
        )
        for each in gone
    ]

    def change(old: NodeDocument) -> NodeDocument:
        return _next_document(identity, old, lineage, reason, now)

    if any(known.find(each.role, each.key) is None for each in listed):
        revoke_keys(identity.trust, store, listed, document=change, signers=signers)
    elif not _signs(identity, lineage, now):
        identity.trust.revise_document(change, signers=signers)


def _signs(identity: Identity, lineage: Lineage, now: datetime) -> bool:
    return any(
        key.managed.lineage == lineage and key.stage is Stage.ACTIVE and key.managed.valid.covers(now)
        for key in identity.ring.read()
    )


def _with_successors(ring: Iterable[RingKey], key: RingKey, reason: Reason) -> Iterator[RingKey]:
    """The key, and where it was stolen those that lay beside it; of a run that was cut off, the same ones again."""
    stages = {Stage.REVOKED} if key.stage is Stage.REVOKED else _LIVING
    for each in ring:
        beside = reason is Reason.COMPROMISE and each.managed.lineage == key.managed.lineage
        if each.name == key.name or (beside and each.serial and each.stage in stages):
            yield each


def _listed_name(document: NodeDocument, key: RingKey) -> str:
    """The kid or vkey by which the node document names, or named, a key."""
    if key.role in BY_KID:
        listed = (*document.auth_keys, *document.token_keys, *document.statement_keys)
        return next((each.kid for each in listed if each.key.kid == key.managed.kid), key.managed.kid)
    public = PRIVATE_KEY_TYPES[key.role].public_type.from_text(key.public)
    assert isinstance(public, LogPublicKey | WitnessPublicKey), "the other roles that are succeeded"
    return DatedVkey.of(public, name=key.managed.lineage.of, valid=key.managed.valid).vkey


def _next_document(
    identity: Identity, old: NodeDocument, lineage: Lineage, reason: Reason, now: datetime
) -> NodeDocument:
    """The document in which another key signs from now on; a stolen witness key ends the witness's name."""
    if lineage.role is Role.WITNESS and reason is Reason.COMPROMISE and old.witness is not None:
        name = old.witness.name
        if name == lineage.of:
            name = next_witness_name(name)
        lineage = replace(lineage, of=name)
        kept = old.witness.vkeys if name == old.witness.name else ()
        old = replace(old, witness=replace(old.witness, name=name, vkeys=kept))
    if _signs(identity, lineage, now):
        return old
    key = make_key(identity.keychain, identity.ring, lineage)
    return with_key(old, lineage, key, Window(now, now + timedelta(days=lineage.role.info.days)))


def _successor(identity: Identity, lineage: Lineage) -> RingKey | None:
    """The youngest key that signs now for what the lineage is of; a witness may have another name since."""
    witness = identity.trust.document().witness
    of = witness.name if lineage.role is Role.WITNESS and witness is not None else lineage.of
    found = signing(identity.ring.read(), lineage.role, of, identity.clock.now())
    return found[-1] if found else None
