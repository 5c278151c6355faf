"""A holder's card: proved by every key in it, of one node, in one encoding."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import BadSignatureError, KeysError, MalformedTrustError
from keys.trust.holder_card import make_card, read_card
from keys.trust.tuf.holders import Holder
from support.trust import ROOT_KEYS, TARGETS_KEYS

ROOT, TARGETS = ROOT_KEYS[0], TARGETS_KEYS[0]
BOTH = Holder(name="2", root=ROOT.public, targets=TARGETS.public)
CARD = make_card("fr.example", BOTH, [ROOT, TARGETS])

HOLDERS: Mapping[str, Holder] = {
    "both keys": BOTH,
    "a root key": Holder(name="safe", root=ROOT.public, targets=None),
    "a targets key": Holder(name="safe", root=None, targets=TARGETS.public),
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=list(HOLDERS))
def test_round_trip(holder: Holder) -> None:
    card = make_card("fr.example", holder, [TARGETS, ROOT])
    assert read_card(card, "fr.example") == holder


def test_no_card_without_every_key() -> None:
    with pytest.raises(BadSignatureError):
        make_card("fr.example", BOTH, [ROOT])


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        pytest.param(b'"name":"2"', b'"name":"3"', BadSignatureError, id="another name"),
        pytest.param(b'"v":1', b'"v":2', MalformedTrustError, id="another version"),
        pytest.param(b'"v":1', b'"v":1,"x":1', MalformedTrustError, id="a field more"),
        pytest.param(b"\n", b"", MalformedTrustError, id="another encoding"),
        pytest.param(b'"proofs":[', b'"proofs":[{"sig":""},', MalformedTrustError, id="a proof more"),
        pytest.param(
            ROOT.public.to_text().encode(),
            ROOT_KEYS[1].public.to_text().encode(),
            BadSignatureError,
            id="another's key",
        ),
    ],
)
def test_what_is_refused(old: bytes, new: bytes, error: type[KeysError]) -> None:
    assert old in CARD
    with pytest.raises(error):
        read_card(CARD.replace(old, new), "fr.example")


def test_a_card_is_for_one_node() -> None:
    with pytest.raises(MalformedTrustError, match="node is another one"):
        read_card(CARD, "nl.example")


@given(st.integers(0, len(CARD) - 1), st.binary(max_size=2))
def test_only_our_errors_escape(at: int, piece: bytes) -> None:
    altered = CARD[:at] + piece + CARD[at + 1 :]
    try:
        read_card(altered, "fr.example")
    except KeysError:
        return
    assert altered == CARD
