"""Words and numbers as they stand in the page."""

from node.demo.parties import Party


def duration(seconds: float) -> str:
    """Seconds, rounded for people."""
    return f"{seconds:.1f} s" if seconds >= 0.05 else "—"


def colour(party: Party, *, trouble: bool = False) -> str:
    """The class that carries a party's colour."""
    return "trouble" if trouble else party.value
