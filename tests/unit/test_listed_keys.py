"""Which keys trust files name, and which successors a document gets when it is signed."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from keys.key import PRIVATE_KEY_TYPES, PublicKey, SnapshotPublicKey
from keys.roles import Role
from keys.trust.lifecycle import Lineage, overlap
from keys.trust.listed_keys import ListedKey, listed_keys
from keys.trust.node_document import NodeDocument
from keys.trust.window import Window
from node.trust.successors import ending_by, with_key, with_successors
from support.trust import (
    AUTH_KEY,
    LIST_KEY,
    NEXT,
    NEXT_LIST_KEY,
    NODE,
    SNAPSHOT_KEY,
    TIMESTAMP_KEY,
    VALID,
    WITNESS_KEY,
    node_document,
    root_content,
    witness_info,
)

LIST = Lineage(Role.LOG, f"{NODE}/lists/main")
WITNESS = Lineage(Role.WITNESS, f"{NODE}/witness")


def by_kid(document: NodeDocument) -> dict[str, ListedKey]:
    return {key.kid: key for key in listed_keys(document, root_content())}


def test_every_online_key_is_listed_with_its_lineage() -> None:
    found = by_kid(node_document(witness=witness_info()))
    assert found[AUTH_KEY.public.kid] == ListedKey(
        kid=AUTH_KEY.public.kid, lineage=Lineage(Role.AUTH), valid=VALID
    )
    assert found[LIST_KEY.public.kid].lineage == found[NEXT_LIST_KEY.public.kid].lineage == LIST
    assert found[NEXT_LIST_KEY.public.kid].valid == NEXT
    assert found[WITNESS_KEY.public.kid].lineage == WITNESS
    assert found["oprf-subsets-hosters-1"].lineage == Lineage(Role.OPRF, "hosters")
    assert found["01" * 32] == ListedKey(kid="01" * 32, lineage=Lineage(Role.TLS))
    assert {role for role in Role if role.info.online} - {key.lineage.role for key in found.values()} == {
        Role.STORAGE
    }


def test_what_the_root_names_counts_as_long_as_it() -> None:
    found = by_kid(node_document())
    for key in (SNAPSHOT_KEY, TIMESTAMP_KEY):
        listed = found[key.public.kid]
        assert (listed.valid, listed.ends) == (None, root_content().expires)


def test_a_node_without_a_witness_lists_none() -> None:
    assert WITNESS not in {key.lineage for key in by_kid(node_document()).values()}


class Maker:
    """Makes keys and remembers of which lineages."""

    def __init__(self) -> None:
        self.made: list[Lineage] = []

    def __call__(self, lineage: Lineage) -> PublicKey:
        self.made.append(lineage)
        seed = len(self.made).to_bytes(32, "big")
        return PRIVATE_KEY_TYPES[lineage.role].from_seed(seed).public


def test_a_document_lists_a_key_of_every_lineage_until_its_last_day() -> None:
    """So that no rotation in that time needs the holders."""
    document = node_document(witness=witness_info())
    maker = Maker()
    grown = with_successors(document, root_content(), maker)
    for lineage in set(maker.made) | {Lineage(Role.AUTH), Lineage(Role.TOKEN), LIST, WITNESS}:
        windows = sorted(
            (key.valid for key in by_kid(grown).values() if key.lineage == lineage and key.valid),
            key=lambda valid: valid.start,
        )
        assert windows[0].start <= document.valid.start
        assert windows[-1].end >= document.valid.end
        for earlier, later in pairwise(windows):
            assert later.start <= earlier.end, "no moment without a key"
    assert with_successors(grown, root_content(), Maker()) == grown


def test_months_of_short_lived_keys_are_made_at_once() -> None:
    short = Window(VALID.start, VALID.start + timedelta(days=30))
    document = node_document()
    document = replace(document, token_keys=tuple(replace(key, valid=short) for key in document.token_keys))
    maker = Maker()
    grown = with_successors(document, root_content(), maker)
    tokens = [dated.valid for dated in grown.token_keys]
    assert maker.made.count(Lineage(Role.TOKEN)) == len(tokens) - 1 >= 6
    life = timedelta(days=Role.TOKEN.info.days)
    assert {later.start - earlier.start for earlier, later in pairwise(tokens)} == {life - overlap(life)}


def test_keys_that_sign_no_more_are_succeeded_at_once() -> None:
    document = node_document()
    maker = Maker()
    grown = with_successors(document, root_content(), maker, ended=frozenset({AUTH_KEY.public.kid}))
    assert Lineage(Role.AUTH) in maker.made
    assert grown.auth_keys[1].valid.start == document.valid.start


def test_a_closed_log_gets_no_key() -> None:
    maker = Maker()
    with_successors(node_document(), root_content(), maker)
    assert f"{NODE}/lists/old" not in {lineage.of for lineage in maker.made}


def test_long_ended_auth_and_token_keys_are_forgotten() -> None:
    document = node_document()
    old = Window(VALID.start - timedelta(days=90), VALID.start - timedelta(days=31))
    stale = replace(document.auth_keys[0], valid=old)
    grown = with_successors(replace(document, auth_keys=(stale,)), root_content(), Maker())
    assert stale not in grown.auth_keys
    assert grown.auth_keys


@pytest.mark.parametrize(
    "lineage", [Lineage(Role.AUTH), Lineage(Role.TOKEN), Lineage(Role.STATEMENT), LIST, WITNESS]
)
def test_a_successor_cuts_what_came_before_it(lineage: Lineage) -> None:
    document = node_document(witness=witness_info())
    end = VALID.start + timedelta(days=20)
    new = PRIVATE_KEY_TYPES[lineage.role].from_seed(b"n" * 32).public
    later = Window(end - timedelta(days=14), end + timedelta(days=60))
    grown = with_key(ending_by(document, lineage, end), lineage, new, later)
    windows = {key.kid: key.valid for key in by_kid(grown).values() if key.lineage == lineage}
    assert windows.pop(new.kid) == later
    assert all((valid and valid.end <= end) or (valid and valid.start >= end) for valid in windows.values())
    others = {kid: key for kid, key in by_kid(grown).items() if key.lineage != lineage}
    assert others.items() <= by_kid(document).items()


def test_other_roles_are_not_listed_with_windows() -> None:
    with pytest.raises(AssertionError):
        with_key(node_document(), Lineage(Role.SNAPSHOT), SnapshotPublicKey(SNAPSHOT_KEY.public.raw), VALID)
    with pytest.raises(AssertionError):
        ending_by(node_document(), Lineage(Role.TLS), VALID.end)
