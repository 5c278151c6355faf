"""What pages about one thing are asked for, at the busy agency: a query by the name of the page."""

from collections.abc import Callable, Mapping

from node.console.world import World
from node.runtime.approvals import open_approvals


def _request(world: World) -> str:
    open_one, *_ = [one for one in open_approvals(world.identity, world.shelf).ls() if one.outcome == "open"]
    return f"number={open_one.id}"


EXAMPLES: Mapping[str, Callable[[World], str]] = {
    "record": lambda _: "number=0",
    "rotate": lambda _: "key=auth-1&rehearse=yes",
    "task": _request,
}
