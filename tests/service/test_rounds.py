"""How a list was published, read from its bundles: as somebody finds it who reads every event."""

from collections.abc import Sequence
from itertools import groupby

import pytest

from node.errors import StoreError
from node.lists.corrections.withdraw import withdraw
from node.rotation.doubt import Round, rounds
from protocol.limits import HEADER_BYTES
from protocol.lists.event import Header, Op
from protocol.lists.ext import Reason
from support.stores import Agency, file_digests, rows


@pytest.fixture
def published(agency: Agency) -> Agency:
    """Publications that end within a bundle, at its end, and over several; the last one also withdraws."""
    for first, last in ((0, 5), (5, 128), (128, 129), (129, 500)):
        agency.publish(rows(*(str(number) for number in range(first, last))))
    agency.add(rows("last"))
    withdraw(agency.store, agency.origin, file_digests("3")[0], reason=Reason.LEGAL)
    agency.publish()
    return agency


def read_one_by_one(agency: Agency) -> Sequence[Round]:
    headers = [(at, Header.from_bytes(event[:HEADER_BYTES])) for at, event, _ in agency.items()]
    found = []
    for time_ms, group in groupby(headers, key=lambda pair: pair[1].time_ms):
        pairs = list(group)
        ops = [header.op for _, header in pairs]
        found.append(
            Round(
                first=pairs[0][0],
                size=pairs[-1][0] + 1,
                time_ms=time_ms,
                adds=ops.count(Op.ADD),
                withdrawals=ops.count(Op.WITHDRAW),
                others=len(ops) - ops.count(Op.ADD) - ops.count(Op.WITHDRAW),
            )
        )
    return found


def test_each_publication_is_a_round(published: Agency) -> None:
    found = list(rounds(published.store, published.log_of(published.origin)))
    assert found == read_one_by_one(published)
    assert [each.size for each in found] == [10, 256, 258, 1000, 1004]
    assert (found[-1].adds, found[-1].withdrawals, found[-1].others) == (2, 2, 0)


def test_a_damaged_bundle_is_said(published: Agency) -> None:
    log = published.log_of(published.origin)
    [name] = [name for name in published.files().bundles(size=log.head.size) if name.endswith("/001")]
    published.store.objects.put(name, published.store.objects.get(name)[:-1])
    with pytest.raises(StoreError, match="damaged"):
        list(rounds(published.store, log))
