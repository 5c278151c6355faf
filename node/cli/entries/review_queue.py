"""`sigfed review`: the queue, one file of it, and review dates of own entries."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import partial

from node.app.judgement import Judge
from node.cli.entries.explain import day_of, statement_fields
from node.cli.output import listing
from node.cli.session import Session
from node.fields import Fact
from node.judgement.explain import basis_words, statement_words
from node.judgement.queue import Examined, WaitingFile, Wanted
from node.judgement.reminders import due
from node.pages.text import counted
from protocol.lists.event import collection_name


def show_queue(here: Session, wanted: Wanted, *, limit: int) -> None:
    """What waits, first what needs least."""
    identity = here.identity()
    with here.reading() as store:
        judge = Judge.of(identity, store)
        judged = judge.now()
        queue = judged.waiting.narrow(partial(wanted.covers, members=judged.members))
        count = min(limit or len(queue), len(queue))
        shown = judge.each_file(queue, count)
        here.output.each(map(_fields, shown), _queue_lines(shown, count, len(queue)))
    if not count:
        here.output.following("sigfed peer sync")
        return
    ((origin, index),) = queue.places(0, 1)
    here.output.following(
        f"sigfed review show {origin}:{index}",
        f"examine it, then: sigfed endorse --only {origin}:{index} --list NAME --basis reviewed",
    )


def _fields(file: WaitingFile) -> Mapping[str, Fact]:
    return {
        "origin": file.first.origin,
        "index": file.first.index,
        "node": file.node,
        "hashes": len(file.entries),
        "collection": collection_name(file.first.collection),
        "basis": basis_words(file.first.ext.basis),
        "time_ms": file.since_ms,
        "countries": list(file.countries),
        "missing": file.missing,
        "others": list(file.others),
        "legality": _legality(file),
    }


def _queue_lines(files: Iterable[WaitingFile], count: int, total: int) -> Iterator[str]:
    if not total:
        yield "nothing waits for this agency's word"
        return
    for file in files:
        yield f"{file.first.origin}:{file.first.index}"
        hashes = f"{len(file.entries)} hashes" if len(file.entries) > 1 else "1 hash"
        yield (
            f"  {collection_name(file.first.collection)}, {hashes}, basis {basis_words(file.first.ext.basis)},"
            f" since {day_of(file.since_ms)}"
        )
        yield f"  {_countries_words(file)}"
        if legality := _legality(file):
            yield f"  known to be illegal in {', '.join(legality)}"
    yield (
        f"{counted(total, 'file')} in all"
        if total == count
        else f"{count:,} of {total:,} files; all with --limit 0"
    )


def _countries_words(file: WaitingFile) -> str:
    behind = ", ".join(file.countries) or "no country yet"
    return f"listed by {behind}; {file.missing} more of {', '.join(file.others) or 'none'}"


def _legality(file: WaitingFile) -> list[str]:
    return sorted({code for entry in file.entries for code in entry.ext.legality})


def show_file(here: Session, place: tuple[str, int], *, hashes: bool) -> None:
    """One file of a peer; the hashes themselves only when they were asked for."""
    origin, index = place
    identity = here.identity()
    with here.reading() as store:
        _, found = Judge.of(identity, store).file(origin, index)
    today = identity.clock.now().date()
    for each in found:
        value = each.entry.digest.value.hex() if hashes else None
        here.output.result(
            {
                "origin": each.entry.origin,
                "index": each.entry.index,
                "algorithm": each.entry.digest.algorithm.name.lower(),
                "hash": value,
                "collection": collection_name(each.entry.collection),
                "time_ms": each.entry.time_ms,
                **statement_fields(each.entry.ext),
                "countries": list(each.countries),
                "effective": each.effective,
                "withheld": each.withheld,
            },
            *_file_lines(each, today, value),
        )
    blocked = all(each.withheld for each in found)
    here.output.following(
        "it is blocked; who says so, and what can be done: sigfed entry explain"
        if blocked
        else f"examine it, then: sigfed endorse --only {origin}:{index} --list NAME --basis reviewed"
    )


def _file_lines(each: Examined, today: date, value: str | None) -> Iterator[str]:
    entry = each.entry
    state = "effective" if each.effective else "withheld" if each.withheld else "waits"
    behind = ", ".join(each.countries) or "no country"
    criteria = f", criteria {entry.ext.criteria}" if entry.ext.criteria else ""
    yield f"entry {entry.index}, {entry.digest.algorithm.name.lower()}: {state}, listed by {behind}"
    if value is not None:
        yield f"  {value}"
    yield (
        f"  {collection_name(entry.collection)}, basis {basis_words(entry.ext.basis)}{criteria},"
        f" since {day_of(entry.time_ms)}"
    )
    yield from (f"  {words}" for words in statement_words(entry.ext, today))


def show_due(here: Session, *, days: int) -> None:
    """Own entries to look at again, earliest first."""
    identity = here.identity()
    today = identity.clock.now().date()
    until = date.fromordinal(min(today.toordinal() + days, date.max.toordinal()))
    with here.reading() as store:
        found = due(store, until=until)
    rows = (
        (f"{each.review_by}", "past" if each.review_by <= today else "", each.origin, f"{each.index}")
        for each in found
    )
    here.output.each(
        (
            {
                "origin": each.origin,
                "index": each.index,
                "review_by": each.review_by.isoformat(),
                "past": each.review_by <= today,
            }
            for each in found
        ),
        listing(("review by", "", "list", "entry"), rows, none="no entry is due for review"),
    )
    if found:
        first = found[0]
        name = first.origin.rpartition("/")[2]
        here.output.following(
            f"look again, then: sigfed entry amend --list {name} --index {first.index} --review-by DAY",
            f"if it is wrong: sigfed entry withdraw --list {name} --index {first.index}",
        )
