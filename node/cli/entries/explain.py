"""`sigfed entry explain`: what the federation says about a hash, for a terminal of eighty columns and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from textwrap import wrap

from node.app.judgement import Judge
from node.cli.session import Session
from node.clock import moment_of
from node.fields import Fact
from node.formats.hash_queries import HashQuery
from node.judgement.explain import (
    BlockSeen,
    Ended,
    Explanation,
    Listed,
    Rule,
    basis_words,
    block_words,
    explain,
    is_past,
    source_words,
    statement_words,
)
from node.judgement.trace import Traced
from protocol.judgement.blocks import Standing
from protocol.lists.event import collection_name
from protocol.lists.ext import Ext

_WIDTH = 79


def explain_each(here: Session, asked: Sequence[HashQuery]) -> None:
    """Explain every hash that was asked about."""
    identity = here.identity()
    with here.reading() as store:
        digests = {digest for _, file in asked for digest in file}
        found = explain(store, Judge.of(identity, store).some(digests), digests)
    teller = _Teller(here, identity.settings.node, identity.clock.now().date())
    steps: dict[str, None] = {}
    for name, file in asked:
        for digest in file:
            steps |= dict.fromkeys(teller.tell(name, found[digest]))
    here.output.following(*steps)


class _Teller:
    def __init__(self, here: Session, node: str, today: date) -> None:
        self._here = here
        self._node = node
        self._today = today

    def tell(self, name: str, found: Explanation) -> list[str]:
        """Print one explanation; returns what may be done next."""
        steps = list(dict.fromkeys(_steps(found, self._node, self._today)))
        fields: dict[str, Fact] = {
            "asked": name,
            "algorithm": found.digest.algorithm.name.lower(),
            "effective_in": [collection_name(number) for number in found.effective_in],
            "listed": [_listed_fields(each) for each in found.listed],
            "blocks": [_block_fields(each, found) for each in found.blocks],
            "rules": [_rule_fields(each) for each in found.rules],
            "releases": [_release_fields(each, found) for each in found.releases],
            "withdrawn": [_ended_fields(each) for each in found.ended],
            "held_back": [
                {"origin": each.origin, "index": each.index, "why": each.why} for each in found.held_back
            ],
            "waiting": [
                {"origin": each.origin, "index": each.index, "kind": each.kind} for each in found.waiting
            ],
            "shredded": found.shredded,
            "next": steps,
        }
        lines = [f"{name} ({found.digest.algorithm.name.lower()}): {_verdict(found)}", *self._lines(found)]
        self._here.output.result(
            fields, *(part for line in lines for part in wrap(line, _WIDTH, subsequent_indent="      "))
        )
        return steps

    def _lines(self, found: Explanation) -> Iterator[str]:
        for listed in found.listed:
            yield from _listed_lines(listed, self._today)
        for held in found.held_back:
            yield (
                f"  {held.origin} entry {held.index}, {collection_name(held.collection)}:"
                f" does not count: {held.why}"
            )
        for block in found.blocks:
            yield from _block_lines(block, found)
        for rule in found.rules:
            yield from _rule_lines(rule)
        for traced in found.releases:
            yield f"  subset {traced.subset.name}, release {traced.version}: {_release_words(traced, found)}"
        for ended in found.ended:
            yield from _ended_lines(ended)
        for waiting in found.waiting:
            yield f"  waits for publication: {waiting.kind} {waiting.index} of {waiting.origin}"
        if found.shredded:
            yield "  it was shredded here: it is never effective, and no import takes it in"
        if not found.listed and not found.held_back:
            yield "  no list held here has it"


def _verdict(found: Explanation) -> str:
    names = ", ".join(collection_name(number) for number in found.effective_in)
    return f"effective in {names}" if names else "not effective"


def _listed_lines(listed: Listed, today: date) -> Iterator[str]:
    entry, ext = listed.entry, listed.ext
    counts = f"does not count: {listed.why_not}" if listed.why_not else "counts"
    yield (
        f"  {entry.origin} entry {entry.index} ({listed.country or 'no country'}),"
        f" {collection_name(entry.collection)}: {counts}"
    )
    criteria = f", criteria {ext.criteria}" if ext.criteria else ""
    yield f"    basis {basis_words(ext.basis)}{criteria}, since {day_of(entry.time_ms)}"
    yield from (f"    {words}" for words in statement_words(ext, today))


def _block_lines(seen: BlockSeen, found: Explanation) -> Iterator[str]:
    block = seen.block
    yield (
        f"  blocked by {block.node} ({seen.country or 'no country'}): {block_words(block.kind)},"
        f" event {block.ref.index} of {block.ref.origin}"
    )
    standings = {rule.collection: seen.standing_in(rule.collection) for rule in found.rules}
    if len(set(standings.values())) > 1:
        for collection, standing in standings.items():
            yield f"    in {collection_name(collection)}: {_standing_words(standing)}"
    else:
        yield f"    {_standing_words(next(iter(standings.values()), block.standing))}"
    if seen.overruled_by:
        yield f"    reaffirmed against it: {', '.join(seen.overruled_by)}"


def _standing_words(standing: Standing) -> str:
    return "it applies" if standing is Standing.APPLIES else f"it does nothing: {standing.value}"


def _rule_lines(rule: Rule) -> Iterator[str]:
    if rule.effective:
        behind = [*rule.countries, *rule.authorities]
        yield f"  {collection_name(rule.collection)}: agreed by {', '.join(behind)}"
    for reason in rule.reasons:
        yield f"  {collection_name(rule.collection)}: {reason}"


def _release_words(traced: Traced, found: Explanation) -> str:
    stays = found.stays_in(traced)
    if not traced.since:
        return "not in it; the next release will have it" if stays else "not in it"
    since = "since" if traced.exact else "at least since"
    return f"in it, {since} release {traced.since}{'' if stays else '; the next release drops it'}"


def _ended_lines(ended: Ended) -> Iterator[str]:
    when = f"on {day_of(ended.time_ms)}" if ended.time_ms else "not published yet"
    yield f"  withdrawn from {ended.origin}: entry {ended.index}, reason {ended.reason}, {when}"
    for behind in ended.behind if ended.time_ms else ():
        released = "" if behind.released_size is None else f", releases made at {behind.released_size}"
        yield f"    not applied yet by {behind.peer}: holds {behind.held_size} events{released}"


def _steps(found: Explanation, node: str, today: date) -> Iterator[str]:
    own = [each for each in found.listed if each.node == node]
    applying = [each for each in found.blocks if each.block.standing is Standing.APPLIES]
    disputed = any(each.kind == "dispute" for each in found.waiting)
    closed = bool(own or found.effective_in or applying or disputed or found.shredded)
    if found.waiting:
        yield "sigfed publish"
    for each in found.listed:
        if each.node != node and not closed:
            yield f"examine it, then: sigfed endorse --only {each.entry.origin}:{each.entry.index} --list NAME"
    for seen in applying:
        if seen.block.node == node:
            yield f"sigfed entry resolve --list {_list_name(seen.block.ref.origin)}"
        else:
            yield "examine it, then: sigfed entry reaffirm --list NAME --basis reviewed"
    for each in own:
        yield f"sigfed entry withdraw --list {_list_name(each.entry.origin)}"
        if is_past(each.ext.review_by, today):
            yield f"look again, then: sigfed entry amend --list {_list_name(each.entry.origin)} --review-by DAY"
    if found.listed and not own and not disputed and all(seen.block.node != node for seen in applying):
        yield "if it is wrong: sigfed entry dispute --list NAME"


def _list_name(origin: str) -> str:
    return origin.rpartition("/")[2]


def day_of(time_ms: int) -> str:
    """The day of a time, in UTC."""
    return f"{moment_of(time_ms):%Y-%m-%d}"


def statement_fields(ext: Ext) -> dict[str, Fact]:
    """What an entry says, for JSON lines."""
    return {
        "basis": basis_words(ext.basis),
        "criteria": ext.criteria,
        "review_by": None if ext.review_by is None else ext.review_by.isoformat(),
        "legality": list(ext.legality),
        "hash_profile": ext.hash_profile,
        "relies_on": None if ext.relies_on is None else source_words(ext.relies_on),
        "reaffirms": [{"origin": ref.origin, "index": ref.index} for ref in ext.reaffirms],
    }


def _listed_fields(listed: Listed) -> Mapping[str, Fact]:
    return {
        "origin": listed.entry.origin,
        "index": listed.entry.index,
        "node": listed.node,
        "country": listed.country,
        "collection": collection_name(listed.entry.collection),
        "time_ms": listed.entry.time_ms,
        **statement_fields(listed.ext),
        "counts": not listed.why_not,
        "why_not": listed.why_not,
    }


def _block_fields(seen: BlockSeen, found: Explanation) -> Mapping[str, Fact]:
    return {
        "origin": seen.block.ref.origin,
        "index": seen.block.ref.index,
        "node": seen.block.node,
        "country": seen.country,
        "kind": seen.block.kind.value,
        "standing": _STANDINGS[seen.block.standing],
        "standing_in": {
            collection_name(rule.collection): _STANDINGS[seen.standing_in(rule.collection)]
            for rule in found.rules
        },
        "overruled_by": list(seen.overruled_by),
    }


_STANDINGS = {Standing.APPLIES: "applies", Standing.OVER_CAP: "over_cap", Standing.LIFTED: "overruled"}


def _rule_fields(rule: Rule) -> Mapping[str, Fact]:
    return {
        "collection": collection_name(rule.collection),
        "needed": rule.needed,
        "countries": list(rule.countries),
        "authorities": list(rule.authorities),
        "effective": rule.effective,
        "reasons": list(rule.reasons),
    }


def _release_fields(traced: Traced, found: Explanation) -> Mapping[str, Fact]:
    return {
        "subset": traced.subset.name,
        "version": traced.version,
        "in_it": traced.since > 0,
        "since": traced.since,
        "since_exact": traced.exact,
        "in_next": found.stays_in(traced),
    }


def _ended_fields(ended: Ended) -> Mapping[str, Fact]:
    return {
        "origin": ended.origin,
        "index": ended.index,
        "by": ended.by,
        "collection": collection_name(ended.collection),
        "reason": ended.reason,
        "time_ms": ended.time_ms,
        "not_applied": [
            {"peer": each.peer, "held_size": each.held_size, "released_size": each.released_size}
            for each in ended.behind
        ],
    }
