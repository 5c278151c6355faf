"""Millions of small values that hold no cycles, without the search for cycles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def acyclic() -> Iterator[None]:
    """Switch cycle collection off for the block.

    Rows, digests and openings are freed by their reference counts; the collector would look at each several times and
    find nothing, which costs an import a third of its time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
