"""Online keys of a node and its partner follow each other while everybody works; copies of the old ones are useless.

FR rotates its auth, token, statement, witness, log, TLS and OPRF keys, the hoster its own. NL follows FR's list,
cosigns its heads and believes its acknowledgements; the hoster asks with tokens that FR signs. It is played once;
each test looks at one thing that came of it.
"""

from dataclasses import dataclass

import pytest

from keys.trust.lifecycle import Stage
from support.agencies import LIST, SUBSET
from support.load import Load
from support.thief import LABELS, Thief

pytestmark = pytest.mark.slow

ROLES = tuple(LABELS)
PARTNER = "partner"
OTHER_LOGS = {f"log-subsets-{SUBSET}-1": f"subsets/{SUBSET}", "log-audit-main-1": "audit/main"}
"""Keys of logs that a thief would have nobody to show to, and what they are of."""
WAITS_FOR_NOBODY = frozenset({"oprf", "tls"})
"""A partner takes an epoch with its release; the pin of the next certificate has been listed from the beginning."""
OVERLAP_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of it."""

    load: Load
    before: dict[str, Exception | None]
    """How the thief's attempts were refused while the keys still signed."""
    after: dict[str, Exception | None]
    successors: dict[str, str]
    """By the name of the key that they replaced."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("rotation")
    with Load(folder) as load:
        thief = Thief(load, folder / "stolen")
        load.flow(1)
        before = {role: thief.refusal(role) for role in (*ROLES, PARTNER)}
        successors = {f"{role}-{LABELS[role]}": rotate(load, role) for role in ROLES}
        successors |= {name: rotate(load, "log", of) for name, of in OTHER_LOGS.items()}
        load.hoster.done("renew")
        for _ in range(3):
            load.days_pass(OVERLAP_DAYS / 3 + 0.1)
            load.job(load.fr)
            load.flow(1)
        load.wait_for_certificate()
        load.fr.done("contact", "the office")  # whatever is signed next takes off the pins of keys that ended
        load.flow(1)
        after = {role: thief.refusal(role) for role in (*ROLES, PARTNER)}
    return Told(load=load, before=before, after=after, successors=successors)


def rotate(load: Load, role: str, of: str = LIST) -> str:
    """Give a role's key a successor, and wait until it signs; its name."""
    options = {
        "log": ["--of", of],
        "oprf": ["--of", SUBSET],
        "tls": ["--at", f"{load.time.now():%Y-%m-%dT%H:%M}"],
    }
    name = str(load.fr.done("key", "rotate", role, *options.get(role, []))["key"])
    if role not in WAITS_FOR_NOBODY:
        assert load.stage(load.fr, name) is Stage.PUBLISHED, "no peer knows it yet"
    load.flow(1)
    load.job(load.fr)
    assert load.stage(load.fr, name) is Stage.ACTIVE, "NL has acknowledged it"
    load.flow(1)
    return name


def test_no_request_failed(told: Told) -> None:
    told.load.require_nothing_failed()


@pytest.mark.threat("a stolen online key")
@pytest.mark.parametrize("role", [*ROLES, PARTNER])
def test_a_copied_key_works_until_it_ends_and_not_after(told: Told, role: str) -> None:
    assert told.before[role] is None
    assert told.after[role] is not None


@pytest.mark.parametrize("name", [*(f"{role}-{label}" for role, label in LABELS.items()), *OTHER_LOGS])
def test_its_private_half_is_gone(told: Told, name: str) -> None:
    assert told.load.stage(told.load.fr, name) is Stage.DESTROYED
    assert not (told.load.fr.home / "keys" / f"{name}.json").exists()
    assert told.load.stage(told.load.fr, told.successors[name]) is Stage.ACTIVE


def test_tokens_were_signed_by_both(told: Told) -> None:
    for who in ("hoster", "nl.example"):
        assert len(told.load.shown("token", who)) == 2
