"""No set of liars hides a file from the screen: random federations, each judged as a release judges them.

1 000 worlds; 40 000 with `HYPOTHESIS_PROFILE=thorough`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random

from protocol.digest import Algorithm, Digest
from protocol.judgement.voices import MemberListing
from support.screen_worlds import World, world
from support.selected import Choice, links_of, select_plainly, select_screened
from support.sizes import THOROUGH

WORLDS = 40_000 if THOROUGH else 1_000


def worlds() -> Iterator[World]:
    return map(world, range(WORLDS))


def screened(each: World) -> frozenset[Digest]:
    return select_screened(each.supports(), each.listings, each.members.k).screened


def test_nothing_that_is_effective_without_the_liars_is_hidden() -> None:
    assert [seed for seed, each in enumerate(worlds()) if each.hidden(screened(each))] == []


def test_every_md5_is_screened_and_nothing_that_is_not_effective() -> None:
    for each in worlds():
        listed = each.supports()
        assert {one for one in listed if one.algorithm is Algorithm.MD5} <= screened(each) <= listed.keys()


def test_the_order_of_lists_entries_and_digests_does_not_matter() -> None:
    for seed, each in enumerate(worlds()):
        random, supports = Random(seed), list(each.supports().items())
        listings = list(each.listings)
        random.shuffle(supports)
        random.shuffle(listings)
        for _, of_digest in supports:
            random.shuffle(of_digest)
        again = select_screened(dict(supports), listings, each.members.k)
        assert again == select_screened(each.supports(), each.listings, each.members.k)


def test_these_worlds_would_notice_a_rule_that_believes_everybody() -> None:
    """The same choice on the word of anybody hides files in many worlds."""
    noticed = 0
    for each in worlds():
        listed = each.supports()
        links = links_of(each.listings, listed)
        believed = frozenset(one for one in listed if not links.get(one))
        noticed += bool(each.hidden(believed))
    assert noticed > WORLDS / 100


def test_these_worlds_have_something_to_hide() -> None:
    """Where honest nodes list whole rows, one value a file is enough."""
    hidden = sum(len(each.supports()) - len(screened(each)) for each in worlds())
    assert hidden > WORLDS / 10


def test_parts_of_the_lists_give_what_the_plain_rule_gives_of_the_whole() -> None:
    for seed, each in enumerate(worlds()):
        random, supports, k = Random(seed), each.supports(), each.members.k
        selector, digests = Choice(k), {one: random.randrange(3) for one in each.files}
        for part in range(3):
            selector.add(
                {one: found for one, found in supports.items() if digests.get(one, 0) == part},
                [_part(held, digests, part) for held in each.listings],
            )
        assert selector.select() == select_plainly(supports, each.listings, k)


def _part(held: MemberListing, digests: Mapping[Digest, int], part: int) -> MemberListing:
    entries = {at: one for at, one in held.listing.entries.items() if digests.get(one.digest, 0) == part}
    return replace(held, listing=replace(held.listing, entries=entries))
