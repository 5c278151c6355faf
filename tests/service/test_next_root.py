"""What a next root says: holders come, go and get other keys; what nobody could sign is not proposed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keys.trust.tuf.holders import Holder
from node.errors import NodeError, NotFoundError, UsageError
from node.trust.next_root import OnlineKeys, RootChange, next_content
from support.proposals import (
    NEW_ROOT_KEYS,
    NEW_SNAPSHOT_KEY,
    NEW_TARGETS_KEYS,
    NEW_TIMESTAMP_KEY,
    held_root,
    holders,
)
from support.trust import NOW

ONLINE = OnlineKeys(NEW_SNAPSHOT_KEY.public, NEW_TIMESTAMP_KEY.public)
NEW = Holder(name="2", root=NEW_ROOT_KEYS[0].public, targets=None)
SAFE = Holder(name="safe", root=NEW_ROOT_KEYS[1].public, targets=NEW_TARGETS_KEYS[1].public)


def test_a_year_more() -> None:
    content = next_content(held_root(), RootChange(), ONLINE, NOW)
    assert (content.holders, content.threshold, content.targets_threshold) == (holders(), 2, 2)
    assert content.expires == NOW + timedelta(days=365)
    assert content.timestamp_keys == (NEW_TIMESTAMP_KEY.public,)


def test_who_comes_and_goes() -> None:
    change = RootChange(holders=[NEW, SAFE], remove=["1"], threshold=3, targets_threshold=1)
    content = next_content(held_root(), change, ONLINE, NOW)
    one, two, three = holders()
    assert content.holders == (replace(two, root=NEW.root), three, SAFE)
    assert (content.threshold, content.targets_threshold) == (3, 1)
    assert one.root not in content.root_keys


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(RootChange(remove=["4"]), NotFoundError, id="nobody"),
        pytest.param(RootChange(threshold=4), UsageError, id="more than there are"),
        pytest.param(RootChange(remove=["1", "2"]), UsageError, id="too few are left"),
        pytest.param(RootChange(targets_threshold=0), UsageError, id="none"),
    ],
)
def test_what_is_not_proposed(change: RootChange, error: type[NodeError]) -> None:
    with pytest.raises(error):
        next_content(held_root(), change, ONLINE, NOW)
