"""What is done about hits after an update: nothing of it can spoil the update."""

from pathlib import Path

from node.home import Home
from node.hoster.hits.spool import HitSpool
from node.hoster.settle import settle
from support.spooling import recorded


async def test_what_cannot_be_done_is_said_and_not_raised(tmp_path: Path) -> None:
    home = Home(tmp_path)
    recorded(HitSpool(home.partner))
    done = await settle(home, anew=0.0)  # nobody is enrolled here
    assert (done.told, done.purged) == (0, 0)
    assert done.problem.startswith("hits were not followed up: ")
