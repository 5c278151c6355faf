"""Sessions of a partner's console: in the memory of the process that serves it, and gone with it.

As at an agency (`node.access.sessions`) a session ends after half an hour without use and twelve hours after
it was opened. Of its token only the hash is kept.
"""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Final

from node.access.sessions import LONGEST, Visitor, is_living
from node.access.tokens import hash_token
from node.clock import Clock, Entropy, milliseconds
from node.hoster.console_tokens import Guest

_SECRET_BYTES: Final = 32
_MOST: Final = 100
"""Sessions at once; with a further one the oldest ends."""
_LONGEST_MS: Final = int(LONGEST.total_seconds() * 1000)


@dataclass(frozen=True, slots=True)
class _Session:
    visitor: Visitor
    opened_ms: int
    seen_ms: int


@dataclass(slots=True)
class Sessions:
    """Those of one process; for any thread."""

    clock: Clock
    entropy: Entropy
    _open: OrderedDict[bytes, _Session] = field(default_factory=OrderedDict)
    """By the hashes of their tokens, oldest first."""
    _opened: int = 0
    _lock: Lock = field(default_factory=Lock)

    def open(self, guest: Guest) -> str:
        """A new session; gives the token for the browser's cookie."""
        token, now_ms = self.entropy(_SECRET_BYTES).hex(), self._now_ms()
        with self._lock:
            self._opened += 1
            visitor = Visitor(
                person=guest.name,
                role=guest.role,
                csrf=self.entropy(_SECRET_BYTES).hex(),
                proved_ms=0,
                session=self._opened,
            )
            self._open[hash_token(token)] = _Session(visitor, now_ms, now_ms)
            while len(self._open) > _MOST:
                self._open.popitem(last=False)
        return token

    def find(self, token: str) -> Visitor | None:
        """Whose session this is, which is used now; None when it is none, or has ended."""
        hashed, now_ms = hash_token(token), self._now_ms()
        with self._lock:
            found = self._living(hashed, now_ms)
            if found is None:
                return None
            self._open[hashed] = replace(found, seen_ms=now_ms)
            return found.visitor

    def glance(self, token: str) -> Visitor | None:
        """As `find`, for what asks by itself: nobody used the session."""
        with self._lock:
            found = self._living(hash_token(token), self._now_ms())
        return None if found is None else found.visitor

    def ends_ms(self, visitor: Visitor) -> int:
        """When the session ends at the latest; 0 when it has."""
        with self._lock:
            opened = [
                each.opened_ms for each in self._open.values() if each.visitor.session == visitor.session
            ]
        return opened[0] + _LONGEST_MS if opened else 0

    def speak(self, visitor: Visitor, language: str) -> None:
        """Choose a language in a session; empty: as the browser asks for."""
        with self._lock:
            for hashed, each in self._open.items():
                if each.visitor.session == visitor.session:
                    self._open[hashed] = replace(each, visitor=replace(each.visitor, language=language))

    def close(self, token: str) -> None:
        """End the session of this token; nothing happens when there is none."""
        with self._lock:
            self._open.pop(hash_token(token), None)

    def _living(self, hashed: bytes, now_ms: int) -> _Session | None:
        found = self._open.get(hashed)
        if found is None or is_living(opened_ms=found.opened_ms, seen_ms=found.seen_ms, now_ms=now_ms):
            return found
        del self._open[hashed]
        return None

    def _now_ms(self) -> int:
        return milliseconds(self.clock.now())
