"""What the pages and actions of a partner's console work with: the home where the partner enrolled."""

from dataclasses import dataclass, replace
from typing import Self

from node.clock import Clock, milliseconds
from node.console.partner.sessions import Sessions
from node.home import Home
from node.hoster.console_tokens import ConsoleTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerWorld:
    """A partner's home. What uses it does so in a thread: it reads files, and some of it asks the node."""

    home: Home
    partner: str
    """The name that the agency gave it."""
    clock: Clock
    sessions: Sessions
    tokens: ConsoleTokens
    person: str = ""
    """Whose wish is being done; empty: nobody's in particular."""

    @property
    def node(self) -> str:
        """Whose console it is."""
        return self.partner

    @property
    def now_ms(self) -> int:
        """Now: milliseconds since 1970."""
        return milliseconds(self.clock.now())

    def acting_as(self, person: str) -> Self:
        """The same home, with a person named in what is journalled from here on."""
        return replace(self, person=person)
