"""Entries that are added, corrected and taken back. One person withdraws; shredding and readmitting take two."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from keys.errors import SigfedError
from keys.message import Message
from node.acts.act import ANALYSTS, JUDGES, SECURITY, Done, Field, Node, Work, act, declared
from node.errors import AlreadyExistsError, NotFoundError, NothingToDoError
from node.fields import Fact
from node.store.accounts.records import PersonRole, Request

if TYPE_CHECKING:
    from node.judgement.effective import Current
    from node.lists.corrections.amend import Amended, Amendment
    from node.lists.corrections.dispute import Disputed as Blocked
    from node.lists.corrections.shred import ShredPlan
    from node.lists.imports.intake import ImportReport, Statement
    from node.store.store import Store
    from protocol.digest import Digest
    from protocol.lists.ext import Reason

RECALLERS: Final = frozenset({PersonRole.ANALYST, PersonRole.OPERATOR})
"""A withdrawal must never wait for somebody."""

_T = TypeVar("_T")
Files = Sequence[tuple[str, Sequence["Digest"]]]
"""What each is called, and its hashes. One without a name is the only one, and a page names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported(Work):
    """A table, the own list that it goes into, and what is said with its entries."""

    list: Annotated[str, Field(record=True)]
    file: Annotated[str, Field(record=True)]
    """What the table is called."""
    collection: Annotated[str, Field(record=True)]
    statement: Annotated["Statement", Field(record=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endorsed(Work):
    """Entries of peers, the own list that they go into, and what is said with them."""

    list: Annotated[str, Field(record=True)]
    sources: Annotated[Sequence[str], Field(record=True)]
    """Origins of the peers' lists."""
    hash_from: Annotated[str, Field(record=True)] = ""
    """The file that names them by their hashes."""
    statement: Annotated["Statement", Field(record=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """Files, and the own list that says something about them."""

    list: Annotated[str, Field(record=True)]
    """Its origin."""
    files: Annotated[Files, Field(record=False)] = ()
    hash_from: Annotated[str, Field(record=True)] = ""
    """The file that the hashes were read from; empty: they were typed, or came in."""
    entry: Annotated[str, Field(record=True)] = ""
    """By which a page names the file, as ORIGIN:INDEX."""
    index: Annotated[int | None, Field(record=True)] = None
    """Of one entry or dispute of the list, instead of files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disputed(Corrected):
    """What is objected to."""

    reason: Annotated["Reason", Field(record=True)]
    collection: Annotated[str, Field(record=True)] = ""
    """Of hashes that no held list has."""
    alone: Annotated[bool, Field(record=True)] = False
    """Whether the other hashes of the file are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn(Corrected):
    """What is taken off the list."""

    reason: Annotated["Reason", Field(record=True)]
    now: Annotated[bool, Field(record=True)] = False
    """Whether it is published and released at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amending(Corrected):
    """What entries are to say."""

    change: Annotated["Amendment", Field(record=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaffirmed(Corrected):
    """What was examined, and against which blocks."""

    statement: Annotated["Statement", Field(record=True)]
    judge: Annotated[Callable[[Node, Collection["Digest"]], "Current"], Field(record=False)]
    """Of some digests."""
    blocks: Annotated[Sequence[str], Field(record=True)] = ()
    """As ORIGIN:INDEX; none: every open one."""
    collection: Annotated[str, Field(record=True)] = ""
    """Empty: where others list the hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shredded:
    """A file of an own list, and why it is deleted."""

    list: Annotated[str, Field(record=True)]
    index: Annotated[int | None, Field(record=True)]
    """None: it is named by its hashes."""
    hash_from: Annotated[str, Field(record=True)] = ""
    """The file that they were read from."""
    reason: Annotated["Reason", Field(record=True)]
    plans: Annotated[Sequence["ShredPlan"], Field(record=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readmitted:
    """What was shredded and may be listed again."""

    hashes: Annotated[Sequence["Digest"], Field(record=False)]
    hash_from: Annotated[str, Field(record=True)] = ""
    """The file that they were read from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revealed:
    """An entry whose whole hash is shown."""

    entry: Annotated[str, Field(record=True)]
    """As ORIGIN:INDEX."""
    digest: Annotated["Digest", Field(record=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Work):
    """What other agencies are asked about."""

    entry: Annotated[str, Field(record=True)] = ""
    """By which a page names the file, as ORIGIN:INDEX."""
    files: Annotated[int, Field(record=True)]
    hash_from: Annotated[str, Field(record=True)] = ""
    """The file that they were read from."""


ask_holders = declared("entry.holders", Asked, roles=JUDGES, irreversible=True)


@act("entry.import", roles=ANALYSTS, lists=True)
def take_in(node: Node, given: Imported) -> Done:
    """Read a file of hashes into an own list."""
    _require_open(node, given.list)
    return given.work(node)


@act("entry.endorse", roles=ANALYSTS, lists=True)
def endorse(node: Node, given: Endorsed) -> Done:
    """Add a peer's entries to an own list, after examination or relying on the peer."""
    _require_open(node, given.list)
    return given.work(node)


@act("entry.reveal", roles=ANALYSTS | SECURITY, fresh=True, irreversible=True)
def reveal(_node: Node, given: Revealed) -> Done:
    """Show a whole hash, once."""
    return Done(
        said=Message(
            "The whole {algorithm} hash of entry {index}, shown once: {hash}",
            given.digest.algorithm.name.lower(),
            given.entry.rpartition(":")[2],
            given.digest.value.hex(),
        )
    )


@act("entry.dispute", roles=ANALYSTS, fresh=True, lists=True)
def dispute(node: Node, given: Disputed) -> Done:
    """Block a file's hashes everywhere, whoever lists them."""
    from node.access.notation import collection_of
    from node.lists.corrections.dispute import dispute as object_to

    _require_open(node, given.list)
    number = collection_of(given.collection) if given.collection else None

    def block(digests: Sequence["Digest"]) -> Done:
        done = object_to(node.store, given.list, digests, reason=given.reason, collection=number)
        facts: dict[str, Fact] = {
            "disputed": done.digests,
            "positions": list(done.positions),
            "passed_over": done.passed_over,
        }
        return Done(said=done.begun(given.list), facts={"origin": given.list, **facts})

    def listed(names: str) -> SigfedError:
        hint = "take a dispute back with: sigfed entry resolve"
        return AlreadyExistsError("{origin} blocks already: {refused}", given.list, names, hint=hint)

    return _each(given.files if given.alone else _whole(node, given.files), block, listed)


@act("entry.resolve", roles=ANALYSTS, lists=True)
def resolve(node: Node, given: Corrected) -> Done:
    """Take your dispute back: where the rule is met, the hashes reach partners again."""
    from node.lists.corrections.dispute import resolve as take_back
    from node.lists.corrections.dispute import resolve_at

    def said(done: "Blocked") -> Done:
        facts: dict[str, Fact] = {
            "origin": given.list,
            "resolved": done.digests,
            "positions": list(done.positions),
        }
        return Done(said=done.ended(given.list), facts=facts)

    def none(names: str) -> SigfedError:
        return NotFoundError("{origin} does not dispute (any more): {refused}", given.list, names)

    if given.index is not None:
        return said(resolve_at(node.store, given.list, given.index))
    return _each(
        _whole(node, given.files), lambda digests: said(take_back(node.store, given.list, digests)), none
    )


@act("entry.amend", roles=ANALYSTS, lists=True)
def amend(node: Node, given: Amending) -> Done:
    """Change what own entries say, and keep the rest."""
    from node.lists.corrections.amend import Amended, amend_at
    from node.lists.corrections.amend import amend as amend_file

    _require_open(node, given.list)

    def said(done: Sequence["Amended"], failure: Exception | None = None) -> Done:
        positions = sorted({position for one in done for position in one.positions})
        whole = Amended(entries=len(positions), unchanged=0, positions=tuple(positions))
        facts: dict[str, Fact] = {"origin": given.list, "amended": len(positions), "positions": positions}
        step = f"sigfed publish {given.list.rpartition('/')[2]}"
        following = (step,) if positions else ()
        return Done(said=whole.said(given.list), facts=facts, following=following, failure=failure)

    if given.index is not None:
        return said([amend_at(node.store, given.list, given.index, given.change.revise)])
    return _each(
        given.files,
        lambda digests: said(
            *_known(digests, lambda one: amend_file(node.store, given.list, one, given.change.revise))
        ),
        lambda names: _unlisted(given, names),
    )


@act("entry.reaffirm", roles=ANALYSTS, lists=True)
def reaffirm(node: Node, given: Reaffirmed) -> Done:
    """Overrule what other agencies block, after an own examination; it takes effect when enough countries do."""
    from node.access.notation import collection_of, event_of
    from node.judgement.reaffirm import listed_collection, open_blocks, require_known
    from node.judgement.reaffirm import reaffirm as overrule
    from node.lists.continuation import predecessor_of

    _require_open(node, given.list)
    require_known(given.statement.basis)
    continues = predecessor_of(node.identity.trust.document(), given.list)
    named = [event_of(text) for text in given.blocks]
    collection = collection_of(given.collection) if given.collection else None

    def examined(digests: Sequence["Digest"]) -> Done:
        own, current = node.identity.settings.node, given.judge(node, digests)
        blocks = open_blocks(current, own, digests, named=named, continues=continues)
        if not blocks:
            raise NothingToDoError("no other agency blocks it any more")
        done = overrule(
            node.store,
            given.list,
            blocks,
            statement=given.statement,
            collection=collection or listed_collection(current, digests),
            now_ms=node.identity.now_ms,
            continues=continues,
        )
        facts: dict[str, Fact] = {"added": done.added, "amended": done.amended, "unchanged": done.unchanged}
        return Done(said=done.said(given.list), facts={"origin": given.list, **facts})

    def none(names: str) -> SigfedError:
        return NotFoundError("no other agency blocks (any more): {missing}", names)

    return _each(_whole(node, given.files), examined, none)


@act("entry.withdraw", roles=RECALLERS, lists=True)
def withdraw(node: Node, given: Withdrawn) -> Done:
    """Withdraw a file's hashes at once: one person is enough; a running node publishes it within a minute."""
    from node.app.recall import recall_now
    from node.lists.corrections.withdraw import Withdrawn as Ended
    from node.lists.corrections.withdraw import withdraw as end
    from node.lists.corrections.withdraw import withdraw_at

    def said(done: Sequence["Ended"], failure: Exception | None = None) -> Done:
        entries, digests = sum(one.entries for one in done), sum(one.digests for one in done)
        whole = Ended(entries=entries, digests=digests, positions=())
        facts: dict[str, Fact] = {"origin": given.list, "withdrawals": entries, "digests": digests}
        return Done(said=whole.said(given.list), facts=facts, failure=failure)

    if given.index is not None:
        done = said([withdraw_at(node.store, given.list, given.index, reason=given.reason)])
    else:
        done = _each(
            given.files,
            lambda digests: said(
                *_known(digests, lambda one: end(node.store, given.list, one, reason=given.reason))
            ),
            lambda names: _unlisted(given, names),
        )
    name = given.list.rpartition("/")[2]
    if not given.now:
        return replace(done, following=(f"sigfed publish {name}", "sigfed subset release NAME"))
    notes = list[str]()
    try:
        notes += recall_now(node.identity, node.store, given.list)
        notes += _behind(node.store)
    except Exception as exc:  # noqa: BLE001 - it is withdrawn: that is recorded, and goes out with the next publication
        if isinstance(done.failure, SigfedError):  # says what is listed still
            notes.append(done.failure.message)
        return replace(done, notes=notes, failure=exc)
    return replace(done, notes=notes, following=("sigfed withdrawal ls --open",))


@act("entry.shred", roles=RECALLERS, fresh=True, irreversible=True)
def shred(_node: Node, given: Shredded) -> Request:
    """Ask a second person to delete a file's hashes for ever, here and at every peer."""
    from node.app.recall import shredding_request

    return shredding_request(given.plans, reason=given.reason)


@act("entry.readmit", roles=RECALLERS, fresh=True)
def readmit(node: Node, given: Readmitted) -> Request:
    """Ask a second person to let hashes that were shredded be listed here again."""
    from node.app.recall import readmission_request, tombstones_of

    macs = [node.store.vault.tombstone_of(digest) for digest in given.hashes]
    return readmission_request(node.store, tombstones_of(node.store, macs))


def imported(report: "ImportReport", *, dry_run: bool = False) -> dict[str, Fact]:
    """What either way says of an import, or of a look at one."""
    return {
        "dry_run": dry_run,
        "accepted": report.accepted,
        "entries": report.entries,
        "already_listed": report.already_listed,
        "duplicates": report.duplicates,
        "refused": report.refused_total,
        "quarantined": report.quarantined,
        "without_md5": report.apart,
    }


def endorsed(origin: str, report: "ImportReport") -> dict[str, Fact]:
    """What either way says of entries that were endorsed."""
    return {
        "origin": origin,
        "endorsed": report.accepted,
        "entries": report.entries,
        "already_listed": report.already_listed,
        "quarantined": report.quarantined,
    }


def _require_open(node: Node, origin: str) -> None:
    from node.lists.continuation import require_open

    require_open(node.identity.trust.document(), origin)


def _whole(node: Node, files: Files) -> Files:
    """Each file with the hashes that held lists give the same content id."""
    from node.lists.lookup import Finder

    with node.store.read() as unit:
        finder = Finder(node.store, unit)
        return [(name, sorted(finder.same_file(digests))) for name, digests in files]


def _behind(store: "Store") -> Sequence[Message]:
    from node.judgement.recall import report_withdrawals

    peers = {peer.peer for each in report_withdrawals(store) for peer in each.peers if not peer.applied}
    late = ", ".join(sorted(peers))
    return [Message("not applied yet by {peers}: they follow with their next sync", late)] if peers else []


def _known(
    digests: Sequence["Digest"], work: Callable[["Digest"], _T]
) -> tuple[Sequence[_T], Exception | None]:
    """Does it for each hash that the list has, until one fails: what was done, and why not all.

    Raises that where nothing was done, and `NothingToDoError` where the list has none of them.
    """
    done, unknown, failure = list[_T](), None, None
    for digest in digests:
        try:
            done.append(work(digest))
        except NothingToDoError as exc:
            unknown = exc
        except Exception as exc:  # noqa: BLE001 - raised once what was done is recorded
            failure = exc
            break
    if not done and (why := failure or unknown):
        raise why
    return done, failure


def _unlisted(given: Corrected, names: str) -> SigfedError:
    return NotFoundError("not (any more) in {origin}: {missing}", given.list, names)


def _each(
    files: Files, work: Callable[[Sequence["Digest"]], Done], nothing: Callable[[str], SigfedError]
) -> Done:
    """Does it for every file, until one fails; those with nothing to do are named once the others are done."""
    done, left = list[Done](), list[str]()
    failure: Exception | None = None
    for name, digests in files:
        try:
            one = work(digests)
        except (NothingToDoError, AlreadyExistsError) as exc:
            left.append(name)
            failure = nothing(", ".join(left)) if name else exc
            continue
        except Exception as exc:  # noqa: BLE001 - raised once what was done is recorded
            failure = exc
            break
        done.append(one)
        if one.failure is not None:
            failure = one.failure
            break
    if failure is not None and not done:
        raise failure
    if len(done) == 1:
        return replace(done[0], failure=failure)
    return Done(
        said=Message.joined("; ", [one.said for one in done]),
        parts=done,
        following=tuple(dict.fromkeys(step for one in done for step in one.following)),
        failure=failure,
    )
