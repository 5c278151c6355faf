"""Whose cosignatures a follower asks for."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from keys.key import LogPrivateKey, WitnessPrivateKey
from keys.trust.members import Member, Members
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import WitnessInfo
from keys.trust.vkey import DatedVkey
from keys.trust.window import Window
from protocol.errors import UntrustedError
from protocol.tlog.note import VerifierKey
from protocol.tlog.policy import Policy, require_quorum
from protocol.witness.policy import answers_needed, required, witness_policy
from support.trust import NOW, VALID, node_document

OPERATOR = "nl.example"
ORIGIN = f"{OPERATOR}/lists/main"
LOG_KEYS = (VerifierKey.of_log(ORIGIN, LogPrivateKey.from_seed(b"L" * 32).public),)


def register(*nodes: str) -> Members:
    members = (
        Member(node=node, root_sha256=bytes([number]) * 32, country="NL")
        for number, node in enumerate((OPERATOR, *nodes), 1)
    )
    return Members(version=1, k=2, block_cap=3, members=tuple(members))


def private(seed: str) -> WitnessPrivateKey:
    return WitnessPrivateKey.from_seed(seed.encode().ljust(32, b"."))


def key(node: str, seed: str = "") -> VerifierKey:
    return VerifierKey.of_witness(f"{node}/w1", private(seed or node).public)


def document(node: str, *seeds: str, valid: Window = VALID) -> NodeDocument:
    """The document of `node`, whose witness has the keys made of `seeds` (of its name when there are none)."""
    name = f"{node}/w1"
    vkeys = tuple(DatedVkey.of(private(seed).public, name=name, valid=VALID) for seed in (seeds or (node,)))
    witness = WitnessInfo(name, f"https://{node}/witness/", vkeys)
    return replace(node_document(node=node, logs=(), witness=witness), valid=valid)


def silent(node: str) -> NodeDocument:
    return replace(document(node), witness=None)


def documents(*nodes: str) -> dict[str, NodeDocument]:
    return {node: document(node) for node in nodes}


def policy(members: Members, held: Mapping[str, NodeDocument], quorum: int | None = None) -> Policy:
    return witness_policy(ORIGIN, members, held, log_keys=LOG_KEYS, now=NOW, quorum=quorum)


def missing(wanted: Policy, cosigners: Iterable[VerifierKey]) -> int:
    return wanted.missing(list(cosigners))


def names(count: int) -> list[str]:
    return [f"m{number}.example" for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("witnesses", "threshold"),
    [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (7, 5), (9, 6), (10, 7), (19, 13), (49, 33)],
)
def test_threshold_grows_with_the_members(witnesses: int, threshold: int) -> None:
    nodes = names(witnesses)
    wanted = policy(register(*nodes), documents(*nodes))
    assert required(witnesses) == threshold
    assert missing(wanted, ()) == threshold
    assert missing(wanted, (key(node) for node in nodes[:threshold])) == 0
    if threshold:
        assert missing(wanted, (key(node) for node in nodes[: threshold - 1])) == 1


@pytest.mark.threat("witnesses that collude")
@pytest.mark.parametrize("witnesses", range(1, 60))
def test_two_quorums_share_an_honest_witness(witnesses: int) -> None:
    faulty = (witnesses - 1) // 3
    assert 2 * required(witnesses) - witnesses > faulty
    assert required(witnesses) <= witnesses - faulty, "the honest alone suffice"


def test_policy_names_the_log_keys_it_was_given() -> None:
    assert policy(register("fr.example"), documents("fr.example")).logs == LOG_KEYS


def test_alone_in_the_register_nobody_is_asked() -> None:
    wanted = policy(register(), {})
    assert wanted.quorum == b"none"
    require_quorum(wanted, [])


@pytest.mark.threat("witnesses that collude")
def test_the_operator_is_no_witness_of_its_own_log() -> None:
    wanted = policy(register("fr.example"), documents(OPERATOR, "fr.example"))
    assert wanted.witness_keys == (key("fr.example"),)


def test_strangers_are_not_asked() -> None:
    wanted = policy(register("fr.example"), documents("fr.example", "stranger.example"))
    assert wanted.witness_keys == (key("fr.example"),)


@pytest.mark.parametrize(
    ("held", "threshold"),
    [
        ({"de.example": silent("de.example")}, 2),
        ({}, 3),
        ({"de.example": document("de.example")}, 3),
        ({"de.example": replace(silent("de.example"), valid=Window(VALID.start, NOW))}, 3),
    ],
    ids=[
        "known to be no witness",
        "not held",
        "witness",
        "has ended, so what it said of a witness counts no more",
    ],
)
def test_only_a_member_known_to_be_no_witness_is_left_out(
    held: dict[str, NodeDocument], threshold: int
) -> None:
    others = names(3)
    wanted = policy(register(*others, "de.example"), documents(*others) | held)
    assert missing(wanted, ()) == threshold


def test_too_few_known_witnesses_are_never_enough() -> None:
    wanted = policy(register("fr.example", "de.example"), documents("fr.example"))
    with pytest.raises(UntrustedError, match="1 more witnesses must cosign"):
        require_quorum(wanted, [key("fr.example")])


def test_no_known_witness_is_never_enough() -> None:
    with pytest.raises(UntrustedError):
        require_quorum(policy(register("fr.example"), {}), [])


def test_a_document_that_ended_names_no_key() -> None:
    held = {"fr.example": document("fr.example", valid=Window(VALID.start, NOW))}
    assert policy(register("fr.example"), held).witness_keys == ()


def test_a_key_that_is_not_valid_now_does_not_count() -> None:
    held = documents("fr.example")
    later = VALID.end + timedelta(seconds=1)
    renewed = {"fr.example": replace(held["fr.example"], valid=Window(NOW, datetime(2028, 1, 1, tzinfo=UTC)))}
    wanted = witness_policy(ORIGIN, register("fr.example"), renewed, log_keys=LOG_KEYS, now=later)
    assert wanted.witness_keys == ()
    assert missing(wanted, ()) == 1


def test_a_member_with_two_keys_speaks_once() -> None:
    held = {"fr.example": document("fr.example", "one", "two"), "de.example": document("de.example")}
    wanted = policy(register("fr.example", "de.example"), held)
    old, new = key("fr.example", "one"), key("fr.example", "two")
    assert missing(wanted, (old, new)) == 1
    assert missing(wanted, (old, key("de.example"))) == 0
    assert missing(wanted, (new, key("de.example"))) == 0


@pytest.mark.parametrize(
    ("held", "log_keys"),
    [
        ({"fr.example": document("fr.example", "same"), OPERATOR: document(OPERATOR, "same")}, ()),
        (
            {"fr.example": document("fr.example", "same")},
            (VerifierKey.of_log(ORIGIN, LogPrivateKey.from_seed(b"same".ljust(32, b".")).public),),
        ),
    ],
    ids=["of the operator", "of the log"],
)
def test_a_key_of_the_operator_is_no_witnesss(
    held: dict[str, NodeDocument], log_keys: tuple[VerifierKey, ...]
) -> None:
    wanted = witness_policy(ORIGIN, register("fr.example"), held, log_keys=log_keys, now=NOW)
    assert wanted.witness_keys == ()


@pytest.mark.threat("a witness that spoils")
def test_naming_the_keys_of_others_silences_nobody() -> None:
    nodes = names(4)
    *honest, liar = nodes
    held = {**documents(*honest), liar: document(liar, *honest)}
    wanted = policy(register(*nodes), held)
    assert missing(wanted, (key(node) for node in honest)) == 0


def test_a_cosignature_counts_for_the_name_it_was_made_under() -> None:
    held = {"fr.example": document("fr.example", "same"), "de.example": document("de.example", "same")}
    wanted = policy(register("fr.example", "de.example"), held)
    assert missing(wanted, [key("fr.example", "same")]) == 1


def test_keys_that_cannot_be_told_apart_count_for_nothing() -> None:
    one, two = (key("fr.example", seed) for seed in ("69553", "155087"))
    assert one.key_hash == two.key_hash, "found by trying: four bytes are few"
    held = {"fr.example": document("fr.example", "69553", "155087", "third")}
    assert policy(register("fr.example"), held).witness_keys == (key("fr.example", "third"),)


def test_nor_do_they_when_one_follows_the_other() -> None:
    """Else a line of the first would make everybody's notes unreadable when the second comes."""
    first, second = (private(seed).public for seed in ("69553", "155087"))
    vkeys = (
        DatedVkey.of(first, name="fr.example/w1", valid=Window(VALID.start, NOW)),
        DatedVkey.of(second, name="fr.example/w1", valid=Window(NOW, VALID.end)),
    )
    named = document("fr.example")
    assert named.witness is not None
    held = {"fr.example": replace(named, witness=replace(named.witness, vkeys=vkeys))}
    for moment in (NOW - timedelta(seconds=1), NOW):
        wanted = witness_policy(ORIGIN, register("fr.example"), held, log_keys=LOG_KEYS, now=moment)
        assert wanted.witness_keys == ()
        assert missing(wanted, ()) == 1


def test_a_key_that_is_named_twice_is_one() -> None:
    held = {"fr.example": document("fr.example", "one", "one")}
    assert policy(register("fr.example"), held).witness_keys == (key("fr.example", "one"),)


@pytest.mark.threat("a witness that spoils")
def test_no_member_fills_a_note_with_its_keys() -> None:
    held = {"fr.example": document("fr.example", *map(str, range(200)))}
    assert len(policy(register("fr.example"), held).witness_keys) == 2


@pytest.mark.parametrize(
    ("quorum", "cosigners", "wanted"), [(0, 0, 0), (1, 0, 1), (1, 1, 0), (3, 2, 1), (4, 3, 1)]
)
def test_an_operator_may_ask_for_another_number(quorum: int, cosigners: int, wanted: int) -> None:
    nodes = names(3)
    asked = policy(register(*nodes), documents(*nodes), quorum)
    assert missing(asked, (key(node) for node in nodes[:cosigners])) == wanted


def test_enough_answers_know_every_head_that_was_followed() -> None:
    """Of those that answer one cosigned it and does not lie, with one in three lying; fewer answers do not suffice."""
    assert answers_needed(0) == 0
    for count in range(1, 40):
        faulty, needed = (count - 1) // 3, answers_needed(count)
        assert needed <= count
        assert needed + required(count) - count > faulty
        assert 2 * (needed - 1) < count + faulty
