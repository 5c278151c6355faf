"""What must never make a digest effective, over random federations."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.trust.members import Members
from protocol.digest import Digest
from protocol.judgement.blocks import Standing
from protocol.judgement.quorum import Decision, decide
from protocol.judgement.voices import MemberListing
from protocol.lists.event import BASELINE, NATIONAL
from protocol.lists.ext import EntryRef, Ext, Predecessor, Reason
from protocol.lists.listing import fold, overlay
from support.lists import OWN, RELYING, ListWriter, digest, held, member, register, restrict
from support.sizes import size

COUNTRIES = {"fr": "FR", "fr2": "FR", "nl": "NL", "de": "DE", "us": "US", "body": None}
NODES = list(COUNTRIES)
COLLECTIONS = [BASELINE, NATIONAL]
DIGESTS = [digest(name) for name in "abcd"]
AUTHORITY = {"body": [BASELINE]}

Key = tuple[int, Digest]


@dataclass(frozen=True)
class Act:
    """One thing a node does to its list."""

    node: str
    kind: str
    digest: Digest
    collection: int
    pick: int
    """Which earlier add, dispute or block is meant, where the kind needs one."""


@dataclass
class Federation:
    """Lists written by acts, with the facts that a judge may use, kept apart from the code under test."""

    k: int = 2
    cap: int = 2
    writers: dict[str, ListWriter] = field(default_factory=dict)
    stale: frozenset[str] = frozenset()
    previous: frozenset[Key] = frozenset()
    adds: dict[EntryRef, tuple[str, int, Digest, bool]] = field(default_factory=dict)
    """Active adds: node, collection, digest, counts."""
    blocks: dict[EntryRef, tuple[str, Digest]] = field(default_factory=dict)
    """Blocks that their list did not take back."""
    reaffirms: dict[EntryRef, set[EntryRef]] = field(default_factory=dict)
    """Blocks by the add that names them."""

    def writer(self, node: str) -> ListWriter:
        return self.writers.setdefault(node, ListWriter(f"{node}.example/lists/main"))

    def act(self, act: Act) -> None:
        writer = self.writer(act.node)
        own = [ref for ref, fact in self.adds.items() if fact[0] == act.node]
        match act.kind:
            case "add" | "rely":
                ext = OWN if act.kind == "add" else RELYING
                self._add(act, writer, ext)
            case "reaffirm" if self.blocks:
                ref = sorted(self.blocks)[act.pick % len(self.blocks)]
                self._add(replace_digest(act, self.blocks[ref][1]), writer, replace(OWN, reaffirms=(ref,)))
            case "withdraw" | "error" if own:
                ref = own[act.pick % len(own)]
                _, collection, value, _ = self.adds.pop(ref)
                reason = Reason.ERROR if act.kind == "error" else Reason.OTHER
                end = writer.withdraw(ref, reason, collection=collection)
                if act.kind == "error":
                    self.blocks[end] = (act.node, value)
            case "dispute":
                self.blocks[writer.dispute(act.digest, collection=act.collection)] = (act.node, act.digest)
            case "resolve":
                self._resolve(act, writer)
            case _:  # nothing there yet to withdraw or reaffirm
                pass

    def _add(self, act: Act, writer: ListWriter, ext: Ext) -> None:
        ref = writer.add(act.digest, ext, collection=act.collection)
        self.adds[ref] = (act.node, act.collection, act.digest, ext.counts)
        self.reaffirms[ref] = set(ext.reaffirms)

    def _resolve(self, act: Act, writer: ListWriter) -> None:
        disputes = [
            ref
            for ref, fact in self.blocks.items()
            if fact[0] == act.node and writer.events[ref.index][1] == 4
        ]
        if disputes:
            ref = disputes[act.pick % len(disputes)]
            del self.blocks[ref]
            collection = int.from_bytes(writer.events[ref.index][2:4])
            writer.resolve(ref, collection=collection)

    @property
    def members(self) -> Members:
        known = (member(f"{node}.example", COUNTRIES[node], AUTHORITY.get(node, ())) for node in NODES)
        return register(*known, k=self.k, cap=self.cap)

    def held(self) -> list[MemberListing]:
        return [
            held(f"{node}.example", writer, fresh=node not in self.stale)
            for node, writer in self.writers.items()
        ]

    def decide(self) -> Decision:
        return decide(self.held(), self.members, previous=self.previous)

    def keys(self) -> set[Key]:
        return set(self.decide().effective)

    # -------------------------------------------------- the rule again, over facts instead of events

    def expected(self) -> set[Key]:
        keys = {(collection, value) for _, collection, value, _ in self.adds.values()}
        return {key for key in keys if self._is_enough(key) and key[1] not in self._blocked(key[0])}

    def _is_enough(self, key: Key) -> bool:
        nodes = {
            node
            for node, collection, value, counts in self.adds.values()
            if (collection, value) == key and counts and (node not in self.stale or key in self.previous)
        }
        return self._are_enough(nodes, key[0])

    def _are_enough(self, nodes: set[str], collection: int) -> bool:
        countries = {COUNTRIES[node] for node in nodes} - {None}
        return len(countries) >= self.k or any(collection in AUTHORITY.get(node, ()) for node in nodes)

    def _blocked(self, collection: int) -> set[Digest]:
        blocked: set[Digest] = set()
        for node in NODES:
            mine = sorted((ref.index, value) for ref, (owner, value) in self.blocks.items() if owner == node)
            values = list(dict.fromkeys(value for _, value in mine))
            blocked.update(
                [value for value in values if not self._lifted(node, value, collection)][: self.cap]
            )
        return blocked

    def _lifted(self, node: str, value: Digest, collection: int) -> bool:
        refs = {ref for ref, fact in self.blocks.items() if fact == (node, value)}
        nodes = {
            self.adds[add][0]
            for add, named in self.reaffirms.items()
            if add in self.adds and named & refs and self.adds[add][0] != node
        }
        nodes = {one for one in nodes if one not in self.stale or (collection, value) in self.previous}
        countries = {COUNTRIES[one] for one in nodes} - {None, COUNTRIES[node]}
        return len(countries) >= self.k or any(collection in AUTHORITY.get(one, ()) for one in nodes)


def replace_digest(act: Act, value: Digest) -> Act:
    return replace(act, digest=value)


KINDS = ["add"] * 6 + ["rely", "withdraw", "error", "dispute", "reaffirm", "reaffirm", "resolve"]


def acts(kinds: Sequence[str] = KINDS, nodes: Sequence[str] = NODES) -> st.SearchStrategy[Act]:
    return st.builds(
        Act,
        node=st.sampled_from(nodes),
        kind=st.sampled_from(kinds),
        digest=st.sampled_from(DIGESTS),
        collection=st.sampled_from(COLLECTIONS),
        pick=st.integers(0, 5),
    )


KEYS = st.tuples(st.sampled_from(COLLECTIONS), st.sampled_from(DIGESTS))


@st.composite
def federations(
    draw: st.DrawFn, kinds: Sequence[str] = KINDS, nodes: Sequence[str] = NODES, least: int = 0
) -> Federation:
    federation = Federation(
        k=draw(st.integers(1, 3)),
        cap=draw(st.integers(0, 3)),
        stale=draw(st.frozensets(st.sampled_from(NODES), max_size=2)),
        previous=draw(st.frozensets(KEYS, max_size=3)),
    )
    for act in draw(st.lists(acts(kinds, nodes), min_size=least, max_size=30)):
        federation.act(act)
    return federation


@given(federations())
def test_the_rule_over_events_is_the_rule_over_facts(federation: Federation) -> None:
    decision = federation.decide()
    assert set(decision.effective) == federation.expected()
    for key in ((collection, value) for collection in COLLECTIONS for value in DIGESTS):
        assert (decision.explain(*key) == ()) == (key in decision.effective)


@pytest.mark.threat("a poisoned entry")
@given(federations(), st.lists(acts(["rely"]), max_size=12))
def test_relying_changes_nothing(federation: Federation, more: list[Act]) -> None:
    before = federation.keys()
    for act in more:
        federation.act(act)
    assert federation.keys() == before


@pytest.mark.threat("a copied list")
@given(federations(), st.sampled_from(NODES))
def test_copying_a_whole_list_as_relied_on_changes_nothing(federation: Federation, copier: str) -> None:
    before = federation.keys()
    writer = federation.writer(copier)
    for one in federation.held():
        for entry in one.listing.entries.values():
            source = replace(RELYING, relies_on=entry.ref, content_id=entry.ext.content_id)
            writer.add(entry.digest, source, collection=entry.collection)
    assert federation.keys() == before


@pytest.mark.threat("one agency as two countries")
@given(federations(nodes=["fr", "fr2"]))
def test_one_country_is_one_country_however_often_it_speaks(federation: Federation) -> None:
    if federation.k > 1:
        assert federation.keys() == set()


@pytest.mark.threat("one agency as two countries")
@given(federations(kinds=["add", "rely"]), st.data())
def test_a_second_voice_of_a_country_that_speaks_adds_nothing(
    federation: Federation, data: st.DataObject
) -> None:
    before = federation.keys()
    for one in federation.held():
        node = one.node.removesuffix(".example")
        for entry in one.listing.entries.values():
            if entry.ext.counts and COUNTRIES[node] == "FR" and one.fresh and data.draw(st.booleans()):
                twin = "fr2" if node == "fr" else "fr"
                federation.writer(twin).add(entry.digest, OWN, collection=entry.collection)
    assert federation.keys() == before


@pytest.mark.threat("two files with one hash")
@given(federations(kinds=["add", "add", "rely"]), st.data())
def test_digests_of_one_file_do_not_help_each_other(federation: Federation, data: st.DataObject) -> None:
    before = federation.keys()
    listings = []
    for one in federation.held():
        entries = {
            index: replace(
                entry, ext=replace(entry.ext, content_id=bytes([data.draw(st.integers(0, 1))]) * 16)
            )
            for index, entry in one.listing.entries.items()
        }
        listings.append(replace(one, listing=replace(one.listing, entries=entries)))
    assert set(decide(listings, federation.members, previous=federation.previous).effective) == before


@pytest.mark.threat("a freeze")
@given(federations())
def test_a_stale_list_makes_nothing_new_effective(federation: Federation) -> None:
    new = federation.keys() - federation.previous
    # Its adds might as well be absent, and its blocks still apply.
    silent = [
        one if one.fresh else replace(one, listing=replace(one.listing, entries={}))
        for one in federation.held()
    ]
    without = decide(silent, federation.members, previous=federation.previous)
    assert new == set(without.effective) - federation.previous


@pytest.mark.threat("a poisoned entry")
@given(federations(kinds=["add", "add", "rely", "withdraw"]), acts(["dispute"]), st.booleans())
def test_a_blocked_digest_is_effective_nowhere(federation: Federation, act: Act, stale: bool) -> None:
    federation.cap = max(federation.cap, 1)
    federation.stale = frozenset({act.node}) if stale else frozenset()
    before = federation.keys()
    federation.act(act)
    after = federation.keys()
    assert after == {key for key in before if key[1] != act.digest}


@pytest.mark.threat("a flood")
@given(federations(nodes=NODES[:4]), st.lists(acts(["add", "dispute", "error"], ["us"]), max_size=20))
def test_no_list_alone_blocks_more_than_its_cap(federation: Federation, more: list[Act]) -> None:
    before = federation.keys()
    for act in more:
        federation.act(act)
    lost = {value for _, value in before - federation.keys()}
    assert len(lost) <= federation.cap


@given(federations())
def test_each_list_applies_its_lowest_open_blocks_up_to_the_cap(federation: Federation) -> None:
    blocks = federation.decide().blocks
    for node in NODES:
        mine = [block for block in blocks if block.node == f"{node}.example"]
        assert [block.ref.index for block in mine] == sorted(block.ref.index for block in mine)
        standings = [block.standing for block in mine if block.standing is not Standing.LIFTED]
        assert standings == [
            Standing.APPLIES if at < federation.cap else Standing.OVER_CAP for at in range(len(standings))
        ]


@given(federations(), st.randoms(use_true_random=False))
def test_order_does_not_matter(federation: Federation, random: Random) -> None:
    shuffle = random.shuffle
    decision = federation.decide()
    listings = []
    for one in federation.held():
        entries, blocks = list(one.listing.entries.items()), list(one.listing.blocks)
        shuffle(entries)
        shuffle(blocks)
        listings.append(
            replace(one, listing=replace(one.listing, entries=dict(entries), blocks=tuple(blocks)))
        )
    shuffle(listings)
    members = list(federation.members.members)
    shuffle(members)
    other = decide(
        listings, replace(federation.members, members=tuple(members)), previous=federation.previous
    )
    assert list(other.effective.items()) == list(decision.effective.items())
    assert other.blocks == decision.blocks


@given(federations(), st.data())
def test_an_overlay_admits_nothing(federation: Federation, data: st.DataObject) -> None:
    trusted, overlaid = [], []
    for node, one in zip(federation.writers, federation.held(), strict=True):
        items = federation.writers[node].items
        stop = data.draw(st.integers(0, len(items)))
        base = fold(one.listing.origin, items[:stop])
        trusted.append(replace(one, listing=base))
        overlaid.append(replace(one, listing=overlay(base, items[stop:])))
    members, previous = federation.members, federation.previous
    before = decide(trusted, members, previous=previous)
    after = decide(overlaid, members, previous=previous, trusted=trusted)
    assert set(after.effective) <= set(before.effective)
    for key in before.effective:
        assert (after.explain(*key) == ()) == (key in after.effective)


# ------------------------------------------------------------------ some digests judged from a part of the lists


@dataclass(frozen=True)
class Situation:
    """Everything that a judgement follows from."""

    trusted: Sequence[MemberListing]
    overlaid: Sequence[MemberListing]
    members: Members
    previous: frozenset[Key]
    tombstones: frozenset[Digest]
    released: frozenset[EntryRef]

    def decide(self, digests: frozenset[Digest] | None = None) -> Decision:
        """The judgement of the whole, or of what these digests need."""
        trusted, overlaid, previous = self.trusted, self.overlaid, self.previous
        if digests is not None:
            trusted, overlaid = restrict(trusted, digests), restrict(overlaid, digests)
            known = digests | {block.digest for one in overlaid for block in one.listing.blocks}
            previous = frozenset(key for key in previous if key[1] in known)
        return decide(
            overlaid,
            self.members,
            previous=previous,
            tombstoned=self.tombstones.__contains__,
            released=self.released,
            trusted=trusted,
        )


UNBLOCKED = digest("e")
"""What nobody disputes: its entries bear on others only where they take a block back."""
SPANS = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), max_size=2)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Federations with amends, continued logs, overlays, revoked keys, members that left."""
    federation = draw(federations([*KINDS, *["dispute"] * 6], least=8))
    _overrule(draw, federation)
    _amend(draw, federation)
    writers = list(federation.writers.items())
    if "nl" in federation.writers and draw(st.booleans()):
        writers.append(("nl", _continued(draw, federation)))
    trusted, overlaid = [], []
    for node, writer in writers:
        stop = draw(st.integers(0, len(writer.items))) if draw(st.booleans()) else len(writer.items)
        spans = [range(first, first + count) for first, count in draw(SPANS)]
        base = MemberListing(
            node=f"{node}.example",
            listing=fold(writer.origin, writer.items[:stop]),
            fresh=node not in federation.stale,
            revoked=tuple(spans),
        )
        trusted.append(base)
        overlaid.append(replace(base, listing=overlay(base.listing, writer.items[stop:])))
    left = draw(st.frozensets(st.sampled_from(NODES), max_size=2))
    known = [one for one in federation.members.members if one.node.partition(".")[0] not in left]
    some = st.frozensets(st.sampled_from(DIGESTS), max_size=1)
    return Situation(
        trusted=trusted,
        overlaid=overlaid,
        members=replace(federation.members, members=tuple(known)),
        previous=federation.previous,
        tombstones=draw(some),
        released=frozenset(
            draw(st.lists(st.sampled_from(sorted(federation.blocks)))) if federation.blocks else ()
        ),
    )


def _overrule(draw: st.DrawFn, federation: Federation) -> None:
    """Several nodes look again at what is blocked, and say so: one of them alone seldom overrules anything."""
    for ref, (_, value) in sorted(federation.blocks.items()):
        for node in draw(st.sets(st.sampled_from(NODES))):
            named = replace(OWN, reaffirms=(ref,))
            collection = draw(st.sampled_from(COLLECTIONS))
            add = federation.writer(node).add(value, named, collection=collection)
            federation.adds[add] = (node, collection, value, True)


def _amend(draw: st.DrawFn, federation: Federation) -> None:
    """Some entries come to rely on others, or to overrule some block or other."""
    for ref, (node, collection, _, _) in list(federation.adds.items()):
        if draw(st.integers(0, 3)) == 0:
            blocks = sorted(federation.blocks)
            named = draw(st.lists(st.sampled_from(blocks), max_size=1)) if blocks else []
            ext = replace(OWN, reaffirms=tuple(named)) if named else RELYING
            federation.writer(node).amend(ref, ext, collection=collection)


def _continued(draw: st.DrawFn, federation: Federation) -> ListWriter:
    """A list that goes on where another ends, and takes blocks of it back."""
    old, new = federation.writer("nl"), ListWriter("nl.example/lists/next")
    new.carry_on(Predecessor(old.origin, len(old.events), bytes(32)))
    mine = sorted(ref for ref, (node, _) in federation.blocks.items() if node == "nl")
    for value in draw(st.lists(st.sampled_from([*DIGESTS, UNBLOCKED, UNBLOCKED]), max_size=6)):
        named = draw(st.lists(st.sampled_from(mine), max_size=1)) if mine else []
        new.add(value, replace(draw(st.sampled_from([OWN, RELYING])), reaffirms=tuple(named)))
    return new


@settings(max_examples=size(quick=150, thorough=2000))
@given(situations(), st.frozensets(st.sampled_from(DIGESTS), min_size=1, max_size=2))
def test_some_digests_are_judged_from_a_part_as_from_the_whole(
    situation: Situation, digests: frozenset[Digest]
) -> None:
    whole, part = situation.decide(), situation.decide(digests)
    for key in ((collection, value) for collection in COLLECTIONS for value in digests):
        assert part.effective.get(key) == whole.effective.get(key)
        assert part.support(*key) == whole.support(*key)
        assert part.explain(*key) == whole.explain(*key)
        assert part.blocks_of(key[1], COLLECTIONS) == whole.blocks_of(key[1], COLLECTIONS)
