"""Pure functions remembered, so that what a large federation verifies again and again is verified once a run."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Any
from unittest.mock import patch

from keys.key import PublicKey
from keys.trust.members import open_members
from keys.trust.node_document import open_node_document
from keys.trust.tuf.root import open_root
from protocol.tlog.note import Note, VerifierKey

_MOST = 65_536


@contextmanager
def remembered(*functions: Callable[..., Any]) -> Iterator[None]:
    """Wherever one of these functions was imported, its results are remembered; what it refuses, it refuses again."""
    with ExitStack() as stack:
        for function in functions:
            faster = lru_cache(maxsize=_MOST)(function)
            for module in [*sys.modules.values()]:
                if getattr(module, function.__name__, None) is function:
                    stack.enter_context(patch.object(module, function.__name__, faster))
        yield


@contextmanager
def remembered_readers(*methods: tuple[type, str]) -> Iterator[None]:
    """The same for class methods that read bytes or text into something that never changes."""
    with ExitStack() as stack:
        for owner, name in methods:
            faster = lru_cache(maxsize=_MOST)(getattr(owner, name))
            stack.enter_context(patch.object(owner, name, staticmethod(faster)))
        yield


@contextmanager
def remembered_signatures() -> Iterator[None]:
    """Trust files and signatures are verified, notes and keys are read once for the same bytes."""
    with (
        remembered(open_root, open_node_document, open_members),
        remembered_readers((Note, "parse"), (VerifierKey, "from_text")),
        patch.object(PublicKey, "verify", lru_cache(maxsize=_MOST)(PublicKey.verify)),
    ):
        yield
