"""What the audit log of a running console's node holds."""

from node.audit.reader import read_audit
from support.console import RunningConsole


def recorded(console: RunningConsole) -> list[tuple[str, str, str]]:
    """Action, subject and actor of every record, oldest first."""
    records = [each.record for each in read_audit(console.world.store)]
    return [(each.action, each.subject, each.actor) for each in records]


def details_of(console: RunningConsole, action: str) -> dict[str, str]:
    """What the last record of an action holds."""
    records = [each.record for each in read_audit(console.world.store)]
    return dict(next(each.details for each in reversed(records) if each.action == action))


def audit_text(console: RunningConsole) -> str:
    """Everything that all records say, for a search."""
    return "\n".join(repr(each.record) for each in read_audit(console.world.store))
