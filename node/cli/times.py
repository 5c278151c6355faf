"""Days as people type them, and times as they read them."""

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


def moment(time_ms: int) -> str:
    """A time for people, in UTC; `never` for 0."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC" if time_ms else "never"
