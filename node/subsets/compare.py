"""What the newest release of a subset lists, against a judgement of all lists from nothing.

Releases begin from those before them, so an error in one would stay in all that follow until one is made whole.
"""

from node.judgement.effective import judge_all
from node.objects.listed_rows import catch_up, mark_of, rows_in
from node.objects.release_files import ReleaseFolder
from node.store.store import Store
from node.store.subsets.records import ReleaseRecord, WideKey
from node.subsets.basis import basis_of
from node.subsets.changes import affected
from node.subsets.compose import Terms, choose, lines_of
from node.subsets.grounds import Order, numbered_sources
from protocol.subset.canary import CANARIES


def differing(store: Store, record: ReleaseRecord, order: Order) -> int | None:
    """How many digests a newest release lists otherwise than a judgement from nothing, but for what is new since.

    None of a release that the next one does not begin from: that is made whole in any case.
    """
    wrong = _differing(store, record, order)
    if wrong:  # what was shredded after the lists and before the rows were read is right the second time
        again = _differing(store, record, order)
        wrong = None if again is None else wrong & again
    return None if wrong is None else len(wrong)


def _differing(store: Store, record: ReleaseRecord, order: Order) -> set[WideKey] | None:
    """The names of the rows that only one of the two has: the release, or a judgement from nothing."""
    catch_up(store)
    folder = ReleaseFolder(store, record)
    basis, manifest = basis_of(folder), folder.read_manifest()
    new = affected(store, order, basis) if basis else None
    if new is None:
        return None
    passed_over = set(store.vault.wide_keys_of(new.digests))
    with store.read() as unit:
        _, sources = numbered_sources(unit, order, new.premises.heads)
    terms = Terms(
        subset_id=manifest.subset_id,
        epoch=manifest.epoch,
        pk=manifest.pk,
        filter=order.subset.filter,
        k=order.members.k,
        sources=sources,
        rules=manifest.rules,
        not_after_ms=manifest.not_after_ms,
    )
    judged = judge_all(
        store,
        order.members,
        now=order.now,
        max_age=order.max_age,
        previous=[record],
        apart=lambda: frozenset(CANARIES),
    )
    wrong: set[WideKey] = set()
    for share in judged.shares:
        chosen = choose(share.effective, order.subset.filter)
        lines = lines_of(terms, chosen, store.vault.wide_keys_of(chosen), share.alike)
        said = {(*line.name, mark_of(line.label), line.collections) for line in lines}
        rows = {
            (row.key, row.rest, row.label, row.collections)
            for row in rows_in(store, record, share.keys)
            if not row.is_shredded
        }
        wrong |= {each[:2] for each in said ^ rows} - passed_over
    return wrong
