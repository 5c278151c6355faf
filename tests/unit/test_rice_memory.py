"""What reading a code may allocate: a small multiple of what the count allows, whatever the bytes are."""

import tracemalloc

import pytest

from protocol.errors import MalformedError
from protocol.subset.rice import decode_sorted

COUNT = 50_000
BOUND = 2**30


@pytest.mark.parametrize("octet", [0x00, 0x55, 0xFF], ids=["no ends", "half ends", "all ends"])
@pytest.mark.parametrize("size", [COUNT * 14 // 8 + 14_000, COUNT * 2, COUNT * 400])
def test_hostile_bytes_cost_no_more_than_a_multiple_of_the_count(octet: int, size: int) -> None:
    data = bytes([octet]) * size
    tracemalloc.start()
    try:
        with pytest.raises(MalformedError):
            decode_sorted(data, count=COUNT, bound=BOUND)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 128 * COUNT
