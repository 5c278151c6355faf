"""Made-up PDQ values, lists that hold them, and a node that answers disclosed look-ups of them: no sockets."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

from node.access.disclosure import DisclosureTerms, disclosure_payload
from node.formats.rows import ImportRow
from node.home import Home
from node.identity.identity import open_identity
from node.lists.imports.intake import Statement, import_rows
from node.partners.disclosed_lookup import DisclosedLookups
from node.rotation.store import write_store
from node.store.accounts.records import Approval
from node.store.store import Store
from protocol.digest import Algorithm, Digest
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis
from protocol.statement.disclosed_lookup import DisclosedQuery, open_reply
from protocol.subset.filter import SubsetFilter
from support.federation import Agency
from support.hits import HOSTER, SUBSET, SUBSET_ID, Begin, HitWorld, hit_world
from support.lists import digest
from support.processes import Cli


def picture(name: str) -> Digest:
    """The PDQ value of a made-up picture."""
    return digest(name, Algorithm.PDQ)


def flipped(value: Digest, bits: Iterable[int]) -> Digest:
    """The value with these bits turned."""
    turned = int.from_bytes(value.value)
    for bit in bits:
        turned ^= 1 << bit
    return Digest(Algorithm.PDQ, turned.to_bytes(32))


def query_of(*values: Digest) -> DisclosedQuery:
    """A query about values, in whatever order they are given."""
    return DisclosedQuery(subset_id=SUBSET_ID, values=tuple(sorted(values)))


def list_pictures(agencies: Iterable[Agency], *names: str, collection: int = BASELINE) -> None:
    """Queue made-up pictures by their PDQ values in each agency's list."""
    for agency in agencies:
        rows = [ImportRow(at, (picture(name),), collection, {}, "") for at, name in enumerate(names, 2)]
        said = Statement(basis=Basis.OWN, criteria=1)
        import_rows(agency.store, agency.origin, rows, statement=said, now_ms=agency.now_ms)


def take_in_pictures(store: Store, subset: str) -> SubsetFilter:
    """Make a subset one of PDQ values, as if it had been created so; gives what it took in before."""
    with store.write() as unit:
        before = unit.subsets.get(subset).filter
        unit.subsets.set_filter(subset, replace(before, algorithms=frozenset({Algorithm.PDQ})))
    return before


@contextmanager
def pictures_in(cli: Cli, subset: str) -> Iterator[None]:
    """For a while a subset of this home is one of PDQ values."""
    with write_store(open_identity(Home(cli.home))) as store:
        before = take_in_pictures(store, subset)
    yield
    with write_store(open_identity(Home(cli.home))) as store, store.write() as unit:
        unit.subsets.set_filter(subset, before)


@asynccontextmanager
async def disclosed_world(folder: Path, *names: str) -> AsyncIterator[HitWorld]:
    """A world whose release lists made-up pictures."""
    async with hit_world(folder, algorithms=frozenset({Algorithm.PDQ}), begin=_released(*names)) as world:
        yield world


@cache
def _released(*names: str) -> Begin:
    async def begin(world: HitWorld) -> None:
        list_pictures(world.agencies, *names)
        await world.release()

    return begin


def lookups(world: HitWorld, *, enabled: bool = True) -> DisclosedLookups:
    """What answers in a world."""
    return DisclosedLookups(world.fr.store, world.fr.clock, enabled=enabled)


def let_disclose(world: HitWorld, values: int, *, partner: str = HOSTER) -> None:
    """Carry out what two persons decided."""
    approval = Approval(
        id=1,
        kind="partner.disclose",
        subject="",
        payload=disclosure_payload(partner, values),
        requested_by="alice",
        requested_ms=0,
    )
    with world.fr.store.write() as unit:
        DisclosureTerms(world.fr.store, world.fr.clock).carry_out(unit, approval)


def ask(answering: DisclosedLookups, *values: Digest, partner: str = HOSTER) -> list[int]:
    """The collections that are told, in the order of `values`."""
    query = query_of(*values)
    reply = open_reply(answering.ask(partner, SUBSET, query.to_bytes()), query)
    told = dict(zip(query.values, reply.collections, strict=True))
    return [told[value] for value in values]
