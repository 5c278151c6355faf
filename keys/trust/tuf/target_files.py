"""The trust files that a node's TUF repository lists, by name: which names there are, and where clients find them.

What is in a file is its own module's matter. A name that is not one of these is served by nobody, and a reader leaves
it alone: a newer node may list more. Spec: docs/spec/trust.md, "Repository".
"""

import re
from typing import Final

FOLDER: Final = "trust"
"""Where target files lie, as clients name them."""
NODE_FILE: Final = "node.json"
MEMBERS_FILE: Final = "members.json"
REVOKED_FILE: Final = "revoked.json"

_NAME: Final = re.compile(
    r"(node|members|revoked)\.json"
    r"|policy-[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?\.txt"
    r"|criteria-[1-9][0-9]{0,2}\.md",
    re.ASCII,
)


def is_target_name(name: str) -> bool:
    """Whether it is `node.json`, `members.json`, `revoked.json`, `policy-LIST.txt` or `criteria-N.md`."""
    return _NAME.fullmatch(name) is not None


def target_path(name: str) -> str:
    """The path of a trust file in targets metadata: `trust/NAME`."""
    return f"{FOLDER}/{name}"


def target_name(path: str) -> str | None:
    """The name of the trust file at a path of targets metadata; None when it is not one that is known here."""
    folder, _, name = path.rpartition("/")
    return name if folder == FOLDER and is_target_name(name) else None
