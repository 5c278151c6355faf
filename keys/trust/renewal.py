"""When a trust file may take the place of another: its number grows, or it says the same.

Asked of a node document and a register, whoever passes them on; TUF's own numbers are `follow`'s matter, and how
revocations follow each other is said in `revocations`. Spec: docs/spec/trust.md, rules on `serial` and `version`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from keys.errors import ForkedTrustError, RolledBackError, ThresholdError
from keys.trust.envelope import open_envelope
from keys.trust.members import open_members
from keys.trust.node_document import open_node_document
from keys.trust.tuf.root import TrustedRoot
from keys.trust.tuf.target_files import MEMBERS_FILE, NODE_FILE


def _serial(data: bytes, root: TrustedRoot) -> int:
    return open_node_document(data, root).serial


def _version(data: bytes, root: TrustedRoot) -> int:
    return open_members(data, root).version


_NUMBERED: Final[Mapping[str, tuple[str, Callable[[bytes, TrustedRoot], int]]]] = {
    NODE_FILE: ("node", _serial),
    MEMBERS_FILE: ("members", _version),
}


def require_newer(
    roots: Sequence[TrustedRoot], *, held: Mapping[str, bytes], shown: Mapping[str, bytes]
) -> None:
    """Returns if the `shown` files, of which none is missing, may replace the `held` ones, both by name.

    What is shown must be signed under the newest of `roots`. What is held, and only keys that were replaced vouch for,
    binds nobody: a thief of theirs would have given it the greatest number there is. Raises `RolledBackError`,
    `ForkedTrustError`, and what opening them raises.
    """
    for name, (what, number) in _NUMBERED.items():
        found = number(shown[name], roots[-1])
        if held.get(name):
            _compare(roots, what, number, held[name], shown[name], found)


def _compare(
    roots: Sequence[TrustedRoot],
    what: str,
    number: Callable[[bytes, TrustedRoot], int],
    held: bytes,
    shown: bytes,
    found: int,
) -> None:
    try:
        old = number(held, roots[-1])
    except ThresholdError:
        return
    if found < old:
        raise RolledBackError("{node} shows an older {what} file than before", roots[-1].node, what)
    if found > old:
        return
    if open_envelope(held, what, roots[-1]) != open_envelope(shown, what, roots[-1]):
        raise ForkedTrustError(roots[-1].node, what, held=held, shown=shown)
