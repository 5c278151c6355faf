"""What the parties hold of FR's trust files: read from their folders, as the product stored it."""

from dataclasses import dataclass

from keys.roles import Role
from keys.trust.held import open_held
from keys.trust.listed import listed_keys
from keys.trust.node_document import NodeDocument
from keys.trust.root import TrustedRoot
from node.demo.later import MovedClock
from node.demo.parties import Party
from node.demo.world import World
from node.partner.knowing import known
from node.partner.state import PartnerFolder
from node.ports.keyring import signing as signing_keys
from node.runtime.home import Home
from node.runtime.opening import Identity, open_identity
from node.runtime.shelving import open_shelf
from node.signing.ring import find_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """FR's newest trust files, as somebody has them."""

    document: NodeDocument
    root: TrustedRoot

    @property
    def words(self) -> str:
        """Which they are."""
        return f"document {self.document.serial}, root {self.root.version}"


def identity_of(world: World, party: Party) -> Identity:
    """An agency's node, opened beside its commands."""
    assert world.calendar is not None, "weeks may pass"
    return open_identity(Home(world.seat(party).home), clock=MovedClock(world.calendar))


def held_by(world: World, party: Party) -> Held:
    """What a party holds of FR."""
    match party:
        case Party.FR:
            trust = identity_of(world, Party.FR).trust
            return Held(document=trust.document(), root=trust.root())
        case Party.NL:
            with open_shelf(identity_of(world, Party.NL)) as shelf, shelf.storage.read() as unit:
                opened = open_held(unit.peers.get(Party.FR.node).trust)
            return Held(document=opened.document, root=opened.root)
        case Party.HOSTER:
            folder = PartnerFolder(Home(world.seat(Party.HOSTER).home).partner)
            found = known(folder.load()[0])
            return Held(document=found.document, root=found.root)


def names(held: Held, kid: str) -> bool:
    """Whether somebody who holds this of FR knows a key."""
    return kid in {key.kid for key in listed_keys(held.document, held.root)}


def signing(world: World, role: Role, of: str = "") -> tuple[str, str]:
    """Name and kid of the youngest of FR's keys of a role that sign now."""
    identity = identity_of(world, Party.FR)
    key = signing_keys(identity.ring.read(), role, of, identity.clock.now())[-1]
    return key.name, key.managed.kid


def kid_of(world: World, name: str) -> str:
    """The kid of one of FR's keys, by the name that `key rotate` gave it."""
    return find_key(identity_of(world, Party.FR).ring.read(), name).managed.kid
