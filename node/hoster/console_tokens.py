"""One-time tokens for the console of a partner's home: made by whoever may write there, good for one sign-in.

A token is kept as a row that is named by its hash, and used up by removing that row, so that of two who bring it one
comes in. Who holds it is whom its maker named: a home has no persons of its own, and whoever can run commands in it can
do all that its console can.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from node.access.tokens import IssuedToken, grouped, hash_token, new_token, read_token
from node.clock import Clock, Entropy, milliseconds
from node.errors import ForbiddenError, UsageError
from node.hoster.store.database import PartnerStore, Rows
from node.hoster.store.kinds import Kind
from node.store.accounts.records import PersonRole

LIFE: Final = timedelta(minutes=30)
ROLES: Final = (PersonRole.ANALYST, PersonRole.VIEWER)
"""Who handles hits, and who only looks."""
_MOST: Final = 100
_LONGEST_NAME: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Who comes in with a token."""

    name: str
    role: PersonRole


class ConsoleTokens:
    """The tokens of one home that were not used yet."""

    def __init__(self, folder: Path, clock: Clock, entropy: Entropy) -> None:
        self._store = PartnerStore(folder)
        self._clock = clock
        self._entropy = entropy

    def make(self, guest: Guest) -> IssuedToken:
        """A token for somebody.

        Raises:
            UsageError: the name cannot stand on a page, the role is none of a partner's, or too many wait to be used.
        """
        name = guest.name
        if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable() or name != name.strip():
            raise UsageError("a name has 1 to {most} characters that can be read", _LONGEST_NAME)
        if guest.role not in ROLES:
            raise UsageError("a partner's console knows two roles: analyst and viewer")
        text = new_token(self._entropy)
        until_ms = milliseconds(self._clock.now() + LIFE)
        fields = {"name": name, "role": guest.role.value, "until_ms": until_ms}
        with self._store.writing() as rows:
            self._sweep(rows)
            if rows.count(Kind.CONSOLE_TOKEN) >= _MOST:
                raise UsageError("{most} tokens wait to be used", _MOST, hint="they end after half an hour")
            rows.put(Kind.CONSOLE_TOKEN, hash_token(text).hex(), json.dumps(fields).encode())
        return IssuedToken(grouped(text), until_ms)

    def take(self, typed: str) -> Guest:
        """Whom the token was made for; it is used up.

        Raises:
            UsageError: it was mistyped.
            ForbiddenError: it is none, was used, or has ended.
        """
        name = hash_token(read_token(typed)).hex()
        with self._store.writing() as rows:
            body = rows.body(Kind.CONSOLE_TOKEN, name)
            rows.remove(Kind.CONSOLE_TOKEN, name)  # of two who bring it at once, one finds it
        try:
            fields = json.loads(body or b"")
            until_ms, guest = int(fields["until_ms"]), _guest(fields)
        except (ValueError, KeyError, TypeError) as exc:
            raise _refused() from exc
        if not 0 <= until_ms - milliseconds(self._clock.now()) <= LIFE // timedelta(milliseconds=1):
            raise _refused()
        return guest

    def _sweep(self, rows: Rows) -> None:
        now_ms = milliseconds(self._clock.now())
        for row in rows.ls(Kind.CONSOLE_TOKEN):
            try:
                ended = int(json.loads(row.body)["until_ms"]) < now_ms
            except (ValueError, KeyError, TypeError):
                ended = True
            if ended:
                rows.remove(Kind.CONSOLE_TOKEN, row.name)


def _refused() -> ForbiddenError:
    """All refusals are alike: nobody finds out by trying which tokens there were."""
    return ForbiddenError(
        "this token signs nobody in: it was used, has ended, or was never made here",
        hint="have another one made on the machine: sigfed console token NAME",
    )


def _guest(fields: dict[str, Any]) -> Guest:
    return Guest(name=str(fields["name"]), role=PersonRole(fields["role"]))
