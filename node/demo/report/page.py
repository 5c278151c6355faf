"""The whole page."""

from node.demo.record import Record


def page(record: Record, *, seconds: float) -> str:
    """The report of a walk that took `seconds`."""
    held = sum(finding.held for finding in record.findings)
    return f"<!doctype html><title>sigfed demo</title><p>{held} claims held in {seconds:.0f} seconds</p>"
