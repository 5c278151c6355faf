"""How the last update of a partner's client ended, for people who were not there: a timer's, a daemon's, a person's.

It says nothing about what is in force: that is the state's matter. Whatever is wrong with it, nothing is known.
"""

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from keys.message import pack, unpack
from node.errors import NodeError
from node.fields import from_fields, to_fields
from node.hoster.store.database import PartnerStore
from node.hoster.store.kinds import FactName, Kind

_LONGEST: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LastUpdate:
    """The newest one that ended."""

    at_ms: int
    error: str = ""
    """Why it failed, in words; empty: it went well."""
    hint: str = ""


def keep_last_update(folder: Path, last: LastUpdate) -> None:
    """Remember it in a partner's `folder`; what cannot be written is not known later, and stops nothing."""
    fields = to_fields(last, error=pack(last.error, _LONGEST), hint=pack(last.hint, _LONGEST))
    with suppress(OSError, NodeError), PartnerStore(folder).writing() as rows:
        rows.put(Kind.FACT, FactName.LAST_UPDATE, json.dumps(fields).encode())


def last_update(folder: Path) -> LastUpdate | None:
    """The newest one; None: none is known."""
    try:
        with PartnerStore(folder).reading() as rows:
            last = from_fields(LastUpdate, json.loads(rows.body(Kind.FACT, FactName.LAST_UPDATE) or b"{}"))
            return replace(last, error=unpack(last.error), hint=unpack(last.hint))
    except (NodeError, OSError, ValueError, KeyError, TypeError):
        return None
