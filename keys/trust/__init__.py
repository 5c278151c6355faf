"""What makes a node's keys trusted: its root, pinned by fingerprint, and the documents that root signs.

The library of signed metadata offers keys in clouds and tokens, and loads the clients of all those that happen to be
installed: half a second at each start, and a stranger's code beside a node's keys. None of that is used here, so it is
loaded as if they were not there.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Final, cast

_CLIENTS: Final = ("azure", "boto3", "google.cloud", "hvac", "keylet", "pkcs11")


@contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    """Importing these fails inside, as if they were not installed; whoever has loaded one keeps it."""
    hidden = {name: sys.modules[name] for name in names if name in sys.modules}
    sys.modules.update(dict.fromkeys(names, cast(ModuleType, None)))
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules.update(hidden)


with _without(_CLIENTS):
    import_module("securesystemslib.signer")
