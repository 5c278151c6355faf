"""Under which grant the held part of a peer's list is opened, so that a wider one is noticed and a narrower one is not.

Kept for each list, sealed beside its other objects. What is written here is never more than what is held: before a pull
under a narrower grant it is narrowed, and it is widened only after everything older was opened. What is lost or damaged
costs one look through the list, and nothing else. Spec: docs/spec/sync.md, "A wider grant".
"""

import json
from dataclasses import dataclass
from typing import Final

from node.errors import StoreError
from node.objects.logfiles import LogFiles
from node.store.store import Store
from protocol.errors import MalformedError
from protocol.lists.grant import NOTHING, Grant

_LAST: Final = "grant"


@dataclass(frozen=True, slots=True)
class Opened:
    """How far the held events of a list are opened."""

    under: Grant = NOTHING
    """For this grant all of them are."""
    toward: Grant = NOTHING
    """For this one those of the bundles below `bundle`."""
    bundle: int = 0


def opened(store: Store, origin: str) -> Opened:
    """What is known of a list; nothing when it was not noted yet."""
    name = _name(store, origin)
    if not store.objects.exists(name):
        return Opened()
    try:
        under, toward, bundle = json.loads(store.vault.unseal(name, store.objects.get(name)))
        return Opened(Grant.from_json(under), Grant.from_json(toward), int(bundle))
    except (StoreError, MalformedError, ValueError, TypeError):
        return Opened()


def note_opened(store: Store, origin: str, state: Opened) -> None:
    """Keep what is known of a list from now on."""
    name = _name(store, origin)
    fields = [state.under.to_json(), state.toward.to_json(), state.bundle]
    store.objects.put(name, store.vault.seal(name, json.dumps(fields).encode()))


def expect(store: Store, origin: str, grant: Grant) -> None:
    """New events of a held list are about to come, opened under `grant`; raises `NotFoundError`."""
    with store.read() as unit:
        size = unit.logs.get(origin).head.size
    before = opened(store, origin)
    # Progress towards a grant says nothing of what comes under another one.
    toward = before.toward if grant.includes(before.toward) else NOTHING
    after = Opened(
        before.under.meet(grant) if size else grant, toward, before.bundle if toward.collections else 0
    )
    if after != before:
        note_opened(store, origin, after)


def _name(store: Store, origin: str) -> str:
    return LogFiles(store.objects, store.vault, origin).name("opened", _LAST)
