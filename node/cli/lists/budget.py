"""What a screen tells offline, in words: said where a subset is made, released and shared, and where it is received."""

from collections.abc import Iterable, Iterator

from node.subsets.release import ScreenReport
from protocol.subset.filter import SubsetFilter


def budget(subset_filter: SubsetFilter) -> Iterator[str]:
    """What anybody who gets releases by this filter can test, for whoever decides about that."""
    if not subset_filter.screen_bits:
        yield "There is no screen: every look-up costs quota, and nothing can be tested offline."
        return
    yield (
        "Whoever gets its releases can tell offline, at odds of up to"
        f" {subset_filter.odds():,} to 1, whether a file that they hold is listed;"
    )
    worst = subset_filter.odds(subset_filter.most_values)
    yield (
        f"up to {worst:,} to 1 where lists name each hash of a file in a row of its own."
        if subset_filter.most_values > 1
        else "for every PDQ value of it, beside what another subset tells of its exact hashes."
    )


def together(
    name: str, subset_filter: SubsetFilter, others: Iterable[tuple[str, SubsetFilter]]
) -> Iterator[str]:
    """What several subsets tell of one file to whoever gets them."""
    for other, odds in subset_filter.together(others):
        yield f"A partner of {name} and {other}: up to {odds:,} to 1 for a file."


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
