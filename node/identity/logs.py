"""Starting a log of this node: key, announcement in the node document, catalogue; safe to run again after a crash.

The targets keys are opened first, so that a wrong passphrase leaves nothing behind. What was cut off later is finished
by the same command: a log counts as there once the node document names it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keys.errors import SigfedError
from keys.signer import Signer
from node.errors import AlreadyExistsError, UsageError
from node.files import said_of
from node.identity.audit import tell
from node.identity.identity import Identity
from node.identity.keyring import log_key
from node.identity.rollback import signer_of
from node.lists.catalogue import create_list as catalogue_list
from node.lists.catalogue import list_origin, own_list
from node.lists.continuation import (
    announce_continuation,
    has_fork,
    is_closed,
    require_open,
    start_continuation,
)
from node.lists.pace import FollowGuards
from node.lists.publish import Published, publish
from node.store.lists.records import LogKind, LogRecord
from node.store.store import Store
from node.trust.announce import LOG_KEY_DAYS, announce_log, log_info
from node.trust.foundation import log_label
from node.trust.own import window


def create_list(identity: Identity, store: Store, name: str) -> LogRecord:
    """Start the list `name`; asks for a targets key.

    Raises:
        AlreadyExistsError: there is such a list.
        UsageError: a name that is not one.
    """
    node = identity.settings.node
    origin = list_origin(node, name)
    signers = identity.targets_signers()
    try:
        record = catalogue_list(store, node, name)
    except AlreadyExistsError:
        if announced(identity, origin):
            raise
        with store.read() as unit:
            record = unit.logs.get(origin)
    announce(identity, origin, signers=signers)
    tell(identity, store, "key.create", log_label(origin), details={"role": "log"})
    return record


def continue_list(identity: Identity, store: Store, name: str, *, old: str) -> LogRecord:
    """Start the list `name` in place of the own list `old`, which can never be signed again; asks for a targets key.

    Raises:
        UsageError: `old` can go on, or goes on elsewhere already.
        AlreadyExistsError: there is such a list.
    """
    with store.read() as unit:
        ended = own_list(unit, old)
    require_open(identity.trust.document(), old)
    if identity.given_up_at(old) is None and not has_fork(store, old):
        raise UsageError(
            "{old} can go on: nothing of it is lost, and no proof of a second history is kept here",
            old,
            hint="a stolen key is taken back, and the list goes on under another: sigfed key revoke",
        )
    node, signers = identity.settings.node, identity.targets_signers()
    origin = list_origin(node, name)
    try:
        record = start_continuation(store, node, name, old=ended)
    except AlreadyExistsError:
        if announced(identity, origin):
            raise
        with store.read() as unit:
            record = unit.logs.get(origin)
    info = log_info(
        identity.trust.document().endpoints[0].url,
        origin,
        log_key(identity.keychain, log_label(origin)),
        valid=window(identity.clock.now(), LOG_KEY_DAYS),
    )
    announce_continuation(identity.trust, info, old=ended, signers=signers)
    tell(identity, store, "key.create", log_label(origin), details={"role": "log"})
    return record


def announced(identity: Identity, origin: str) -> bool:
    """Whether the node document names the log."""
    return any(log.origin == origin for log in identity.trust.document().logs)


def announce(identity: Identity, origin: str, *, signers: Sequence[Signer]) -> None:
    """Make the log's key, if there is none yet, and name it in the node document."""
    announce_log(
        identity.trust,
        origin,
        log_key(identity.keychain, log_label(origin)),
        valid=window(identity.clock.now(), LOG_KEY_DAYS),
        signers=signers,
    )


@dataclass(frozen=True, slots=True)
class Publications:
    """What came of publishing own lists, by origin."""

    done: Mapping[str, Published]
    failed: Mapping[str, SigfedError]


def publish_own(
    identity: Identity, store: Store, limits: FollowGuards | None = None, *, only: str = ""
) -> Publications:
    """Publish what is waiting in every own list that was not continued in another, or in one; see `publish_one`.

    What stops one list must not stop the others, whose withdrawals wait.
    """
    done: dict[str, Published] = {}
    failed: dict[str, SigfedError] = {}
    for origin in [only] if only else _growing(identity, store):
        try:
            done[origin] = publish_one(identity, store, origin, limits)
        except (SigfedError, OSError) as exc:
            failed[origin] = said_of(exc)
    return Publications(done, failed)


def _growing(identity: Identity, store: Store) -> list[str]:
    document = identity.trust.document()
    with store.read() as unit:
        logs = unit.logs.ls(LogKind.OWN_LIST)
    return [log.origin for log in logs if not is_closed(document, log.origin)]


def publish_one(
    identity: Identity, store: Store, origin: str, limits: FollowGuards | None = None
) -> Published:
    """Publish what is waiting in one own list; raises `BeyondLimitsError` unless it is within `limits`.

    By default these are what the node document announces as a normal day. A list that goes on in another is refused
    (`UsageError`).
    """
    require_open(identity.trust.document(), origin)
    now_ms = identity.now_ms
    limits = limits or FollowGuards.of(identity.trust.document().limits)
    done = publish(store, origin, signer=signer_of(identity, store), now_ms=now_ms, limits=limits)
    if done.changed:
        numbers = {"size": done.size, "adds": done.adds, "withdrawals": done.withdrawals}
        tell(identity, store, "list.publish", origin, details={name: str(n) for name, n in numbers.items()})
    return done
