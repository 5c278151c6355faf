"""Moving the keys of an opened node through their lives: every hour, and when an operator rotates one.

What may happen is `keys.trust.lifecycle`'s to decide. Here the facts are gathered, and each step is taken by itself and
told to the audit log; a step that was taken is not taken again. The private half of a key that is destroyed is deleted,
however often that was cut off before.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from keys.key import PRIVATE_KEY_TYPES, LogPublicKey, PublicKey
from keys.message import Message
from keys.roles import Role
from keys.signer import Signer
from keys.trust.lifecycle import Advance, Facts, Lineage, Stage, Step, advance, overlap
from keys.trust.listed_keys import listed_keys
from keys.trust.node_document import NodeDocument
from keys.trust.window import Window
from node.errors import ConflictError, NodeError, UsageError
from node.identity.audit import about, queue, sign, tell
from node.identity.distant_keys import refer, require_unused
from node.identity.identity import Identity
from node.identity.keyring import new_label
from node.identity.rollback import signer_of
from node.journal import Journal
from node.lists.head_renewal import sign_also
from node.ports.keyring import RingKey, label_of, signing, silent
from node.rotation.progress import Begun, rotation
from node.signing.keychain import Keychain
from node.store.store import Store
from node.trust.steps import facts_of
from node.trust.successors import SUCCEEDED, ending_by, with_key
from protocol.tlog.note import VerifierKey

SIGNER: Final = "signer"
"""Scheme of a key that the signer process has already: `signer:auth-4`."""
_journal = Journal("keys")


def advance_keys(identity: Identity, store: Store) -> Advance:
    """Take every step that the facts allow now."""
    keys = identity.adopt_keys()
    done = advance([key.managed for key in keys], key_facts(identity, store, keys))
    names = {key.managed.kid: key.name for key in keys}
    for step in done.steps:
        _take(identity, store, step, names[step.kid])
    if done.steps:
        sign(identity, store)  # before a key is gone
    for key in identity.ring.read():
        if key.stage is Stage.DESTROYED:
            identity.keychain.destroy(key.role, key.label)
    _sign_heads(identity, store)
    return done


def begin_overdue(identity: Identity, store: Store) -> None:
    """Take the steps of the keys if a lineage has one that counts now, and none that signs."""
    if silent(identity.ring.read(), identity.clock.now()):
        advance_keys(identity, store)


def key_facts(identity: Identity, store: Store, keys: Sequence[RingKey]) -> Facts:
    """What is known of the keys now."""
    document = identity.trust.document()
    with store.read() as unit:
        return facts_of(unit, keys, document, listed_keys(document, identity.trust.root()), identity.clock)


def _sign_heads(identity: Identity, store: Store) -> None:
    """Have keys of logs that have begun sign the newest heads, too; what cannot be signed now is at the next time."""
    ring = [key for key in identity.ring.read() if key.role is Role.LOG]
    signer = signer_of(identity, store)
    for origin in sorted({key.managed.lineage.of for key in ring}):
        own = [key for key in ring if key.managed.lineage.of == origin]
        wanted = signing(own, Role.LOG, origin, identity.clock.now())
        good = [key for key in own if key.stage is not Stage.REVOKED]
        try:
            added = sign_also(store, origin, signer, wanted=_hashes(wanted), good=_hashes(good))
        except NodeError as exc:
            _journal.warning("unsigned", origin=origin, reason=str(exc))
            continue
        if added:
            _journal.info("signed", origin=origin)


def _hashes(keys: Iterable[RingKey]) -> frozenset[bytes]:
    return frozenset(
        VerifierKey.of_log(key.managed.lineage.of, LogPublicKey.from_text(key.public)).key_hash
        for key in keys
    )


def _take(identity: Identity, store: Store, step: Step, name: str) -> None:
    now = identity.clock.now().replace(microsecond=0)
    moved = False

    def move(keys: tuple[RingKey, ...]) -> Iterable[RingKey]:
        nonlocal moved
        for key in keys:
            is_there = key.managed.kid == step.kid and key.stage is step.before
            moved = moved or is_there
            yield key.entering(step.after, now) if is_there else key

    action = f"key.{step.after}"
    with about(identity, action, name) as act:
        identity.ring.change(move)
        if not moved:  # another process took the step meanwhile, and tells of it
            act.recorded = True
            return
        _journal.info("step", key=name, stage=step.after, reason=step.reason)
        details = {"reason": step.reason, "by": step.by, "missing": " ".join(sorted(step.missing))}
        act.recorded = queue(
            identity, store, action, name, details={word: text for word, text in details.items() if text}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """A successor that was made and listed."""

    key: RingKey
    predecessors: tuple[RingKey, ...]
    """Keys that it follows, with their windows as they are now."""


def rotate(
    identity: Identity,
    store: Store,
    lineage: Lineage,
    *,
    at: datetime,
    signers: Sequence[Signer],
    uri: str = "",
) -> Rotated:
    """List a new key that counts from `at` on; those before it end when the overlap is over.

    `uri` names a key that lies elsewhere, or that the signer process has; otherwise one is made. What was killed in the
    middle is finished.

    Raises:
        UsageError: `at` is in the past, or later than the node document lasts.
    """
    with rotation(identity, lineage) as begun:
        kid = list_successor(identity, lineage, begun, at=at, signers=signers, uri=uri)
        identity.adopt_keys()
        advance_keys(identity, store)
        return rotated(identity, store, lineage, kid)


def rotated(identity: Identity, store: Store, lineage: Lineage, kid: str) -> Rotated:
    """The new key with this kid, of which the audit log is told, and those before it that are not destroyed.

    One that began in the same second is before it, too.
    """
    own = [key for key in identity.ring.read() if key.managed.lineage == lineage]
    new = next(key for key in own if key.managed.kid == kid)
    tell(identity, store, "key.create", new.name, details={"role": new.role})
    earlier = [
        key
        for key in own
        if key is not new
        and key.managed.valid.start <= new.managed.valid.start
        and key.stage is not Stage.DESTROYED
    ]
    return Rotated(key=new, predecessors=tuple(earlier))


def list_successor(
    identity: Identity,
    lineage: Lineage,
    begun: Begun,
    *,
    at: datetime,
    signers: Sequence[Signer],
    uri: str = "",
) -> str:
    """Make a new key and list it, or propose that; gives its kid. Raises as `rotate` does."""
    assert lineage.role in SUCCEEDED, "keys of other roles have procedures of their own"
    life = timedelta(days=lineage.role.info.days)
    if (listed := _listed_before(identity, lineage, begun)) is not None:
        return listed
    start = max((at.replace(microsecond=0), *_just_after_those_before(identity, lineage, at)))
    made: list[str] = []

    def change(old: NodeDocument) -> NodeDocument:
        key = _successor(identity, lineage, begun, uri)
        made.append(key.kid)
        cut = ending_by(old, lineage, start + overlap(life))
        return with_key(cut, lineage, key, Window(start, start + life))

    require_soon(identity, start)
    identity.trust.revise_document(change, signers=signers)
    return made[-1]


def _listed_before(identity: Identity, lineage: Lineage, begun: Begun) -> str | None:
    """Kid of the key that an earlier try listed; None where it did not come so far."""
    if begun.name not in identity.keychain.labels(lineage.role):
        return None
    kid = _public(identity, lineage.role, begun.name).kid
    for key in listed_keys(identity.trust.document(), identity.trust.root()):
        if key.kid == kid and key.valid is not None:
            return kid
    return None


def _successor(identity: Identity, lineage: Lineage, begun: Begun, uri: str) -> PublicKey:
    """The new key; the one that an earlier try made and did not list."""
    keychain = identity.keychain
    if begun.name in keychain.labels(lineage.role):
        return _public(identity, lineage.role, begun.name)
    if uri and not isinstance(keychain, Keychain):
        return _brought_by_signer(identity, lineage, uri)
    begun.note(new_label(keychain, identity.ring, lineage))
    if uri:
        return _referred(identity, lineage, uri, begun.name)
    return keychain.make(PRIVATE_KEY_TYPES[lineage.role], begun.name)


def _public(identity: Identity, role: Role, label: str) -> PublicKey:
    return PRIVATE_KEY_TYPES[role].public_type.from_text(identity.keychain.public(role, label))


def _referred(identity: Identity, lineage: Lineage, uri: str, label: str) -> PublicKey:
    """A key that lies elsewhere, under a label of the lineage."""
    keychain, node = identity.keychain, identity.settings.node
    assert isinstance(keychain, Keychain), "the signer process has its own"
    return refer(keychain, lineage.role, label, uri, node=node, others=_others(identity)).public


def _others(identity: Identity) -> Sequence[PublicKey]:
    online = [key for key in identity.ring.read() if key.role in PRIVATE_KEY_TYPES]
    held = [PRIVATE_KEY_TYPES[key.role].public_type.from_text(key.public) for key in online]
    return (*held, *identity.trust.root().keys)


def _brought_by_signer(identity: Identity, lineage: Lineage, uri: str) -> PublicKey:
    """The key that `signer:ROLE-LABEL` names; raises `UsageError` that says how the signer comes to have one."""
    role, label = lineage.role, new_label(identity.keychain, identity.ring, lineage)
    scheme, _, named = uri.partition(f":{role}-")
    if scheme != SIGNER:
        raise UsageError(
            "this node's keys are with a signer process, which lets nobody at its socket name a place",
            hint=Message(
                "as the signer's user: sigfed --home FOLDER signer refer {role}-{label} URI; then here --key"
                " {name}:{role}-{label}",
                role,
                label,
                SIGNER,
            ),
        )
    number = named.rpartition("-")[2]
    if not number.isdecimal() or named != label_of(lineage, int(number)):
        raise UsageError(
            "{role}-{named} is no name of such a key",
            role,
            named,
            hint=Message("the next one is {role}-{label}", role, label),
        )
    if any((key.role, key.label) == (role, named) for key in identity.ring.read()):
        raise ConflictError(
            "{role}-{named} is listed already", role, named, hint="see it with: sigfed key status"
        )
    key = _public(identity, role, named)
    require_unused(key, _others(identity))
    return key


def _just_after_those_before(identity: Identity, lineage: Lineage, at: datetime) -> Iterator[datetime]:
    """Of keys that begin in one second, none is the younger."""
    for key in identity.adopt_keys():
        if key.managed.lineage == lineage and key.managed.valid.start <= at:
            yield key.managed.valid.start + timedelta(seconds=1)


def require_soon(identity: Identity, start: datetime) -> None:
    """Raise `UsageError` unless a key that begins at `start` can be listed now."""
    now = identity.clock.now()
    if start < now - timedelta(minutes=5):
        raise UsageError("a key cannot begin in the past")
    if start >= now + timedelta(days=180):
        raise UsageError("a key is listed for 180 days at most before it begins")


def allow(identity: Identity, store: Store, key: RingKey, *, by: str) -> Advance:
    """Let a published key begin although peers have not acknowledged it.

    Raises:
        ConflictError: it is not waiting for anybody.
    """
    if key.stage is not Stage.PUBLISHED:
        raise ConflictError("{name} is {stage}: it waits for nobody", key.name, key.stage)

    def note(keys: tuple[RingKey, ...]) -> Iterable[RingKey]:
        return (replace(each, allowed_by=by) if each.name == key.name else each for each in keys)

    identity.ring.change(note)
    return advance_keys(identity, store)


def lineage_of(identity: Identity, role: Role, of: str) -> Lineage:
    """The lineage of `role` that an operator names by its origin, the end of it, its list's name, or not at all.

    Raises:
        UsageError: there is none of that name, or more than one.
    """
    document = identity.trust.document()
    choices = {
        key.lineage for key in listed_keys(document, identity.trust.root()) if key.lineage.role is role
    }
    # Every node has a log audit/main: where a list has that name too, the list is meant.
    for end in (f"/lists/{of}", f"/{of}"):
        found = [each for each in choices if not of or of == each.of or each.of.endswith(end)]
        if len(found) == 1:
            return found[0]
    names = ", ".join(sorted(each.of for each in choices)) or "none"
    raise UsageError("which {role} key? there are: {names}", role, names, hint="name one with --of")
