"""What columns of openings say is what each opening says by itself, whatever bytes a peer gave."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from node.lists.changes import content_id_of, digest_of
from node.lists.openings import OpeningColumns, content_id_in, content_ids_of
from node.store.vault import LookUpKeys, Vault
from protocol import digest as digests
from protocol.digest import SIZES, Algorithm, Digest, degenerate
from protocol.lists.ext import Ext
from protocol.lists.opening import NONCE_BYTES, Opening

VAULT = Vault(None, lambda: LookUpKeys(bytes(32), bytes(32)), bytes)  # type: ignore[arg-type]  # nothing is sealed


@st.composite
def _whole(draw: st.DrawFn) -> bytes:
    algorithm = draw(st.sampled_from([*SIZES]))
    value = draw(st.binary(min_size=SIZES[algorithm], max_size=SIZES[algorithm]))
    content_id = draw(st.none() | st.binary(min_size=16, max_size=16) | st.just(bytes(16)))
    said = Opening(
        bytes(NONCE_BYTES), Digest(algorithm, value), Ext(criteria=1, content_id=content_id)
    ).to_bytes()
    cut = draw(st.integers(0, len(said)))
    return draw(
        st.sampled_from([said, said, said[:cut], said[:cut] + b"\xb8\x01\x50", said[:38] + b"\0" + said[38:]])
    )


def _headed() -> st.SearchStrategy[bytes]:
    """Any bytes behind any head."""
    heads = st.tuples(st.integers(0, 6), st.sampled_from([0, 15, 16, 20, 32, 144, 255]))
    exts = st.sampled_from(
        [b"", b"\xa1\x01\x50", b"\xb8\x01\x01\x50", b"\xa2\x00\x01\x01\x50", b"\xb8", b"\xa1\x00"]
    )
    return st.tuples(heads, exts, st.binary(max_size=40), st.integers(0, 300)).map(
        lambda made: (bytes(NONCE_BYTES) + bytes(made[0]) + bytes(made[0][1] + 2) + made[1] + made[2])[
            : made[3]
        ]
    )


ROWS = st.lists(_whole() | _headed() | st.binary(max_size=60) | st.just(b""), max_size=12)


@given(ROWS)
def test_columns_are_what_each_says(rows: list[bytes]) -> None:
    columns = OpeningColumns(rows)
    said = [digest_of(row) for row in rows]
    assert columns.algorithms.tolist() == [digest.algorithm if digest else 0 for digest in said]
    assert columns.keys(VAULT).tolist() == [VAULT.key_of(digest) if digest else 0 for digest in said]
    ids = [content_id_of(row) for row in rows]
    assert [content_id_in(each) for each in columns.content_ids.tolist()] == ids
    assert np.array_equal(columns.content_ids, content_ids_of(ids))


@given(ROWS, st.sampled_from([b"\x58\x20", b"\x01\x50", b"\xb8\x01"]))
def test_two_bytes_are_found_in_the_openings_that_have_them(rows: list[bytes], two: bytes) -> None:
    split = [row[at:] if at else row for row in rows for at in (0, 1)]
    assert OpeningColumns(split).having(two).tolist() == [two in row for row in split]


def _suspicious(listed: Sequence[Digest]) -> list[bool]:
    openings = [Opening(bytes(NONCE_BYTES), each, Ext()).to_bytes() for each in listed]
    return [*OpeningColumns(openings).suspicious]


def test_every_degenerate_digest_is_suspicious() -> None:
    exact = [Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256]
    repeated = [Digest(each, bytes([byte]) * size) for each, size in SIZES.items() for byte in range(256)]
    known = [Digest(each, value) for value in digests._KNOWN for each in exact if len(value) == SIZES[each]]
    assert all(map(degenerate, repeated + known))
    assert all(_suspicious(repeated + known))
    usual = [Digest(each, bytes(range(SIZES[each]))) for each in exact]
    assert not any(map(degenerate, usual))
    assert not any(_suspicious(usual))
