"""The key of a list is stolen while everybody works: it is taken back, and the list goes on under another.

The thief lists something in FR's own home, and runs a copy of it elsewhere. FR's holders say up to which size the list
was surely theirs, another key signs its head, and they say where it goes on: in one sitting, because two agencies need
no witnesses. It is played once; each test looks at one thing that came of it.
"""

from dataclasses import dataclass

import pytest

from keys.trust.lifecycle import Stage
from node.home import Home
from node.identity.identity import open_identity
from node.rotation.doubt import head_at
from node.rotation.store import write_store
from node.store.lists.records import Head
from protocol.errors import UntrustedError
from support.agencies import LIST, import_files
from support.load import Load
from support.processes import Cli
from support.thief import LABELS, Thief
from support.twin import Twin

pytestmark = pytest.mark.slow

ORIGIN = f"fr.example/lists/{LIST}"
STOLEN = f"log-{LABELS['log']}"
PLANTED, LATER = b"planted by the thief", b"listed by FR afterwards"
"""NL lists both: a hit needs FR, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of it."""

    load: Load
    good: Head
    """Of the list, when everything in it was FR's."""
    forged: dict[str, Exception | None]
    """How a head that the thief made up is refused: before, after."""
    shown: dict[str, Exception | None]
    """How NL refuses the thief's own list: before, after."""
    hits: dict[str, tuple[bool, bool]]
    """Whether the planted file, and the one of afterwards, are hits: before, after."""
    successor: str


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("stolen")
    with Load(folder) as load:
        import_files(load.nl, [PLANTED, LATER])
        load.flow(1)
        with load.time.stopped():
            good = head(load.fr)
            thief, twin = Thief(load, folder / "keys"), Twin(load, folder / "twin")
            twin.lists(b"whatever the thief likes")
            with twin.running():
                shown = {"before": twin.shown_to_peer(folder / "nl-before").failure}
            import_files(load.fr, [PLANTED])
        forged = {"before": thief.refusal("log")}
        load.days_pass(0.1)
        load.flow(1)
        hits = {"before": (load.is_hit(PLANTED), load.is_hit(LATER))}
        with load.at_the_desk():
            successor = take_back(load, good)
        load.flow(1)
        with load.time.stopped():
            import_files(load.fr, [LATER])
        load.days_pass(0.1)
        load.flow(1)
        hits["after"] = (load.is_hit(PLANTED), load.is_hit(LATER))
        forged["after"] = thief.refusal("log")
        with load.time.stopped(), twin.running():
            shown["after"] = twin.shown_to_peer(folder / "nl-after").failure
    return Told(load=load, good=good, forged=forged, shown=shown, hits=hits, successor=successor)


def take_back(load: Load, good: Head) -> str:
    """The name of the key that signs from now on."""
    options = ["--reason", "compromise", "--last-good", str(good.size), "--yes"]
    return str(load.fr.done("key", "revoke", STOLEN, *options)["successor"])


def head(cli: Cli) -> Head:
    """The newest head of FR's list that an agency has."""
    with write_store(open_identity(Home(cli.home))) as store, store.read() as unit:
        return unit.logs.get(ORIGIN).head


def test_no_request_failed(told: Told) -> None:
    told.load.require_nothing_failed()


def test_another_key_signs(told: Told) -> None:
    load = told.load
    assert load.stage(load.fr, STOLEN) is Stage.REVOKED
    assert (told.successor, load.stage(load.fr, told.successor)) == (f"log-lists-{LIST}-2", Stage.ACTIVE)


def test_the_holders_said_what_is_doubted_and_where_it_goes_on(told: Told) -> None:
    [taken_back] = open_identity(Home(told.load.fr.home)).trust.revocations().entries
    good, resumes = taken_back.last_good, taken_back.resumes
    assert good is not None
    assert resumes is not None
    assert (good.size, good.root) == (told.good.size, told.good.root)
    assert good.size < resumes < head(told.load.fr).size


def test_what_the_thief_signs_is_refused(told: Told) -> None:
    assert (told.forged["before"], told.shown["before"]) == (None, None)
    assert isinstance(told.forged["after"], UntrustedError)
    assert isinstance(told.shown["after"], UntrustedError)


def test_what_the_thief_added_ends_and_the_list_goes_on(told: Told) -> None:
    assert told.hits == {"before": (True, False), "after": (False, True)}


def test_it_is_the_same_tree_of_the_same_origin(told: Told) -> None:
    """NL has every event: the good ones, the doubted ones and those of afterwards."""
    load = told.load
    assert head(load.nl) == head(load.fr)
    with write_store(open_identity(Home(load.nl.home))) as store:
        with store.read() as unit:
            log = unit.logs.get(ORIGIN)
        assert head_at(store, log, told.good.size).root == told.good.root
