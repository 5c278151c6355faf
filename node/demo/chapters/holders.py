"""The keys that people hold, and those that a root names: replaced by next roots that holders sign.

The timestamp and the targets keys are replaced where a holder brings his key files to the node, as a team of two does.
The root keys are replaced as larger teams do it: new holders make theirs on machines of their own, and a proposal goes
around.
"""

from pathlib import Path
from typing import Final

from keys.roles import Role
from node.demo.chapters.held_trust import Held, held_by, identity_of
from node.demo.chapters.key_views import look
from node.demo.chapters.prepare import write_secret
from node.demo.chapters.traffic import spread
from node.demo.parties import AGENCIES, Party
from node.demo.processes import Outcome
from node.demo.rotation import News, title_of
from node.demo.world import Act, World

HELD: Final = (Role.TIMESTAMP, Role.TARGETS)
HOLDERS: Final = ("1", "2")
_KDF: Final = ["--kdf", "online"]
"""A guess at a passphrase costs less than it would in earnest: nothing here needs to be kept from anybody."""


def rotate_held(role: Role, world: World) -> None:
    """A next root replaces all keys of a role, signed with the holders' key files that are at the node."""
    world.serve(*AGENCIES)
    before = held_by(world, Party.FR)
    act = Act(
        who=Party.FR,
        what=f"replaces its {role} key by a next root, with a holder's key files",
        arguments=["key", "rotate", role, "--yes"],
        note=lambda outcome: f"root {outcome.first['root']}",
    )
    world.perform(act)
    _follow(world, role, before)


def rotate_root(world: World) -> None:
    """Both holders of root keys are replaced: the old and the new sign a proposal."""
    world.serve(*AGENCIES)
    before = held_by(world, Party.FR)
    world.perform(*(_new_holder(world, name) for name in HOLDERS))
    proposal = world.place("holders", "next-root.proposal")
    world.moment("cards")
    holders = [word for name in HOLDERS for word in ("--holder", str(card_of(world, name)))]
    arguments = ["key", "propose", str(proposal), *holders, "--threshold", str(len(HOLDERS))]
    world.perform(
        Act(who=Party.FR, what="proposes a root that both must sign in future", arguments=arguments)
    )
    _sign_all(world, proposal)
    world.perform(
        Act(
            who=Party.FR,
            what="puts in force what the holders signed",
            arguments=["key", "publish", str(proposal), "--yes"],
            note=lambda outcome: f"root {outcome.first['root']}",
        )
    )
    _destroy_replaced(world)
    _follow(world, Role.ROOT, before)


def _folder(world: World, name: str) -> Path:
    """A holder's medium."""
    return world.place("holders", name)


def card_of(world: World, name: str) -> Path:
    """What a new holder hands in: the public half of his key."""
    return _folder(world, name) / f"holder-{name}.card"


def _secret(world: World, name: str) -> Path:
    return world.place("secrets", f"fr-{name}")


def _new_holder(world: World, name: str) -> Act:
    folder, secret = _folder(world, name), _secret(world, f"holder-{name}")
    folder.mkdir(mode=0o700, parents=True)
    write_secret(secret)
    arguments = [
        "key",
        "holder",
        "new",
        name,
        "--node",
        Party.FR.node,
        "--only",
        "root",
        "--keys",
        str(folder),
    ]
    return Act(
        who=Party.FR,
        what=f"has a new holder {name}, who makes his root key",
        arguments=[*arguments, "--passphrase-file", str(secret), *_KDF],
    )


def _sign_all(world: World, proposal: Path) -> None:
    """Whoever held the old keys signs, and each of the new holders, until nobody is asked any more."""
    offline = identity_of(world, Party.FR).home.offline_keys
    sittings = [(offline, "root", "the holder of the founding")]
    sittings += [(_folder(world, name), f"holder-{name}", f"holder {name}") for name in HOLDERS]
    for keys, secret, who in sittings:
        passphrase = ["--passphrase-file", str(_secret(world, secret))]
        arguments = ["key", "sign", str(proposal), "--keys", str(keys), *passphrase, "--yes"]
        (signed,) = world.perform(
            Act(who=Party.FR, what=f"lets {who} sign", arguments=arguments, note=_missing)
        )
        if not signed.first["missing"]:
            return


def _missing(outcome: Outcome) -> str:
    missing = outcome.first["missing"]
    return f"signatures missing: {missing}" if missing else "complete"


def _destroy_replaced(world: World) -> None:
    """Whoever held the old root keys destroys his key files, as he is told to."""
    began = world.clock.now()
    keychain = identity_of(world, Party.FR).root_keychain
    named = {key.to_text() for key in held_by(world, Party.FR).root.root_keys}
    old = [label for label in keychain.labels(Role.ROOT) if keychain.public(Role.ROOT, label) not in named]
    for label in old:
        keychain.destroy(Role.ROOT, label)
    world.own_act(
        Party.FR, "destroys the root key files that were replaced", began=began, note=f"{len(old)} files"
    )


def _follow(world: World, role: Role, before: Held) -> None:
    """The hoster and NL follow to the next root, and are asked what they hold."""
    spread(world)
    after = held_by(world, Party.FR)
    kids = _kids(after, role) - _kids(before, role)
    new = f"new {role} {'key' if len(kids) == 1 else 'keys'}"
    change = f"root {before.root.version} → {after.root.version}: {len(kids)} {new}"
    look(world, News(title=title_of(role), change=change, label=f"the {new}", kids=kids))


def _kids(held: Held, role: Role) -> frozenset[str]:
    """Of the role's keys in the root."""
    return frozenset(key.kid for key in held.root.keys if key.role is role)
