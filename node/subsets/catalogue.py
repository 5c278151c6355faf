"""A node's subsets: making one, and what there is in numbers.

A subset begins with a release log and the public key of its first epoch; key files and the announcement in the node
document are made around this by whoever holds the keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys.trust.names import is_log_name
from node.errors import AlreadyExistsError, NotFoundError, UsageError
from node.objects.sealed_names import salt_name
from node.store.lists.records import LogKind
from node.store.store import Store
from node.store.subsets.records import ReleaseRecord, SubsetRecord
from node.store.unit import Unit
from protocol.subset.canary import LISTED
from protocol.subset.exclusions import SALT_BYTES
from protocol.subset.filter import SubsetFilter

FIRST_EPOCH: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsetReport:
    """One subset and its newest release."""

    subset: SubsetRecord
    newest: ReleaseRecord | None
    """None before the first release."""
    leaving: int = 0
    """PDQ values that leave with the next release: a subset of an earlier version has them beside exact hashes."""

    @property
    def entries(self) -> int:
        """Digests in the newest release, that of the test file left out."""
        return 0 if self.newest is None else self.newest.answers - len(LISTED)


def subset_origin(node: str, name: str) -> str:
    """Origin of the release log of the subset `name` of `node`."""
    return f"{node}/subsets/{name}"


def create_subset(
    store: Store, node: str, name: str, subset_filter: SubsetFilter, *, pk: bytes, now_ms: int
) -> SubsetRecord:
    """Start a subset in its first epoch, whose OPRF public key is `pk` (32 bytes).

    Raises:
        UsageError: a name that is not one.
        AlreadyExistsError: there is such a subset.
    """
    if not is_log_name(name):
        raise UsageError(
            "a subset is named with up to 64 small letters, digits and hyphens", hint="for example: baseline"
        )
    assert len(pk) == 32, "an OPRF public key has 32 bytes"
    subset = SubsetRecord(
        name=name,
        origin=subset_origin(node, name),
        filter=subset_filter,
        epoch=FIRST_EPOCH,
        pk=pk,
        created_ms=now_ms,
        sealed_salt=store.vault.seal(salt_name(name), store.vault.entropy(SALT_BYTES)),
    )
    with store.write() as unit:
        _require_new(unit, name)
        unit.logs.create(origin=subset.origin, kind=LogKind.OWN_RELEASES, node=node, name=name)
        unit.subsets.create(subset)
    return subset


def report_subset(store: Store, name: str) -> SubsetReport:
    """One subset; raises `NotFoundError`."""
    with store.read() as unit:
        subset, newest = unit.subsets.get(name), unit.releases.newest(name)
    return _reported(store, subset, newest)


def report_subsets(store: Store) -> Sequence[SubsetReport]:
    """All subsets by name."""
    with store.read() as unit:
        found = [(subset, unit.releases.newest(subset.name)) for subset in unit.subsets.ls()]
    return [_reported(store, subset, newest) for subset, newest in found]


def _reported(store: Store, subset: SubsetRecord, newest: ReleaseRecord | None) -> SubsetReport:
    stays = subset.filter.renewed().algorithms
    if newest is None or stays == subset.filter.algorithms:
        return SubsetReport(subset=subset, newest=newest)
    from node.objects.listed_rows import catch_up  # noqa: PLC0415 - NumPy reads what older versions left

    catch_up(store, newest.subset)
    with store.read() as unit:
        newest = unit.releases.newest(subset.name)
        assert newest is not None, "a release is never taken back"
        counts = unit.listed.count(newest.subset, newest.version)
    leaving = sum(count for algorithm, count in counts.items() if algorithm not in stays)
    return SubsetReport(subset=subset, newest=newest, leaving=leaving)


def _require_new(unit: Unit, name: str) -> None:
    try:
        unit.subsets.get(name)
    except NotFoundError:
        return
    raise AlreadyExistsError("{name} is a subset already", name, hint="see them with: sigfed subset ls")
