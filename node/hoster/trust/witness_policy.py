"""Who stands behind a release log's head: the partner's own witness policy, and how a head meets it.

The policy comes from the members register and the members' own documents, never from the node; the node's own
cosignature counts for nothing. Which rule is asked for is a value: `by_register` is the real one. A head that too few
stand behind is not wrong, it is unconfirmed: what is held stays in force. Spec: docs/spec/subset.md, "Witnesses".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, TypeAlias

from keys.trust.node_document import NodeDocument
from node.hoster.trust.node import Known
from protocol.history import fresh_cosignatures
from protocol.limits import MAX_COSIGNATURE_AGE_DAYS
from protocol.subset.manifest import Manifest
from protocol.tlog.checkpoint import SignedCheckpoint, open_checkpoint
from protocol.tlog.policy import NO_QUORUM, Policy, write_policy
from protocol.witness.policy import witness_policy

MAX_AGE: Final = timedelta(days=MAX_COSIGNATURE_AGE_DAYS)

Rule: TypeAlias = Callable[[Known, str, Mapping[str, NodeDocument], datetime], Policy]
"""The policy for a log, from what is known and the members' documents, at a time."""


def by_register(known: Known, origin: str, documents: Mapping[str, NodeDocument], now: datetime) -> Policy:
    """Enough of the members that the register counts, without the node itself."""
    return witness_policy(origin, known.members, documents, log_keys=known.log_keys(origin, now), now=now)


def unwitnessed(known: Known, origin: str, _: Mapping[str, NodeDocument], now: datetime) -> Policy:
    """No witness is asked for: the node's word is enough."""
    return Policy(logs=known.log_keys(origin, now), witnesses={}, groups={}, quorum=NO_QUORUM)


def policy_hash(policy: Policy) -> bytes:
    """SHA-256 of the policy file, as a manifest names it."""
    return sha256(write_policy(policy)).digest()


def other_policy(manifest: Manifest | None, policy: Policy) -> tuple[str, ...]:
    """That a new release was made with another policy than ours, in words; nothing if it was not."""
    if manifest is None or policy.quorum == NO_QUORUM or manifest.rules.witness_policy == policy_hash(policy):
        return ()
    if manifest.rules.witness_policy == sha256(b"").digest():
        return (
            "the node does not say which witnesses it asked for this release; ours are asked all the same",
        )
    return ("the node asked other witnesses for this release than ours; ours are asked all the same",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backing:
    """Who stands behind a head."""

    witnesses: tuple[str, ...]
    """Nodes whose cosignatures count, by name."""
    needed: int
    missing: int
    """How many more the policy asks for; 0: enough."""
    late: bool
    """Enough cosigned once, but too long ago."""
    oldest: datetime | None
    """When the first of them cosigned: the head was there by then."""
    newest: datetime | None
    """When the last of them cosigned."""

    @property
    def words(self) -> str:
        """For people."""
        if not self.needed:
            return "no witness is needed: the federation has no other member that cosigns"
        who = f" ({', '.join(self.witnesses)})" if self.witnesses else ""
        when = f", last on {self.newest:%Y-%m-%d %H:%M} UTC" if self.newest else ""
        return f"{len(self.witnesses)} of {self.needed} needed witnesses stand behind it{who}{when}"


def backing(policy: Policy, head: SignedCheckpoint, now: datetime) -> Backing:
    """Who stands behind `head`, opened with the policy's keys."""
    fresh = fresh_cosignatures(head.cosignatures, now=now, max_age=MAX_AGE)
    missing = policy.missing([each.witness for each in fresh])
    times = [datetime.fromtimestamp(each.time_s, UTC) for each in fresh]
    ever = policy.missing([each.witness for each in head.cosignatures])
    return Backing(
        witnesses=tuple(sorted({each.witness.name.partition("/")[0] for each in fresh})),
        needed=_needed(policy),
        missing=missing,
        late=bool(missing) and not ever,
        oldest=min(times, default=None),
        newest=max(times, default=None),
    )


def backing_of(note: bytes, known: Known, origin: str, policy: Policy, now: datetime) -> Backing:
    """Who stands behind a checkpoint that is held, under whichever key of the log it was signed."""
    head = open_checkpoint(
        note, origin=origin, log_keys=known.all_log_keys(origin), witnesses=policy.witness_keys
    )
    return backing(policy, head, now)


def _needed(policy: Policy) -> int:
    if policy.quorum == NO_QUORUM:
        return 0
    group = policy.groups.get(policy.quorum)
    return group.threshold if group else 1
