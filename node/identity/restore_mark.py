"""The mark of a home that came out of a backup: while it is there, its node neither serves nor signs."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final, NoReturn

from keys.message import Message, pack, unpack
from node.errors import AlreadyExistsError, RestoredError
from node.files import create_private, read_private, replace_private
from node.home import Home

_VERSION: Final = 1
_STEP: Final = "sigfed backup finish"
_STEPS: Final = f"{_STEP}; if nobody put it back, somebody else has its keys: sigfed key revoke, right after"
"""Whoever stole a key and went on in a log, is seen by others as a folder that was put back is: the log is where he
left it, so it is had back or given up before its key is taken back.
"""
_LONGEST: Final = 100_000
"""Characters of a reason."""


def mark_restored(home: Home, *, backup: str, now: datetime, why: str = "") -> None:
    """Mark a home that was made from the backup of that time, or for another reason holds an older state."""
    fields = {
        "v": _VERSION,
        "backup": backup,
        "restored": now.isoformat(timespec="seconds"),
        "why": pack(why, _LONGEST),
    }
    create_private(home.restored, json.dumps(fields).encode() + b"\n")


def is_restored(home: Home) -> bool:
    """Whether the restore of this home is not finished."""
    return home.restored.exists()


def require_joined(home: Home) -> None:
    """Check that the home was not restored, or that its restore was finished; raises `RestoredError`."""
    if is_restored(home):
        if why := others_saw_more(home):
            raise RestoredError(why, hint=_STEPS)
        words = Message(
            "{folder} was restored from a backup, and others may have seen what came after it", home.folder
        )
        raise RestoredError(words, hint=_STEP)


def others_saw_more(home: Home) -> str:
    """In words what others have seen that this home does not hold; empty for one that came out of a backup."""
    return unpack(str(json.loads(read_private(home.restored)).get("why", ""))) if is_restored(home) else ""


def held_at_first(home: Home, sizes: Mapping[str, int]) -> Mapping[str, int]:
    """Sizes of own logs when finishing the restore first began; `sizes`, those of now, are kept where it begins.

    What a thief published may be had back from a peer before finishing stops: later the folder does not tell it apart.
    """
    if not is_restored(home):
        return sizes
    fields = json.loads(read_private(home.restored))
    if "held" not in fields:
        replace_private(home.restored, json.dumps({**fields, "held": dict(sizes)}).encode() + b"\n")
    return {**sizes, **fields.get("held", {})}


def refuse_rolled_back(home: Home, words: str, *, now: datetime) -> NoReturn:
    """Mark a home of which others have seen more than it holds; raises `RestoredError`."""
    with suppress(AlreadyExistsError):
        mark_restored(home, backup="", now=now, why=words)
    raise RestoredError(words, hint=_STEPS)
