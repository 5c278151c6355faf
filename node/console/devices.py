"""Browsers in which somebody signed in before: their tries are counted by their person, not by their address.

Behind one address there may be a whole agency, and strangers who use up what it may try. A cookie that outlives the
session says whose browser this is. It lets nobody in, and whoever steals it gets the tries of that one person, whatever
number of cookies he has. Source: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
"""

import hmac
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from node.access.passkeys import user_handle
from node.clock import Clock, milliseconds

LIFE: Final = timedelta(days=180)
_LIFE_MS: Final = LIFE // timedelta(milliseconds=1)


class Devices:
    """Makes and knows the cookies of one console; `mac` is HMAC-SHA-256 under a key for these alone."""

    def __init__(self, mac: Callable[[bytes], bytes], clock: Clock) -> None:
        self._mac = mac
        self._clock = clock

    def cookie(self, person: str) -> str:
        """What the browser keeps of `person`, who has just signed in: no name, the time, and the MAC of both."""
        body = f"{user_handle(person).hex()}.{milliseconds(self._clock.now())}"
        return f"{body}.{self._mac_of(body)}"

    def allowance(self, cookie: str) -> str:
        """By what the tries of a browser with this cookie are counted; empty where that is not its person."""
        body, _, mac = cookie.rpartition(".")
        if not hmac.compare_digest(_bytes(mac), _bytes(self._mac_of(body))):
            return ""
        person, _, made_ms = body.partition(".")
        # One from ahead the clock was wrong for: it would outlive its end.
        lives = 0 <= milliseconds(self._clock.now()) - int(made_ms) < _LIFE_MS
        return f"device:{person}" if lives else ""

    def _mac_of(self, body: str) -> str:
        return self._mac(_bytes(body)).hex()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
