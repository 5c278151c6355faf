"""The keys of a node through their lives: adopted, succeeded, begun, ended and destroyed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Timestamp

from keys.key import AuthPrivateKey, LogPrivateKey, StatementPrivateKey, TokenPrivateKey, WitnessPrivateKey
from keys.roles import Role
from keys.signer import Signer
from keys.trust.lifecycle import Advance, AlarmKind, Facts, Lineage, ManagedKey, Reason, Stage, advance
from keys.trust.tuf.write_root import sign_metadata
from node.audit.log import sign_waiting, start_audit
from node.audit.reader import read_audit
from node.clock import milliseconds
from node.errors import ConflictError, MissingKeyError, NotFoundError, StoreError, UsageError
from node.formats.rows import ImportRow
from node.identity import audit, logs
from node.identity.identity import Identity
from node.identity.keyring import accepted_token_keys
from node.lists.imports.intake import Statement, import_rows
from node.ports.keyring import RingKey
from node.ports.log_signer import LogSigner
from node.rotation import rotate as rotation
from node.rotation.rotate import advance_keys, allow, begin_overdue, lineage_of, rotate
from node.signing.ring import get_key
from node.signing.ring_file import FolderKeyRing
from node.store.peers.records import PeerRecord
from node.store.store import Store
from node.trust.successors import SUCCEEDED
from protocol.digest import Algorithm
from protocol.lists.event import BASELINE
from protocol.lists.ext import Basis
from protocol.tlog.cosignature import cosign
from protocol.tlog.note import Note, VerifierKey, verify_note
from support.cheap_node import NODE, NOW, CheapNode, empty_store, follow
from support.federation import FoundedNode
from support.lists import digest
from support.times import SettableClock

AUTH, TOKEN = Lineage(Role.AUTH), Lineage(Role.TOKEN)
DAY = timedelta(days=1)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def node(tmp_path: Path) -> CheapNode:
    made = CheapNode.founded(tmp_path)
    made.clock.moment = LATER
    return made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with empty_store(tmp_path) as made:
        start_audit(made, NODE)
        yield made


def stages(identity: Identity, role: Role) -> dict[str, Stage]:
    return {key.name: key.stage for key in identity.adopt_keys() if key.role is role}


def test_the_first_key_of_a_lineage_begins_at_once(node: CheapNode) -> None:
    identity = node.identity()
    assert identity.signer(AuthPrivateKey).public.kid == identity.trust.document().auth_keys[0].key.kid
    assert stages(identity, Role.AUTH) == {
        "auth-1": Stage.ACTIVE,
        "auth-2": Stage.GENERATED,
        "auth-3": Stage.GENERATED,
    }
    assert set(stages(identity, Role.STORAGE).values()) == {Stage.ACTIVE}
    assert {role for role in Role if role.info.online} - {key.role for key in identity.ring.read()} == {
        Role.OPRF
    }


def test_a_step_that_two_processes_want_is_told_once(
    node: CheapNode, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hourly look of the running node, and a command beside it: both see the same step."""

    def decided(keys: Sequence[ManagedKey], facts: Facts) -> Advance:
        done = advance(keys, facts)
        with monkeypatch.context() as alone:
            alone.setattr(rotation, "advance", advance)
            advance_keys(node.identity(), store)
        return done

    monkeypatch.setattr(rotation, "advance", decided)
    advance_keys(node.identity(), store)
    steps = [
        (told.record.action, told.record.subject)
        for told in read_audit(store)
        if told.record.action.startswith("key.")
    ]
    assert ("key.published", "auth-2") in steps
    assert len(steps) == len(set(steps))


def test_the_first_steps_of_all_keys_are_signed_under_one_head(
    node: CheapNode, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new node's keys are published together: each under a head of its own would cost a dozen signatures."""
    heads: list[int] = []

    def counting(store: Store, signer: LogSigner, *, now_ms: int) -> int:
        heads.append(count := sign_waiting(store, signer, now_ms=now_ms))
        return count

    monkeypatch.setattr(audit, "sign_waiting", counting)
    advance_keys(node.identity(), store)
    steps = [told for told in read_audit(store) if told.record.action.startswith("key.")]
    assert [count for count in heads if count] == [len(steps)]
    assert len(steps) > 5


def follow_running(store: Store, name: str, clock: SettableClock) -> FoundedNode:
    """Somebody who said just now that his trust files are current."""
    peer = FoundedNode(name, "NL", clock)
    with store.write() as unit:
        record = PeerRecord(
            name=name,
            url=f"https://{name}/",
            trust=peer.trust.current(),
            serial=1,
            grant="{}",
            added_ms=0,
            confirmed_ms=0,
        )
        unit.peers.add(record)
    return peer


@pytest.mark.threat("a wrong clock")
def test_a_clock_that_is_a_year_ahead_for_an_hour_ends_no_key(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    peer = follow_running(store, "nl.example", node.clock)
    advance_keys(identity, store)
    before = identity.ring.read(), sorted(node.folder.glob("keys/*.json"))
    node.clock.moment = LATER + 400 * DAY
    done = advance_keys(identity, store)
    assert {alarm.kind for alarm in done.alarms} >= {AlarmKind.NOBODY_SIGNS}
    assert (identity.ring.read(), sorted(node.folder.glob("keys/*.json"))) == before
    node.clock.moment = LATER + timedelta(hours=1)
    assert identity.signer(AuthPrivateKey).public.kid == identity.trust.document().auth_keys[0].key.kid
    # It was right: the peer says that its files are current, at a time near this one.
    node.clock.moment = LATER + 400 * DAY
    peer.rotate_root(expires=(node.clock.now() + DAY).replace(microsecond=0))
    peer.revise(lambda old: old)
    with store.write() as unit:
        unit.peers.update_trust("nl.example", peer.trust.current(), serial=2)
    advance_keys(identity, store)
    assert set(stages(identity, Role.TOKEN).values()) == {Stage.DESTROYED}


def test_a_peer_that_is_current_for_ever_stops_nothing(node: CheapNode, store: Store) -> None:
    """He says it with his own keys, and nobody can add a week to the end of the calendar."""
    identity = node.identity()
    peer = follow_running(store, "nl.example", node.clock)
    timestamp = Metadata[Timestamp].from_bytes(peer.files.get("timestamp.json"))
    timestamp.signed.expires = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    signed = sign_metadata(timestamp, [peer.freshness(peer.trust.root()).timestamp])
    with store.write() as unit:
        ever = replace(peer.trust.current(), timestamp=signed)
        unit.peers.update_trust("nl.example", ever, serial=1)
    node.clock.moment = LATER + 400 * DAY
    advance_keys(identity, store)
    assert set(stages(identity, Role.TOKEN).values()) == {Stage.DESTROYED}


def test_a_new_list_has_its_key_at_once(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    record = logs.create_list(identity, store, "main")
    (key,) = identity.signers(LogPrivateKey, record.origin)
    assert identity.keychain.public(Role.LOG, "lists-main-1") == key.public.to_text()
    with pytest.raises(MissingKeyError, match="no log key of"):
        identity.signers(LogPrivateKey, f"{NODE}/lists/other")


def test_keys_follow_each_other_without_anybody(node: CheapNode, store: Store) -> None:
    """180 days of hourly jobs (here daily), with nobody there: some key signs at every moment, and old ones go."""
    identity = node.identity()
    signed: set[str] = set()
    advance_keys(identity, store)
    for _ in range(179):
        node.clock.advance(DAY)
        done = advance_keys(identity, store)
        silent = {alarm.lineage.role for alarm in done.alarms if alarm.kind is AlarmKind.NOBODY_SIGNS}
        assert silent.isdisjoint(SUCCEEDED)
        for kind in (AuthPrivateKey, TokenPrivateKey, StatementPrivateKey):
            signed.add(identity.signer(kind).public.kid)
    tokens = stages(identity, Role.TOKEN)
    assert len(tokens) == 8
    assert (
        len([kid for kid in signed if kid in {key.kid for key in identity.trust.document().token_keys}]) >= 7
    )
    destroyed = [name for name, stage in tokens.items() if stage is Stage.DESTROYED]
    assert "token-1" in destroyed
    for name in destroyed:
        assert not (node.folder / "keys" / f"{name}.json").exists()
    kept = {path.stem for path in (node.folder / "keys").glob("token-*.json")}
    assert kept == set(tokens) - set(destroyed)


def test_where_no_node_runs_a_successor_begins_with_the_next_command(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    advance_keys(identity, store)
    node.clock.advance(100 * DAY)
    with pytest.raises(MissingKeyError, match="no auth key signs now"):
        identity.signer(AuthPrivateKey)
    follow(store, "nl.example")
    begin_overdue(identity, store)
    assert identity.signer(AuthPrivateKey).public.kid == identity.trust.document().auth_keys[1].key.kid
    node.clock.advance(DAY)
    before = identity.ring.read()
    begin_overdue(identity, store)
    assert identity.ring.read() == before, "as long as a key signs, steps are the running node's"


def test_each_step_is_in_the_audit_log(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    advance_keys(identity, store)
    node.clock.advance(80 * DAY)
    advance_keys(identity, store)
    told = [(told.record.action, told.record.subject) for told in read_audit(store)]
    assert ("key.published", "auth-2") in told
    assert ("key.active", "auth-2") in told
    assert ("key.retired", "auth-1") in told
    before = len(told)
    assert not advance_keys(identity, store).steps
    assert len(list(read_audit(store))) == before


def test_a_successor_waits_for_the_peers(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    follow(store, "nl.example")
    made = rotate(identity, store, AUTH, at=LATER, signers=identity.targets_signers())
    assert made.key.stage is Stage.PUBLISHED
    assert [key.name for key in made.predecessors] == ["auth-1"]
    assert made.predecessors[0].managed.valid.end == LATER + 14 * DAY
    assert identity.signer(AuthPrivateKey).public.kid != made.key.managed.kid
    done = allow(identity, store, made.key, by="alice")
    (step,) = [step for step in done.steps if step.kid == made.key.managed.kid]
    assert (step.reason, step.by, step.missing) == (Reason.ALLOWED, "alice", frozenset({"nl.example"}))
    assert identity.signer(AuthPrivateKey).public.kid == made.key.managed.kid
    with pytest.raises(ConflictError, match="waits for nobody"):
        allow(identity, store, get_key(identity.ring.read(), made.key.name), by="alice")


def test_a_silent_peer_holds_a_successor_up_until_the_last_day_only(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    follow(store, "nl.example")
    made = rotate(identity, store, TOKEN, at=LATER, signers=identity.targets_signers())
    end = made.predecessors[0].managed.valid.end
    node.clock.moment = end - DAY - timedelta(minutes=1)
    advance_keys(identity, store)
    assert identity.signer(TokenPrivateKey).public.kid == made.predecessors[0].managed.kid
    node.clock.moment = end - DAY
    done = advance_keys(identity, store)
    assert AlarmKind.UNACKNOWLEDGED in {alarm.kind for alarm in done.alarms}
    assert identity.signer(TokenPrivateKey).public.kid == made.key.managed.kid


def test_logs_and_witnesses_sign_with_both_keys_while_one_follows_the_other(
    node: CheapNode, store: Store
) -> None:
    identity = node.identity()
    origin = logs.create_list(identity, store, "main").origin
    name = f"{NODE}/w1"
    node.clock.advance(DAY)
    signers = identity.targets_signers()
    for lineage in (Lineage(Role.LOG, origin), Lineage(Role.WITNESS, name)):
        made = rotate(identity, store, lineage, at=node.clock.now(), signers=signers)
        assert made.key.stage is Stage.ACTIVE, "nobody follows this node"
    assert len(identity.signers(LogPrivateKey, origin)) == len(identity.signers(WitnessPrivateKey, name)) == 2
    node.clock.advance(14 * DAY)
    advance_keys(identity, store)
    assert len(identity.signers(LogPrivateKey, origin)) == len(identity.signers(WitnessPrivateKey, name)) == 1


def test_a_quiet_list_is_signed_by_a_key_that_begins(node: CheapNode, store: Store) -> None:
    """Nobody publishes while its key is replaced: once the old key has ended, followers know the new one alone."""
    identity = node.identity()
    origin = logs.create_list(identity, store, "main").origin
    row = ImportRow(2, (digest("a", Algorithm.SHA256),), BASELINE, {}, "")
    now_ms = milliseconds(node.clock.now())
    import_rows(store, origin, [row], statement=Statement(basis=Basis.OWN, criteria=1), now_ms=now_ms)
    assert logs.publish_one(identity, store, origin).changed
    with store.write() as unit:
        log = unit.logs.get(origin)
        assert log.note is not None
        witness = WitnessPrivateKey.from_seed(b"w" * 32)
        note = Note.parse(log.note)
        line = cosign(note.text, "nl.example/w1", witness, now_ms // 1000)
        unit.logs.cosign(log, Note(note.text, (*note.signatures, line)).to_bytes())
    node.clock.advance(DAY)
    signers = identity.targets_signers()
    rotate(identity, store, Lineage(Role.LOG, origin), at=node.clock.now(), signers=signers)
    with store.read() as unit:
        held = unit.logs.get(origin).note
    assert held is not None
    names = [line.name for line in Note.parse(held).signatures]
    assert sorted(names) == [origin, origin, "nl.example/w1"]
    keys = [key.public for key in map(_log_key, identity.signers(LogPrivateKey, origin))]
    assert all(verify_note(Note.parse(held), [VerifierKey.of_log(origin, key)]) for key in keys)
    advance_keys(identity, store)
    with store.read() as unit:
        assert unit.logs.get(origin).note == held


def _log_key(signer: Signer) -> LogPrivateKey:
    assert isinstance(signer, LogPrivateKey)
    return signer


def test_tokens_of_a_retired_key_count_until_the_last_has_expired(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    old = identity.signer(TokenPrivateKey).public
    rotate(identity, store, TOKEN, at=LATER, signers=identity.targets_signers())
    new = identity.signer(TokenPrivateKey).public
    assert set(accepted_token_keys(identity.ring.read(), node.clock.now())) == {old, new}
    node.clock.advance(timedelta(minutes=11))
    assert accepted_token_keys(identity.ring.read(), node.clock.now()) == [new]


@pytest.mark.parametrize(("after", "why"), [(-DAY, "in the past"), (180 * DAY, "180 days")])
def test_when_a_key_may_begin(node: CheapNode, store: Store, after: timedelta, why: str) -> None:
    identity = node.identity()
    with pytest.raises(UsageError, match=why):
        rotate(identity, store, AUTH, at=LATER + after, signers=identity.targets_signers())
    assert stages(identity, Role.AUTH).keys() == {"auth-1", "auth-2", "auth-3"}


def test_which_key_is_meant(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    origins = [logs.create_list(identity, store, name).origin for name in ("main", "other")]
    assert lineage_of(identity, Role.AUTH, "") == AUTH
    assert lineage_of(identity, Role.LOG, "main").of == origins[0]
    assert lineage_of(identity, Role.LOG, "audit/main").of == f"{NODE}/audit/main"
    assert [lineage_of(identity, Role.LOG, name).of for name in (origins[0], "other")] == origins
    with pytest.raises(UsageError, match="there are: "):
        lineage_of(identity, Role.LOG, "")
    with pytest.raises(NotFoundError, match="no key auth-9"):
        get_key(identity.ring.read(), "auth-9")


def test_another_process_sees_what_one_did(node: CheapNode, store: Store) -> None:
    running, command = node.identity(), node.identity()
    before = running.signer(AuthPrivateKey).public
    rotate(command, store, AUTH, at=LATER, signers=command.targets_signers())
    assert running.signer(AuthPrivateKey).public == command.signer(AuthPrivateKey).public != before


def test_a_lost_ring_is_made_again_from_the_trust_files(node: CheapNode) -> None:
    identity = node.identity()
    known = identity.adopt_keys()
    (node.folder / "ring.json").unlink()
    assert node.identity().adopt_keys() == known


def test_the_ring_reads_back_what_it_wrote(node: CheapNode) -> None:
    keys = node.identity().adopt_keys()
    assert FolderKeyRing(node.folder / "ring.json").read() == keys
    assert b"seed" not in (node.folder / "ring.json").read_bytes()


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"v": 2, "keys": []}', b'{"v": 1, "keys": [{}]}', b"\xff"]
)
def test_a_damaged_ring_says_so(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "ring.json"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(StoreError, match="damaged"):
        FolderKeyRing(path).read()


def test_what_a_next_root_replaced_is_gone(node: CheapNode) -> None:
    """Its key file was destroyed with the next root, whatever stage it was in."""
    identity = node.identity()
    identity.adopt_keys()

    def another(keys: tuple[RingKey, ...]) -> list[RingKey]:
        return [
            replace(key, managed=replace(key.managed, kid="0" * 16, stage=Stage.GENERATED))
            if key.role is Role.TIMESTAMP
            else key
            for key in keys
        ]

    identity.ring.change(another)
    found = [(key.managed.kid, key.stage) for key in identity.adopt_keys() if key.role is Role.TIMESTAMP]
    assert found[0] == ("0" * 16, Stage.DESTROYED)


def test_a_key_file_that_nothing_names_is_left_alone(node: CheapNode) -> None:
    identity = node.identity()
    identity.keychain.make(AuthPrivateKey, "7")
    assert "auth-7" not in {key.name for key in identity.adopt_keys()}


def test_a_private_half_that_should_be_gone_goes_at_the_next_time(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    identity.adopt_keys()

    def destroyed(keys: tuple[RingKey, ...]) -> list[RingKey]:
        return [key.entering(Stage.DESTROYED, NOW) if key.name == "auth-3" else key for key in keys]

    identity.ring.change(destroyed)
    assert (node.folder / "keys" / "auth-3.json").exists()
    advance_keys(identity, store)
    assert not (node.folder / "keys" / "auth-3.json").exists()
