"""What the screen of a release tells offline, in words: said where it is made, and where it is received."""

from collections.abc import Iterator

from node.subsets.release import ScreenReport


def released(told: ScreenReport) -> Iterator[str]:
    """What a release tells, and which hashes make that more than one value a file."""
    if told.bits:
        yield f"screen by rule {told.rule}: a pass means listed at odds of up to {told.odds:,} to 1 a file"
    if told.bits and told.worst_odds > told.odds:
        yield (
            f"  at worst {told.worst_odds:,} to 1: {told.doubled:,} hashes are screened beside another of their file,"
            f" {told.apart:,} SHA-1 or SHA-256 may be; list all hashes of a file in one row"
        )
    if told.contradicted:
        first = told.contradicted[0]
        yield (
            f"  {len(told.contradicted):,} entries are of hashes that lists say are of two different files;"
            f" the first is entry {first.index} of {first.origin}"
        )
