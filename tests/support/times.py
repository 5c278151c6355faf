"""A clock that stands still until a test moves it."""

from datetime import datetime, timedelta


class SettableClock:
    """Shows the moment it was last set to."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def advance(self, by: timedelta) -> None:
        self.moment += by
