"""What one run of the command line works with: its home, its output, and the node that is opened when needed."""

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from node.cli.output import Output
from node.errors import UsageError
from node.home import Home
from node.names import GroupChoice

if TYPE_CHECKING:
    from node.identity.identity import Identity
    from node.store.store import Store

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Session:
    """One run."""

    homes: tuple[Home, ...]
    """The home; of a partner that follows several subsets and names none, once for each of them."""
    output: Output
    others: tuple[Home, ...] = ()
    """Where the same is done for each of several subsets: the home, once for each of the others."""
    proposal: Path | None = None
    """Where to propose what holders must sign, instead of signing it here."""
    alone: bool = False
    """Whether to sign although too few members could say whether the folder was put back."""
    acting: list[str] = field(default_factory=list)
    """Persons who proved who they are in this run."""
    _opened: list["Identity"] = field(default_factory=list, repr=False)

    @property
    def home(self) -> Home:
        """The home.

        Raises:
            UsageError: it follows several subsets, and what is done is done for one.
        """
        if len(self.homes) > 1:
            raise UsageError("this home follows several subsets", hint="name one: sigfed --subset NAME …")
        return self.homes[0]

    @property
    def is_agency(self) -> bool:
        """Whether an agency's node lives in the home, not a partner."""
        return self.home.config.exists() or not self.home.partner.exists()

    def own_list(self, name: str) -> str:
        """The origin of the own list of that name; as it is what is an origin already."""
        from node.lists.catalogue import list_origin

        return name if "/" in name else list_origin(self.identity().settings.node, name)

    def identity(self) -> "Identity":
        """The node in the home folder, the same each time, so that passphrases are asked once.

        Raises:
            NotInitialisedError: none lives there.
        """
        from node.identity.identity import open_identity

        if not self._opened:
            found = open_identity(self.home, proposal=self.proposal, alone=self.alone)
            found.trust.before_signing = partial(_before_signing, found)
            self._opened.append(found)
        return self._opened[0]

    def group(self, choice: GroupChoice) -> str:
        """The name of the chosen group, a field of `--json` alone: people need not wait until a kernel was tried."""
        if not self.output.as_json:
            return ""
        from node.group.load import group_name

        return group_name(choice)

    @contextmanager
    def reading(self) -> Iterator["Store"]:
        """The node's store for who looks; raises as `read_store`."""
        from node.identity.store import read_store

        with read_store(self.identity()) as store:
            yield store

    @contextmanager
    def writing(self) -> Iterator["Store"]:
        """The node's store for who acts; raises as `write_store`."""
        from node.rotation.store import write_store

        with write_store(self.identity()) as store:
            yield store


def _before_signing(identity: "Identity") -> None:
    from node.identity.rollback import require_current
    from node.rotation.store import write_store

    with write_store(identity) as store:
        require_current(identity, store)


def session(context: typer.Context) -> Session:
    """The session of a command."""
    found = context.find_object(Session)
    assert found is not None, "the callback makes it"
    return found


def wait_for(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end."""
    import asyncio

    return asyncio.run(work)
