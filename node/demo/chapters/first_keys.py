"""The keys that counted before anything was replaced, and which of them still count somewhere."""

from collections.abc import Iterator

from keys.key import PRIVATE_KEY_TYPES
from keys.roles import Role
from keys.trust.lifecycle import Stage
from node.demo.chapters.held_trust import Held, hoster_folder, hosters_kid_at_fr, identity_of, signing
from node.demo.parties import Party
from node.demo.rotation import FirstKey
from node.demo.world import World
from node.identity.identity import Identity
from node.identity.key_holders import OFFLINE_ROLES

_HOSTERS = "the hoster's key"
_OVER = frozenset({Stage.RETIRED, Stage.DESTROYED})


def first_keys(world: World) -> tuple[FirstKey, ...]:
    """Every key with which FR signs, serves or seals now, those of its holders, and the hoster's own.

    Successors that are listed ahead of their time are none of them.
    """
    identity = identity_of(world, Party.FR)
    online = (
        FirstKey(whose=Party.FR, name=key.name, kid=key.managed.kid, role=key.role)
        for key in signing(identity)
    )
    hosters = FirstKey(whose=Party.HOSTER, name=_HOSTERS, kid=hosters_kid(world), role=Role.AUTH)
    return (*online, *_offline(identity), hosters)


def _offline(identity: Identity) -> Iterator[FirstKey]:
    keychain = identity.root_keychain
    for role in OFFLINE_ROLES:
        for label in keychain.labels(role):
            public = PRIVATE_KEY_TYPES[role].public_type.from_text(keychain.public(role, label))
            yield FirstKey(whose=Party.FR, name=f"{role}-{label}", kid=public.kid, role=role)


def hosters_kid(world: World) -> str:
    """Kid of the key that the hoster has now."""
    return hoster_folder(world).key().public.kid


def still_signing(world: World) -> tuple[FirstKey, ...]:
    """Those that FR has not retired, and the hoster's if FR still answers to it."""
    identity = identity_of(world, Party.FR)
    over = {key.managed.kid for key in identity.ring.read() if key.stage in _OVER}
    root = identity.trust.root()
    held_by_people = {key.kid for key in (*root.root_keys, *root.targets_keys)}
    answered = hosters_kid_at_fr(world)

    def signs(key: FirstKey) -> bool:
        if key.whose is Party.HOSTER:
            return key.kid == answered
        if key.role in OFFLINE_ROLES:
            return key.kid in held_by_people
        return key.kid not in over

    return tuple(key for key in world.rotation.first_keys if signs(key))


def still_counting(world: World, held: Held) -> tuple[FirstKey, ...]:
    """Those that count for whoever holds these of FR's trust files."""
    assert world.calendar is not None, "the copy was made"
    counting = held.counting(identity_of(world, Party.FR).clock.now())
    return tuple(key for key in world.rotation.first_keys if key.kid in counting)
