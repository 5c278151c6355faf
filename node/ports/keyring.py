"""The key ring: which online keys a node has, where each is in its life, and which key file holds it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, Self

from keys.roles import Role
from keys.trust.lifecycle import Lineage, ManagedKey, Stage, signers


@dataclass(frozen=True, slots=True, kw_only=True)
class RingKey:
    """One key of the ring."""

    managed: ManagedKey
    label: str
    """Of its key file `ROLE-LABEL.json`; labels of a lineage end in a number that counts up."""
    since: datetime
    """When it entered its stage."""
    public: str = ""
    """Text form of its public half, which outlives the key file; empty for a secret that has none."""
    serial: int = 0
    """Serial of the first node document that lists it; 0: none does yet."""
    allowed_by: str = ""
    """The operator who let it begin before every peer had acknowledged it."""

    @property
    def name(self) -> str:
        """What people call it: `auth-2`, `log-lists-main-1`."""
        return f"{self.role}-{self.label}"

    @property
    def role(self) -> Role:
        """What it is for."""
        return self.managed.lineage.role

    @property
    def stage(self) -> Stage:
        """Where it is in its life."""
        return self.managed.stage

    def entering(self, stage: Stage, now: datetime) -> Self:
        """The key in another stage, which it enters now."""
        return replace(self, managed=replace(self.managed, stage=stage), since=now)


def label_of(lineage: Lineage, number: int) -> str:
    """Label of the key file of a lineage's key with this number: `2`, `lists-main-2`, `subsets-hosters-2`."""
    match lineage.role:
        case Role.LOG:
            parts = lineage.of.split("/")[1:]
        case Role.OPRF:
            parts = ["subsets", lineage.of]
        case _:
            parts = []
    return "-".join([*parts, str(number)])


def next_label(lineage: Lineage, taken: Iterable[str]) -> str:
    """The label after the greatest that is `taken` by keys of the role."""
    prefix = label_of(lineage, 0).removesuffix("0")
    numbers = (label.removeprefix(prefix) for label in taken if label.startswith(prefix))
    return label_of(lineage, 1 + max((int(number) for number in numbers if number.isdecimal()), default=0))


def signing(keys: Iterable[RingKey], role: Role, of: str, now: datetime) -> tuple[RingKey, ...]:
    """The keys of a role, and of one thing, that sign at `now`, oldest first."""
    own = {key.managed: key for key in keys if key.role is role and key.managed.lineage.of == of}
    return tuple(own[managed] for managed in signers(own, now))


def silent(keys: Iterable[RingKey], now: datetime) -> bool:
    """Whether a lineage has a key that counts at `now`, and none that signs: its time came while nobody looked."""
    held = [key.managed for key in keys]
    signing_now = {managed.lineage for managed in signers(held, now)}
    waiting = {
        managed.lineage
        for managed in held
        if managed.stage in {Stage.GENERATED, Stage.PUBLISHED} and managed.valid.covers(now)
    }
    return not waiting <= signing_now


def unfollowed(keys: Iterable[RingKey], needed: Iterable[Lineage], now: datetime) -> tuple[RingKey, ...]:
    """Keys of `needed` that were taken back, and that none signs after."""
    keys = tuple(keys)
    silent = set(needed) - {managed.lineage for managed in signers((key.managed for key in keys), now)}
    gone = {Stage.REVOKED, Stage.LOST}
    return tuple(key for key in keys if key.stage in gone and key.managed.lineage in silent)


RingChange = Callable[[tuple[RingKey, ...]], Iterable[RingKey]]


class KeyRing(Protocol):
    """The keys of one node, shared by its processes."""

    def read(self) -> tuple[RingKey, ...]:
        """All keys, in the order in which they came; raises `StoreError` when that cannot be read."""
        ...

    def change(self, change: RingChange) -> tuple[RingKey, ...]:
        """Replace the keys by what `change` makes of them, while nobody else does; returns them."""
        ...
