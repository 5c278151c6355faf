"""The quorum's judgement for one command: every held list is folded, which takes a while, so once."""

from typing import TYPE_CHECKING

from node.runtime.judged import Judge, Judgement

if TYPE_CHECKING:  # commands that judge nothing start without them
    from node.runtime.opening import Identity
    from node.services.storage.shelf import Shelf


def judge(identity: "Identity", shelf: "Shelf") -> Judgement:
    """What held lists say now, by this node's register and its settings of freshness, as its releases judge it."""
    return Judge.of(identity, shelf).now()
