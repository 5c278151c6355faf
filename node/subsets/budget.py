"""What a screen tells offline, in words: said where a subset is made and shared, and shown on its page."""

from collections.abc import Iterable, Iterator

from keys.message import Message
from protocol.subset.filter import SubsetFilter


def budget(subset_filter: SubsetFilter, others: Iterable[tuple[str, SubsetFilter]] = ()) -> Iterator[Message]:
    """What anybody who gets releases by this filter can test, and with those of `others`, for whoever decides that."""
    if not subset_filter.screen_bits:
        yield Message("There is no screen: every look-up costs quota, and nothing can be tested offline.")
        return
    yield Message(
        "Whoever gets its releases can tell offline, at odds of up to {odds} to 1, whether a file that they hold is"
        " listed.",
        f"{subset_filter.odds():,}",
    )
    worst = subset_filter.odds(subset_filter.most_values)
    yield (
        Message("Up to {odds} to 1 where lists name each hash of a file in a row of its own.", f"{worst:,}")
        if subset_filter.most_values > 1
        else Message(
            "That is for every PDQ value of it, beside what another subset tells of its exact hashes."
        )
    )
    for name, odds in subset_filter.together(others):
        yield Message("With the subset {name} as well: up to {odds} to 1 for a file.", name, f"{odds:,}")
