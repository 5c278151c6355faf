"""What the parties hold of FR's trust files, and FR of theirs: read from their folders, as the product stored it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from keys.key import AuthPublicKey
from keys.trust.held import open_held
from keys.trust.lifecycle import signers
from keys.trust.listed import listed_keys
from keys.trust.node_document import NodeDocument
from keys.trust.tuf.root import TrustedRoot
from node.demo.later import MovedClock
from node.demo.parties import Party
from node.demo.world import World
from node.home import Home
from node.hoster.folder import PartnerFolder
from node.hoster.trust.node import known
from node.identity.identity import Identity, open_identity
from node.ports.keyring import RingKey
from node.rotation.store import write_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """FR's newest trust files, as somebody has them."""

    document: NodeDocument
    root: TrustedRoot

    @property
    def words(self) -> str:
        """Which they are."""
        return f"root {self.root.version}, document {self.document.serial}"

    @property
    def names(self) -> frozenset[str]:
        """Kids of all keys in them, online and offline."""
        offline = (*self.root.root_keys, *self.root.targets_keys)
        return frozenset(
            {key.kid for key in listed_keys(self.document, self.root)} | {key.kid for key in offline}
        )

    def counting(self, now: datetime) -> frozenset[str]:
        """Kids of those that count at a moment, as far as the files say when."""
        listed = listed_keys(self.document, self.root)
        ended = {key.kid for key in listed if key.valid is not None and not key.valid.covers(now)}
        return self.names - ended


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
            with write_store(identity_of(world, Party.NL)) as store, store.read() as unit:
                opened = open_held(unit.peers.get(Party.FR.node).trust)
            return Held(document=opened.document, root=opened.root)
        case Party.HOSTER:
            found = known(hoster_folder(world).load()[0])
            return Held(document=found.document, root=found.root)


def hoster_folder(world: World) -> PartnerFolder:
    """What the hoster keeps."""
    return PartnerFolder(Home(world.seat(Party.HOSTER).home).partner)


def is_acknowledged(world: World, held: Held) -> bool:
    """Whether NL has told FR that it holds these files, or newer ones."""
    with write_store(identity_of(world, Party.FR)) as store, store.read() as unit:
        said = unit.trust_acknowledgements.find(Party.NL.node)
    return said is not None and said.serial >= held.document.serial and said.root_version >= held.root.version


def hosters_kid_at_fr(world: World) -> str:
    """Kid of the key under which FR knows the hoster."""
    with write_store(identity_of(world, Party.FR)) as store, store.read() as unit:
        return AuthPublicKey(unit.partners.get(Party.HOSTER.node).auth_key).kid


def signing(identity: Identity) -> tuple[RingKey, ...]:
    """A node's online keys that sign now, or open what is stored; those of a lineage that sign together, too."""
    own = {key.managed: key for key in identity.ring.read()}
    return tuple(own[managed] for managed in signers(own, identity.clock.now()))


def kids_of(world: World, names: Collection[str]) -> frozenset[str]:
    """Kids of FR's online keys, by the names that `key rotate` gave them."""
    keys = identity_of(world, Party.FR).ring.read()
    return frozenset(key.managed.kid for key in keys if key.name in names)
