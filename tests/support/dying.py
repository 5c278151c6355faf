"""A child process that does `import`, `publish`, `audit` or `follow` and is killed with SIGKILL at a named place.

Places are the keys of `_arm`, and `claim`; whoever follows takes over what is claimed, in slices of one bundle.

The place is reached inside the real call, with everything before it done: a process that dies there cannot tidy up.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from keys.key import LogPrivateKey
from node.audit.log import record
from node.lists.corrections import erase
from node.lists.imports.intake import import_rows
from node.lists.publish import publish
from node.objects import folder as objects
from node.objects.folder import FolderObjects
from node.peers.sync import follow, slices
from node.peers.sync.follow import Follower
from node.signing.log_signer import FolderLogSigner
from node.store.lists.logs import LogRows
from node.store.store import Store
from node.store.unit import Unit
from protocol.limits import BUNDLE_WIDTH
from support.preloaded import called_in_fork
from support.stores import GUARDS, NOW_MS, OWN, STORAGE_KEY, rows

ORIGIN = "fr.example/lists/csam"
FOLLOWED = "nl.example/lists/csam"


def kill_at(folder: Path, dsn: str, work: str, place: str) -> None:
    """Let a process of its own begin the work in the store of an agency's folder, and die at the place."""
    assert called_in_fork(_die_at, dsn, folder, work, place) == -signal.SIGKILL


def _die_at(dsn: str, folder: Path, work: str, place: str) -> None:
    objects = FolderObjects(folder / "objects")
    store = Store.open(dsn, objects=objects, storage_keys=lambda _: STORAGE_KEY, entropy=os.urandom)
    signer = FolderLogSigner(folder / "signer", lambda _: [LogPrivateKey.from_seed(b"k" * 32)])
    _arm(place)
    if work == "import":
        names = [f"dying{n}" for n in range(3000)]
        import_rows(store, ORIGIN, rows(*names), statement=OWN, now_ms=NOW_MS)
    elif work == "audit":
        record(store, signer, actor="node", action="node.run", subject="dying", now_ms=NOW_MS)
    elif work == "follow":
        slices.EVENTS = BUNDLE_WIDTH  # type: ignore[misc]  # the process ends with it
        Follower(store, GUARDS).held(FOLLOWED, now_ms=NOW_MS)
    else:
        publish(store, ORIGIN, signer=signer, now_ms=NOW_MS + 7)


def _arm(place: str) -> None:
    """Replace the step named by one that is done and then kills."""
    targets: dict[str, tuple[object, str]] = {
        "writing": (objects, "_begun"),
        "objects": (FolderObjects, "put_all"),
        "claim": (Store, "write"),
        "before-sign": (FolderLogSigner, "sign"),
        "sign": (FolderLogSigner, "sign"),
        "settle": (LogRows, "settle"),
        "before-erasing": (erase, "_erase"),
        "bury": (erase, "_bury"),
        "rewrite": (erase, "_erase_objects"),
        "slice": (slices.Slices, "keep"),
        "before-commit": (follow, "note_relisted"),
    }
    owner, name = targets[place]
    if place.startswith("before-"):
        setattr(owner, name, _die)
    elif place == "claim":
        _arm_commit()
    else:
        setattr(owner, name, _then_die(getattr(owner, name)))


def _arm_commit() -> None:
    """Die when the first transaction has been committed."""
    write = Store.write

    @contextmanager
    def dying(store: Store) -> Iterator[Unit]:
        with write(store) as unit:
            yield unit
        _die()

    Store.write = dying  # type: ignore[method-assign,assignment]  # the process ends with it


def _then_die(step: Callable[..., object]) -> Callable[..., None]:
    def done(*args: object, **kwargs: object) -> None:
        step(*args, **kwargs)
        _die()

    return done


def _die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
