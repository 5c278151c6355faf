"""The mark of a signer that came out of a backup: it does not know what it signed since, so it signs no history yet.

A process that holds the socket could have a second history signed behind an old head, so nothing that it says lifts the
mark. What does is a node document that the holders of the targets keys signed since the restore: it lists a token key
that was made here since then, as finishing a restore replaces them. Spec: docs/spec/signer.md, "After a restore".
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from keys.trust.node_document import NodeDocument
from node.errors import SignerRefusedError
from node.files import remove_private
from node.signing.process.frames import Ask, refused
from node.signing.state_file import read_state, write_state

RESTORED: Final = "restored.json"
_WHAT: Final = "its restore"
_CLOSED: Final = frozenset({Ask.APPEND, Ask.RENEW, Ask.COSIGN, Ask.DESTROY})
"""What would extend a history, or judge by what was seen last."""


class RestoreMark:
    """The mark of the signer in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / RESTORED

    @property
    def is_set(self) -> bool:
        """Whether the signer was restored and not joined since; raises `StoreError` when that cannot be read."""
        return read_state(self._path, _WHAT) is not None

    def set(self, *, token_labels: Collection[str], backup: str) -> None:
        """Mark a folder that was made of the backup of that time; these labels of token keys were in it."""
        write_state(self._path, {"v": 1, "backup": backup, "tokens": " ".join(token_labels)})

    def require_serves(self, ask: Ask) -> None:
        """Check that a request is served in this state; raises `SignerRefusedError`."""
        if ask in _CLOSED and self.is_set:
            raise SignerRefusedError(
                "the signer was restored from a backup, and does not know yet what it signed since",
                hint="sigfed backup finish, in the node's home",
            )

    def require_vouched(self, document: NodeDocument, tokens: Mapping[str, str]) -> None:
        """Check that the holders signed `document` since the restore; `tokens` are the keys here, by label.

        Raises:
            SignerRefusedError: it lists no token key that was made here since then.
        """
        held = read_state(self._path, _WHAT) or {}
        before = str(held.get("tokens", "")).split(" ")
        since = {public for label, public in tokens.items() if label not in before}
        if not since & {dated.key.to_text() for dated in document.token_keys}:
            raise refused("anything on the word of a node document of before its restore")

    def lift(self) -> None:
        """Take the mark away."""
        remove_private(self._path)
