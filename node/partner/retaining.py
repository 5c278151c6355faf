"""For how long a partner keeps its hits: a time after they were resolved, and never what is not finished."""

from node.partner.hits import HitSpool, SpooledHit
from node.partner.resolutions import Action


def is_finished(hit: SpooledHit) -> bool:
    """Whether it is resolved or withdrawn, reported or not taken, awaits no answer, and is neither held nor preserved.

    Whoever else is told, because a person said so, was told.
    """
    if not all(each.reference for each in hit.told):
        return False
    if hit.held or hit.unresolved or hit.to_undo or hit.action is Action.PRESERVED:
        return False
    return not hit.disputed and not hit.waiting


def expired(spool: HitSpool, *, before_ms: int, tells: bool) -> list[SpooledHit]:
    """Finished hits that were resolved or withdrawn before `before_ms`, and of which the agency was told what it is.

    What cannot be read is left alone.
    """
    return [
        hit
        for hit in spool.readable().hits
        if is_finished(hit) and max(hit.resolved_ms, hit.ended_ms) < before_ms and not (tells and hit.untold)
    ]
