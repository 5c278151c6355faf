"""Who takes part: two agencies of two countries, and a company that wants to know what it hosts."""

from enum import Enum


class Party(Enum):
    """A participant; the value is the name of its folder and journal."""

    FR = "fr"
    NL = "nl"
    HOSTER = "hoster"

    @property
    def title(self) -> str:
        """What people call it."""
        return {"fr": "Agency FR", "nl": "Agency NL", "hoster": "Hoster"}[self.value]

    @property
    def node(self) -> str:
        """Its name in the federation, or as a partner."""
        return f"{self.value}.example"

    @property
    def country(self) -> str:
        """Its country, for an agency."""
        return self.value.upper()


AGENCIES = (Party.FR, Party.NL)
