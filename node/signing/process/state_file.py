"""A state file of the signer: one JSON object, replaced whole and durable before what it allows leaves the process."""

from collections.abc import Mapping
from pathlib import Path

from node.errors import NotFoundError, StoreError
from node.files import decode_state, encode_state, read_private, replace_private

State = Mapping[str, str | int]


def read_state(path: Path, what: str) -> State | None:
    """The fields in `path`; None when nothing was ever written there. `what` names the state in errors.

    Raises:
        StoreError: it is damaged: nothing is signed on the word of a state that cannot be read.
    """
    try:
        return decode_state(read_private(path))
    except NotFoundError:
        return None
    except ValueError:
        raise damaged(what) from None


def write_state(path: Path, fields: State) -> None:
    """Put `fields` in the place of what was there."""
    replace_private(path, encode_state(fields))


def damaged(what: str) -> StoreError:
    """The error for a state that cannot be read."""
    return StoreError(
        "the signer's state of {what} is damaged", what, hint="restore the signer's folder from a backup"
    )
