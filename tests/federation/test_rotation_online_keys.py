"""Online keys of a node and its partner follow each other while everybody works; copies of the old ones are useless.

FR rotates its auth, token, statement, witness, log, TLS, OPRF and storage keys, the hoster its own. NL follows FR's
list, cosigns its heads and believes its acknowledgements; the hoster asks with tokens that FR signs. It is played once;
each test looks at one thing that came of it.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from keys.trust.lifecycle import Stage
from node.home import Home
from node.hoster.folder import PartnerFolder
from node.hoster.lookup.held_releases import HeldReleases
from node.identity.identity import open_identity
from node.rotation.storage_keys import reseal_some
from node.rotation.store import write_store
from node.signing.epochs import epoch_secrets
from protocol.oprf.suite import epoch_key
from support.agencies import LIST, SUBSET
from support.load import Load
from support.memory import any_in_memory, descendants
from support.sodium import loaded_group
from support.thief import LABELS, Thief

pytestmark = pytest.mark.slow

ROLES = tuple(LABELS)
PARTNER = "partner"
OTHER_LOGS = {f"log-subsets-{SUBSET}-1": f"subsets/{SUBSET}", "log-audit-main-1": "audit/main"}
"""Keys of logs that a thief would have nobody to show to, and what they are of."""
WAITS_FOR_NOBODY = frozenset({"oprf", "tls"})
"""A partner takes an epoch with its release; the pin of the next certificate has been listed from the beginning."""
STORAGE = "storage-1"
OVERLAP_DAYS = 14
MINUTES = 2
"""The running node looks every minute whether it holds what was destroyed."""
HAS_MEMORY = Path("/proc/self/mem").exists()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of it."""

    load: Load
    before: dict[str, Exception | None]
    """How the thief's attempts were refused while the keys still signed."""
    after: dict[str, Exception | None]
    successors: dict[str, str]
    """By the name of the key that they replaced."""
    seed: bytes
    """Of the first epoch."""
    held: list[bool]
    """Whether the evaluator had the secret of the first epoch in memory: while it answered, and at the end."""
    epochs: list[int]
    """Of the releases that the hoster held."""
    files: list[bytes]
    """All files of the node's home, at the end."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("rotation")
    with Load(folder) as load:
        thief = Thief(load, folder / "stolen")
        load.flow(1)
        seed = first_seed(load)
        scalar = epoch_key(loaded_group(), seed).secret  # what the evaluator makes of it, and keeps
        held, epochs = [in_evaluator(load, scalar)], [epoch_of(load)]
        before = {role: thief.refusal(role) for role in (*ROLES, PARTNER)}
        successors = rotate_all(load)
        successors[STORAGE] = str(load.fr.done("key", "rotate", "storage")["key"])
        load.hoster.done("renew")
        for _ in range(3):
            load.days_pass(OVERLAP_DAYS / 3 + 0.1)
            reseal(load)
            load.job(load.fr)
            load.flow(1)
            epochs.append(epoch_of(load))
        load.wait_for_certificate()
        load.fr.done("contact", "the office")  # whatever is signed next takes off the pins of keys that ended
        load.flow(1)
        after = {role: thief.refusal(role) for role in (*ROLES, PARTNER)}
        flow_until_forgotten(load, scalar)
        held.append(in_evaluator(load, seed, scalar))
    return Told(
        load=load,
        before=before,
        after=after,
        successors=successors,
        seed=seed,
        held=held,
        epochs=epochs,
        files=[path.read_bytes() for path in load.fr.home.rglob("*") if path.is_file()],
    )


def first_seed(load: Load) -> bytes:
    secrets = epoch_secrets(open_identity(Home(load.fr.home), clock=load.time).keychain)
    return next(each.seed for each in secrets if each.epoch == 1)


def in_evaluator(load: Load, *secrets: bytes) -> bool:
    children = descendants(load.federation.fr_node.process.pid) if HAS_MEMORY else ()
    return any(any_in_memory(child, secrets) for child in children)


def flow_until_forgotten(load: Load, secret: bytes) -> None:
    """Let everybody work on until the node has forgotten a secret by itself, or should have."""
    end = time.monotonic() + MINUTES * 60
    while in_evaluator(load, secret) and time.monotonic() < end:
        load.flow(1)


def epoch_of(load: Load) -> int:
    held = HeldReleases(PartnerFolder(Home(load.hoster.home).partner)).in_force()[1]
    assert held is not None
    return held.release.manifest.epoch


def reseal(load: Load) -> None:
    """What a running node does some of every minute."""
    identity = open_identity(Home(load.fr.home), clock=load.time)
    with write_store(identity) as store:
        reseal_some(identity, store)


def rotate_all(load: Load) -> dict[str, str]:
    """Give every key a successor, and wait until all sign; their names, by those of the keys that they replace."""
    replaced = {f"{role}-{LABELS[role]}": (role, LIST) for role in ROLES}
    replaced |= {name: ("log", of) for name, of in OTHER_LOGS.items()}
    successors = {name: rotate(load, role, of) for name, (role, of) in replaced.items()}
    load.flow(1)
    load.job(load.fr)
    for name in successors.values():
        assert load.stage(load.fr, name) is Stage.ACTIVE, "NL has acknowledged it"
    load.flow(1)
    return successors


def rotate(load: Load, role: str, of: str) -> str:
    """Give a role's key a successor, which does not sign yet; its name."""
    options = {
        "log": ["--of", of],
        "oprf": ["--of", SUBSET],
        "tls": ["--at", f"{load.time.now():%Y-%m-%dT%H:%M}"],
    }
    name = str(load.fr.done("key", "rotate", role, *options.get(role, []))["key"])
    if role not in WAITS_FOR_NOBODY:
        assert load.stage(load.fr, name) is Stage.PUBLISHED, "no peer knows it yet"
    return name


def test_no_request_failed(told: Told) -> None:
    told.load.require_nothing_failed()


@pytest.mark.threat("a stolen online key")
@pytest.mark.parametrize("role", [*ROLES, PARTNER])
def test_a_copied_key_works_until_it_ends_and_not_after(told: Told, role: str) -> None:
    assert told.before[role] is None
    assert told.after[role] is not None


@pytest.mark.parametrize(
    "name", [*(f"{role}-{label}" for role, label in LABELS.items()), *OTHER_LOGS, STORAGE]
)
def test_its_private_half_is_gone(told: Told, name: str) -> None:
    assert told.load.stage(told.load.fr, name) is Stage.DESTROYED
    assert not (told.load.fr.home / "keys" / f"{name}.json").exists()
    assert told.load.stage(told.load.fr, told.successors[name]) is Stage.ACTIVE


def test_tokens_were_signed_by_both(told: Told) -> None:
    for who in ("hoster", "nl.example"):
        assert len(told.load.shown("token", who)) == 2


def test_the_hoster_changed_over_to_the_next_epoch_with_an_update(told: Told) -> None:
    assert told.epochs == [1, 2, 2, 2]


def test_the_old_seed_is_in_no_file_and_not_in_the_evaluators_memory(told: Told) -> None:
    assert not any(told.seed in data for data in told.files)
    if not HAS_MEMORY:
        pytest.skip("needs /proc, which Linux has")
    assert told.held == [True, False]
