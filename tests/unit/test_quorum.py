from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from protocol.digest import Algorithm, Digest
from protocol.judgement.blocks import Standing
from protocol.judgement.quorum import (
    Blocked,
    Decision,
    Discounted,
    Tombstoned,
    TooFewCountries,
    decide,
)
from protocol.judgement.voices import Discount, MemberListing
from protocol.lists.event import BASELINE, INVESTIGATIVE, NATIONAL, PRIVATE_FROM
from protocol.lists.ext import EntryRef, Ext, Predecessor, Reason
from protocol.lists.listing import BlockKind, Entry, overlay
from support.lists import OWN, RELYING, REVIEWED, ListWriter, digest, held, member, register, restrict

A, B = digest("a"), digest("b")
MEMBERS = register(
    member("fr.example", "FR"),
    member("fr2.example", "FR"),
    member("nl.example", "NL"),
    member("de.example", "DE"),
    member("us.example", "US"),
    member("interpol.example", None, [BASELINE]),
    cap=2,
)


class World:
    """Lists of the nodes above, made on first use, and the decision over all of them."""

    def __init__(self) -> None:
        self.writers: dict[str, ListWriter] = {}
        self.stale: set[str] = set()
        self.revoked: dict[str, list[range]] = {}
        self.previous: frozenset[tuple[int, Digest]] = frozenset()
        self.released: frozenset[EntryRef] = frozenset()
        self.members = MEMBERS

    def __getitem__(self, name: str) -> ListWriter:
        """The list `name`: a node's short name, and `/list` for its second."""
        node, _, suffix = name.partition("/")
        return self.writers.setdefault(name, ListWriter(f"{node}.example/lists/{suffix or 'main'}"))

    def held(self) -> list[MemberListing]:
        return [
            held(
                f"{name.partition('/')[0]}.example",
                writer,
                fresh=name not in self.stale,
                revoked=self.revoked.get(name, ()),
            )
            for name, writer in self.writers.items()
        ]

    def decide(self) -> Decision:
        return decide(
            self.held(),
            self.members,
            previous=self.previous,
            released=self.released,
        )

    def effective(self, collection: int = BASELINE) -> set[Digest]:
        return {value for number, value in self.decide().effective if number == collection}


@pytest.fixture
def world() -> World:
    return World()


def listed_by(world: World, *names: str, value: Digest = A, ext: Ext = OWN) -> list[EntryRef]:
    return [world[name].add(value, ext) for name in names]


# ------------------------------------------------------------------------------ what counts


@pytest.mark.threat("a poisoned entry", "one agency is enough")
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], False),
        (["fr"], False),
        (["fr", "fr"], False),
        (["fr", "fr2"], False),
        (["fr", "fr/second"], False),
        (["fr", "nl"], True),
        (["fr", "fr2", "nl", "de"], True),
        (["interpol"], True),
        (["stranger", "fr"], False),
        (["stranger", "stranger2"], False),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else "",
)
def test_k_distinct_countries_or_an_authority(world: World, names: list[str], expected: bool) -> None:
    listed_by(world, *names)
    assert world.effective() == ({A} if expected else set())


@pytest.mark.parametrize(
    ("ext", "reason"),
    [
        (RELYING, Discount.RELIES_ON),
        (replace(RELYING, criteria=None), Discount.RELIES_ON),
        (Ext(criteria=1), Discount.NO_BASIS),
        (Ext(criteria=1, basis=9), Discount.NO_BASIS),
        (replace(OWN, criteria=None), Discount.NO_CRITERIA),
        (Ext(), Discount.NO_CRITERIA),
    ],
)
def test_only_knowledge_under_criteria_counts(world: World, ext: Ext, reason: Discount) -> None:
    listed_by(world, "fr")
    (copy,) = listed_by(world, "nl", ext=ext)
    (other,) = listed_by(world, "interpol", ext=ext)
    assert world.effective() == set()
    assert world.decide().explain(BASELINE, A) == (
        TooFewCountries(1, 2),
        Discounted("nl.example", copy, reason),
        Discounted("interpol.example", other, reason),
    )


def test_reviewed_counts_like_own(world: World) -> None:
    listed_by(world, "fr", "nl", ext=REVIEWED)
    assert world.effective() == {A}
    assert world.decide().explain(BASELINE, A) == ()


def test_each_collection_stands_alone(world: World) -> None:
    world["fr"].add(A, collection=NATIONAL)
    world["nl"].add(A, collection=BASELINE)
    world["de"].add(A, collection=NATIONAL)
    world["interpol"].add(B, collection=NATIONAL)
    assert world.effective() == set()
    assert world.effective(NATIONAL) == {A}


def test_private_collections_are_never_effective(world: World) -> None:
    for name in ("fr", "nl"):
        world[name].add(A, collection=PRIVATE_FROM)
        world[name].add(A, collection=PRIVATE_FROM - 1)
    decision = world.decide()
    assert list(decision.effective) == [(PRIVATE_FROM - 1, A)]
    reasons = decision.explain(PRIVATE_FROM, A)
    assert [why.reason for why in reasons if isinstance(why, Discounted)] == [Discount.PRIVATE] * 2


def test_siblings_of_one_file_do_not_help_each_other(world: World) -> None:
    ext = replace(OWN, content_id=b"c" * 16)
    listed_by(world, "fr", value=digest("a", Algorithm.MD5), ext=ext)
    listed_by(world, "nl", value=digest("a", Algorithm.SHA1), ext=ext)
    assert world.effective() == set()


def test_a_withdrawn_or_amended_add_stops_counting(world: World) -> None:
    listed_by(world, "fr")
    (ref,) = listed_by(world, "nl")
    assert world.effective() == {A}
    world["nl"].amend(ref, RELYING)
    assert world.effective() == set()
    world["nl"].amend(ref, REVIEWED)
    assert world.effective() == {A}
    world["nl"].withdraw(ref)
    assert world.effective() == set()


def test_the_support_names_every_counting_entry(world: World) -> None:
    refs = listed_by(world, "nl", "fr2", "fr", "fr", "interpol", "stranger")
    listed_by(world, "de", ext=RELYING)
    support = world.decide().effective[BASELINE, A]
    assert (support.collection, support.digest) == (BASELINE, A)
    assert list(support.countries) == ["FR", "NL"]
    assert [entry.ref for entry in support.countries["FR"]] == [refs[2], refs[3], refs[1]]
    assert [entry.ref for entry in support.countries["NL"]] == [refs[0]]
    assert [entry.ref for entry in support.authorities["interpol.example"]] == [refs[4]]


# ------------------------------------------------------------------------------ blocks


def error(world: World, name: str) -> EntryRef:
    return world[name].withdraw(world[name].add(A), Reason.ERROR)


def dispute(world: World, name: str, value: Digest = A) -> EntryRef:
    return world[name].dispute(value)


BLOCKS: list[Callable[[World, str], EntryRef]] = [error, dispute]


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("name", ["us", "interpol", "fr/second"])
def test_a_block_applies_in_all_collections_and_against_all(
    world: World, block: Callable[[World, str], EntryRef], name: str
) -> None:
    listed_by(world, "fr", "nl", "de", "interpol")
    for lister in ("fr", "nl"):
        world[lister].add(A, collection=NATIONAL)
    assert world.effective() == world.effective(NATIONAL) == {A}
    ref = block(world, name)
    assert world.effective() == world.effective(NATIONAL) == set()
    kind = BlockKind.ERROR if block is error else BlockKind.DISPUTE
    decision = world.decide()
    assert decision.explain(NATIONAL, A) == (Blocked(name.partition("/")[0] + ".example", ref, kind),)
    (shown,) = decision.blocks
    assert (shown.ref, shown.kind, shown.standing, shown.elsewhere) == (ref, kind, Standing.APPLIES, ())
    assert shown.standing_in(NATIONAL) is Standing.APPLIES


def test_a_dispute_ends_with_its_resolve(world: World) -> None:
    listed_by(world, "fr", "nl")
    first, second = dispute(world, "us"), dispute(world, "us")
    world["us"].resolve(first)
    assert world.effective() == set()
    world["us"].resolve(second)
    assert world.effective() == {A}
    assert world.decide().blocks == ()


@pytest.mark.threat("k countries together")
@pytest.mark.parametrize(
    ("names", "lifted"),
    [
        (["fr"], False),
        (["fr", "fr2"], False),
        (["fr", "nl"], True),
        (["fr", "us"], False),
        (["us", "us/second"], False),
        (["interpol"], True),
        (["stranger", "fr"], False),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("block", BLOCKS)
def test_k_other_countries_or_an_authority_overrule_a_block(
    world: World, block: Callable[[World, str], EntryRef], names: Sequence[str], lifted: bool
) -> None:
    listed_by(world, "fr", "nl")
    ref = block(world, "us")
    listed_by(world, *names, ext=replace(OWN, reaffirms=(ref,)))
    assert world.effective() == ({A} if lifted else set())


@pytest.mark.threat("one agency as two countries")
@pytest.mark.parametrize(("names", "lifted"), [(["fr", "nl"], False), (["de", "nl"], True)])
def test_the_blocking_country_does_not_overrule_through_its_second_agency(
    world: World, names: Sequence[str], lifted: bool
) -> None:
    listed_by(world, "fr", "nl")
    ref = error(world, "fr2")
    listed_by(world, *names, ext=replace(OWN, reaffirms=(ref,)))
    assert world.effective() == ({A} if lifted else set())


def test_a_body_of_no_country_overrules_only_where_it_is_an_authority(world: World) -> None:
    for name in ("fr", "nl"):
        world[name].add(A, collection=NATIONAL)
    ref = error(world, "us")
    listed_by(world, "fr", "interpol", ext=replace(OWN, reaffirms=(ref,)))
    assert world.effective(NATIONAL) == set()


def test_a_country_overrules_by_an_amend_and_no_longer_when_it_is_gone(world: World) -> None:
    adds = listed_by(world, "fr", "nl")
    ref = error(world, "us")
    for name, add in zip(("fr", "nl"), adds, strict=True):
        world[name].amend(add, replace(OWN, reaffirms=(ref,)))
    assert world.effective() == {A}
    world["nl"].amend(adds[1], OWN)
    assert world.effective() == set()


@pytest.mark.threat("k countries together")
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda ref: replace(ref, leaf_hash=bytes(32)), id="leaf hash"),
        pytest.param(lambda ref: replace(ref, index=ref.index - 1), id="index"),
        pytest.param(lambda ref: replace(ref, origin="us.example/lists/other"), id="origin"),
    ],
)
def test_a_block_is_overruled_by_its_exact_name_only(
    world: World, change: Callable[[EntryRef], EntryRef]
) -> None:
    ref = change(error(world, "us"))
    listed_by(world, "fr", "nl", ext=replace(OWN, reaffirms=(ref,)))
    assert world.effective() == set()


def test_relying_entries_and_entries_of_another_digest_overrule_nothing(world: World) -> None:
    ref = error(world, "us")
    listed_by(world, "fr", "nl")
    listed_by(world, "de", "fr", "nl", ext=replace(RELYING, reaffirms=(ref,)))
    listed_by(world, "de", "fr", "nl", value=B, ext=replace(OWN, reaffirms=(ref,)))
    assert world.effective() == {B}


def test_a_list_blocks_a_digest_once(world: World) -> None:
    first = error(world, "us")
    again = dispute(world, "us")
    listed_by(world, "fr", ext=replace(OWN, reaffirms=(first,)))
    listed_by(world, "nl", ext=replace(OWN, reaffirms=(again,)))
    assert world.effective() == {A}
    (block,) = world.decide().blocks
    assert block.refs == (first, again)
    assert block.standing is Standing.LIFTED


def test_an_authority_overrules_in_its_collections(world: World) -> None:
    for collection in (BASELINE, NATIONAL):
        for name in ("fr", "nl"):
            world[name].add(A, collection=collection)
    ref = error(world, "us")
    listed_by(world, "interpol", ext=replace(OWN, reaffirms=(ref,)))
    assert world.effective() == {A}
    assert world.effective(NATIONAL) == set()
    (block,) = world.decide().blocks
    assert block.standing is Standing.APPLIES
    assert block.elsewhere == ((BASELINE, Standing.LIFTED),)
    assert block.standing_in(BASELINE) is Standing.LIFTED


def test_an_authority_does_not_overrule_itself(world: World) -> None:
    listed_by(world, "fr", "nl")
    ref = error(world, "interpol")
    listed_by(world, "interpol", ext=replace(OWN, reaffirms=(ref,)))
    assert world.effective() == set()


def test_the_lowest_open_blocks_up_to_the_cap_apply(world: World) -> None:
    values = [digest(name) for name in "abcd"]
    for value in values:
        listed_by(world, "fr", "nl", value=value)
    refs = [dispute(world, "us", value) for value in values]
    assert world.effective() == set(values[2:])
    assert [block.standing for block in world.decide().blocks] == [Standing.APPLIES] * 2 + [
        Standing.OVER_CAP
    ] * 2
    assert world.decide().explain(BASELINE, values[0]) == (Blocked("us.example", refs[0], BlockKind.DISPUTE),)
    # A resolved or overruled block makes room for the next.
    world["us"].resolve(refs[0])
    assert world.effective() == {values[0], values[3]}
    listed_by(world, "fr", "nl", value=values[1], ext=replace(OWN, reaffirms=(refs[1],)))
    assert world.effective() == set(values[:2])


def test_each_list_has_its_own_cap(world: World) -> None:
    values = [digest(name) for name in "abcd"]
    for value in values:
        listed_by(world, "fr", "nl", value=value)
    for value in values[:2]:
        dispute(world, "us", value)
    for value in values[2:]:
        dispute(world, "us/second", value)
    assert world.effective() == set()


def test_without_a_cap_no_block_applies(world: World) -> None:
    listed_by(world, "fr", "nl")
    error(world, "us")
    world.members = replace(MEMBERS, block_cap=0)
    assert world.effective() == {A}


@pytest.mark.threat("a removed member")
def test_removing_a_member_ends_its_adds_and_a_second_person_releases_its_blocks(world: World) -> None:
    listed_by(world, "fr", "nl", "gone")
    (add,) = listed_by(world, "gone", value=B)
    listed_by(world, "fr", value=B)
    ref = dispute(world, "gone")
    assert world.effective() == set()
    assert world.decide().explain(BASELINE, B) == (
        TooFewCountries(1, 2),
        Discounted("gone.example", add, Discount.NOT_A_MEMBER),
    )
    world.released = frozenset({ref})
    assert world.effective() == {A}


def test_a_members_block_cannot_be_released_like_that(world: World) -> None:
    listed_by(world, "fr", "nl")
    world.released = frozenset({dispute(world, "us")})
    assert world.effective() == set()


def test_a_removal_that_is_not_cosigned_yet_applies(world: World) -> None:
    adds = listed_by(world, "fr", "nl")
    trusted = world.held()
    world["nl"].withdraw(adds[1])
    shown = [
        replace(one, listing=overlay(one.listing, world["nl"].items[1:])) if one.node == "nl.example" else one
        for one in trusted
    ]
    assert decide(trusted, MEMBERS).effective
    assert not decide(shown, MEMBERS).effective


def test_a_removal_that_is_not_cosigned_yet_makes_room_for_nothing(world: World) -> None:
    """It takes the voice from a reaffirmation; the block that comes back would take the place of a later one."""
    overruled = world["us"].dispute(A)
    for name in ("c", "b"):
        world["us"].dispute(digest(name))
    listed_by(world, "fr", "nl", value=B)
    adds = listed_by(world, "fr", "nl", ext=replace(OWN, reaffirms=(overruled,)))
    trusted, size = world.held(), len(world["nl"].items)
    assert world.effective() == {A}, "of the open blocks, c and b are the lowest two"
    world["nl"].withdraw(adds[1])
    shown = [
        replace(one, listing=overlay(one.listing, world["nl"].items[size:]))
        if one.node == "nl.example"
        else one
        for one in trusted
    ]
    assert {value for _, value in decide(shown, MEMBERS).effective} == {B}, (
        "what a quorum without overlays would say"
    )
    decision = decide(shown, MEMBERS, trusted=trusted)
    assert not decision.effective
    assert [type(why) for why in decision.explain(BASELINE, B)] == [Blocked]


# ------------------------------------------------------------------------------ freshness


def test_what_would_have_more_support_with_all_lists_fresh_waits(world: World) -> None:
    listed_by(world, "fr", "nl")
    listed_by(world, "fr", "de", "nl", value=B)
    assert list(world.decide().waiting()) == [], "all are fresh"
    world.stale.add("nl")
    assert list(world.decide().waiting()) == [(BASELINE, A), (BASELINE, B)]
    assert world.effective() == {B}, "one of them does with less"
    world.previous = frozenset({(BASELINE, A)})
    assert list(world.decide().waiting()) == [(BASELINE, B)], "what was effective before hears all"
    world["us"].dispute(B)
    assert list(world.decide().waiting()) == [], "nor does what is blocked wait for them"


def test_what_would_not_be_enough_waits_for_nobody(world: World) -> None:
    listed_by(world, "nl")
    world.stale.add("nl")
    assert list(world.decide().waiting()) == []


def test_a_new_digest_needs_fresh_countries(world: World) -> None:
    (_, ref) = listed_by(world, "fr", "nl")
    world.stale = {"nl"}
    assert world.effective() == set()
    assert world.decide().explain(BASELINE, A) == (
        TooFewCountries(1, 2),
        Discounted("nl.example", ref, Discount.STALE),
    )
    world.previous = frozenset({(NATIONAL, A), (BASELINE, B)})
    assert world.effective() == set()
    world.previous = frozenset({(BASELINE, A)})
    assert world.effective() == {A}
    assert world.decide().explain(BASELINE, A) == ()


def test_a_new_digest_needs_a_fresh_authority(world: World) -> None:
    listed_by(world, "interpol")
    world.stale = {"interpol"}
    assert world.effective() == set()


def test_an_old_digest_still_needs_its_countries(world: World) -> None:
    listed_by(world, "fr")
    world.previous = frozenset({(BASELINE, A)})
    assert world.effective() == set()


def test_the_blocks_of_a_stale_list_apply(world: World) -> None:
    listed_by(world, "fr", "nl")
    dispute(world, "us")
    world.stale = {"us"}
    world.previous = frozenset({(BASELINE, A)})
    assert world.effective() == set()


def test_a_new_digest_is_not_cleared_by_stale_lists(world: World) -> None:
    listed_by(world, "fr", "nl")
    ref = error(world, "us")
    listed_by(world, "fr/second", "de", ext=replace(OWN, reaffirms=(ref,)))
    assert world.effective() == {A}
    world.stale = {"de"}
    assert world.effective() == set()
    world.previous = frozenset({(BASELINE, A)})
    assert world.effective() == {A}


# ------------------------------------------------------------------------------ revoked keys, continued logs


@pytest.mark.threat("a stolen online key")
def test_between_last_good_and_resumes_only_withdrawals_count_and_only_for_themselves(world: World) -> None:
    listed_by(world, "fr", "nl")
    listed_by(world, "nl", value=B)
    us = world["us"]
    listed_by(world, "us", value=A)  # 0
    kept = us.add(B)  # 1
    amended = us.add(digest("c"))  # 2
    standing = us.dispute(digest("d"))  # 3
    thief = us.add(digest("e"))  # 4: from here the key was stolen
    us.withdraw(EntryRef(us.origin, 0, bytes(32)), Reason.ERROR)  # 5
    us.dispute(B)  # 6
    us.amend(amended, RELYING)  # 7
    us.resolve(standing)  # 8
    last = us.add(digest("f"))  # 9: the new key
    for value in (digest("c"), digest("d"), digest("e"), digest("f")):
        listed_by(world, "nl", value=value)
    listed_by(world, "de", value=digest("d"))
    world.revoked["us"] = [range(thief.index, last.index)]
    assert world.effective() == {A, B, digest("c"), digest("f")}
    support = world.decide().effective
    assert list(support[BASELINE, A].countries) == ["FR", "NL"]  # the theft ended the listing of 0
    assert support[BASELINE, B].countries["US"][0].ref == kept
    assert [block.ref for block in world.decide().blocks] == [standing]
    assert Discounted("us.example", thief, Discount.REVOKED_KEY) in world.decide().explain(
        BASELINE, digest("e")
    )


def test_reaffirmations_by_a_thief_overrule_nothing(world: World) -> None:
    listed_by(world, "fr", "nl")
    ref = error(world, "us")
    listed_by(world, "fr", ext=replace(OWN, reaffirms=(ref,)))
    (stolen,) = listed_by(world, "de", ext=replace(OWN, reaffirms=(ref,)))
    world.revoked["de"] = [range(stolen.index, 10)]
    assert world.effective() == set()


def test_a_continued_log_stops_counting_and_keeps_its_blocks(world: World) -> None:
    (old_add,) = listed_by(world, "fr", value=B)
    old = dispute(world, "fr")
    listed_by(world, "nl", value=B)
    listed_by(world, "nl", "de")
    assert world.effective() == {B}
    new = world["fr/new"]
    new.carry_on(Predecessor(world["fr"].origin, 2, bytes(32)))
    assert world.effective() == set()
    assert Discounted("fr.example", old_add, Discount.CONTINUED) in world.decide().explain(BASELINE, B)
    new.add(B)
    assert world.effective() == {B}
    new.add(digest("unrelated"), replace(RELYING, reaffirms=(replace(old, index=1, leaf_hash=bytes(32)),)))
    assert world.effective() == {B}
    new.add(digest("unrelated"), replace(RELYING, reaffirms=(old,)))
    assert world.effective() == {A, B}


def test_nobody_ends_or_clears_anothers_log_by_continuing_it(world: World) -> None:
    listed_by(world, "fr", "nl", value=B)
    listed_by(world, "nl", "de")
    old = dispute(world, "fr")
    us = world["us"]
    us.carry_on(Predecessor(world["fr"].origin, 2, bytes(32)))
    us.add(B, replace(OWN, reaffirms=(old,)))
    assert world.effective() == {B}
    assert "FR" in world.decide().effective[BASELINE, B].countries


def test_an_owner_names_blocks_of_the_continued_log_only(world: World) -> None:
    old = dispute(world, "fr")
    listed_by(world, "nl", "de")
    other = world["fr/other"]
    other.add(A, replace(OWN, reaffirms=(old,)))
    assert world.effective() == set()
    new = world["fr/new"]
    new.carry_on(Predecessor("fr.example/lists/else", 2, bytes(32)))
    new.add(B, replace(OWN, reaffirms=(old,)))
    assert world.effective() == set()


@pytest.mark.threat("a stolen online key")
def test_a_thief_cannot_continue_a_log_or_release_its_blocks(world: World) -> None:
    listed_by(world, "fr", "nl", value=B)
    old = dispute(world, "fr")
    listed_by(world, "nl", "de")
    new = world["fr/new"]
    new.carry_on(Predecessor(world["fr"].origin, 2, bytes(32)))
    new.add(A, replace(OWN, reaffirms=(old,)))
    world.revoked["fr/new"] = [range(9)]
    assert world.effective() == {B}


# ------------------------------------------------------------------------------ this node's own


def test_a_tombstoned_digest_is_never_effective(world: World) -> None:
    listed_by(world, "fr", "nl")
    shredded = decide(world.held(), MEMBERS, tombstoned=frozenset({A}).__contains__)
    assert shredded.effective == {}
    assert shredded.explain(BASELINE, A) == (Tombstoned(),)


def test_every_reason_is_told(world: World) -> None:
    listed_by(world, "fr")
    ref = dispute(world, "us")
    decision = decide(world.held(), MEMBERS, tombstoned=frozenset({A}).__contains__)
    assert decision.explain(BASELINE, A) == (
        Tombstoned(),
        Blocked("us.example", ref, BlockKind.DISPUTE),
        TooFewCountries(1, 2),
    )
    assert decision.explain(INVESTIGATIVE, B) == (TooFewCountries(0, 2),)


def test_one_list_is_judged_at_one_size(world: World) -> None:
    listed_by(world, "fr")
    with pytest.raises(AssertionError):
        decide(world.held() * 2, MEMBERS)


def test_no_text_shows_a_digest(world: World) -> None:
    listed_by(world, "fr", "nl")
    error(world, "us")
    decision = world.decide()
    text = repr((decision.effective, decision.blocks, decision.explain(BASELINE, A)))
    assert A.value.hex() not in text
    assert repr(A.value) not in text


def test_what_counts_so_far_and_what_does_not(world: World) -> None:
    """What a queue of reviews shows of a digest that waits for another country."""
    (fr,) = listed_by(world, "fr")
    (nl,) = listed_by(world, "nl", ext=RELYING)
    (de,) = listed_by(world, "de")
    world.stale.add("de")
    decision = world.decide()
    support = decision.support(BASELINE, A)
    assert [(country, entry.ref) for country, (entry,) in support.countries.items()] == [("FR", fr)]
    assert not decision.support(NATIONAL, A).countries
    reasons = {
        entry.ref: decision.discount(each, entry)
        for each in world.held()
        for entry in each.listing.entries.values()
    }
    assert reasons == {fr: None, nl: Discount.RELIES_ON, de: Discount.STALE}


def test_what_is_withheld_is_known_without_its_countries(world: World) -> None:
    listed_by(world, "fr")
    assert not world.decide().is_withheld(BASELINE, A)
    dispute(world, "us")
    assert world.decide().is_withheld(BASELINE, A)
    assert not world.decide().is_withheld(BASELINE, B)


def test_the_blocks_of_one_digest_are_those_of_all_with_their_standing(world: World) -> None:
    world["us"].dispute(A)
    world["de"].dispute(A)
    world["us"].dispute(B)
    listed_by(world, "interpol")
    decision = world.decide()
    assert decision.blocks_of(A, [BASELINE]) == [block for block in decision.blocks if block.digest == A]
    assert [(block.digest, block.node) for block in decision.blocks_of(B, [])] == [(B, "us.example")]


# ------------------------------------------------------------------------------ judging some digests


def test_who_overrules_one_block_decides_about_the_next(world: World) -> None:
    world.members = replace(MEMBERS, block_cap=1)
    overruled = world["us"].dispute(A)
    world["us"].dispute(B)
    listed_by(world, "fr", "nl", value=B)
    listed_by(world, "fr", "nl", value=A, ext=replace(OWN, reaffirms=(overruled,)))
    whole, part = world.decide(), restrict(world.held(), frozenset({B}))
    assert [block.standing for block in whole.blocks] == [Standing.LIFTED, Standing.APPLIES]
    assert decide(part, world.members).explain(BASELINE, B) == whole.explain(BASELINE, B) != ()
    # Without the entries that overrule the first block there would be no room for the second.
    deaf = [replace(one, listing=replace(one.listing, entries=entries_of(one, B))) for one in world.held()]
    assert decide(deaf, world.members).explain(BASELINE, B) == ()


def test_a_block_of_a_continued_log_is_taken_back_by_an_entry_of_any_digest(world: World) -> None:
    block = world["nl"].dispute(A)
    listed_by(world, "fr", "de")
    world["nl/next"].carry_on(Predecessor(world["nl"].origin, 1, bytes(32)))
    assert world.decide().explain(BASELINE, A) != ()
    world["nl/next"].add(B, replace(RELYING, reaffirms=(block,)))
    assert world.decide().explain(BASELINE, A) == ()
    assert decide(restrict(world.held(), frozenset({A})), world.members).explain(BASELINE, A) == ()


def test_a_part_of_the_lists_holds_nothing_that_has_no_bearing(world: World) -> None:
    listed_by(world, "fr", "nl", "de")
    listed_by(world, "fr", "nl", value=B)
    part = restrict(world.held(), frozenset({B}))
    assert [[entry.digest for entry in one.listing.entries.values()] for one in part] == [[B], [B], []]


def entries_of(one: MemberListing, value: Digest) -> dict[int, Entry]:
    return {at: entry for at, entry in one.listing.entries.items() if entry.digest == value}
