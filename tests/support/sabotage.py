"""Making the world wrong on purpose, one way for each claim, so that a test can see the claim fail.

A demonstration that cannot fail shows nothing. Each sabotage does something that a careless agency, a bug or an
attacker could do, at a named moment of the walk; none touches how a claim is judged.
"""

import base64
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from node.clock import system_entropy
from node.demo.alteration import flip, newest_bundle, served
from node.demo.chapters.attack import YESTERDAY, keep_yesterday
from node.demo.chapters.federate import sync
from node.demo.chapters.look import logo_hashes
from node.demo.chapters.prepare import own_import, publication
from node.demo.chapters.prove import altered_evidence, evidence
from node.demo.exports import Export
from node.demo.parties import AGENCIES, Party
from node.demo.synthetic import MadeUp, make
from node.demo.world import LIST, Act, World

_SECOND: Final = "second"

Deed = Callable[[World], None]


def sabotage(claim: str) -> Callable[[World, str], None]:
    """What spoils `claim`, to be called at every moment of a walk."""
    when, deed = DEEDS[claim]

    def at(world: World, moment: str) -> None:
        if moment == when:
            deed(world)

    return at


def _bend(command: str, *arguments: str) -> Deed:
    """A command is typed with other options."""

    def deed(world: World) -> None:
        world.extra[command] = arguments

    return deed


def _list_too(world: World, file: MadeUp, *parties: Party) -> None:
    """Agencies list one more file, as their own, in a second list; FR follows NL's."""
    for party in parties:
        name = f"{party.value}-{_SECOND}.csv"
        Export(agency=party.country, baseline=(file,)).write(world.place("exports", name))
    start = ["list", "create", _SECOND]
    world.perform(*(Act(who=party, what="starts a second list", arguments=start) for party in parties))
    world.perform(
        *(own_import(world, party, f"{party.value}-{_SECOND}.csv", to=_SECOND) for party in parties)
    )
    world.perform(*(publication(party, _SECOND) for party in parties))
    if Party.NL in parties:
        world.serve(Party.NL)
        world.perform(sync(Party.FR))


def _fr_takes_back(world: World) -> None:
    """FR withdraws the file that both list before it is ever released."""
    hashes = world.place("exports", "taken-back.csv")
    file = world.file(world.actors.both)
    withdrawal = ["entry", "withdraw", "--list", LIST, "--hash-from", str(hashes), "--yes"]
    world.perform(Act(who=Party.FR, what="hashes a file", arguments=["hash", str(file), "-o", str(hashes)]))
    world.perform(Act(who=Party.FR, what="withdraws it", arguments=withdrawal))
    world.perform(publication(Party.FR))


def _put_back(part: str, world: World) -> None:
    """Undo an alteration before anybody fetched it."""
    stored = served(world, part)
    assert stored is not None, "it has just been altered"
    flip(stored)


def _break_release(world: World) -> None:
    for path in world.seat(Party.HOSTER).home.rglob("answers.u64"):
        path.write_bytes(path.read_bytes()[:-8])


def _name_another(world: World) -> None:
    """The wrong file's hashes get into the withdrawal."""
    wrong = world.listed[2]
    text = f"md5,sha1\n{wrong.md5.hex()},{wrong.sha1.hex()}\n"
    world.place("exports", "to-withdraw.csv").write_text(text, encoding="ascii")


def _keep_a_hash(world: World) -> None:
    """Somebody at the hoster writes a listed hash into a file of the client."""
    digest = world.actors.both.sha1
    world.seat(Party.HOSTER).home.joinpath("notes.txt").write_bytes(b"seen: " + base64.b64encode(digest))


def _log_a_hash(world: World) -> None:
    """The node's journal holds what was asked."""
    world.seat(Party.FR).note(f"DEBUG sigfed.web asked-about {world.actors.unlisted.md5.hex()}")


def _hand_over_export(world: World) -> None:
    """FR's export, case intelligence included, is copied to NL."""
    export = world.place("exports", "fr.csv").read_bytes()
    world.seat(Party.NL).home.joinpath("from-fr.csv").write_bytes(export)


def _count_no_longer(world: World) -> None:
    """NL does not count FR as a member any more: neither witnesses for the other."""
    world.serve(*AGENCIES)
    arguments = ["member", "remove", Party.FR.node, "--yes"]
    world.perform(Act(who=Party.NL, what="removes FR from its members", arguments=arguments))


def _mean_another(command: str) -> Deed:
    """A command is given the hashes of another file."""

    def deed(world: World) -> None:
        other = world.listed[3]
        path = world.place("exports", "another.csv")
        path.write_text(f"md5,sha1\n{other.md5.hex()},{other.sha1.hex()}\n", encoding="ascii")
        world.extra[command] = ("--hash-from", str(path))

    return deed


def _keep_the_logo(world: World) -> None:
    """Somebody at NL notes a hash of what was shredded."""
    digest = world.actors.logo.sha256
    world.seat(Party.NL).home.joinpath("notes.txt").write_text(f"it was {digest.hex()}\n", encoding="ascii")


def _hand_in_another(world: World) -> None:
    """What is listed again is another file."""
    (other,) = make(system_entropy, 1)
    text = f"md5,sha1\n{other.md5.hex()},{other.sha1.hex()}\n"
    logo_hashes(world).write_text(text, encoding="ascii")


def _rewrite_audit(world: World) -> None:
    """Somebody at FR's disk alters the newest records of the audit log."""
    bundle = newest_bundle(world, f"{Party.FR.node}/audit/main")
    assert bundle is not None, "every node has one"
    flip(bundle)


def _keep_today(world: World) -> None:
    """What is put back is no older than what is there."""
    shutil.rmtree(world.place(YESTERDAY))
    world.rest(Party.FR)
    keep_yesterday(world)
    world.serve(Party.FR)


def _report_early(world: World) -> None:
    """The hoster tells the agency of the mistake before anybody has noticed it."""
    world.serve(Party.FR)
    arguments = ["hit", "report", "--all"]
    world.perform(Act(who=Party.HOSTER, what="reports all hits at once", arguments=arguments))


DEEDS: Final[Mapping[str, tuple[str, Deed]]] = {
    "grant-kept": ("follow", _bend("peer add", "--grant", "baseline,investigative")),
    "only-agreed-released": ("agree", lambda world: _list_too(world, world.actors.single, Party.FR)),
    "heads-cosigned": ("cosign", _count_no_longer),
    "quorum-hit": ("agree", _fr_takes_back),
    "label-countries": ("define", _bend("subset create", "--no-labels")),
    "single-agency-clean": ("agree", lambda world: _list_too(world, world.actors.single, Party.FR)),
    "relied-on-clean": ("agree", lambda world: _list_too(world, world.actors.relied, Party.NL)),
    "unlisted-clean": ("agree", lambda world: _list_too(world, world.actors.unlisted, *AGENCIES)),
    "one-value-a-file": ("define", _bend("subset create", "--screen-bits", "0")),
    "hit-evidence-verifies": ("prove", lambda world: flip(evidence(world))),
    "altered-evidence-refused": ("altered-evidence", lambda world: flip(altered_evidence(world))),
    "altered-manifest-refused": ("altered-manifest", partial(_put_back, "manifest")),
    "altered-screen-refused": ("altered-screen", partial(_put_back, "screen")),
    "altered-answers-refused": ("altered-answers", partial(_put_back, "answers")),
    "altered-labels-refused": ("altered-labels", partial(_put_back, "labels")),
    "old-release-stays": ("carry-on", _break_release),
    "put-back-signs-nothing": ("go-back", _keep_today),
    "withdrawn-clean": ("withdraw", _name_another),
    "withdrawn-not-reported": ("withdraw", _report_early),
    "delta-small": ("ask-again", _bend("update", "--whole")),
    "partner-holds-no-digest": ("search", _keep_a_hash),
    "node-learned-nothing": ("search", _log_a_hash),
    "case-data-stays": ("search", _hand_over_export),
    "lone-poison-clean": ("rely", _bend("endorse", "--basis", "reviewed")),
    "tripwire-stops-release": ("trip", _mean_another("guard tripwire")),
    "dispute-blocks": ("dispute", _mean_another("entry dispute")),
    "withdrawal-followed": ("recall", _mean_another("entry withdraw")),
    "shredded-gone": ("seek", _keep_the_logo),
    "shredded-stays-out": ("list-again", _hand_in_another),
    "audit-names-both": ("audit", _rewrite_audit),
}
"""For each claim, when and how to make it false."""
