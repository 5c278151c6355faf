import pytest

from protocol.errors import MalformedError, ProofError, TooLargeError, UntrustedError, WrongOriginError
from protocol.limits import MAX_TLOG_PROOF_BYTES
from protocol.tlog.checkpoint import Checkpoint
from protocol.tlog.merkle import root_of
from protocol.tlog.proof import TlogProof, parse_hashes, verify_proof
from support.logs import LOG_KEY, NEXT_LOG_KEY, ORIGIN, WITNESS_KEYS, policy_of, signed_note
from support.trees import inclusion_proof, leaves

LEAVES = leaves(7)
NOTE = signed_note(Checkpoint(ORIGIN, 7, root_of(LEAVES)), {"a": 1, "b": 2})
POLICY = policy_of(logs=[LOG_KEY], witnesses=WITNESS_KEYS, threshold=2)
PROOF = TlogProof(5, tuple(inclusion_proof(LEAVES, 5)), NOTE)

# C2SP tlog-proof, the example at its beginning, up to the checkpoint (whose signatures it abbreviates).
EXAMPLE = (
    "c2sp.org/tlog-proof@v1\n"
    "extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ\n"
    "index 73894\n"
    "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n"
    "B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n"
    "EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=\n"
    "RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=\n"
    "AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=\n"
    "\n"
    "example.com/fancylog\n109482\nsFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n\n"
)


def test_example_of_tlog_proof_reads() -> None:
    proof = TlogProof.from_bytes(EXAMPLE.encode())
    assert (proof.index, len(proof.hashes)) == (73894, 5)
    assert proof.extra is not None
    assert proof.extra.startswith(b"age-v1.2.1-darwin-arm64.tar.gz")
    assert proof.hashes[4].hex().startswith("0070a2a1")
    assert proof.checkpoint.startswith(b"example.com/fancylog\n109482\n")
    assert proof.to_bytes() == EXAMPLE.encode()


@pytest.mark.parametrize("extra", [None, b"", b"case 7"], ids=["none", "empty", "some"])
def test_round_trip(extra: bytes | None) -> None:
    proof = TlogProof(PROOF.index, PROOF.hashes, NOTE, extra)
    assert TlogProof.from_bytes(proof.to_bytes()) == proof


def test_proof_verifies() -> None:
    opened = verify_proof(PROOF, LEAVES[5], origin=ORIGIN, log_keys=[LOG_KEY], policy=POLICY)
    assert opened.checkpoint.size == 7
    assert len(opened.cosignatures) == 2


def test_only_leaf_of_a_log_needs_no_hashes() -> None:
    note = signed_note(Checkpoint(ORIGIN, 1, LEAVES[0]), {"a": 1, "b": 2})
    proof = TlogProof.from_bytes(TlogProof(0, (), note).to_bytes())
    verify_proof(proof, LEAVES[0], origin=ORIGIN, log_keys=[LOG_KEY], policy=POLICY)


@pytest.mark.parametrize(
    ("proof", "leaf", "error"),
    [
        pytest.param(PROOF, LEAVES[4], ProofError, id="other leaf"),
        pytest.param(TlogProof(4, PROOF.hashes, NOTE), LEAVES[5], ProofError, id="other index"),
        pytest.param(TlogProof(7, PROOF.hashes, NOTE), LEAVES[5], ProofError, id="index outside"),
        pytest.param(TlogProof(5, PROOF.hashes[:-1], NOTE), LEAVES[5], ProofError, id="hash missing"),
        pytest.param(
            TlogProof(5, PROOF.hashes, NOTE.replace(b"\n7\n", b"\n8\n")),
            LEAVES[5],
            UntrustedError,
            id="head changed",
        ),
        pytest.param(
            TlogProof(5, PROOF.hashes, signed_note(Checkpoint(ORIGIN, 7, root_of(LEAVES)), {"a": 1})),
            LEAVES[5],
            UntrustedError,
            id="too few witnesses",
        ),
        pytest.param(TlogProof(5, PROOF.hashes, b""), LEAVES[5], MalformedError, id="no checkpoint"),
    ],
)
def test_bad_proofs(proof: TlogProof, leaf: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        verify_proof(proof, leaf, origin=ORIGIN, log_keys=[LOG_KEY], policy=POLICY)


def test_another_origin_or_key() -> None:
    with pytest.raises(WrongOriginError):
        verify_proof(PROOF, LEAVES[5], origin="other.example/lists/main", log_keys=[], policy=POLICY)
    with pytest.raises(UntrustedError):
        verify_proof(PROOF, LEAVES[5], origin=ORIGIN, log_keys=[NEXT_LOG_KEY], policy=POLICY)


HASH = "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ="
V1 = "c2sp.org/tlog-proof@v1\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        V1,
        V1 + "\n",
        V1 + "index 1\n",
        "c2sp.org/tlog-proof@v2\nindex 1\n\nnote",
        "index 1\n\nnote",
        V1 + f"index 1\n{HASH}\nnote",
        V1 + "index 01\n\nnote",
        V1 + "index -1\n\nnote",
        V1 + "index\n\nnote",
        V1 + "index  1\n\nnote",
        V1 + "index 1 \n\nnote",
        V1 + f"{HASH}\nindex 1\n\nnote",
        V1 + "index 1\nextra YQ==\n\nnote",
        V1 + "extra YQ\nindex 1\n\nnote",
        V1 + "extra YQ==\nextra YQ==\nindex 1\n\nnote",
        V1 + "extra YQ==\n\nnote",
        V1 + f"index 1\n{HASH[:-4]}\n\nnote",
        V1 + f"index 1\n{HASH[:-1]}\n\nnote",
        V1 + f"index 1\n{HASH[:-2]}R=\n\nnote",
        V1 + "index \u0661\n\nnote",
        V1.replace("\n", "\r\n") + "index 1\r\n\r\nnote",
    ],
)
def test_malformed_proofs(text: str) -> None:
    with pytest.raises(MalformedError):
        TlogProof.from_bytes(text.encode())


def test_bounds_of_a_proof() -> None:
    with pytest.raises(TooLargeError):
        TlogProof.from_bytes(b"x" * (MAX_TLOG_PROOF_BYTES + 1))
    assert len(parse_hashes([HASH] * 64)) == 64
    with pytest.raises(TooLargeError):
        parse_hashes([HASH] * 65)
