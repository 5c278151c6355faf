"""What a next root says: which holders come, go or get other keys, and how many of them must sign.

Every next root has other online keys and a new end. Whoever holds a root back from clients is then found out by the
first timestamp, and a thief of the timestamp key has it for as long as a root lasts at most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from keys.key import SnapshotPublicKey, TimestampPublicKey
from keys.message import Message
from keys.roles import Role
from keys.trust.tuf.holders import Holder
from keys.trust.tuf.root import RootContent, TrustedRoot
from node.errors import NotFoundError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class RootChange:
    """What shall be different; the default only prolongs."""

    holders: Sequence[Holder] = ()
    """New ones, and new keys of those there are."""
    remove: Sequence[str] = ()
    threshold: int | None = None
    targets_threshold: int | None = None


@dataclass(frozen=True, slots=True)
class OnlineKeys:
    """The public halves of the next snapshot and timestamp key."""

    snapshot: SnapshotPublicKey
    timestamp: TimestampPublicKey


def next_content(before: TrustedRoot, change: RootChange, online: OnlineKeys, now: datetime) -> RootContent:
    """What the root after `before` says.

    Raises:
        NotFoundError: a holder that shall go is none.
        UsageError: more signatures are asked for than there are keys, or nobody would be left.
    """
    holders = _holders(before, change)
    roots = tuple(holder.root for holder in holders if holder.root is not None)
    targets = tuple(holder.targets for holder in holders if holder.targets is not None)
    content = RootContent(
        node=before.node,
        expires=(now + timedelta(days=Role.ROOT.info.days)).replace(microsecond=0),
        root_keys=roots,
        threshold=before.threshold if change.threshold is None else change.threshold,
        targets_keys=targets,
        targets_threshold=(
            before.targets_threshold if change.targets_threshold is None else change.targets_threshold
        ),
        snapshot_keys=(online.snapshot,),
        timestamp_keys=(online.timestamp,),
        holders=tuple(holders),
    )
    _require_met("root", content.threshold, len(roots))
    _require_met("targets", content.targets_threshold, len(targets))
    return content


def _holders(before: TrustedRoot, change: RootChange) -> list[Holder]:
    held: Mapping[str, Holder] = {holder.name: holder for holder in before.named_holders}
    for name in change.remove:
        if name not in held:
            raise NotFoundError(
                "{name} holds no key", name, hint=Message("there are: {held}", ", ".join(sorted(held)))
            )
    kept = {name: holder for name, holder in held.items() if name not in change.remove}
    for new in change.holders:
        old = kept.get(new.name)
        kept[new.name] = new if old is None else _renewed(old, new)
    return [kept[name] for name in sorted(kept)]


def _renewed(old: Holder, new: Holder) -> Holder:
    """A holder who made one new key keeps the other."""
    return replace(old, root=new.root or old.root, targets=new.targets or old.targets)


def _require_met(role: str, threshold: int, keys: int) -> None:
    if not 1 <= threshold <= keys:
        raise UsageError(
            "{threshold} of {keys} {role} keys cannot sign",
            threshold,
            keys,
            role,
            hint="name another threshold, or more holders",
        )
