"""Random acts of analysts against the rules of lists as a short, naive model states them.

All lists are in one store: what counts is the node in a list's origin. After every act everything is published and
judged by the product, and the model, which knows nothing of events, says what must have come out.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keys.key import LogPrivateKey
from keys.trust.members import Member, Members
from node.errors import AlreadyExistsError, NodeError, NotFoundError, UsageError
from node.judgement.effective import Current
from node.judgement.explain import explain
from node.judgement.queue import Wanted, waiting_files
from node.judgement.reaffirm import reaffirm
from node.lists.catalogue import create_list, list_origin
from node.lists.corrections.amend import Amendment, amend
from node.lists.corrections.dispute import dispute, resolve
from node.lists.corrections.withdraw import withdraw
from node.lists.imports.intake import Statement, import_rows
from node.lists.publish import publish
from node.signing.log_signer import FolderLogSigner
from protocol.digest import Digest
from protocol.judgement.blocks import Standing
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis, Reason
from support.stores import NOW_MS, make_store, row, sha256_digest, sqlite_dsn
from support.whole import current

NODES = {"de": "DE", "fr": "FR", "fr2": "FR", "nl": "NL", "us": "US"}
K, CAP = 2, 2
MEMBERS = Members(
    version=1,
    k=K,
    block_cap=CAP,
    members=tuple(
        Member(
            node=f"{node}.example",
            root_sha256=node.ljust(32).encode(),
            country=country,
            authority_for=frozenset(),
        )
        for node, country in NODES.items()
    ),
)
DIGESTS = [sha256_digest(f"made-up file {number}") for number in range(3)]
BASES = {"own": Basis.OWN, "reviewed": Basis.REVIEWED, "relies-on": Basis.RELIES_ON}

Act = tuple[str, str, int, str]
"""Verb, node, digest, and the basis or reason where the verb has one."""

ACTS: st.SearchStrategy[Act] = st.tuples(
    st.sampled_from(
        ["add", "add", "add", "withdraw", "error", "dispute", "dispute", "resolve", "amend", "reaffirm"]
    ),
    st.sampled_from(sorted(NODES)),
    st.integers(0, len(DIGESTS) - 1),
    st.sampled_from(["own", "own", "reviewed", "relies-on"]),
)


@dataclass
class ModelBlock:
    """One list's word against a digest: withdrawn for error, or disputed."""

    at: int
    digest: int
    error: bool
    open: bool = True


@dataclass
class ModelList:
    """What one list says."""

    listed: dict[int, str] = field(default_factory=dict)
    """Basis by digest."""
    withdrawn: set[int] = field(default_factory=set)
    blocks: list[ModelBlock] = field(default_factory=list)
    overrules: dict[int, set[tuple[str, int]]] = field(default_factory=dict)
    """By digest, the blocks (node, place) that the entry names."""

    def open_blocks(self, digest: int) -> list[ModelBlock]:
        """The blocks that nothing ended, oldest first."""
        return [block for block in self.blocks if block.digest == digest and block.open]


class Model:
    """The rules, as a person would say them."""

    def __init__(self) -> None:
        self.lists = {node: ModelList() for node in NODES}
        self.clock = 0

    def act(self, act: Act) -> bool:
        """Do it; False when it must be refused."""
        verb, node, digest, word = act
        self.clock += 1
        doing = {
            "add": self._add,
            "withdraw": self._withdraw,
            "error": self._error,
            "dispute": self._dispute,
            "resolve": self._resolve,
            "amend": self._amend,
            "reaffirm": self._reaffirm,
        }
        return doing[verb](node, digest, word)

    def _add(self, node: str, digest: int, word: str) -> bool:
        mine = self.lists[node]
        disputed = any(not block.error for block in mine.open_blocks(digest))
        if digest not in mine.listed and digest not in mine.withdrawn and not disputed:
            mine.listed[digest] = word
        return True

    def _withdraw(self, node: str, digest: int, _: str) -> bool:
        mine = self.lists[node]
        if digest not in mine.listed:
            return False
        del mine.listed[digest]
        mine.withdrawn.add(digest)
        mine.overrules.pop(digest, None)
        return True

    def _error(self, node: str, digest: int, word: str) -> bool:
        if not self._withdraw(node, digest, word):
            return False
        self.lists[node].blocks.append(ModelBlock(self.clock, digest, error=True))
        return True

    def _dispute(self, node: str, digest: int, _: str) -> bool:
        if self.lists[node].open_blocks(digest):
            return False
        self.lists[node].blocks.append(ModelBlock(self.clock, digest, error=False))
        return True

    def _resolve(self, node: str, digest: int, _: str) -> bool:
        open_ = [block for block in self.lists[node].open_blocks(digest) if not block.error]
        for block in open_:
            block.open = False
        return bool(open_)

    def _amend(self, node: str, digest: int, word: str) -> bool:
        mine = self.lists[node]
        if digest in mine.listed:
            mine.listed[digest] = word
        return digest in mine.listed

    def _reaffirm(self, node: str, digest: int, word: str) -> bool:
        mine = self.lists[node]
        others = {
            (other, block.at)
            for other, theirs in self.lists.items()
            if other != node
            for block in theirs.open_blocks(digest)
        }
        if not others or word == "relies-on":
            return False
        if digest not in mine.listed and (digest in mine.withdrawn or mine.open_blocks(digest)):
            return False
        if mine.listed.get(digest, "relies-on") == "relies-on":
            mine.listed[digest] = word
        mine.overrules.setdefault(digest, set()).update(others)
        return True

    def applying(self) -> set[tuple[str, int]]:
        """Node and digest of the blocks that apply: the first of each list that nobody overruled."""
        found = set()
        for node, mine in self.lists.items():
            places = {one.digest: one.at for one in reversed(mine.blocks) if one.open}
            standing = [
                digest
                for digest, at in sorted(places.items(), key=lambda item: item[1])
                if not self._is_overruled(node, digest)
            ]
            found |= {(node, digest) for digest in standing[:CAP]}
        return found

    def _is_overruled(self, node: str, digest: int) -> bool:
        mine = {(node, block.at) for block in self.lists[node].open_blocks(digest)}
        countries = {
            NODES[other]
            for other, theirs in self.lists.items()
            if self.counts(other, digest) and theirs.overrules.get(digest, set()) & mine
        }
        return len(countries - {NODES[node]}) >= K

    def counts(self, node: str, digest: int) -> bool:
        return self.lists[node].listed.get(digest, "relies-on") != "relies-on"

    def countries(self, digest: int) -> set[str]:
        return {NODES[node] for node in NODES if self.counts(node, digest)}

    def effective(self) -> set[int]:
        blocked = {digest for _, digest in self.applying()}
        return {digest for digest in range(len(DIGESTS)) if len(self.countries(digest)) >= K} - blocked


class World:
    """The product: one store with a list for each node."""

    def __init__(self, folder: Path) -> None:
        self.store = make_store(sqlite_dsn(folder), folder)
        key = LogPrivateKey.from_seed(b"k" * 32)
        self.signer = FolderLogSigner(folder / "signer", lambda _: [key])
        self.now_ms = NOW_MS
        for node in NODES:
            create_list(self.store, f"{node}.example", "main")

    def act(self, act: Act) -> bool:
        """Do it and publish; False when it was refused."""
        verb, node, number, word = act
        origin, digest = list_origin(f"{node}.example", "main"), DIGESTS[number]
        before = self.judge()
        try:
            self._do(verb, origin, digest, BASES[word], before)
        except (AlreadyExistsError, NotFoundError, UsageError):
            return False
        self.now_ms += 1000
        publish(self.store, origin, signer=self.signer, now_ms=self.now_ms)
        return True

    def _do(self, verb: str, origin: str, digest: Digest, basis: Basis, before: Current) -> None:
        statement = Statement(basis=basis, criteria=1)
        match verb:
            case "add":
                incoming = [row("", digests=[digest])]
                import_rows(self.store, origin, incoming, statement=statement, now_ms=self.now_ms)
            case "withdraw" | "error":
                reason = Reason.ERROR if verb == "error" else Reason.LEGAL
                withdraw(self.store, origin, digest, reason=reason)
            case "dispute":
                dispute(self.store, origin, [digest], collection=BASELINE)
            case "resolve":
                resolve(self.store, origin, [digest])
            case "amend":
                amend(self.store, origin, digest, Amendment(basis=basis).revise)
            case _:
                node = origin.partition("/")[0]
                against = [b for b in before.decision.blocks if b.digest == digest and b.node != node]
                refs = [ref for block in against for ref in block.refs]
                if not refs:
                    raise NotFoundError("nothing to overrule")
                reaffirm(
                    self.store,
                    origin,
                    {digest: refs},
                    statement=statement,
                    collection=BASELINE,
                    now_ms=self.now_ms,
                )

    def judge(self) -> Current:
        now = datetime.fromtimestamp(self.now_ms / 1000, UTC)
        return current(self.store, MEMBERS, now=now, max_age=timedelta(days=1))


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(acts=st.lists(ACTS, min_size=4, max_size=14))
def test_every_sequence_of_acts_comes_out_as_the_rules_say(acts: list[Act]) -> None:
    model = Model()
    with TemporaryDirectory() as name:
        world = World(Path(name))
        try:
            for act in acts:
                assert world.act(act) == model.act(act), act
            _compare(world, model)
        finally:
            world.store.dispose()


def _compare(world: World, model: Model) -> None:
    judged = world.judge()
    assert {DIGESTS.index(digest) for _, digest in judged.decision.effective} == model.effective()
    applying = {
        (block.node.partition(".")[0], DIGESTS.index(block.digest))
        for block in judged.decision.blocks
        if block.standing is Standing.APPLIES
    }
    assert applying == model.applying()
    blocked = {digest for _, digest in model.applying()}
    for node, country in NODES.items():
        queue = waiting_files(judged, MEMBERS, f"{node}.example", Wanted())
        waiting = {DIGESTS.index(entry.digest) for file in queue for entry in file.entries}
        assert waiting == {
            digest
            for digest in range(len(DIGESTS))
            if any(digest in theirs.listed for other, theirs in model.lists.items() if other != node)
            and len(model.countries(digest)) < K
            and digest not in blocked
            and country not in model.countries(digest)
        }
    for digest, found in explain(world.store, judged, DIGESTS).items():
        number = DIGESTS.index(digest)
        assert bool(found.effective_in) == (number in model.effective())
        listed = {(each.node.partition(".")[0], not each.why_not) for each in found.listed}
        assert listed == {
            (node, model.counts(node, number)) for node in NODES if number in model.lists[node].listed
        }
        for rule in found.rules:
            assert set(rule.countries) == model.countries(number)
            assert rule.effective == (not rule.reasons)


def test_the_model_refuses_what_the_product_refuses() -> None:
    """A model that accepted nothing would agree with a product that did nothing."""
    model = Model()
    assert not model.act(("resolve", "us", 0, "own"))
    assert model.act(("dispute", "us", 0, "own"))
    assert not model.act(("dispute", "us", 0, "own"))
    assert issubclass(AlreadyExistsError, NodeError)
