"""What the pages and actions of a partner's console work with: the home where it enrolled, and who looks at it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from keys.errors import SigfedError
from node.clock import Clock, milliseconds
from node.console.hoster.sessions import Sessions
from node.console.parts import PartlyDoneError
from node.home import Home
from node.hoster.console_tokens import ConsoleTokens
from node.hoster.hits.homes import hit_spool
from node.hoster.subsets import names_of
from node.store.accounts.records import PersonRole

EVERYBODY: Final = frozenset({PersonRole.ANALYST, PersonRole.VIEWER})
HANDLING: Final = frozenset({PersonRole.ANALYST})
"""Who handles hits; the others only look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerWorld:
    """A partner's home. What uses it does so in a thread: it reads files, and some of it asks the node."""

    homes: tuple[Home, ...]
    """The home, once for each subset whose pages these are: they share its settings, and nothing else."""
    partner: str
    """The name that the agency gave it."""
    clock: Clock
    sessions: Sessions
    tokens: ConsoleTokens
    person: str = ""
    """Whose wish is being done; empty: nobody's in particular."""

    @property
    def home(self) -> Home:
        """The first: settings, tokens and scans are those of all."""
        return self.homes[0]

    @property
    def names(self) -> Sequence[str]:
        """What people call the subsets, in their order; nothing where there is one, or a name cannot be read."""
        try:
            return names_of(self.homes) if len(self.homes) > 1 else [""]
        except SigfedError:
            return ["" for _ in self.homes]

    def holding(self, hit: str) -> Home:
        """The home in whose spool a hit is; the first where it is in none."""
        return next(
            (home for home in self.homes if any(one.id == hit for one in hit_spool(home).readable().hits)),
            self.home,
        )

    @property
    def node(self) -> str:
        """Whose console it is."""
        return self.partner

    @property
    def now_ms(self) -> int:
        """Now: milliseconds since 1970."""
        return milliseconds(self.clock.now())

    def in_each(self, work: Callable[[str, Home], str]) -> str:
        """Do it for each subset, by its name: what fails with one keeps no other from it. What was said of all.

        Raises why nothing was done, or `PartlyDoneError`; of several failures the first.
        """
        said, failures = list[str](), list[Exception]()
        for name, home in zip(self.names, self.homes, strict=True):
            try:
                said.append(work(name, home))
            except Exception as exc:  # noqa: BLE001 - raised once it was tried with all
                failures.append(exc)
        told = " ".join(dict.fromkeys(said))
        if not failures:
            return told
        raise PartlyDoneError(told, failures[0]) if told else failures[0]

    def acting_as(self, person: str) -> Self:
        """The same home, with a person named in what is journalled from here on."""
        return replace(self, person=person)
