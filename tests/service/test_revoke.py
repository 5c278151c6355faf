"""Taking back a key of one's own node: what signs afterwards, what is listed, and what a cut-off run leaves."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from keys.key import AuthPrivateKey, LogPrivateKey, LogPublicKey, TokenPrivateKey, WitnessPrivateKey
from keys.roles import Role
from keys.trust.lifecycle import Stage
from keys.trust.proposals.sign import open_proposal, sign
from keys.trust.revocations import Reason
from keys.trust.tuf.target_files import REVOKED_FILE
from node.audit.log import start_audit
from node.audit.reader import read_audit
from node.clock import milliseconds
from node.errors import ConflictError, MissingKeyError, NotFoundError, UsageError, VerificationError
from node.formats.rows import ImportRow
from node.identity import logs, rollback
from node.identity.identity import Identity, open_freshness
from node.identity.key_holders import ProposalFile, read_proposal
from node.identity.keyring import accepted_token_keys, with_keys
from node.identity.outside_note import OutsideNote
from node.lists.continuation import has_fork
from node.lists.imports.intake import Statement, import_rows
from node.rotation.doubt import head_at, vouched
from node.rotation.revoke import Revoked, check, confirm_by_witnesses, resume, revoke
from node.store.peers.records import CosignerRecord, HeardHead
from node.store.store import Store
from node.trust import install
from node.trust.others.revocations import revocations_of
from node.trust.own import OwnTrust
from protocol.digest import Algorithm
from protocol.gossip import GossipHead
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis
from protocol.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from protocol.tlog.note import VerifierKey
from support.cheap_node import NODE, CheapNode, empty_store
from support.lists import digest

ORIGIN = f"{NODE}/lists/main"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with empty_store(tmp_path) as made:
        start_audit(made, NODE)
        yield made


def take_back(
    identity: Identity,
    store: Store,
    name: str,
    *,
    reason: Reason = Reason.COMPROMISE,
    size: int | None = None,
) -> Revoked:
    with store.read() as unit:
        good = None if size is None else head_at(store, unit.logs.get(ORIGIN), size)
    key = check(identity, name)
    return revoke(identity, store, key, reason=reason, last_good=good, signers=identity.targets_signers())


def publish(identity: Identity, store: Store, *names: str) -> None:
    rows = [
        ImportRow(at, (digest(name, Algorithm.SHA256),), BASELINE, {}, "") for at, name in enumerate(names, 2)
    ]
    statement = Statement(basis=Basis.OWN, criteria=1)
    now_ms = milliseconds(identity.clock.now())
    import_rows(store, ORIGIN, rows, statement=statement, now_ms=now_ms)
    logs.publish_one(identity, store, ORIGIN)


def stages(identity: Identity, role: Role) -> dict[str, Stage]:
    return {key.name: key.stage for key in identity.adopt_keys() if key.role is role}


def test_a_stolen_auth_key_goes_with_the_successors_that_lay_beside_it(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    before = {key.key.kid for key in identity.trust.document().auth_keys}
    stolen = identity.signer(AuthPrivateKey).public
    done = take_back(identity, store, "auth-1")
    assert done.taken_back == ("auth-1", "auth-2", "auth-3")
    assert done.successor is not None
    assert (done.successor.name, done.successor.stage) == ("auth-4", Stage.ACTIVE)
    fresh = node.identity()
    assert fresh.signer(AuthPrivateKey).public.kid not in before
    assert not before & {key.key.kid for key in fresh.trust.document().auth_keys}
    found = fresh.trust.revocations().find(Role.AUTH, stolen.kid)
    assert found is not None
    assert found.reason is Reason.COMPROMISE
    told = [audited.record.action for audited in read_audit(store)]
    assert told.count("key.revoked") == 3


def test_a_stolen_token_key_is_accepted_no_more(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    stolen = identity.signer(TokenPrivateKey).public
    take_back(identity, store, "token-1")
    accepted = accepted_token_keys(identity.ring.read(), identity.clock.now())
    assert [key.kid for key in accepted] == [identity.signer(TokenPrivateKey).public.kid]
    assert stolen not in accepted


def test_a_lost_key_stays_listed_and_its_successor_begins_at_once(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    lost = identity.signer(AuthPrivateKey).public
    done = take_back(identity, store, "auth-1", reason=Reason.LOST)
    assert done.taken_back == ("auth-1",)
    assert stages(identity, Role.AUTH)["auth-1"] is Stage.LOST
    assert lost in {key.key for key in identity.trust.document().auth_keys}
    assert identity.signer(AuthPrivateKey).public != lost


def test_a_stolen_witness_key_ends_the_name_of_the_witness(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    old = identity.signer(WitnessPrivateKey, f"{NODE}/w1").public
    take_back(identity, store, "witness-1")
    witness = identity.trust.document().witness
    assert witness is not None
    assert witness.name == f"{NODE}/w2"
    assert old not in {vkey.key for vkey in witness.vkeys}
    assert identity.signer(WitnessPrivateKey, f"{NODE}/w2").public != old
    with pytest.raises(MissingKeyError):
        identity.signer(WitnessPrivateKey, f"{NODE}/w1")


async def test_a_stolen_log_key_leaves_the_log_and_signs_its_head_no_more(
    node: CheapNode, store: Store
) -> None:
    identity = node.identity()
    await asyncio.to_thread(logs.create_list, identity, store, "main")
    publish(identity, store, "own")
    node.clock.advance(timedelta(days=1, hours=1))
    publish(identity, store, "planted")
    done = take_back(identity, store, "log-lists-main-1", size=1)
    assert (done.origin, done.last_good) == (ORIGIN, 1)
    with store.read() as unit:
        log = unit.logs.get(ORIGIN)
    key = identity.signer(LogPrivateKey, ORIGIN).public
    assert isinstance(key, LogPublicKey)
    assert log.note is not None
    signed = open_checkpoint(log.note, origin=ORIGIN, log_keys=[VerifierKey.of_log(ORIGIN, key)])
    assert signed.checkpoint.size == 2
    (open_end,) = identity.trust.revocations().doubted(ORIGIN)
    assert (open_end.start, 10**9 in open_end) == (1, True)
    standing = await confirm_by_witnesses(identity, store, ORIGIN)
    assert resume(identity, store, ORIGIN, standing, signers=identity.targets_signers()) == 2
    assert identity.trust.revocations().doubted(ORIGIN) == (range(1, 2),)
    node.clock.advance(timedelta(days=1, hours=1))
    publish(identity, store, "after")


async def test_a_log_that_was_seen_longer_elsewhere_does_not_go_on(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    await asyncio.to_thread(logs.create_list, identity, store, "main")
    publish(identity, store, "own")
    take_back(identity, store, "log-lists-main-1", size=1)
    standing = await confirm_by_witnesses(identity, store, ORIGIN)
    with pytest.raises(ConflictError, match="3 more witnesses"):
        resume(identity, store, ORIGIN, replace(standing, missing=3), signers=[])
    with store.write() as unit:
        unit.evidence.hear(
            HeardHead(origin=ORIGIN, source="nl.example", size=9, root=bytes(32), note=b"a note", heard_ms=1)
        )
    with pytest.raises(ConflictError, match=r"nl\.example saw another or a longer history"):
        resume(identity, store, ORIGIN, standing, signers=[])
    with pytest.raises(NotFoundError):
        await confirm_by_witnesses(identity, store, f"{NODE}/lists/other")


def test_a_run_that_was_cut_off_is_finished_by_the_next(
    node: CheapNode, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = node.identity()

    def cut_off(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(install, "finish", cut_off)
        with pytest.raises(KeyboardInterrupt):
            take_back(identity, store, "auth-1")
    assert not identity.trust_files.exists(REVOKED_FILE)
    with pytest.raises(MissingKeyError):
        node.identity().signer(AuthPrivateKey)
    again = node.identity()
    take_back(again, store, "auth-1")
    assert not again.trust.tuf_status().unlisted
    assert stages(again, Role.AUTH)["auth-1"] is Stage.REVOKED
    assert again.signer(AuthPrivateKey).public.kid not in {
        entry.key for entry in again.trust.revocations().entries
    }
    take_back(again, store, "auth-1")
    assert len(again.trust.revocations().entries) == 3


def proposing(node: CheapNode, file: Path) -> Identity:
    """The node where holders sign elsewhere: what is revised goes into `file`."""
    identity = node.identity()
    trust = OwnTrust(
        identity.trust_files,
        node.clock,
        root_sha256=node.root_sha256,
        freshness=lambda root: open_freshness(identity.keychain, root),
        succeed=lambda document, root: with_keys(
            document, root, identity.keychain, identity.ring, identity.trust_files
        ),
        proposal=ProposalFile(file),
    )
    return replace(identity, trust=trust, proposing=True)


def test_where_holders_sign_elsewhere_the_key_stops_first(
    node: CheapNode, store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "proposal"
    stolen = node.identity().signer(AuthPrivateKey).public
    done = take_back(proposing(node, file), store, "auth-1")
    assert (done.proposed, done.successor) == (True, None)
    with pytest.raises(MissingKeyError):
        node.identity().signer(AuthPrivateKey)
    fresh = node.identity()
    assert fresh.trust.revocations().entries == ()
    opened = sign(open_proposal(read_proposal(file)), fresh.targets_signers())
    while not all(act.is_complete for act in opened.acts()):
        opened = sign(opened, fresh.targets_signers())
    fresh.trust.publish(opened)
    again = take_back(fresh, store, "auth-1")
    assert again.successor is not None
    assert fresh.signer(AuthPrivateKey).public != stolen
    assert len(fresh.trust.revocations().entries) == 3
    with store.read() as unit:
        assert revocations_of(unit, NODE) == fresh.trust.revocations()


VOUCHED: Mapping[str, tuple[list[dict[str, Any]], str]] = {
    "nobody was asked": ([], ""),
    "nobody cosigned": ([{"size": 0, "since_ms": 0}], "no witness is known"),
    "somebody cosigned less": ([{"size": 4, "since_ms": 1}], "no witness is known"),
    "somebody who claims another history": (
        [{"size": 9, "since_ms": 1, "alarm": True}],
        "no witness is known",
    ),
    "one of two cosigned as much": (
        [{"size": 5, "since_ms": 1}, {"size": 4, "since_ms": 1}],
        "witnesses that cosigned at least so much: 1 of 2",
    ),
    "two cosigned more": (
        [{"size": 6, "since_ms": 1}, {"size": 9, "since_ms": 1}],
        "witnesses that cosigned at least so much: 2 of 2",
    ),
}


@pytest.mark.parametrize(("records", "says"), VOUCHED.values(), ids=list(VOUCHED))
def test_who_chooses_a_last_good_size_is_told_who_else_holds_it(
    node: CheapNode, store: Store, records: list[dict[str, Any]], says: str
) -> None:
    log = logs.create_list(node.identity(), store, "main")
    with store.write() as unit:
        for number, known in enumerate(records):
            record = CosignerRecord(
                origin=log.origin, witness=f"w{number}.example", asked_ms=1, outcome="", **known
            )
            unit.cosigners.put(record)
        other = CosignerRecord(origin="x", witness="w.example", asked_ms=1, outcome="", size=9, since_ms=1)
        unit.cosigners.put(other)
    words = vouched(store, log, 5).words
    assert words.startswith(says)
    assert bool(words) == bool(says)


@pytest.mark.parametrize("name", ["timestamp-1", "snapshot-1", "tls-1", "storage-1"])
def test_keys_of_other_roles_are_taken_back_in_other_ways(node: CheapNode, name: str) -> None:
    identity = node.identity()
    with pytest.raises(UsageError, match="not taken back by this command") as caught:
        check(identity, name)
    assert caught.value.hint
    with pytest.raises(NotFoundError):
        check(identity, "auth-9")


@pytest.fixture
def forged(node: CheapNode, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer holds a head that whoever stole the key of the list has made, and the machine starts again."""
    identity = node.identity()
    logs.create_list(identity, store, "main")
    publish(identity, store, "a")
    key = identity.keychain.signer(LogPrivateKey, "lists-main-1")
    note = sign_checkpoint(Checkpoint(ORIGIN, 1, bytes(32)), [key])

    async def told(*_: object, **__: object) -> list[tuple[str, GossipHead]]:
        return [("nl.example", GossipHead(ORIGIN, note))]

    monkeypatch.setattr(rollback, "told", told)
    OutsideNote.of_home(identity).drop()


def gated(identity: Identity, store: Store) -> Identity:
    """The node as a command opens it."""
    identity.trust.before_signing = partial(rollback.require_current, identity, store)
    return identity


@pytest.mark.usefixtures("forged")
def test_a_head_that_a_thief_made_stops_every_signature(node: CheapNode, store: Store) -> None:
    identity = gated(node.identity(), store)
    words = f"{ORIGIN}: nl.example shows another history than this folder holds"
    for _ in range(2):
        with pytest.raises(VerificationError, match=words) as refused:
            logs.create_list(identity, store, "another")
        assert "--alone key revoke" in refused.value.hint
        with pytest.raises(VerificationError, match=words):
            publish(identity, store, "b")


@pytest.mark.threat("an old state")
@pytest.mark.usefixtures("forged")
def test_who_goes_on_alone_takes_a_key_back_and_adds_nothing_to_the_log_that_a_thief_forked(
    node: CheapNode, store: Store
) -> None:
    identity = gated(replace(node.identity(), alone=True), store)
    with pytest.raises(VerificationError, match="another history"):
        publish(identity, store, "b")
    logs.create_list(identity, store, "another")
    assert logs.publish_one(identity, store, f"{NODE}/lists/another").changed, "other logs go on"
    assert has_fork(store, ORIGIN), "the proof of it lets it be continued"
    assert not rollback.is_confirmed(identity), "which is no answer for other commands"
    done = take_back(identity, store, "log-lists-main-1", size=1)
    assert done.successor is not None
    rollback.require_current(node.identity(), store, afresh=True)
    assert logs.publish_one(node.identity(), store, ORIGIN).changed, "what waited is signed by the next key"
