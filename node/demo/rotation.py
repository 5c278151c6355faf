"""What is noted while keys are replaced: those that counted in the beginning, and what went wrong on the way."""

from dataclasses import dataclass, field

from keys.roles import Role
from node.demo.parties import Party


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstKey:
    """A key that counted before anything was replaced."""

    whose: Party
    name: str
    """Of its key file, without the ending; of the hoster's only key, what it is called here."""
    kid: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """A step in which keys were replaced."""

    title: str
    """What was replaced: "auth key: requests for access tokens"."""
    change: str
    """Old and new: "auth-1 → auth-4"."""
    label: str
    """The new ones in a sentence: "auth-4"."""
    kids: frozenset[str]
    """Of the new ones; none: nothing was replaced."""


def title_of(role: Role) -> str:
    """A role's key, and what it is for."""
    if role is Role.STORAGE:
        return f"{role} key: what the node stores"
    return f"{role} key: {role.info.signs}"


@dataclass(slots=True, kw_only=True)
class Rotation:
    """The notes."""

    first_keys: tuple[FirstKey, ...] = ()
    """FR's, and the hoster's own."""
    traffic: dict[str, int] = field(default_factory=dict)
    """How often the hoster and NL wanted something."""
    failed: list[str] = field(default_factory=list)
    """What of it failed."""
    unfollowed: list[str] = field(default_factory=list)
    """Who did not know a new key when it signed, or had not said so."""
