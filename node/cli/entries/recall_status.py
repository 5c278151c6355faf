"""What `sigfed status` says about withdrawals and shreddings."""

from typing import TYPE_CHECKING

from node.fields import Fact
from node.pages.text import counted

if TYPE_CHECKING:
    from node.judgement.recall import Latency
    from node.store.store import Store


def recall_status(store: "Store") -> tuple[dict[str, Fact], tuple[str, ...]]:
    """What `sigfed status` says about withdrawals and shreddings: facts and lines."""
    from node.judgement.recall import recall
    from node.judgement.shred_status import report_shreddings

    numbers = recall(store)
    own = [each for each in report_shreddings(store) if each.own_standing]
    facts: dict[str, Fact] = {
        "withdrawals": numbers.withdrawals,
        "open": numbers.open,
        "held": _latency(numbers.held),
        "released": _latency(numbers.released),
        "shreddings_to_answer": len(own),
    }
    lines = [
        f"{each.origin.partition('/')[0]} shredded an entry you still list: shred or reaffirm entry"
        f" {each.own_standing[0].index} of {each.own_standing[0].origin}"
        for each in own
    ]
    if numbers.withdrawals:
        speed = "".join(
            f"; {what} after {_duration(found.median_ms)}, at most {_duration(found.max_ms)}"
            for what, found in (("held", numbers.held), ("released", numbers.released))
            if found is not None
        )
        lines.append(
            f"{counted(numbers.withdrawals, 'withdrawal')}, {numbers.open:,} not applied everywhere{speed}"
        )
    return facts, tuple(lines)


def _latency(found: "Latency | None") -> Fact:
    if found is None:
        return None
    return {"count": found.count, "median_ms": found.median_ms, "max_ms": found.max_ms}


def _duration(milliseconds: int) -> str:
    seconds = milliseconds // 1000
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
