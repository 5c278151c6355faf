"""What a look-up found, in the words of whoever asked for a verdict."""

from node.hoster.lookup.examiner import Hit
from node.ports.verdicts import CLEAN, Outcome, Verdict


def verdict_of(hit: Hit | None, *, hit_id: str = "") -> Verdict:
    """The verdict of a file that was looked up; `hit_id` is that of the hit in the spool."""
    if hit is None:
        return CLEAN
    return Verdict(
        outcome=Outcome.TEST_FILE if hit.test_file else Outcome.HIT,
        algorithms=tuple(algorithm.name.lower() for algorithm in hit.algorithms),
        collection=hit.collection,
        countries=tuple(dict.fromkeys(source.country for source in hit.sources)),
        weak=hit.weak,
        hit_id=hit_id,
    )
