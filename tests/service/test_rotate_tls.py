"""The TLS key of a node is replaced: pinned ahead, begun when all can know it, served without a restart."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from keys.errors import WrongPassphraseError
from keys.roles import Role
from keys.trust.lifecycle import Stage, successor_window
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import MAX_PINS
from keys.trust.window import Window
from node.audit.log import start_audit
from node.errors import ConflictError, UsageError, WrongPinError
from node.identity.identity import Identity
from node.ports.keyring import RingKey
from node.rotation.rotate import advance_keys, allow
from node.rotation.rotate_tls import SPREAD, rotate_tls
from node.signing.ring import get_key
from node.store.store import Store
from node.tls import TlsIdentity
from node.trust.pins import with_next_pins
from node.web.settings import WebSettings
from support.asking import kept_asking
from support.cheap_node import NODE, NOW, CheapNode, empty_store, follow
from support.fakes_api import LIST, node_on_loopback

DAY = timedelta(days=1)
SOON = NOW + timedelta(hours=1)


@pytest.fixture
def node(tmp_path: Path) -> CheapNode:
    made = CheapNode.founded(tmp_path)
    made.identity().adopt_keys()
    made.clock.moment = SOON
    return made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with empty_store(tmp_path) as made:
        start_audit(made, NODE)
        yield made


def revise(identity: Identity) -> None:
    identity.trust.revise_document(lambda old: old, signers=identity.targets_signers())


def tls_keys(identity: Identity) -> list[RingKey]:
    return [key for key in identity.adopt_keys() if key.role is Role.TLS]


def stages(identity: Identity) -> dict[str, Stage]:
    return {key.name: key.stage for key in tls_keys(identity)}


def pins(identity: Identity) -> tuple[bytes, ...]:
    return identity.trust.document().endpoints[0].tls_spki_sha256


def served(identity: Identity) -> bytes:
    return identity.tls().spki_sha256


# ------------------------------------------------------------------ pinned ahead of their time


def test_each_document_pins_the_keys_of_its_days(node: CheapNode) -> None:
    identity = node.identity()
    first = served(identity)
    revise(identity)
    assert pins(identity)[0] == first
    assert len(pins(identity)) == 3, "current, and two more until the document ends"
    one, two, three = (key.managed.valid for key in tls_keys(identity))
    assert two == successor_window(one)
    assert three == successor_window(two)
    assert three.end > identity.trust.document().valid.end
    revise(identity)
    assert len(pins(identity)) == 3, "nothing is missing yet"


def test_a_node_that_was_never_asked_for_its_keys_pins_them_as_well(tmp_path: Path) -> None:
    """The first revision comes before the ring has taken anything in."""
    identity = CheapNode.founded(tmp_path).identity()
    assert identity.ring.read() == ()
    revise(identity)
    assert len(pins(identity)) == 3
    assert [key.managed.kid for key in tls_keys(identity)] == [pin.hex() for pin in pins(identity)]


def test_a_key_begins_by_itself_and_the_pin_before_it_is_taken_off(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    first = served(identity)
    revise(identity)
    node.clock.moment = tls_keys(identity)[1].managed.valid.start
    advance_keys(identity, store)
    assert stages(identity) == {"tls-1": Stage.RETIRED, "tls-2": Stage.ACTIVE, "tls-3": Stage.PUBLISHED}
    assert served(identity) == pins(identity)[1]
    revise(identity)
    assert first in pins(identity), "a running node may present it for a minute yet"
    node.clock.advance(timedelta(days=14))
    assert first in pins(identity), "until somebody signs the document again"
    revise(identity)
    assert pins(identity)[0] == served(identity)
    assert first not in pins(identity)


def test_a_pin_that_the_ring_does_not_know_stays_and_counts(node: CheapNode) -> None:
    """Somebody else's, such as that of an address in front of the node."""
    identity = node.identity()
    revise(identity)
    crowded = with_pins(identity.trust.document(), (*pins(identity), b"x" * 32))
    assert len(crowded.endpoints[0].tls_spki_sha256) == MAX_PINS

    def make() -> bytes:
        raise AssertionError("there is no room")

    later = Window(crowded.valid.start, crowded.valid.end + 365 * DAY)
    lasting = replace(crowded, valid=later)
    assert with_next_pins(lasting, identity.adopt_keys(), make) == lasting


def with_pins(document: NodeDocument, listed: tuple[bytes, ...]) -> NodeDocument:
    return replace(document, endpoints=(replace(document.endpoints[0], tls_spki_sha256=listed),))


def test_the_last_pin_of_an_endpoint_is_not_taken_off(node: CheapNode) -> None:
    identity = node.identity()
    [key] = tls_keys(identity)
    ended = key.entering(Stage.RETIRED, SOON)
    numbers = count()
    changed = with_next_pins(identity.trust.document(), [ended], lambda: bytes([next(numbers)]) * 32)
    assert pins(identity)[0] in changed.pins


# ------------------------------------------------------------------ when it begins


def test_a_pin_is_public_for_a_week_before_its_key_is_served(node: CheapNode, store: Store) -> None:
    """Partners say nothing of what they hold."""
    identity = node.identity()
    revise(identity)
    advance_keys(identity, store)
    done = rotate_tls(identity, store, at=None, signers=identity.targets_signers)
    assert (done.key.name, done.key.stage) == ("tls-2", Stage.PUBLISHED)
    assert done.key.managed.valid.start == SOON + SPREAD
    assert [key.name for key in done.predecessors] == ["tls-1"]
    node.clock.moment = SOON + SPREAD
    advance_keys(identity, store)
    assert stages(identity)["tls-2"] is Stage.ACTIVE


def test_where_no_successor_is_pinned_the_holders_are_asked(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    node.passphrase = b"mistyped"
    with pytest.raises(WrongPassphraseError):
        rotate_tls(identity, store, at=None, signers=node.identity().targets_signers)
    node.passphrase = b"root passphrase"
    done = rotate_tls(identity, store, at=SOON, signers=node.identity().targets_signers)
    assert done.key.stage is Stage.ACTIVE
    node.passphrase = b"mistyped"
    again = rotate_tls(identity, store, at=SOON + DAY, signers=node.identity().targets_signers)
    assert again.key.name == "tls-3", "pinned already: nobody has to sign"


def test_what_follows_a_key_that_was_brought_forward_leaves_no_gap(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    revise(identity)
    rotate_tls(identity, store, at=SOON, signers=identity.targets_signers)
    one, two, three = (key.managed.valid for key in tls_keys(identity))
    assert two.start == SOON
    assert one.end <= two.start + timedelta(days=14)
    assert three == successor_window(two)
    node.clock.moment = three.start
    advance_keys(identity, store)
    assert stages(identity)["tls-3"] is Stage.ACTIVE


def test_a_peer_that_does_not_know_the_pin_is_waited_for(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    follow(store, "nl.example")
    first = served(identity)
    done = rotate_tls(identity, store, at=SOON, signers=identity.targets_signers)
    assert done.key.stage is Stage.PUBLISHED
    assert served(identity) == first
    allow(identity, store, get_key(identity.ring.read(), "tls-2"), by="operator")
    assert served(identity) == pins(identity)[1]


def test_a_key_cannot_begin_in_the_past(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    with pytest.raises(UsageError, match="past"):
        rotate_tls(identity, store, at=SOON - DAY, signers=identity.targets_signers)


def test_when_all_pins_are_taken_it_is_said(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    identity.adopt_keys()

    def filled(old: NodeDocument) -> NodeDocument:
        return with_pins(old, (*pins(identity), *(bytes([number]) * 32 for number in range(3))))

    identity.trust.revise_document(filled, signers=identity.targets_signers())
    with pytest.raises(ConflictError, match="pinned"):
        rotate_tls(identity, store, at=None, signers=identity.targets_signers)


# ------------------------------------------------------------------ cut off, and served


def test_a_revision_that_was_cut_off_leaves_nothing_that_is_served(
    node: CheapNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = node.identity()

    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> bytes:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(type(identity.keychain), "create_secret", die)
        with pytest.raises(Killed):
            revise(identity)
    assert len(pins(identity)) == 1
    assert stages(identity) == {"tls-1": Stage.ACTIVE}
    revise(identity)
    assert len(pins(identity)) == 3
    assert [key.managed.kid for key in tls_keys(identity)] == [pin.hex() for pin in pins(identity)]


async def test_a_running_node_serves_the_new_key_while_clients_ask(node: CheapNode, store: Store) -> None:
    identity = node.identity()
    before = only(identity.tls())
    revise(identity)
    unlimited = WebSettings(caller_burst=10**6, address_burst=10**6)
    async with node_on_loopback(settings=unlimited, identity=identity.tls()) as running:
        async with kept_asking(running, pins=frozenset(pins(identity))):
            assert not running.listener.present(identity.tls()), "nothing to do"
            rotate_tls(identity, store, at=SOON, signers=identity.targets_signers)
            assert running.listener.present(identity.tls())
        async with running.as_peer(**before) as late:
            with pytest.raises(WrongPinError):
                await late.checkpoint(LIST, held=None)


def only(identity: TlsIdentity) -> dict[str, object]:
    return {"pins": frozenset({identity.spki_sha256})}
