"""Who looks: a person of this node with an open session."""

from collections import OrderedDict
from typing import Final, Protocol

from node.access.sessions import Visitor
from node.access.tokens import hash_token

FRESH_MS: Final = 10 * 60 * 1000
"""For so long a passkey that was shown counts as shown."""
_MOST_INSIDE: Final = 1024


class Inside:
    """Sessions that were open when they were last asked for, by the hash of their tokens.

    What is asked in them is counted by session, and not by address.
    """

    def __init__(self) -> None:
        self._tokens: OrderedDict[bytes, None] = OrderedDict()

    def allowance(self, token: str) -> str:
        """By what the requests of this session are counted; empty for a token of none."""
        hashed = hash_token(token)
        return f"session:{hashed.hex()}" if hashed in self._tokens else ""

    def note(self, token: str, *, is_open: bool) -> None:
        """Remember, or forget, a session that was just asked for."""
        self._tokens.pop(hash_token(token), None)
        if is_open:
            self._tokens[hash_token(token)] = None
        if len(self._tokens) > _MOST_INSIDE:
            self._tokens.popitem(last=False)


class Visitors(Protocol):
    """Knows visitors by the tokens of their sessions."""

    def find(self, token: str) -> Visitor | None:
        """Whose open session this is, which is used now; None for no, or no longer, one."""
        ...

    def glance(self, token: str) -> Visitor | None:
        """As `find`, for a page that asks by itself: that is no use."""
        ...


def has_proved(visitor: Visitor, now_ms: int) -> bool:
    """Whether a passkey was shown in the session just now."""
    # Of a proof from ahead the clock was wrong: it says nothing about now.
    return 0 <= now_ms - visitor.proved_ms <= FRESH_MS
