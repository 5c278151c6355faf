"""A child process that begins some work on a store, or writes one file, and is killed with SIGKILL at a named place.

Work and places are named in `_die_at` and `_arm`; whoever follows takes over what is claimed, in slices of one bundle.

The place is reached inside the real call, with everything before it done: a process that dies there cannot tidy up.
"""

import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import numpy as np

from keys.key import LogPrivateKey
from node import files
from node.audit.log import new_record, record
from node.lists import touches
from node.lists.corrections import erase
from node.lists.imports.intake import import_rows
from node.lists.publish import publish
from node.objects import filters, listed_rows
from node.objects import folder as objects
from node.objects.folder import FolderObjects
from node.peers.sync import follow, slices
from node.peers.sync.follow import Follower
from node.sdk.screen import Screen
from node.signing.log_signer import FolderLogSigner
from node.store.lists.logs import LogRows
from node.store.store import Store
from node.store.unit import Unit
from protocol.limits import BUNDLE_WIDTH
from support.new_stores import open_store
from support.preloaded import called_in_fork
from support.stores import GUARDS, NOW_MS, OWN, STORAGE_KEY, rows

ORIGIN = "fr.example/lists/csam"
FOLLOWED = "nl.example/lists/csam"


def kill_at(folder: Path, dsn: str, work: str, place: str) -> None:
    """Let a process of its own begin the work in the store of an agency's folder, and die at the place."""
    assert called_in_fork(_die_at, dsn, folder, work, place) == -signal.SIGKILL


def kill_writing(home: Path, what: str) -> None:
    """Let a process of its own write a file of a home, and die before the file gets its name."""
    assert called_in_fork(_die_writing, home, what) == -signal.SIGKILL


def kill_saving(screen: Screen, path: Path) -> None:
    """Let a process of its own save a screen, and die when 40 bytes of it are written."""
    assert called_in_fork(_die_saving, screen, path) == -signal.SIGXFSZ


def _die_saving(screen: Screen, path: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))
    screen.save(path)


def _die_writing(home: Path, what: str) -> None:
    _arm("writing")
    for module in (files, filters):
        setattr(module, "_write", _then_die(module._write))  # noqa: B010 - as `_arm` does
    writes: dict[str, Callable[[], object]] = {
        "private": lambda: files.replace_private(home / "ring.json", b"{}"),
        "key": lambda: files.create_private(home / "keys" / "log-1.json", b"{}"),
        "trust": lambda: FolderObjects(home / "trust").put("a/b", b"x"),
        "filter": lambda: filters.FolderFilters(home / "filters").build("a", [np.arange(3)]),
        "partner": lambda: files.replace_private(home / "partner" / "releases" / "1" / "screen.u64", b"x"),
    }
    writes[what]()


def _die_at(dsn: str, folder: Path, work: str, place: str) -> None:
    objects = FolderObjects(folder / "objects")
    store = open_store(dsn, storage_key=STORAGE_KEY, objects=objects)
    signer = FolderLogSigner(folder / "signer", lambda _: [LogPrivateKey.from_seed(b"k" * 32)])
    _arm(place)
    if work == "import":
        names = [f"dying{n}" for n in range(3000)]
        import_rows(store, ORIGIN, rows(*names), statement=OWN, now_ms=NOW_MS)
    elif work == "audit":
        made = new_record(store, actor="node", action="node.run", subject="dying", now_ms=NOW_MS)
        record(store, signer, made)
    elif work == "follow":
        slices.EVENTS = BUNDLE_WIDTH  # type: ignore[misc]  # the process ends with it
        Follower(store, GUARDS).held(FOLLOWED, now_ms=NOW_MS)
    elif work == "listed":
        listed_rows.catch_up(store)
    elif work == "touches":
        touches._SLICE = 1  # type: ignore[misc]  # the process ends with it
        touches.catch_up(store)
    else:
        publish(store, ORIGIN, signer=signer, now_ms=NOW_MS + 7)


def _arm(place: str) -> None:
    """Replace the step named by one that is done and then kills."""
    targets: dict[str, tuple[object, str]] = {
        "writing": (objects, "_written"),
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
        "before-rows": (listed_rows, "rows_of_roster"),
        "before-advancing": (listed_rows, "_advance"),
        "before-forgetting": (listed_rows, "forget_rosters"),
        "fourth-slice": (touches, "_read_on"),
    }
    owner, name = targets[place]
    if place.startswith("before-"):
        setattr(owner, name, _die)
    elif place == "claim":
        _arm_commit()
    elif place == "fourth-slice":
        setattr(owner, name, _die_instead(getattr(owner, name), after=3))
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


def _die_instead(step: Callable[..., object], *, after: int) -> Callable[..., None]:
    done = count()

    def dying(*args: object, **kwargs: object) -> None:
        if next(done) == after:
            _die()
        step(*args, **kwargs)

    return dying


def _die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
