"""The release in force, for a process that lives long: loaded once, loaded again when an update replaced it.

There is one connection to the node and one token; both go on until the node's keys or our own key change. What cannot
be loaded leaves what was loaded before in use, and is journalled; a process that never had a release says so whenever
it is asked.
"""

import asyncio
from dataclasses import dataclass
from typing import Self

from keys.errors import SigfedError
from keys.key import AuthPrivateKey
from node.clock import SystemClock, system_entropy
from node.errors import NotInitialisedError
from node.group.load import load_group
from node.home import Home
from node.hoster.connection import reach_own_node
from node.hoster.folder import Enrolment, PartnerFolder
from node.hoster.lookup.allowance import Meter
from node.hoster.lookup.examiner import Examiner
from node.hoster.lookup.held_releases import HeldReleases
from node.hoster.settings import load_partner_settings
from node.hoster.trust.node import Known, known
from node.journal import Journal
from node.remote.node import RemoteNode
from protocol.oprf.group import Group
from protocol.subset.files import Held
from protocol.subset.release import Release

_journal = Journal("in-force")


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    enrolment: Enrolment
    known: Known
    held: Held | None
    seen_ms: int
    key: AuthPrivateKey


class InForce:
    """What is looked up with now. An async context manager."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._folder = PartnerFolder(home.partner)
        self._clock = SystemClock()
        self._group: Group | None = None
        self._loaded: _Loaded | None = None
        self._examiner: Examiner | None = None
        self._remote: RemoteNode | None = None
        self._replaced: list[RemoteNode] = []
        self._failed = ""
        self._loading = asyncio.Lock()
        self._signature = b""

    async def __aenter__(self) -> Self:
        """Raises `NotInitialisedError` where nobody is enrolled, and what the first loading raises."""
        self._group = load_group(load_partner_settings(self._home.folder).group)
        await self._load()
        return self

    async def __aexit__(self, *_: object) -> None:
        for remote in (self._remote, *self._replaced):
            if remote is not None:
                await remote.__aexit__()
        self._replaced, self._remote, self._examiner = [], None, None

    def examiner(self) -> Examiner:
        """What looks up in the release in force; raises `NotInitialisedError` while there is none."""
        if self._examiner is None:
            raise _no_release()
        return self._examiner

    @property
    def group(self) -> str:
        """The name of the group that look-ups compute with."""
        assert self._group is not None, "it is entered first"
        return self._group.name

    @property
    def version(self) -> int:
        """Of the release in force; 0: there is none."""
        held = self._loaded.held if self._loaded else None
        return held.version if held else 0

    @property
    def not_after_ms(self) -> int:
        """Its end; 0: there is none."""
        held = self._loaded.held if self._loaded else None
        return held.release.manifest.not_after_ms if held else 0

    @property
    def seen_ms(self) -> int:
        """When it was there: as its first witness says, or when it was fetched; 0: there is none, or nobody knows."""
        return self._loaded.seen_ms if self._loaded else 0

    @property
    def entries(self) -> int:
        """Answers in it, the published test file included."""
        held = self._loaded.held if self._loaded else None
        return len(held.release.answers) if held else 0

    @property
    def release(self) -> Release:
        """The release in force; raises `NotInitialisedError` while there is none."""
        held = self._loaded.held if self._loaded else None
        if held is None:
            raise _no_release()
        return held.release

    @property
    def evaluations_per_day(self) -> int:
        """What the agency gives this partner."""
        return self._loaded.enrolment.evaluations_per_day if self._loaded else 0

    @property
    def subset(self) -> str:
        """The name of the subset that is looked up in."""
        return self._loaded.enrolment.subset if self._loaded else ""

    async def reload(self) -> bool:
        """Load what an update put in force since; whether there was something."""
        async with self._loading:  # several callers may ask for it at once
            before = self.version
            try:
                if self._folder.signature == self._signature:
                    return False
                await self._load()
            except (SigfedError, OSError) as exc:
                if self._failed != str(exc):  # it is tried every few seconds, and told once
                    self._failed = str(exc)
                    _journal.error("not-reloaded", error=type(exc).__name__, reason=str(exc))
                return False
            self._failed = ""
        if self.version != before:
            _journal.info("reloaded", subset=self.subset, old=before, new=self.version)
        return True

    async def _load(self) -> None:
        signature = self._folder.signature
        loaded = await asyncio.to_thread(self._read)
        if self._remote is None or self._loaded is None or _reached_otherwise(self._loaded, loaded):
            await self._connect(loaded)
        assert self._remote is not None, "it was just made"
        self._loaded, self._signature = loaded, signature
        self._examiner = self._examining(loaded, self._remote) if loaded.held else None

    def _examining(self, loaded: _Loaded, remote: RemoteNode) -> Examiner:
        group = self._group
        assert group is not None, "loaded on entering"
        return Examiner(
            loaded.enrolment,
            loaded.known,
            loaded.held,
            group=lambda: group,
            api=remote,
            clock=self._clock,
            entropy=system_entropy,
            meter=Meter.of(self._folder, loaded.enrolment, self._clock),
        )

    def _read(self) -> _Loaded:
        enrolment, held = HeldReleases(self._folder).in_force()
        cursor = self._folder.load()[1]
        # An update may have replaced it in between; then it is loaded again in a moment.
        seen_ms = cursor.seen_ms if held and cursor.version == held.version else 0
        return _Loaded(enrolment, known(enrolment), held, seen_ms, self._folder.key())

    async def _connect(self, loaded: _Loaded) -> None:
        """A new connection; the one before ends at the next change, for a batch may be under way in it."""
        remote = reach_own_node(self._home, loaded.enrolment, key=loaded.key, clock=self._clock, again=True)
        await remote.__aenter__()
        ended, self._replaced = self._replaced, [] if self._remote is None else [self._remote]
        self._remote = remote
        for old in ended:
            await old.__aexit__(None, None, None)


def _no_release() -> NotInitialisedError:
    return NotInitialisedError("there is no release yet", hint="fetch one with: sigfed update")


def _reached_otherwise(old: _Loaded, new: _Loaded) -> bool:
    """Whether the node is reached with another key, at another address or by other pins than before."""
    return (old.key.to_text(), old.known.address(old.enrolment.url), old.known.pins) != (
        new.key.to_text(),
        new.known.address(new.enrolment.url),
        new.known.pins,
    )
