"""A federation of twenty agencies, five of which lie: who they are, what they list, and every step they take.

The honest ones are whole nodes on SQLite with witnesses, gossip and guards; a step is what a running node does by
itself: publish, have a head cosigned, sync with one peer, ask one for gossip. A seed deals the lies to the liars and
decides who asks whom and which calls over a bad line fail; the order of the steps is the test's.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence
from itertools import permutations
from pathlib import Path
from random import Random

from node.errors import PeerUnreachableError
from node.peers.sync.reports import SyncReport
from node.peers.sync.sync import Syncer
from node.witnesses.witness import ServedWitness
from protocol.digest import Algorithm, Digest
from protocol.lists.event import NATIONAL
from protocol.lists.grant import NOTHING
from protocol.witness.cosign import Refuse
from support.acquainting import acquaint
from support.federation import EVERYTHING, Agency, Call, Federation
from support.gossiping import ask
from support.liars import History, Liar, LyingList
from support.lies import BASE, CAP, LIES, LONE_FLOODED, MOST, PAPERS, SECRET, SHARED, TRICKLE, Audience, lone
from support.lists import digest
from support.rewinding import Rewinding
from support.witnesses import Witnesses, requiring_of, witness_of

HONEST = ["FR", "DE", "ES", "SE", "IT", "AT", "BE", "CZ", "DK", "EE"]
HONEST += ["FI", "GR", "HU", "IE", "LT"]
LYING = ["FR", "LV", "NL", "PL", "PT"]
"""Countries of the liars: the first shares one with an honest agency, so its word adds none."""
STRIDES = (1, 3, 7)
"""Whom each agency asks for gossip in a round, counted from itself."""
_LISTS = (3, 3, 3, 4, 1)
"""Of each liar."""
_SYNCS = 3
_DROPS = 0.03

Step = Callable[[], Awaitable[None]]


class Twenty:
    """The federation, and what was seen of every lie."""

    def __init__(self, folder: Path) -> None:
        self.federation = Federation(folder)
        self.honest = [self.federation.agency(f"{code.lower()}.example", code) for code in HONEST]
        clock = self.federation.clock
        self.liars = [Liar(f"liar{at}.example", code, clock) for at, code in enumerate(LYING)]
        self.everybody: list[Agency | Liar] = [*self.honest, *self.liars]
        self.audience = Audience(self.honest)
        self.witnesses = Witnesses(self.federation, down={liar.name for liar in self.liars})
        self.random = Random(0)
        self.bad_lines = False
        self.lists: dict[str, LyingList] = {}
        """Who tells which lie."""
        self.met: defaultdict[tuple[str, str], list[Exception]] = defaultdict(list)
        """What an honest follower met at a list, or at a liar as a whole, by follower and origin or node."""
        self.listed: dict[str, set[str]] = {}
        """What each honest agency lists."""
        self._begin_lists()
        self._acquaint()
        self._folder = folder

    def _begin_lists(self) -> None:
        for liar, count in zip(self.liars, _LISTS, strict=True):
            for number in range(count):
                there = liar.begin(f"list{number}")
                there.history.add(*(f"{there.origin} {name}" for name in range(5)), *BASE)

    def _acquaint(self) -> None:
        for agency in self.honest:
            others = [(other, other.country, EVERYTHING) for other in self.honest if other is not agency]
            liars = [(liar.identity, liar.country, NOTHING) for liar in self.liars]
            acquaint(agency, [*others, *liars], block_cap=CAP)
        for asker, asked in permutations(self.honest, 2):
            self.federation.connect(asker, asked).meddle = self._meddle

    async def begin(self) -> None:
        """Everybody is honest, and holds what everybody else has: where every run begins."""
        self._start()
        for at, agency in enumerate(self.honest):
            agency.add(*sorted(_first_names(at, len(self.honest))))
            if agency is self.audience.victim:
                agency.add(SECRET, collection=NATIONAL)
            agency.publish()
        await self._cosign_all()
        await self._sync_all(self.everybody)
        assert not self.met, self.met
        for there in self._lists():
            there.keep()
        self._rewinding = Rewinding(self._folder, self.honest)

    def rewind(self, seed: int) -> None:
        """Go back to the beginning, and deal the lies anew."""
        self._rewinding.rewind()
        for liar in self.liars:
            liar.rewind()
        self.random = Random(seed)
        self._deal()
        self._start()

    def _start(self) -> None:
        self.met.clear()
        self.bad_lines = False
        self.listed = {
            agency.name: _first_names(at, len(self.honest)) for at, agency in enumerate(self.honest)
        }
        for agency in self.honest:
            agency.syncer = Syncer(agency.store, agency.clock, requiring=requiring_of(agency), most=MOST)

    def _deal(self) -> None:
        names = [name for name in LIES if name not in {TRICKLE, PAPERS}]
        self.random.shuffle(names)
        self.lists = dict(zip([*names, TRICKLE, PAPERS], self._lists(), strict=True))

    def _lists(self) -> list[LyingList]:
        return [there for liar in self.liars for there in liar.lists.values()]

    def expected(self, told: Collection[str]) -> set[Digest]:
        """What is effective at every honest node when these lies were told, by the rules alone."""
        countries: defaultdict[str, set[str]] = defaultdict(set)
        for agency in self.honest:
            for name in self.listed[agency.name]:
                countries[name].add(agency.country)
        for lie in told:
            for name in LIES[lie].gives:
                countries[name].add(self.lists[lie].liar.country)
        blocked = {name for lie in told for name in LIES[lie].blocks}
        needed = self.honest[0].trust.members().k
        enough = {name for name, found in countries.items() if len(found) >= needed}
        return {digest(name, Algorithm.SHA256) for name in enough - blocked}

    # ------------------------------------------------------------------ steps

    def steps(self) -> dict[str, Step]:
        """What happens before it becomes quiet, by a name, in an order that is the caller's."""
        steps = {f"{name} is told": self.tell(name) for name in LIES}
        for at, agency in enumerate(self.honest):
            steps[f"{agency.name} adds"], steps[f"{agency.name} withdraws"] = self._publications(agency, at)
            steps[f"{agency.name} collects"] = self._cosign(agency)
            for number in range(_SYNCS):
                peer = self._peer(agency)
                steps[f"{agency.name} syncs with {peer.name}, {number}"] = self._sync(agency, peer)
            other = self._at(agency, self.random.randrange(1, len(self.honest)))
            steps[f"{agency.name} asks {other.name}"] = self._ask(agency, other)
        for liar in self.liars:
            steps[f"{liar.name} collects"] = self._have_cosigned(liar)
        return {**steps, "an hour": self._hour, "another": self._hour}

    def _at(self, agency: Agency, step: int) -> Agency:
        """The honest agency so many places after this one."""
        return self.honest[(self.honest.index(agency) + step) % len(self.honest)]

    async def quiet(self) -> None:
        """No line fails any more; the liars go on, and everybody does what a day brings."""
        self.bad_lines = False
        await self._cosign_all()
        await self._sync_all(self.everybody)
        await self._gossip()
        self.federation.advance(hours=7)
        await self._sync_all(self.liars)
        await self._gossip()

    async def few_hear(self, lie: str, few: Sequence[Agency]) -> None:
        """One lie alone is told, and a few agencies sync with its liar and gossip, for a day."""
        await self.tell(lie)()
        liar = self.lists[lie].liar
        await self._have_cosigned(liar)()
        for _ in range(2):
            for agency in few:
                await self._sync(agency, liar)()
            for at, asker in enumerate(few):
                for stride in (1, 2):
                    await ask(asker, few[(at + stride) % len(few)])
            self.federation.advance(hours=7)

    def tell(self, name: str) -> Step:
        """A lie is told."""

        async def tell() -> None:
            LIES[name].tell(self.lists[name], self.audience)

        return tell

    async def _cosign_all(self) -> None:
        for agency in self.honest:
            await self._cosign(agency)()
        for liar in self.liars:
            await self._have_cosigned(liar)()

    async def _sync_all(self, peers: Sequence[Agency | Liar]) -> None:
        for agency in self.honest:
            for peer in peers:
                if peer is not agency:
                    await self._sync(agency, peer)()

    async def _gossip(self) -> None:
        for agency in reversed(self.honest):  # what one hears is told on in the same round
            for stride in STRIDES:
                await ask(agency, self._at(agency, stride))

    async def _hour(self) -> None:
        self.federation.advance(hours=1)

    def _publications(self, agency: Agency, at: int) -> list[Step]:
        """Two: a file that a neighbour lists as well, and the withdrawal of one that two list."""
        listed = self.listed[agency.name]

        async def add() -> None:
            names = [f"later {at}", f"later {(at + 1) % len(self.honest)}"]
            agency.add(*names)
            listed.update(names)
            agency.publish()

        async def withdraw() -> None:
            agency.withdraw(f"pair {at}")
            listed.discard(f"pair {at}")
            agency.publish()

        return [add, withdraw]

    def _cosign(self, agency: Agency) -> Step:
        async def cosign() -> None:
            await self.witnesses.collect(agency)

        return cosign

    def _have_cosigned(self, liar: Liar) -> Step:
        async def have_cosigned() -> None:
            for there in liar.lists.values():
                for history in there.histories():
                    await self._ask_witnesses(liar, history)

        return have_cosigned

    async def _ask_witnesses(self, liar: Liar, history: History) -> None:
        for agency in self.honest:
            if history.only is None or agency.name in history.only:
                served = ServedWitness(witness_of(agency), agency.clock)
                await history.ask(served, agency.trust.document())
        for other in self.liars:
            if other is not liar:
                await history.ask(_Colluding(other), other.identity.trust.document())

    def _peer(self, agency: Agency) -> Agency | Liar:
        return self.random.choice([other for other in self.everybody if other is not agency])

    def _sync(self, agency: Agency, peer: Agency | Liar) -> Step:
        async def sync() -> None:
            link = peer.link(agency.name) if isinstance(peer, Liar) else self.federation.link(agency, peer)
            self._note(agency, await agency.syncer.sync(peer.name, link))

        return sync

    def _ask(self, asker: Agency, asked: Agency) -> Step:
        async def step() -> None:
            await ask(asker, asked)

        return step

    def _note(self, agency: Agency, report: SyncReport) -> None:
        if report.error is not None:
            self.met[agency.name, report.peer].append(report.error)
        for outcome in report.lists:
            if outcome.error is not None:
                self.met[agency.name, outcome.origin].append(outcome.error)

    def _meddle(self, _call: Call, answer: bytes) -> bytes:
        if self.bad_lines and self.random.random() < _DROPS:
            raise PeerUnreachableError("the line broke")
        return answer


class _Colluding:
    """The witness of a liar, which cosigns whatever a liar brings."""

    def __init__(self, liar: Liar) -> None:
        self._liar = liar

    async def add_checkpoint(self, body: bytes) -> bytes | Refuse:
        return self._liar.cosign(body)

    async def witnessed(self, origin_sha256: str) -> bytes:
        raise NotImplementedError


def _first_names(at: int, count: int) -> set[str]:
    """What the honest agency at this place of so many lists at first."""
    shared = {name for number, name in enumerate(SHARED) if (at - number) % count in {0, 3, 7}}
    alone = {lone(name) for number, name in enumerate(LIES) if number % count == at}
    flooded = {name for number, name in enumerate(LONE_FLOODED) if number % count == at}
    return {*shared, *alone, *flooded, f"pair {at}", f"pair {(at + 1) % count}"}
