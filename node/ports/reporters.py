"""What tells somebody other than the agency about a hit: an authority that the law names, a ticket system.

A reporter is made from one entry of `partner.toml` and knows only what is in `OutsideHit`. The hash and the file's name
are left out of that unless the entry asks for them by name. What a reporter must remember between two attempts it
keeps in its `Progress`, which is written durably with the hit: so a hit is told once, whatever dies in between.
Packages of others bring reporters through the entry point group `sigfed.reporters`; each names a `MakeReporter`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from node.clock import Clock, Entropy

ENTRY_POINTS: Final = "sigfed.reporters"
"""The group under which packages name what makes their reporters."""

Option = str | int | bool | Sequence[str]
"""A value in an entry's `options`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideHit:
    """A hit that the agency confirmed, as a reporter may know it."""

    id: str
    """Under which `sigfed hit show` finds it."""
    partner: str
    """The name under which this company is enrolled."""
    agency: str
    """Name of the node that confirmed it."""
    found_ms: int
    confirmed_ms: int
    collection: str
    countries: Sequence[str]
    weak: bool
    """Only one of md5 and sha1 matched: such matches can be forged."""
    algorithm: str
    """Of the hash that met, such as `sha256`."""
    digest: str | None = field(default=None, repr=False)
    """In hexadecimal digits; None unless the entry says `send_hash`."""
    name: str | None = field(default=None, repr=False)
    """Of the file that was looked up; None unless the entry says `send_name`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideReceipt:
    """What the other side answered."""

    reference: str
    """Its number for the report, to be named in letters to it. Not empty."""


class Progress(Protocol):
    """What a reporter remembers of one hit between two attempts."""

    @property
    def text(self) -> str:
        """What was kept last; empty before the first time."""
        ...

    def keep(self, text: str) -> None:
        """Remember, durably before this returns. No hash and no name: it is not sealed."""
        ...


class Reporter(Protocol):
    """Tells one other side about hits."""

    @property
    def destination(self) -> str:
        """Whom it tells, such as a host's name: a hit that was told there is not told there again.

        Whatever the entry is called by then: a report to an authority must not be doubled by renaming an entry.
        """
        ...

    @property
    def leaves(self) -> Sequence[str]:
        """What leaves the company with each hit, and to whom, in words a person agrees to: one line each.

        Said before the first hit is told, and again when it reads otherwise than what was agreed to.
        """
        ...

    async def submit(self, hit: OutsideHit, progress: Progress) -> OutsideReceipt:
        """Tell of `hit`. May be called again for a hit that it told of already, when this process died before.

        Raises:
            PeerRefusedError: the other side does not take this one; others may be tried.
            NodeError: none can be told now, with a hint what to do.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAsk:
    """One request to a public site."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    repeatable: bool = False
    """Whether it may be sent again after a failure that passes."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What a site answered: any status but those of failures that pass, and a bounded body."""

    status: int
    body: bytes = field(repr=False)


class Web(Protocol):
    """The way out to public sites: verified TLS, the configured proxy, no redirect, bounded replies."""

    def require_allowed(self, url: str) -> None:
        """Raise `ConfigError` unless it is https, or http to this machine; to be called when one is configured."""
        ...

    async def ask(self, ask: HttpAsk) -> HttpReply:
        """The answer.

        Raises:
            ConfigError: as `require_allowed`.
            PeerUnreachableError: no answer, or a failure that passes; tried again where the request may be.
            VerificationError: the certificate does not verify, or the reply is longer than allowed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a reporter works with; it needs no file, clock or connection of its own."""

    web: Web
    clock: Clock
    entropy: Entropy
    secret: Callable[[Path], str]
    """The one line in a private file; raises `ConfigError` or `NotFoundError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of `[[reporters]]`."""

    name: str
    sends_hash: bool
    sends_name: bool
    options: Mapping[str, Option]
    """As they stand in the file; to be checked by what makes the reporter."""


MakeReporter = Callable[[Entry, Tools], Reporter]
"""Makes a reporter; raises `ConfigError` for options that are not right, naming the key."""
