"""Asking everybody what they hold of the keys, after each step in which some were replaced."""

from collections.abc import Mapping

from node.demo.chapters.first_keys import still_counting, still_signing
from node.demo.chapters.held_trust import (
    Held,
    held_by,
    hoster_folder,
    hosters_kid_at_fr,
    identity_of,
    is_acknowledged,
    signing,
)
from node.demo.parties import Party
from node.demo.record import KeySight, KeyView, Knowing
from node.demo.rotation import FirstKey, News
from node.demo.world import World


def look(world: World, news: News) -> None:
    """What everybody holds after FR replaced keys that its trust files name."""
    held = _held(world)
    seen = {Party.FR: KeySight(knowing=_use(world, news, held[Party.FR]), keys=news.label)}
    for party in (Party.NL, Party.HOSTER):
        seen[party] = KeySight(knowing=_knowing(world, party, news, held), keys=news.label)
    _note_unfollowed(world, news, seen)
    _show(world, news, seen, held)


def look_at_store(world: World, news: News) -> None:
    """What everybody holds after FR replaced the key of what it stores, which nobody else knows."""
    in_use = news.kids <= {key.managed.kid for key in signing(identity_of(world, Party.FR))}
    knowing = Knowing.OPENS if in_use else Knowing.WAITS
    seen = {party: KeySight(knowing=Knowing.NEED_NOT) for party in Party}
    seen[Party.FR] = KeySight(knowing=knowing, keys=news.label)
    _show(world, news, seen, _held(world))


def look_at_hoster(world: World, news: News) -> None:
    """What everybody holds after the hoster replaced its own key."""
    is_known = news.kids == {hosters_kid_at_fr(world)} == {hoster_folder(world).key().public.kid}
    seen = {
        Party.FR: KeySight(knowing=Knowing.KNOWN if is_known else Knowing.UNKNOWN, keys=news.label),
        Party.NL: KeySight(knowing=Knowing.NEED_NOT),
        Party.HOSTER: KeySight(knowing=Knowing.SIGNS, keys="its new key"),
    }
    _note_unfollowed(world, news, seen)
    _show(world, news, seen, _held(world))


def look_back(world: World, after: str) -> None:
    """Which of the first keys everybody still counts."""
    held = _held(world)
    left = {party: still_counting(world, held[party]) for party in Party} | {Party.FR: still_signing(world)}
    seen = {party: _sight_of(keys) for party, keys in left.items()}
    _show(world, News(title=after, change="", label="", kids=frozenset()), seen, held)


def _sight_of(left: tuple[FirstKey, ...]) -> KeySight:
    if not left:
        return KeySight(knowing=Knowing.NONE_COUNT)
    keys = "1 key" if len(left) == 1 else f"{len(left)} keys"
    return KeySight(knowing=Knowing.SOME_COUNT, keys=f"{keys} of the beginning")


def _held(world: World) -> Mapping[Party, Held]:
    return {party: held_by(world, party) for party in Party}


def _use(world: World, news: News, held: Held) -> Knowing:
    online = {key.managed.kid for key in signing(identity_of(world, Party.FR))}
    named_by_root = {key.kid for key in held.root.keys}  # these sign at once
    return Knowing.SIGNS if news.kids and news.kids <= online | named_by_root else Knowing.WAITS


def _knowing(world: World, party: Party, news: News, held: Mapping[Party, Held]) -> Knowing:
    if not news.kids or not news.kids <= held[party].names:
        return Knowing.UNKNOWN
    is_said = party is Party.NL and is_acknowledged(world, held[Party.FR])
    return Knowing.ACKNOWLEDGED if is_said else Knowing.KNOWN


def _note_unfollowed(world: World, news: News, seen: Mapping[Party, KeySight]) -> None:
    """Peers must also say that they know a key, or it would not begin before the last day of the one before."""
    for party, sight in seen.items():
        if sight.knowing is Knowing.UNKNOWN:
            world.rotation.unfollowed.append(f"{party.title} does not know {news.label}")
        elif party is Party.NL and sight.knowing is Knowing.KNOWN:
            world.rotation.unfollowed.append(f"{party.title} has not said that it knows {news.label}")


def _show(world: World, news: News, seen: Mapping[Party, KeySight], held: Mapping[Party, Held]) -> None:
    with_files = {
        party: KeySight(knowing=sight.knowing, keys=sight.keys, files=held[party].words)
        for party, sight in seen.items()
    }
    view = KeyView(after=news.title, change=news.change, seen=with_files)
    world.record.key_views.append(view)
    words = (f"{party.title} {sight.words} ({sight.files})" for party, sight in with_files.items())
    world.listener.talk("           " + "  |  ".join(words))
