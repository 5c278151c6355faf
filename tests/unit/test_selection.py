"""Which digests a release screens: one a file, unless that rests on the word of somebody who may lie."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from protocol.digest import Algorithm, Digest
from protocol.judgement.quorum import Support, decide
from protocol.judgement.voices import MemberListing
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.ext import Basis
from protocol.lists.listing import Entry
from protocol.selection import LINK, TOLD, links_of, telling
from support.lists import digest, member, register
from support.screen_worlds import Row, listing_of
from support.selected import Choice, Selected, budget, select_plainly, select_screened

FR, NL, DE, MIX, ICSE = "fr.example", "nl.example", "de.example", "mix.example", "icse.example"
MEMBERS = (
    member(FR, "FR"),
    member(NL, "NL"),
    member(DE, "DE"),
    member(MIX, None),
    member(ICSE, None, authority_for=[BASELINE]),
)
MD5, SHA1, SHA256 = (digest("f", kind) for kind in (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256))
OTHER = digest("g", Algorithm.MD5)
PDQ = digest("f", Algorithm.PDQ)
FULL = (MD5, SHA1, SHA256)
FULL_KINDS = (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256)
BOTH = (BASELINE, NATIONAL)


def row(
    *digests: Digest, at: tuple[int, ...] = (BASELINE,), basis: Basis = Basis.OWN, linked: bool = True
) -> Row:
    return Row(digests, at, basis, linked)


def select(*listings: MemberListing, k: int = 2) -> Selected:
    supports: dict[Digest, list[Support]] = {}
    for (_, each), support in decide(listings, register(*MEMBERS, k=k)).effective.items():
        supports.setdefault(each, []).append(support)
    return select_screened(supports, listings, k)


Case = dict[str, Sequence[Row]]


@pytest.mark.parametrize(
    ("lists", "screened"),
    [
        pytest.param({FR: [row(*FULL)], NL: [row(*FULL)]}, {MD5}, id="whole rows: one value"),
        pytest.param(
            {FR: [row(SHA1, SHA256)], NL: [row(SHA1, SHA256)]}, {SHA1}, id="the weakest that is listed"
        ),
        pytest.param({FR: [row(SHA256)], NL: [row(SHA256)]}, {SHA256}, id="sha256 alone"),
        pytest.param(
            {FR: [row(*FULL)], NL: [row(MD5), row(SHA1), row(SHA256)]}, {MD5}, id="one of two needed links"
        ),
        pytest.param(
            {FR: [row(*FULL)], **{node: [row(each) for each in FULL] for node in (NL, DE)}},
            set(FULL),
            id="two others are enough without the one that links",
        ),
        pytest.param(
            {node: [row(each, linked=False) for each in FULL] for node in (FR, NL)},
            set(FULL),
            id="no content id",
        ),
        pytest.param(
            {FR: [row(*FULL)], NL: [row(SHA256)], DE: [row(MD5)]},
            {MD5},
            id="md5 and sha256 by different ones",
        ),
        pytest.param(
            {FR: [row(SHA256, MD5)], NL: [row(SHA256), row(MD5)], MIX: [row(OTHER, SHA256)]},
            {MD5},
            id="who has no voice hides nothing and reveals nothing",
        ),
        pytest.param(
            {node: [row(SHA256), row(OTHER)] for node in (FR, NL)} | {DE: [row(OTHER, SHA256)]},
            {OTHER, SHA256},
            id="a liar who is not needed",
        ),
        pytest.param(
            {FR: [row(OTHER, SHA256), row(MD5, SHA256)], NL: [row(OTHER), row(MD5), row(SHA256)]},
            {MD5, OTHER, SHA256},
            id="linked to two md5",
        ),
        pytest.param(
            {node: [row(MD5, OTHER, SHA256)] for node in (FR, NL)},
            {MD5, OTHER, SHA256},
            id="a row with two md5 says nothing",
        ),
        pytest.param(
            {FR: [row(MD5, SHA1), row(SHA1, SHA256)], NL: [row(MD5, SHA1), row(SHA1, SHA256)]},
            {MD5, SHA256},
            id="links are not chained",
        ),
        pytest.param(
            {
                FR: [row(*FULL, at=BOTH)],
                NL: [row(*FULL, at=BOTH)],
                DE: [row(*FULL, at=(NATIONAL,), linked=False)],
            },
            {MD5},
            id="needed in both collections",
        ),
        pytest.param(
            {FR: [row(SHA256, MD5)], NL: [row(SHA256), row(MD5)], ICSE: [row(SHA256), row(MD5)]},
            {MD5, SHA256},
            id="an authority is enough",
        ),
        pytest.param({ICSE: [row(*FULL)]}, {MD5}, id="an authority that links"),
        pytest.param(
            {FR: [row(*FULL, basis=Basis.RELIES_ON)], NL: [row(*FULL)], DE: [row(*FULL)]},
            {MD5},
            id="a link needs no voice",
        ),
        pytest.param(
            {FR: [row(MD5, SHA256), row(PDQ)], NL: [row(MD5, SHA256), row(PDQ)]}, {MD5, PDQ}, id="every pdq"
        ),
        pytest.param({}, set(), id="nothing"),
    ],
)
def test_what_is_screened(lists: Case, screened: set[Digest]) -> None:
    assert select(*(listing_of(node, rows) for node, rows in lists.items())).screened == screened


def test_the_kth_country_counts() -> None:
    lists = [listing_of(FR, [row(*FULL)]), *(listing_of(node, [row(*FULL)]) for node in (NL, DE))]
    assert select(*lists, k=3).screened == {MD5}
    alone = [listing_of(FR, [row(*FULL)]), *(listing_of(node, [*map(row, FULL)]) for node in (NL, DE))]
    assert select(*alone, k=3).screened == {MD5}
    assert select(*alone, k=2).screened == set(FULL)


def test_what_may_have_been_signed_with_a_stolen_key_links_nothing() -> None:
    said = [row(MD5), row(SHA256), row(MD5, SHA256, basis=Basis.RELIES_ON)]
    other = listing_of(NL, [row(MD5), row(SHA256)])
    assert select(listing_of(FR, said), other).screened == {MD5}
    assert select(listing_of(FR, said, revoked=[range(2, 9)]), other).screened == {MD5, SHA256}


def test_what_a_selection_says_of_its_budget() -> None:
    whole = select(*(listing_of(node, [row(*FULL)]) for node in (FR, NL)))
    assert (budget(whole), whole.contradicted) == ((1, 0, 0), ())
    apart = select(*(listing_of(node, [row(each) for each in FULL]) for node in (FR, NL)))
    assert budget(apart) == (3, 0, 2)
    two = [row(OTHER, SHA256), row(MD5, SHA256)]
    odd = select(listing_of(FR, two), listing_of(NL, [row(OTHER), row(MD5), row(SHA256)]))
    assert (budget(odd)[:2], odd.contradicted) == ((2, 1), (SHA256,))
    assert budget(select())[0] == 1


def test_what_is_alike_is_screened_as_if_each_came_by_itself() -> None:
    """DE names a weaker hash of each file, which nobody releases, and its PDQ value."""
    files = [[digest(name, kind) for kind in (*FULL_KINDS, Algorithm.PDQ)] for name in ("f", "g", "h")]
    listings = [
        listing_of(FR, [row(each[1], each[2]) for each in files]),
        listing_of(NL, [row(each[1], each[2]) for each in files]),
        listing_of(DE, [row(*each) for each in files]),
    ]
    supports: dict[Digest, list[Support]] = {}
    for (_, each), support in decide(listings, register(*MEMBERS)).effective.items():
        supports.setdefault(each, []).append(support)
    choice, judged = Choice(2), files[0]
    choice.add(
        {each: supports[each] for each in judged if each in supports},
        [_only(held, judged) for held in listings],
    )
    for kind, one in enumerate(judged):
        others = [of_file[kind] for of_file in files[1:]]
        adds = [(entry.origin, entry.index) for held in listings for entry in _entries_of(held, one)]
        ids = [
            [
                *(entry.ext.content_id or b"" for held in listings for entry in _entries_of(held, each)),
                bytes(16),
            ]
            for each in others
        ]
        choice.add_alike(
            supports.get(one, ()),
            [_only(held, judged) for held in listings],
            others,
            [*adds, (listings[0].listing.origin, 10**6)],  # an add that was withdrawn
            np.array([[list(each) for each in of_one] for of_one in ids], dtype=np.uint8),
        )
    assert choice.select() == select_plainly(supports, listings, 2)
    assert choice.select().screened == {each[1] for each in files}


def _only(held: MemberListing, digests: Sequence[Digest]) -> MemberListing:
    entries = {at: entry for at, entry in held.listing.entries.items() if entry.digest in digests}
    return replace(held, listing=replace(held.listing, entries=entries))


def _entries_of(held: MemberListing, wanted: Digest) -> list[Entry]:
    return [entry for entry in held.listing.entries.values() if entry.digest == wanted]


@pytest.mark.threat("endless bytes")
@pytest.mark.parametrize("files", [1, 6, 40])
def test_a_content_id_of_a_whole_list_is_told_in_few_rows(files: int) -> None:
    some = np.random.default_rng(files)
    told = np.zeros(300, dtype=TOLD)
    for name, values in (("list", 2), ("algorithm", 4), ("released", 2)):
        told[name] = some.integers(values, size=len(told))
    told["content_id"][:, 1] = some.integers(files, size=len(told))
    told["name"][:, 0] = told["algorithm"] * 100 + some.integers(5, size=len(told)) * told["content_id"][:, 1]
    few = telling(told)
    assert len(few) <= files * 2 * 4 * 2
    assert len(telling(few)) == len(few)
    found, expected = (np.sort(links_of(rows), order=LINK.names) for rows in (few, told))
    assert found.tolist() == expected.tolist()
    assert len(telling(told[:0])) == 0
