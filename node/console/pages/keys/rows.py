"""How one key of the ring stands: what it is for, how much of its life is over, who has yet to know it.

What is done about it is decided on the pages that show it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from keys.roles import Role
from keys.trust.lifecycle import NO_PEER_NEEDS, Facts, Stage
from node.ports.keyring import RingKey
from node.rotation.successors import REPLACED
from node.trust.successors import SUCCEEDED

PURPOSES: Final[Mapping[Role, str]] = MappingProxyType(
    {
        Role.ROOT: "Root",
        Role.TARGETS: "Trust files",
        Role.SNAPSHOT: "Snapshot",
        Role.TIMESTAMP: "Timestamp",
        Role.LOG: "Lists and releases",
        Role.WITNESS: "Witness",
        Role.AUTH: "Asking peers",
        Role.TOKEN: "Access tokens",
        Role.STATEMENT: "Receipts",
        Role.TLS: "Connections",
        Role.OPRF: "Private look-ups",
        Role.STORAGE: "Stored data",
    }
)
"""What people call the keys of a role."""

_GONE: Final = frozenset({Stage.REVOKED, Stage.LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One key."""

    key: RingKey
    purpose: str
    tone: str
    """Of its stage: good, waits, bad or rest."""
    spent: int
    """Percent of its life that is over."""
    missing: Sequence[str]
    """Peers that should know it and have not said so."""
    peers: int
    """How many should; 0: nobody needs to."""
    replaced: bool
    """Whether it can be given a successor here."""
    taken_back: bool
    """Whether it can be taken back here, and was not."""

    @property
    def later(self) -> bool:
        """Whether everybody knows it, and it begins by itself when its time has come."""
        return self.key.stage is Stage.PUBLISHED and not self.missing

    @property
    def waits(self) -> bool:
        """Whether it is published and begins once everybody knows it."""
        return self.key.stage is Stage.PUBLISHED and bool(self.missing)


def order(key: RingKey) -> tuple[int, str, datetime]:
    """How keys stand in a list: by role, what they are for, and when they began."""
    return list(Role).index(key.role), key.managed.lineage.of, key.managed.valid.start


def row_of(key: RingKey, facts: Facts, *, followed: bool) -> KeyRow:
    """How a key stands; `followed` when another signs in its place, or it signs itself."""
    valid = key.managed.valid
    life = valid.end - valid.start
    spent = (facts.now - valid.start) / life if life else 1.0
    nobody = key.role in NO_PEER_NEEDS
    return KeyRow(
        key=key,
        purpose=PURPOSES[key.role],
        tone=_tone(key, spent),
        spent=round(100 * min(1.0, max(0.0, spent))),
        missing=() if nobody else sorted(facts.missing(key.managed)),
        peers=0 if nobody else len(facts.peers),
        replaced=key.role in REPLACED,
        # One that is stopped already is offered again while nothing signs in its place: what the holders were to
        # sign may have been thrown away.
        taken_back=key.role in SUCCEEDED and (key.stage not in _GONE or not followed),
    )


def _tone(key: RingKey, spent: float) -> str:
    if key.stage in {Stage.REVOKED, Stage.LOST}:
        return "bad"
    if key.stage is Stage.ACTIVE:
        return "waits" if spent > 0.5 else "good"
    return "waits" if key.stage in {Stage.GENERATED, Stage.PUBLISHED} else "rest"
