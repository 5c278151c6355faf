"""Words and numbers as they stand in the page."""

from html import escape

from node.demo.parties import Party


def safe(text: str) -> str:
    """Text for HTML and SVG."""
    return escape(text, quote=True)


def size(count: int) -> str:
    """A number of bytes, rounded for people."""
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count / 1000:.1f} kB"
    return f"{count / 1_000_000:.2f} MB"


def duration(seconds: float) -> str:
    """Seconds, rounded for people."""
    return f"{seconds:.1f} s" if seconds >= 0.05 else "—"


def colour(party: Party, *, trouble: bool = False) -> str:
    """The class that carries a party's colour."""
    return "trouble" if trouble else party.value
