"""What a page of the console costs the server, beside the bare queries that it makes.

    async with timed_console(world) as console:
        cost = await console.cost("/console/review", PersonRole.ANALYST)
        assert cost.statements < 50
        assert cost.rest(frame) < 5 * cost.table_seconds or cost.ratio <= 3

A page is asked for over HTTP, and what is counted is processor time of this process: other programs do not play a part,
the client's share does, against the page. Its queries are recorded and then run alone, each transaction as it was, with
all rows fetched. Both take turns; the median of their ratios counts.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from statistics import median
from time import process_time
from typing import Any, Final

import aiohttp_jinja2
from sqlalchemy import Connection, Engine, event

from node.console.address import Address
from node.console.app import make_console
from node.console.world import World
from node.store.accounts.records import PersonRole
from node.store.store import Store
from support.console import NoEvaluator, RunningConsole, console_of
from support.large_world import LargeWorld

ROUNDS: Final = 5
FRAME: Final = "/console/review/file"
"""A page that asks for something to show, and shows nothing else."""
TABLE_ROWS: Final = 50
"""As many as a page of the console has."""
_TABLE: Final = """
{% from "parts.html" import state with context %}
<table class="cards"><tbody>
{% for name, numbers, time in rows %}
<tr><th scope="row" class="path"><a href="/console/partners/partner?name={{ name|urlencode }}">{{ name }}</a></th>
{% for number in numbers %}
<td class="number" data-head="{% trans %}Entries{% endtrans %}">{{ number|number }}</td>
{% endfor %}
<td data-head="{% trans %}State{% endtrans %}">{{ state(_("enrolled"), "good") }}</td>
<td data-head="{% trans %}Made{% endtrans %}">{{ time|ago(now_ms) }}</td></tr>
{% endfor %}
</tbody></table>
"""
"""A name that links, five numbers, a state and a time in each row, as many tables of the console have."""
_SMALLEST: Final = 0.0001
"""Shorter times are not told apart by the clock of processor time, in seconds."""
_BEGIN: Final = "BEGIN"


@dataclass(frozen=True, slots=True)
class Query:
    """One statement as the driver got it."""

    statement: str
    parameters: Any


@dataclass(slots=True)
class Queries:
    """What was asked of a database, with where transactions began."""

    made: list[Query] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Statements, without the beginnings of transactions."""
        return sum(query.statement != _BEGIN for query in self.made)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What something takes of a processor."""

    seconds: float
    bare_seconds: float
    """Of its queries alone."""
    statements: int
    ratio: float
    """Median of the ratios of neighbouring runs."""
    table_seconds: float = 0.0
    """Of writing one table of fifty rows, in turn with it: the unit of rendering."""

    def rest(self, frame: float) -> float:
        """Seconds that are neither its queries' nor any page's."""
        return max(self.seconds - self.bare_seconds - frame, 0.0)


@contextmanager
def recorded(store: Store) -> Iterator[Queries]:
    """The queries that are made meanwhile, by any thread."""
    found = Queries()

    def note(_c: object, _d: object, statement: str, parameters: Any, *_: object) -> None:
        found.made.append(Query(statement, parameters))

    event.listen(store._engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(store._engine, "before_cursor_execute", note)


def run_bare(store: Store, queries: Queries) -> None:
    """Run them again, and fetch all rows."""
    connection: Connection | None = None
    for query in queries.made:
        if query.statement == _BEGIN or connection is None:
            if connection is not None:
                connection.close()
            connection = _opened(store._engine)
        if query.statement != _BEGIN:
            connection.exec_driver_sql(query.statement, query.parameters).fetchall()
    if connection is not None:
        connection.close()


def _opened(engine: Engine) -> Connection:
    connection = engine.connect()
    connection.begin()
    return connection


@dataclass(slots=True)
class TimedConsole:
    """A console whose pages are measured."""

    console: RunningConsole
    store: Store

    async def frame(self, *, rounds: int = ROUNDS) -> float:
        """Seconds that any page takes: of the client, of the server and of what frames a page."""
        return (await self.cost(FRAME, PersonRole.ANALYST, rounds=rounds)).seconds

    def table(self) -> Callable[[], object]:
        """What writes a table of numbers that are at hand."""
        address = Address.parse(f"http://{self.console.authority}/")
        env = aiohttp_jinja2.get_env(make_console(self.console.world, self.console.visitors, address))
        template = env.from_string(_TABLE)
        rows = [(f"hoster-{at:04}", [at * 1000 + more for more in range(5)], at) for at in range(TABLE_ROWS)]
        return lambda: template.render(rows=rows, now_ms=10**12)

    async def cost(self, path: str, role: PersonRole, *, rounds: int = ROUNDS) -> Cost:
        """What a page costs the server, for somebody with this role; it is asked for once before."""
        async with self.console.as_role(role) as browser:

            async def ask() -> None:
                reply = await browser.get(path)
                assert reply.status == 200, f"{path} answered {reply.status}"

            await ask()
            with recorded(self.store) as queries:
                await ask()
            taken, tables, table = [], [], self.table()
            table()
            for _ in range(rounds):
                before = process_time()
                await ask()
                taken.append((process_time() - before, _seconds(lambda: run_bare(self.store, queries))))
                tables.append(_seconds(table))
        return replace(_cost(taken, queries), table_seconds=median(tables))


@asynccontextmanager
async def timed_console(large: LargeWorld) -> AsyncIterator[TimedConsole]:
    """The console of a large world."""
    with large.opened() as (identity, store):
        world = World.of(identity, store, NoEvaluator())  # type: ignore[arg-type]
        assert isinstance(store, Store)
        async with console_of(world) as console:
            yield TimedConsole(console, store)


def _cost(taken: list[tuple[float, float]], queries: Queries) -> Cost:
    return Cost(
        seconds=median(seconds for seconds, _ in taken),
        bare_seconds=median(bare for _, bare in taken),
        statements=queries.count,
        ratio=median(seconds / max(bare, _SMALLEST) for seconds, bare in taken),
    )


def _seconds(act: Callable[[], object]) -> float:
    before = process_time()
    act()
    return process_time() - before
