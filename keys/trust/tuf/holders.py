"""The holders of a node's root and targets keys: who has which, as the root names them.

A holder has one root key and one targets key. The names are labels, not persons: "1", "safe". Which keys count
is said by the root's roles alone; the names only let people speak of a key without reading it out.
Spec: docs/spec/trust.md, "Holders".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from keys.errors import MalformedTrustError
from keys.key import PublicKey, RootPublicKey, TargetsPublicKey
from keys.trust.tuf.keys import tuf_key_id

HOLDERS_FIELD: Final = "x-sigfed-holders"
MAX_HOLDERS: Final = 32

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", re.ASCII)


def is_holder_name(text: str) -> bool:
    """Whether `text` is 1 to 32 of `a-z`, `0-9` and inner hyphens."""
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a root key, a targets key or both; raises `MalformedTrustError`."""

    name: str
    root: RootPublicKey | None
    targets: TargetsPublicKey | None

    def __post_init__(self) -> None:
        if not is_holder_name(self.name):
            raise MalformedTrustError("holder: not a name of 1 to 32 small letters, digits and inner hyphens")
        if not self.keys:
            raise MalformedTrustError("holder: without a key")

    @property
    def keys(self) -> tuple[PublicKey, ...]:
        """The root key and the targets key, as far as there are."""
        return tuple(key for key in (self.root, self.targets) if key is not None)


def check_holders(
    holders: Sequence[Holder], root_keys: Sequence[RootPublicKey], targets_keys: Sequence[TargetsPublicKey]
) -> None:
    """Returns if the holders hold exactly these keys, each under its own name, else raises `MalformedTrustError`."""
    if not 1 <= len(holders) <= MAX_HOLDERS or len({holder.name for holder in holders}) != len(holders):
        raise MalformedTrustError("root: two holders of one name, or too many")
    held = sorted(key.raw for holder in holders for key in holder.keys)
    if held != sorted(key.raw for key in (*root_keys, *targets_keys)):
        raise MalformedTrustError("root: its holders do not hold its root and targets keys")


def numbered(
    root_keys: Sequence[RootPublicKey], targets_keys: Sequence[TargetsPublicKey]
) -> tuple[Holder, ...]:
    """The holders of a root that names none: "1", "2" and so on, in the order of its keys."""
    pairs = zip_longest(root_keys, targets_keys)
    return tuple(
        Holder(name=str(number), root=root, targets=targets)
        for number, (root, targets) in enumerate(pairs, 1)
    )


def to_field(holders: Sequence[Holder]) -> list[dict[str, str]]:
    """The value of `x-sigfed-holders`: names, and ids of keys."""
    return [
        {"name": holder.name} | {key.role.value: tuf_key_id(key) for key in holder.keys}
        for holder in sorted(holders, key=lambda holder: holder.name)
    ]


def from_field(
    value: object, root_keys: Sequence[RootPublicKey], targets_keys: Sequence[TargetsPublicKey]
) -> tuple[Holder, ...]:
    """The holders that a root names; raises `MalformedTrustError`."""
    if not isinstance(value, list):
        raise MalformedTrustError("root: {name} is not a list", HOLDERS_FIELD)
    roots = {tuf_key_id(key): key for key in root_keys}
    targets = {tuf_key_id(key): key for key in targets_keys}
    holders = tuple(_holder(item, roots, targets) for item in value)
    check_holders(holders, root_keys, targets_keys)
    return holders


def _holder(
    item: object, roots: Mapping[str, RootPublicKey], targets: Mapping[str, TargetsPublicKey]
) -> Holder:
    if not isinstance(item, dict) or not all(isinstance(value, str) for value in item.values()):
        raise MalformedTrustError("root: {name} is not a list of names and key ids", HOLDERS_FIELD)
    return Holder(
        name=item.get("name", ""),
        root=roots.get(item.get("root", "")),
        targets=targets.get(item.get("targets", "")),
    )
