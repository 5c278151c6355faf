"""The PROXY header, version 2: what a proxy says is read as it stands, and everything else is refused."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.proxy_protocol import HEAD_BYTES, MAX_REST_BYTES, client_address, rest_bytes
from protocol.errors import MalformedError

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
FIELDS = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=40)), max_size=5)
ADDRESSES = st.ip_addresses().flatmap(lambda one: st.tuples(st.just(one), st.ip_addresses(v=one.version)))


def header(kind: int, family: int, rest: bytes) -> tuple[bytes, bytes]:
    return SIGNATURE + bytes([kind, family]) + len(rest).to_bytes(2), rest


def of(
    source: IPv4Address | IPv6Address, to: IPv4Address | IPv6Address, fields: Sequence[tuple[int, bytes]] = ()
) -> tuple[bytes, bytes]:
    more = b"".join(bytes([kind]) + len(value).to_bytes(2) + value for kind, value in fields)
    family = 0x11 if source.version == 4 else 0x21
    return header(0x21, family, source.packed + to.packed + b"\x12\x34\x01\xbb" + more)


@given(addresses=ADDRESSES, fields=FIELDS)
def test_the_address_of_the_client_is_read(
    addresses: tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address], fields: list[tuple[int, bytes]]
) -> None:
    head, rest = of(*addresses, fields)
    assert rest_bytes(head) == len(rest)
    assert client_address(head, rest) == str(addresses[0])


@given(rest=st.binary(max_size=60), family=st.integers(0, 255))
def test_a_proxy_that_speaks_for_itself_names_nobody(rest: bytes, family: int) -> None:
    assert client_address(*header(0x20, family, rest)) is None


@pytest.mark.threat("silent connections")
@given(data=st.binary(max_size=80))
def test_other_bytes_are_refused_and_never_believed(data: bytes) -> None:
    head, rest = data[:HEAD_BYTES], data[HEAD_BYTES:]
    with pytest.raises(MalformedError):
        client_address(head, rest)


@given(addresses=ADDRESSES, fields=FIELDS, place=st.integers(0, HEAD_BYTES - 1), flip=st.integers(1, 255))
def test_a_changed_head_is_refused_or_says_something_else_of_itself(
    addresses: tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address],
    fields: list[tuple[int, bytes]],
    place: int,
    flip: int,
) -> None:
    head, rest = of(*addresses, fields)
    changed = bytearray(head)
    changed[place] ^= flip
    try:
        said = client_address(bytes(changed), rest)
    except MalformedError:
        return
    # The command "local", or the other family with as many bytes as both need: the head alone decides those.
    assert place in {12, 13}
    assert said is None or ip_address(said).version != addresses[0].version


@given(addresses=ADDRESSES, fields=FIELDS, cut=st.integers(1, 50))
def test_what_is_cut_off_is_refused(
    addresses: tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address],
    fields: list[tuple[int, bytes]],
    cut: int,
) -> None:
    head, rest = of(*addresses, fields)
    with pytest.raises(MalformedError):
        client_address(head, rest[:-cut])


V4 = ip_address("192.0.2.7").packed * 2 + bytes(4)
REFUSED = {
    "version 1": (b"PROXY TCP4 192.0", b""),
    "version 3": header(0x31, 0x11, V4),
    "an unknown command": header(0x22, 0x11, V4),
    "UDP": header(0x21, 0x12, V4),
    "a path": header(0x21, 0x31, bytes(216)),
    "nothing said": header(0x21, 0x00, b""),
    "no addresses": header(0x21, 0x11, V4[:-1]),
    "half a field": header(0x21, 0x11, V4 + b"\x04\x00"),
    "a field that is cut off": header(0x21, 0x11, V4 + b"\x04\x00\x02x"),
    "too long": header(0x21, 0x11, V4 + bytes(MAX_REST_BYTES)),
}


@pytest.mark.parametrize(("head", "rest"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_header_about_a_tcp_connection_is_refused(head: bytes, rest: bytes) -> None:
    with pytest.raises(MalformedError):
        client_address(head, rest)
