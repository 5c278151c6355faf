"""Who looks at a partner's console: one role that handles hits, and one that only looks."""

from typing import Final

from node.store.accounts.records import PersonRole

EVERYBODY: Final = frozenset({PersonRole.ANALYST, PersonRole.VIEWER})
HANDLING: Final = frozenset({PersonRole.ANALYST})
