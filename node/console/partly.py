"""What failed after a part of an action was done: it stands, so it must be in the audit log.

An action says from where on a part of it may stand; that it is recorded, and that people are told of the error as of
any other, is done in `node.console.record`. What failed before that leaves no record, as ever.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

Facts = Mapping[str, str]


class PartlyDoneError(Exception):
    """An error that came when a part was done; nothing but the recording of an action sees it."""

    def __init__(self, cause: Exception, facts: Facts) -> None:
        super().__init__("a part of it was done")
        self.cause = cause
        """What people are told."""
        self.facts = facts
        """What the audit record holds, as of an action that was done."""


def _always() -> bool:
    return True


@contextmanager
def partly(facts: Facts, *, stands: Callable[[], bool] = _always) -> Iterator[None]:
    """Around what leaves a part done when it fails, if `stands` says so then.

    Raises:
        PartlyDoneError: it failed, and something of it stands.
    """
    try:
        yield
    except Exception as exc:
        if not stands():
            raise
        raise PartlyDoneError(exc, facts) from exc
