"""Places at which a command is killed with SIGKILL, as by a power cut or `kill -9`; see `Cli.killed`.

The place is reached inside the real command, with everything before it done: a process that dies there cannot tidy up.
"""

import os
import re
import signal
import time
from collections.abc import Callable
from itertools import count
from pkgutil import resolve_name
from typing import Any

from node.hoster.folder import PartnerFolder
from node.hoster.hits.sender import HitSender
from node.hoster.lookup.held_releases import HeldReleases
from node.hoster.store.release import NewRelease
from node.objects.folder import FolderObjects
from node.signing.keychain import Keychain
from node.signing.log_signer import FolderLogSigner
from node.signing.ring_file import FolderKeyRing
from node.store.store import Store
from node.trust.own import OwnTrust

_NOTICED = 0.5
"""Seconds after which a process has noticed that it is interrupted: this step may be done in a thread."""


def arm(place: str) -> None:
    """Let this process die at one of `PLACES`, or, as `node.app.move:_Copy._copy 7`, before a call after so many.

    With the name of another signal behind that it gets this one there: `SIGINT` interrupts it, `SIGSTOP` stops it.
    """
    path, *rest = place.split(" ")
    if not rest:
        owner, name = PLACES[place]
        setattr(owner, name, _then_die(getattr(owner, name)))
        return
    where, name = re.split(r"[.:](?=\w+$)", path)
    owner = resolve_name(where)
    how = signal.Signals[rest[1]] if rest[1:] else signal.SIGKILL
    setattr(owner, name, _die_after(int(rest[0]), getattr(owner, name), how))


PLACES: dict[str, tuple[type, str]] = {
    "objects": (FolderObjects, "put_all"),
    "signature": (FolderLogSigner, "sign"),
    "release-part": (NewRelease, "write"),
    "release": (HeldReleases, "put_in_place"),
    "commit": (Store, "write"),
    "next-key": (PartnerFolder, "next_key"),
    "new-key": (PartnerFolder, "renew_key"),
    "report-answered": (HitSender, "_receipt"),
    "key-made": (Keychain, "_write"),
    "key-listed": (OwnTrust, "revise_document"),
    "key-stepped": (FolderKeyRing, "change"),
}
"""After objects are written and before the transaction that names them; after a signature; after a partner wrote the
first file of a release; after it wrote all and before it is in force; at the first transaction that writes; after a
partner wrote its next key and before the node hears of it; after that key took the place of the old one; after the node
answered a report, and before the partner keeps that; after a node's key file was written; after its document lists
another key; after its ring was changed."""


def _then_die(step: Callable[..., Any]) -> Callable[..., Any]:
    def done(*args: Any, **kwargs: Any) -> None:
        step(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return done


def _die_after(calls: int, step: Callable[..., Any], how: signal.Signals) -> Callable[..., Any]:
    numbers = count()

    def called(*args: Any, **kwargs: Any) -> Any:
        if next(numbers) == calls:
            os.kill(os.getpid(), how)
            time.sleep(_NOTICED)
        return step(*args, **kwargs)

    return called
