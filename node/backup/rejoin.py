"""Finishing a restore: the node learns what others saw after its backup, and goes on behind that, never beside it.

In this order, each step safe to repeat: newer trust files of its own, roots and revocations among them, and room behind
their numbers; its lists, had back from its peers; the state of its signer; what the members' witnesses have cosigned,
which may be more than anybody holds: then the log is given up, because no size may be signed twice. Its witness gets a
new name, since it does not know what it cosigned; its token keys are replaced, others sign in place of those that were
taken back, and invitations are voided. What was shredded is shredded again.

Where a process of its own signs, it is shown what it has to go on from, and judges that itself: it may have been
restored from a backup of another day than the node, or know more than the node does.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import Final

from keys.errors import SigfedError
from keys.key import LogPublicKey, WitnessPublicKey
from keys.roles import Role
from keys.signer import Signer
from keys.trust.lifecycle import Lineage, Stage
from keys.trust.node_document import NodeDocument, open_node_document
from keys.trust.node_parts import WitnessInfo
from keys.trust.proposals.sign import open_proposal, sign
from keys.trust.vkey import DatedVkey
from node.audit.log import audit_log, start_audit
from node.errors import ConflictError, PeerUnreachableError, SignerRefusedError, VerificationError
from node.identity.identity import Identity, held_labels, remote_keys
from node.identity.key_holders import wanted_signers
from node.identity.keyring import make_key
from node.identity.peer import reach_peer
from node.identity.restore_mark import held_at_first
from node.identity.rollback import settle
from node.identity.sightings import (
    OWN_LOGS,
    Sighting,
    documents_of,
    later_roots,
    reach_public,
    witnessed,
)
from node.lists.corrections.erase import carry_out_everywhere
from node.objects.logfiles import held_tree
from node.peers.recovery import BrokenHistoryError, Returned, have_back
from node.ports.keyring import RingKey, signing, unfollowed
from node.remote.node import RemoteNode
from node.rotation.next_root import propose_root
from node.rotation.revoke import settle as settle_revoked
from node.signing.log_signer import FolderLogSigner
from node.signing.process.remote import RemoteLogSigner
from node.store.lists.records import LogKind, LogRecord
from node.store.store import Store
from node.trust.announce import LOG_KEY_DAYS, log_info
from node.trust.next_root import RootChange
from node.trust.own import window
from node.trust.successors import lineages, with_key
from protocol.tlog.log_keys import log_keys

ROOM: Final = 1000
"""How many numbers of trust files a node may have used since its backup: three a day for a year."""
_Seen = dict[str, list[Sighting]]
"""Heads of own logs by origin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A log of which others saw more than anybody can give back, or another history: it is never signed again."""

    origin: str
    held: int
    seen: int
    """Size that `by` has seen; of another history where that is no more than is held."""
    by: str


@dataclass(slots=True, kw_only=True)
class Rejoined:
    """What `sigfed backup finish` brought back of own logs, and what stays lost."""

    held: Mapping[str, int]
    """Sizes of own logs before anything was had back."""
    returned: list[Returned] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    silent: dict[str, str] = field(default_factory=dict)
    """Members that did not answer, and why."""
    taken_back: list[str] = field(default_factory=list)
    """Names of keys that were taken back after the backup: others sign in their place."""
    voided: list[str] = field(default_factory=list)
    """Partners whose invitations are void."""
    shredded: int = 0
    witness: str = ""
    """The new name of this node's witness."""


async def rejoin(identity: Identity, store: Store, *, without: frozenset[str]) -> Rejoined:
    """Finish a restore; holders of the targets keys sign, and of the root keys where a next root came meanwhile.

    Raises:
        PeerUnreachableError: a member that may have seen more does not answer, and is not among `without`.
        VerificationError: somebody else signed with this node's keys, and the operator has not said that it goes on
            alone.
        NotFoundError: too few of the keys that must sign are here.
        SignerDownError: the process that signs for this node cannot be reached.
    """
    there = None if identity.signer_link is None else remote_keys(identity.signer_link, identity.trust_files)
    if there is not None:
        there.stamped()  # without it nobody could be asked either, which would look like silent members
    with store.read() as unit:
        sizes = {log.origin: log.head.size for log in unit.logs.ls(*OWN_LOGS)}
    done = Rejoined(held=held_at_first(identity.home, sizes))
    await _newest_trust(identity, store)
    signers = identity.targets_signers()
    async with AsyncExitStack() as stack:
        links = await _connect(identity, store, stack, done)
        sightings = await witnessed(identity, store)
        done.silent = {**sightings.silent, **done.silent}
        seen = sightings.heads
        missing = sorted(set(done.silent) - without)
        if missing:
            words = "; ".join(f"{name}: {done.silent[name]}" for name in missing)
            raise PeerUnreachableError(
                "these members may have seen more than was restored, and do not answer: {words}",
                words,
                hint=_hint_of_silence(identity),
            )
        broken = await _have_back_lists(identity, store, links, seen, done)
    await asyncio.to_thread(_judge_logs, identity, store, seen, broken, done)
    await asyncio.to_thread(_replace_keys, identity, signers, done)
    await asyncio.to_thread(_settle_logs, identity, store, seen, done)
    await asyncio.to_thread(_continue_audit, identity, store, signers, done)
    if there is not None:
        await asyncio.to_thread(there.rejoined)
    done.voided = _void_invitations(store)
    now_ms = identity.now_ms
    done.shredded = await asyncio.to_thread(carry_out_everywhere, store, now_ms=now_ms)
    identity.home.restored.unlink(missing_ok=True)
    settle(identity, store)
    settle_revoked(identity, store)
    return done


async def _newest_trust(identity: Identity, store: Store) -> None:
    """The newest of our own trust files that a member kept are in force, whatever the backup had.

    Members show them to everybody: also to a node whose auth key was taken back since, which none of them lets in.
    Root by root first, and a next one of our own: what the others sign counts under the newest alone.
    """
    documents = await asyncio.to_thread(documents_of, identity, store)
    members = [documents[name] for name in sorted(documents) if name != identity.settings.node]
    for member in members:
        roots: tuple[bytes, ...] = ()
        with suppress(SigfedError, OSError):
            async with reach_public(identity, member) as link:
                roots = await later_roots(identity, link)
        if roots:
            identity.trust.adopt_roots(roots, signers=identity.targets_signers)
    _follow_root(identity)
    for member in members:
        with suppress(SigfedError, OSError):  # it holds none, or none of ours
            async with reach_public(identity, member) as link:
                await _newest_document(identity, link)
    identity.adopt_keys()


async def _newest_document(identity: Identity, link: RemoteNode) -> None:
    """With the revocations that it names: nobody believes a list of them that begins anew."""
    envelope = await link.member_document(identity.settings.node)
    named = open_node_document(envelope, identity.trust.root()).revoked_sha256
    revoked = None if named is None else await link.revoked(named)
    identity.trust.adopt_newer(envelope, revoked)


def _follow_root(identity: Identity) -> None:
    """Every next root has other online keys: those of one that came after the backup are gone, so another follows."""
    root = identity.trust.root()
    if all(
        held_labels(identity.keychain, key.role, [key]) for key in (*root.snapshot_keys, *root.timestamp_keys)
    ):
        return
    gate, identity.trust.before_signing = identity.trust.before_signing, lambda: None
    try:
        identity.root_signers()
        opened = open_proposal(propose_root(identity, RootChange()))
        identity.trust.publish(sign(opened, wanted_signers(opened, identity.root_keychain)))
    finally:
        identity.trust.before_signing = gate


def _hint_of_silence(identity: Identity) -> str:
    without = "try again later, or go on without one: sigfed backup finish --without NODE"
    if signing(identity.ring.read(), Role.AUTH, "", identity.clock.now()):
        return without
    return (
        "the auth key was taken back since the backup, so no member lets this node in, and none gives entries back:"
        " sigfed backup finish --without NODE, for each"
    )


async def _connect(
    identity: Identity, store: Store, stack: AsyncExitStack, done: Rejoined
) -> dict[str, RemoteNode]:
    """A connection to every peer that answers."""
    with store.read() as unit:
        peers = list(unit.peers.ls())
    links = {}
    for peer in peers:
        try:
            link = await stack.enter_async_context(reach_peer(identity, peer))
            await link.granted()
        except SigfedError as exc:
            done.silent[peer.name] = str(exc)
        else:
            links[peer.name] = link
            done.asked.append(peer.name)
    return links


async def _have_back_lists(
    identity: Identity, store: Store, links: Mapping[str, RemoteNode], seen: _Seen, done: Rejoined
) -> frozenset[str]:
    """Origins of lists that a person gives up because what their keys signed breaks the rules."""
    broken = set()
    with store.read() as unit:
        lists = unit.logs.ls(LogKind.OWN_LIST)
    document, now_ms = identity.trust.document(), identity.now_ms
    for log in lists:
        keys = log_keys(document, log.origin)
        try:
            done.returned.append(await have_back(store, log.origin, links, keys=keys, now_ms=now_ms))
        except BrokenHistoryError as exc:
            if not identity.alone:
                raise
            seen[log.origin].append(Sighting(node=exc.peer, head=exc.head, note=exc.note))
            broken.add(log.origin)
    return frozenset(broken)


def _judge_logs(
    identity: Identity, store: Store, seen: _Seen, broken: frozenset[str], done: Rejoined
) -> None:
    """Which logs can go on, and which cannot; of a broken one what is pending is not gone on from either."""
    signer = identity.unjoined_log_signer()
    with store.read() as unit:
        logs = [
            replace(log, pending=None) if log.origin in broken else log for log in unit.logs.ls(*OWN_LOGS)
        ]
    for log in logs:
        sightings = seen.get(log.origin, [])
        if log.note is None and not sightings:
            continue
        if (other := _other_history(store, log, sightings)) is not None:
            done.lost.append(_forked(log, other.node, other.head.size, alone=identity.alone))
            continue
        signed, given_up_at = signer.size(log.origin), identity.given_up_at(log.origin)
        lost = _lost(log, signed, sightings, given_up_at=given_up_at)
        if lost is not None:
            done.lost.append(lost)


def _settle_logs(identity: Identity, store: Store, seen: _Seen, done: Rejoined) -> None:
    """The signer goes on behind what everybody saw, or never; one of its own judges by the newest trust files."""
    signer = identity.unjoined_log_signer()
    for lost in done.lost:
        FolderLogSigner(identity.home.signer, lambda _: ()).give_up(lost.origin, size=lost.seen)
        if isinstance(signer, RemoteLogSigner):
            _have_given_up(store, signer, lost, seen.get(lost.origin, []))
    with store.read() as unit:
        logs = unit.logs.ls(*OWN_LOGS)
    gone = {lost.origin for lost in done.lost}
    for log in logs:
        signed = signer.size(log.origin)
        if log.note is not None and log.origin not in gone and signed < log.head.size:
            tree = held_tree(store, log)
            proof = tree.consistency_proof(signed) if signed else []
            try:
                signer.resume(log.origin, frontier=log.head.frontier, proof=proof, note=log.note)
            except ConflictError:
                done.lost.append(_forked(log, "its own signer", signed, alone=identity.alone))
                FolderLogSigner(identity.home.signer, lambda _: ()).give_up(log.origin, size=log.head.size)
                if isinstance(signer, RemoteLogSigner):
                    signer.give_up(log.origin, note=log.note)


def _have_given_up(store: Store, signer: RemoteLogSigner, lost: Lost, sightings: Sequence[Sighting]) -> None:
    """A signer process is shown the head that it does not know of, or that contradicts what it signed.

    One that itself signed more than anybody holds can be shown neither: it goes on from there, which nobody asks for.
    """
    known = signer.size(lost.origin)
    for one in sightings:
        if one.head.size == lost.seen > known:
            signer.give_up(lost.origin, note=one.note)
    with store.read() as unit:
        log = unit.logs.get(lost.origin)
    other = _other_history(store, log, sightings)
    if other is None or log.note is None:
        return
    if log.head.size > known:
        signer.give_up(lost.origin, note=log.note)
    elif log.head.size == known:
        _have_given_up_forked(store, signer, log, other)


def _have_given_up_forked(store: Store, signer: RemoteLogSigner, log: LogRecord, other: Sighting) -> None:
    """What the signer signed is here, or it is the other history: here may be a thief's, had back from a peer."""
    assert log.note is not None, "a head of two histories"
    size, tree = other.head.size, held_tree(store, log)
    proof = tree.consistency_proof(size) if size < tree.size else []
    shown = [(other.note, tree.prefix_root(size), proof)]
    if size == tree.size:
        shown.append((log.note, other.head.root, []))
    for note, root, shown_proof in shown:
        with suppress(SignerRefusedError):
            signer.give_up_forked(log.origin, note=note, root=root, proof=shown_proof)


def _other_history(store: Store, log: LogRecord, seen: Sequence[Sighting]) -> Sighting | None:
    for one in seen:
        head = one.head
        if head.size <= log.head.size and held_tree(store, log).prefix_root(head.size) != head.root:
            return one
    return None


def _forked(log: LogRecord, node: str, size: int, *, alone: bool) -> Lost:
    """A log with two histories, which ends; raises `VerificationError` unless a person has said so."""
    if alone:
        return Lost(origin=log.origin, held=log.head.size, seen=size, by=node)
    raise VerificationError(
        "{origin}: {node} cosigned another history than this node holds, and its key signed both",
        log.origin,
        node,
        hint="call the other members: somebody else may have the key. To give up every log with two histories:"
        " sigfed --alone backup finish",
    )


def _lost(
    log: LogRecord, signed: int, sightings: Sequence[Sighting], *, given_up_at: int | None
) -> Lost | None:
    node, size = max(
        ((one.node, one.head.size) for one in sightings), key=lambda one: one[1], default=("", 0)
    )
    for claimed in (signed, given_up_at or 0):
        if claimed > size and claimed > (log.pending.size if log.pending else log.head.size):
            node, size = "its own signer", claimed
    if size <= log.head.size or (log.pending is not None and size <= log.pending.size):
        return None
    return Lost(origin=log.origin, held=log.head.size, seen=size, by=node)


def _replace_keys(identity: Identity, signers: Sequence[Signer], done: Rejoined) -> None:
    """One revision: a new name for the witness, and a new token key."""
    now, ring, keychain = identity.clock.now(), identity.ring, identity.keychain

    def change(old: NodeDocument) -> NodeDocument:
        token = make_key(keychain, ring, Lineage(Role.TOKEN))
        new = with_key(old, Lineage(Role.TOKEN), token, window(now, Role.TOKEN.info.days))
        if old.witness is not None:
            new = replace(new, witness=_renamed(identity, old.witness))
        return new

    # Those of tokens are replaced anyway.
    needed = set(lineages(identity.trust.document())) - {Lineage(Role.TOKEN)}
    done.taken_back = sorted(key.name for key in unfollowed(ring.read(), needed, now))
    ring.change(_without_tokens)
    document = _revise(identity, change, signers)
    if document.witness is not None:
        done.witness = document.witness.name
    identity.adopt_keys()


def _revise(
    identity: Identity, change: Callable[[NodeDocument], NodeDocument], signers: Sequence[Signer]
) -> NodeDocument:
    """The next node document, behind every number that may have been used since the backup."""
    behind = None
    if identity.signer_link is not None:
        behind = remote_keys(identity.signer_link, identity.trust_files).stamped()
    return identity.trust.leave_room(change, signers=signers, room=ROOM, behind=behind)


def _without_tokens(keys: tuple[RingKey, ...]) -> Iterator[RingKey]:
    """Nobody accepts a token of before: whom it was given to may have been removed after the backup."""
    for key in keys:
        ended = key.role is Role.TOKEN and key.stage in {Stage.PUBLISHED, Stage.ACTIVE, Stage.RETIRED}
        yield key.entering(Stage.LOST, key.since) if ended else key


def _renamed(identity: Identity, old: WitnessInfo) -> WitnessInfo:
    """`fr.example/w1` becomes `fr.example/w2`: under the old name it must not say anything any more."""
    stem = old.name.rstrip("0123456789")
    name = f"{stem}{int(old.name.removeprefix(stem) or 1) + 1}"
    key = make_key(identity.keychain, identity.ring, Lineage(Role.WITNESS, name))
    assert isinstance(key, WitnessPublicKey), "a key of a witness"
    vkey = DatedVkey.of(key, name=name, valid=window(identity.clock.now(), Role.WITNESS.info.days))
    return WitnessInfo(name=name, url=old.url, vkeys=(vkey,))


def _continue_audit(identity: Identity, store: Store, signers: Sequence[Signer], done: Rejoined) -> None:
    """Another audit log in place of one that was given up: whatever the node does next is recorded in it."""
    with store.read() as unit:
        log = audit_log(unit)
    if log is None or log.origin not in {one.origin for one in done.lost}:
        return
    stem, _, number = log.name.partition("-")
    name = f"{stem}-{int(number or 1) + 1}"
    origin = f"{log.node}/audit/{name}"

    def change(old: NodeDocument) -> NodeDocument:
        key = make_key(identity.keychain, identity.ring, Lineage(Role.LOG, origin))
        assert isinstance(key, LogPublicKey), "a key of a log"
        valid = window(identity.clock.now(), LOG_KEY_DAYS)
        return replace(old, logs=(*old.logs, log_info(old.endpoints[0].url, origin, key, valid=valid)))

    if all(one.origin != origin for one in identity.trust.document().logs):
        _revise(identity, change, signers)
    start_audit(store, log.node, name=name)
    identity.adopt_keys()


def _void_invitations(store: Store) -> list[str]:
    with store.write() as unit:
        partners = [invite.partner for invite in unit.partners.open_invitations()]
        return [partner for partner in partners if unit.partners.void_invitation(partner)]
