"""What somebody typed into a form whose action first asks for a passkey: shown again when that was proved.

It is in memory alone, one form a session, and gone when its page showed it, when another takes its place, or when the
node stops. Decides how much is held and for how long; whether an action waits for a proof is said in
`node.console.handlers`.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.console.parts import Refused

_MOST: Final = 256
_LONGEST: Final = 64 * 1024
"""Characters of a form; of a longer one nothing is held, and its page is empty again."""
_KEPT_MS: Final = 10 * 60 * 1000


@dataclass(frozen=True, slots=True)
class FormPlace:
    """What somebody looks at: a page, and of which thing. Another's page must not show what was typed about one."""

    page: str
    query: Mapping[str, str]


class HeldForms:
    """Forms by what those of their session hold."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[int, FormPlace, Refused]] = OrderedDict()

    def hold(self, session: str, place: FormPlace, form: Refused, *, now_ms: int) -> None:
        """Keep a form for the session's next look at `place`."""
        self._held.pop(session, None)
        if sum(map(len, form.form.values())) > _LONGEST:
            return
        self._held[session] = (now_ms, place, form)
        while len(self._held) > _MOST:
            self._held.popitem(last=False)

    def take(self, session: str, place: FormPlace, *, now_ms: int) -> Refused | None:
        """The form that was kept for this place, once."""
        held = self._held.get(session)
        if held is None or held[1] != place:
            return None
        del self._held[session]
        return held[2] if 0 <= now_ms - held[0] <= _KEPT_MS else None
