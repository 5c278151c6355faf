"""Days as people type them."""

from datetime import UTC, datetime, timedelta

from node.errors import UsageError


def end_of_day(text: str) -> datetime | None:
    """The end of a day `YYYY-MM-DD` in UTC; None for an empty text; raises `UsageError`."""
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as exc:
        raise UsageError("a day is written YYYY-MM-DD") from exc
    return day + timedelta(days=1)
