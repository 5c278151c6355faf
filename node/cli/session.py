"""What one run of the command line works with: its home, its output, and the node that is opened when needed."""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from node.cli.output import Output
from node.runtime.home import Home

if TYPE_CHECKING:
    from node.runtime.opening import Identity

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Session:
    """One run."""

    home: Home
    output: Output

    def identity(self) -> "Identity":
        """The node in the home folder; raises `NotInitialisedError`."""
        from node.runtime.opening import open_identity

        return open_identity(self.home)


def session(context: typer.Context) -> Session:
    """The session of a command."""
    found = context.find_object(Session)
    assert found is not None, "the callback makes it"
    return found


def wait_for(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end."""
    import asyncio

    return asyncio.run(work)
