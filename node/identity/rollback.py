"""A folder, disk or machine that was put back to an older state: found out before anything is signed in it.

Database, signer state and keys go back together, so nothing inside can tell. So before the first signature the members
are asked what they have seen of this node: a larger head of its logs, newer trust files, or what its witness cosigned
and does not remember, and the home is marked as one that came out of a backup: it neither serves nor signs until
`sigfed backup finish`, which names the witness anew. What the answer was is kept
outside the home, bound to this start of the machine and to this folder, with how far the node has signed since: its
commands do not ask again, and notice by themselves when files of an older day are copied into the folder.

Another history of a log of its own says that somebody else signs with its key, or that this folder is an old one. It
stops every signature, until a person goes on alone: then nothing is added to that log until the list is continued, but
its key can be taken back and the list continued, which a thief would else prevent by showing one head to one peer.
"""

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, Final

from keys.message import Message
from keys.roles import Role
from node.clock import Clock, minute
from node.errors import ConfigError, PeerUnreachableError, RestoredError, SignerDownError, VerificationError
from node.evidence.contradictions import keep_other_history
from node.identity.identity import Identity
from node.identity.outside_note import OutsideNote
from node.identity.restore_mark import refuse_rolled_back
from node.identity.sightings import (
    OWN_LOGS,
    Sighting,
    Sightings,
    forgotten,
    newer_trust,
    sighting,
    told,
    witnessed,
)
from node.journal import Journal
from node.lists.completeness import missing_objects
from node.lists.continuation import is_closed
from node.objects.logfiles import held_tree
from node.ports.log_signer import StandingLogSigner
from node.store.lists.records import LogRecord
from node.store.store import Store
from node.trust.others.documents import member_documents
from protocol.errors import ProtocolError
from protocol.gossip import GossipHead
from protocol.tlog.checkpoint import SignedCheckpoint
from protocol.witness.policy import answers_needed

PATIENCE_SECONDS: Final = 10.0
_CLOSING_SECONDS: Final = 1.0
_PARTED_SECONDS: Final = 60.0
_TRUST: Final = "trust"
"""Stands among the origins for the trust files, whose numbers grow likewise."""
_ROOTS: Final = 1 << 40
"""A new root outweighs any number of node documents."""
_journal = Journal("put-back")


def rolled_back_logs(identity: Identity, store: Store) -> list[str]:
    """Origins of own logs of which more was signed than the database knows."""
    signer = identity.log_signer()
    signed = {log.origin: signer.size(log.origin) for log in _own_logs(identity, store)}
    # The database is read after the signer: another process may sign in between, and it claims a head before that.
    return [
        log.origin
        for log in _own_logs(identity, store)
        if signed.get(log.origin, 0) > (log.pending.size if log.pending else log.head.size)
    ]


def _own_logs(identity: Identity, store: Store) -> list[LogRecord]:
    with store.read() as unit:
        logs = unit.logs.ls(*OWN_LOGS)
    return [log for log in logs if identity.given_up_at(log.origin) is None]


def require_whole(identity: Identity, store: Store) -> None:
    """Check that the folder holds all that its database says was signed; raises `VerificationError`.

    A copy that was made while the node still ran lacks objects and signatures that came after it.
    """
    signer = identity.unjoined_log_signer()
    logs = _own_logs(identity, store)
    old = [log.origin for log in logs if signer.size(log.origin) < log.head.size]
    old += [log.origin for log in logs if log.origin not in old and missing_objects(store, log)]
    if old:
        raise VerificationError(
            "this folder is older than its database: {old}",
            ", ".join(old),
            hint="copy it again once the node has stopped there; nothing was changed",
        )


class Clocks:
    """Tells when the machine was put back while it ran: the wall clock moves without the other one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._apart = self._now()

    def parted(self) -> bool:
        """Whether they did by more than a minute, since the start or the last time that this was asked."""
        before, self._apart = self._apart, self._now()
        return abs(self._apart - before) > _PARTED_SECONDS

    def _now(self) -> float:
        return self._clock.now().timestamp() - time.monotonic()


@dataclass(slots=True)
class _Asked:
    """What this process remembers of asking about one home."""

    clocks: Clocks
    refusal: str = ""
    """In words, that too few answered.

    Nobody waits for them twice in a command, and a running node asks again by itself.
    """
    forks: Mapping[str, str] = field(default_factory=dict)
    """Own logs of which others have another history, and in words who."""

    @property
    def words(self) -> str:
        """Why it is not known that this folder is the newest; empty where it is."""
        return Message.joined("; ", list(filter(None, [*self.forks.values(), self.refusal])))

    def require_nothing(self) -> None:
        """Raise what was found."""
        if self.forks:
            raise _forked(Message.joined("; ", list(self.forks.values())))
        if self.refusal:
            raise _unconfirmed(self.refusal)


_asked: dict[str, _Asked] = {}
"""What the members answered last, by the folder of the home."""


# The gate before a signature


def signer_of(identity: Identity, store: Store) -> StandingLogSigner:
    """The signer of this node's logs, once the members have been asked.

    Raises as `require_current` does, and `StoreLockedError` where database or objects belong to another home.
    """
    signer = _Remembering(identity.log_signer(), identity, store)
    store.objects.prepare()
    signer.fence()
    require_current(identity, store)
    return signer


@dataclass(frozen=True, slots=True)
class _Remembering:
    """A log signer whose steps are noted outside the home.

    To a log with two histories it adds nothing, nor what the database could still lose.
    """

    signer: StandingLogSigner
    identity: Identity
    store: Store

    def sign(self, origin: str, *, start: int, leaf_hashes: Sequence[bytes]) -> bytes:
        if words := _asked_of(self.identity).forks.get(origin):
            raise _forked(words)
        self.fence()
        note = self.signer.sign(origin, start=start, leaf_hashes=leaf_hashes)
        if self.identity.signer_link is None:
            OutsideNote.of_home(self.identity).grow({origin: start + len(leaf_hashes)})
        return note

    def renew(self, origin: str) -> bytes:
        self.fence()
        return self.signer.renew(origin)

    def size(self, origin: str) -> int:
        return self.signer.size(origin)

    def fence(self) -> None:
        """Go on where the lease is this home's, and a standby has all that the database shows."""
        with self.store.write():
            pass  # one that crashed shows what was confirmed by nobody


def require_current(identity: Identity, store: Store, *, afresh: bool = False) -> None:
    """Check that this folder was not put back; the members are asked once a start of the machine, or `afresh`.

    While too few answer, a process asks them again `afresh` alone.

    Raises:
        RestoredError: it was, now or before.
        VerificationError: others have another history of an own log, and the operator has not said that it goes on
            alone.
        PeerUnreachableError: too few members answer, and the operator has not said so.
    """
    asked, note = _asked_of(identity), OutsideNote.of_home(identity)
    if asked.clocks.parted():
        forget(identity)  # the machine may have gone back with what was noted; silence must not let it sign
    with contextlib.suppress(SignerDownError):  # nothing is compared, and nothing can be signed either
        held = note.read().sizes
        state = _require_forward(identity, store, held)
        if held and not afresh:
            note.grow(state)
            return
        if afresh or not asked.words:
            _in_a_loop(_confirm(identity, store))
        if not identity.alone:
            asked.require_nothing()


def is_confirmed(identity: Identity) -> bool:
    """Whether enough members have answered since the start of the machine."""
    return bool(OutsideNote.of_home(identity).read().sizes)


def _asked_of(identity: Identity) -> _Asked:
    return _asked.setdefault(str(identity.home.folder), _Asked(Clocks(identity.clock)))


async def _confirm(identity: Identity, store: Store) -> None:
    """Ask the members, and keep the answer."""
    found, newer, heads = await asyncio.gather(
        witnessed(identity, store, seconds=PATIENCE_SECONDS),
        newer_trust(identity, store, seconds=PATIENCE_SECONDS),
        told(identity, store, seconds=PATIENCE_SECONDS),
    )
    note, asked = OutsideNote.of_home(identity), _asked_of(identity)
    before = asked.words
    asked.forks = await asyncio.to_thread(_judge, identity, store, found, newer, heads)
    quiet, asked.refusal = _too_few(identity, store, found)
    if asked.forks:
        note.drop()  # it lets every command sign
    if asked.refusal:
        note.leave(quiet)
    elif not asked.forks:
        note.begin(await asyncio.to_thread(_state, identity, store))
    if identity.alone and asked.words not in {"", before}:
        _journal.warning("alone", reason=asked.words)


def _forked(words: str) -> VerificationError:
    return VerificationError(
        "{words}, and the key of the log signed both",
        words,
        hint="call the members. If the key was stolen, take it back: sigfed --alone key revoke; if this folder was put"
        " back, give up what was signed twice: sigfed --alone backup finish",
    )


def _unconfirmed(words: str) -> PeerUnreachableError:
    return PeerUnreachableError(
        words,
        hint="try again when they answer. With --alone before the command it is signed all the same: if the folder"
        " is an older one, everybody will have the proof of two histories",
    )


def forget(identity: Identity) -> None:
    """Ask anew before the next signature, whatever was answered before."""
    asked = _asked_of(identity)
    asked.refusal, asked.forks = "", {}
    OutsideNote.of_home(identity).drop()


def settle(identity: Identity, store: Store) -> None:
    """Go on from what is here, whatever was noted before: everybody has been asked in a restore."""
    forget(identity)
    with contextlib.suppress(SignerDownError):
        OutsideNote.of_home(identity).begin(_state(identity, store))


def _judge(
    identity: Identity,
    store: Store,
    found: Sightings,
    newer: Sequence[str],
    heads: Sequence[tuple[str, GossipHead]],
) -> dict[str, str]:
    """Own logs of which others have another history, in words; raises `RestoredError` where they have seen more."""
    own = identity.trust.without_proposal().document()
    with store.read() as unit:
        heads = [*heads, *((one.source, GossipHead(one.origin, one.note)) for one in unit.evidence.heard())]
    # Read last: what this node publishes meanwhile may be heard back before it is read here.
    logs = {log.origin: log for log in _own_logs(identity, store) if not is_closed(own, log.origin)}
    seen = {origin: list(found.heads.get(origin, ())) for origin in logs}
    for node, head in heads:
        with contextlib.suppress(ProtocolError):
            if head.origin in logs:
                seen[head.origin].append(sighting(node, head.note, head.origin, own))
    words, forks = [*newer, *forgotten(identity, store, heads)], dict[str, str]()
    for origin, log in logs.items():
        more = [one for one in seen[origin] if one.head.size > log.head.size]
        if more:
            words.append(_more(log, max(more, key=lambda one: (one.head.size, one.cosigned_s))))
        for one in seen[origin]:
            if one not in more and not _is_of_this_history(store, log, one):
                why = Message(
                    "{origin}: {node} cosigned another history than this folder holds"
                    if one in found.heads.get(origin, ())
                    else "{origin}: {node} shows another history than this folder holds",
                    origin,
                    one.node,
                )
                forks.setdefault(origin, why)
                other = SignedCheckpoint(one.head, one.note, (), ())
                keep_other_history(store, log, other, now_ms=identity.now_ms)
    if words:
        said = Message(
            "others have seen more than this folder holds. It was put back, or somebody else signs with its keys:"
            " {words}",
            Message.joined("; ", words),
        )
        refuse_rolled_back(identity.home, said, now=identity.clock.now())
    return forks


def _more(log: LogRecord, seen: Sighting) -> str:
    """With the times by which a person can tell a thief: what was cosigned while this folder was in use is not its."""
    return Message(
        "{node} has seen {count} entries of {origin}{cosigned}; here are {held}{published}",
        seen.node,
        f"{seen.head.size:,}",
        log.origin,
        Message(", cosigned {time}", minute(seen.cosigned_s * 1000)) if seen.cosigned_s else "",
        f"{log.head.size:,}",
        Message(", published {time}", minute(log.checked_ms)) if log.note else "",
    )


def _is_of_this_history(store: Store, log: LogRecord, seen: Sighting) -> bool:
    return held_tree(store, log).prefix_root(seen.head.size) == seen.head.root


def _too_few(identity: Identity, store: Store, found: Sightings) -> tuple[Mapping[str, str], str]:
    """Who did not answer, each with why, and that in words; nothing where enough did."""
    trust = identity.trust.without_proposal()
    documents = member_documents(store, identity.introductions, trust)
    others = [one.node for one in trust.members().members if one.node != identity.settings.node]
    cosigners = {node for node in others if node not in documents or documents[node].witness}
    needed = answers_needed(len(cosigners))
    if len(cosigners.intersection(found.answered)) >= needed:
        return {}, ""
    quiet = {
        node: found.silent.get(node, Message("no node document of it is held"))
        for node in sorted(cosigners.difference(found.answered))
    }
    words = Message.joined("; ", [Message("{node}: {reason}", node, why) for node, why in quiet.items()])
    return (
        quiet,
        Message(
            "{needed} of {count} members must say whether this folder was put back, before it signs: {words}",
            needed,
            len(cosigners),
            words,
        ),
    )


def _in_a_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run it to its end, whether or not this thread has a loop that runs.

    A loop closes once its threads have ended, and none can stop one that looks for the address of a name: minutes,
    where no name server answers. Nobody waits for that.
    """
    done: Future[None] = Future()

    async def tell() -> None:
        try:
            await work
        except BaseException as exc:  # noqa: BLE001 - raised where it is waited for
            done.set_exception(exc)
        else:
            done.set_result(None)

    thread = Thread(target=asyncio.run, args=(tell(),), daemon=True)
    thread.start()
    try:
        done.result()
    finally:
        thread.join(_CLOSING_SECONDS)


# What is compared without asking


def _require_forward(identity: Identity, store: Store, noted: Mapping[str, int]) -> Mapping[str, int]:
    """Check that nothing is behind the signer or what is noted; how far this folder has signed.

    Raises `RestoredError`, or `ConfigError` where all that signs is elsewhere.
    """
    if found := rolled_back_logs(identity, store):
        raise RestoredError(
            "the database is older than what this node has signed: {names}",
            ", ".join(found),
            hint="sigfed backup finish",
        )
    now = _state(identity, store)
    back = [name for name, size in noted.items() if name in now and now[name] < size]
    if back and identity.signer_link is None and not identity.keychain.labels(Role.LOG):
        raise ConfigError(
            "neither the keys that sign nor what they signed last are in {folder}",
            identity.home.folder,
            hint=Message(
                "with a signer process, add [signer] to {config}; else put back keys and signer from a backup",
                identity.home.config,
            ),
        )
    if back:
        words = Message("this folder was put back while the machine ran: {names}", ", ".join(sorted(back)))
        refuse_rolled_back(identity.home, words, now=identity.clock.now())
    return now


def _state(identity: Identity, store: Store) -> dict[str, int]:
    """How far this folder has signed: sizes by origin, and the numbers of its trust files."""
    trust = identity.trust.without_proposal()
    # A signer process has a folder of its own, which may be put back or restored without this one.
    signer = identity.log_signer() if identity.signer_link is None else None
    logs = _own_logs(identity, store)
    sizes = {log.origin: signer.size(log.origin) if signer else log.head.size for log in logs}
    return {**sizes, _TRUST: len(trust.roots()) * _ROOTS + trust.document().serial}
