"""Which modules of the product something goes through, in the order in which they first do something."""

import inspect
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any


def _makes(frame: FrameType) -> bool:
    """Whether this is called while an object of the same module is made."""
    caller = frame.f_back
    while caller is not None and caller.f_globals is frame.f_globals:
        if caller.f_code.co_name in {"__init__", "__post_init__"}:
            return True
        caller = caller.f_back
    return False


class Modules:
    """The modules that were met; what only makes objects is not looked at."""

    def __init__(self) -> None:
        self.met: dict[str, None] = {}

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        code, module = frame.f_code, str(frame.f_globals.get("__name__"))
        if event != "call" or not code.co_flags & inspect.CO_NEWLOCALS or code.co_name.startswith("__"):
            return
        if (
            module.startswith(("node.", "protocol.", "keys."))
            and module not in self.met
            and not _makes(frame)
        ):
            self.met.setdefault(module)

    def write(self, path: str) -> None:
        """Write them into a file, which is there whole or not at all."""
        beside = Path(f"{path}.new")
        beside.write_text("\n".join(self.met), encoding="utf-8")
        beside.replace(path)

    def look(self) -> None:
        """Look on at this thread and at those that begin from now on."""
        threading.setprofile(self)
        sys.setprofile(self)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look on at threads that begin meanwhile; commands of tests have one each."""
        threading.setprofile(self)
        try:
            yield
        finally:
            threading.setprofile(None)
