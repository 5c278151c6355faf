"""The witness's dialogue as rules: what is cosigned, what is refused with which status, what is kept of it."""

import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from keys.key import LogPrivateKey, WitnessPrivateKey
from protocol.encoding import b64
from protocol.errors import MalformedError, TooLargeError
from protocol.evidence import verify_evidence
from protocol.limits import MAX_ADD_CHECKPOINT_BYTES, MAX_LOG_SIZE
from protocol.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from protocol.tlog.conflict import ConflictKind
from protocol.tlog.cosignature import cosign
from protocol.tlog.merkle import EMPTY_ROOT, consistency_proof
from protocol.tlog.note import Note, VerifierKey, sign_note
from protocol.witness.cosign import AddCheckpoint, Claim, Refuse, Status, Witnessed, cosigned_claim, judge
from support.logs import LOG, LOG_KEY, NEXT_LOG, NEXT_LOG_KEY, ORIGIN, signed_note, with_lines
from support.trees import leaves, naive_root

LEAVES = leaves(12)
OTHER = [*reversed(LEAVES)]
NOW = 1_780_000_000

# From the text of C2SP tlog-witness, commit 5ba5ee8 (2026-07-22), section "add-checkpoint".
C2SP_EXAMPLE = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\u2014 example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""  # noqa: E501  # lines of a vector


def checkpoint(size: int, hashes: list[bytes] = LEAVES, origin: str = ORIGIN) -> Checkpoint:
    return Checkpoint(origin, size, naive_root(hashes[:size]))


def request(
    old: int, size: int, hashes: list[bytes] = LEAVES, *, proof: list[bytes] | None = None
) -> AddCheckpoint:
    if proof is None:
        proof = consistency_proof(hashes, old, size) if 0 < old < size else []
    return AddCheckpoint(old, tuple(proof), Note.parse(signed_note(checkpoint(size, hashes))))


def held(size: int, hashes: list[bytes] = LEAVES, *, time_s: int = NOW - 60) -> Witnessed:
    head = checkpoint(size, hashes)
    return Witnessed(size=size, root=head.root, time_s=time_s, note=signed_note(head))


def accepted(asked: AddCheckpoint, before: Witnessed | None) -> Witnessed:
    judged = judge(asked, log_keys=[LOG_KEY], held=before, now_s=NOW)
    assert isinstance(judged, Witnessed)
    return judged


def refused(asked: AddCheckpoint, before: Witnessed | None) -> Refuse:
    judged = judge(asked, log_keys=[LOG_KEY], held=before, now_s=NOW)
    assert isinstance(judged, Refuse)
    return judged


class TestRequests:
    def test_the_example_of_c2sp_is_read(self) -> None:
        asked = AddCheckpoint.from_bytes(C2SP_EXAMPLE.encode())
        assert (asked.old_size, len(asked.proof), len(asked.note.signatures)) == (20852014, 4, 2)
        assert (asked.claim.origin, asked.claim.size) == ("example.com/behind-the-sofa", 20852163)
        assert asked.to_bytes() == C2SP_EXAMPLE.encode()

    @pytest.mark.parametrize(
        ("find", "put"),
        [
            ("old 20852014\n", ""),
            ("old 2", "old  2"),
            ("old 2", "Old 2"),
            ("old 20852014", "old 020852014"),
            ("old 20852014", "old -1"),
            ("old 20852014", f"old {MAX_LOG_SIZE + 1}"),
            ("old 20852014", "old 20852014\r"),
            ("old 20852014", "old \u0661"),
            ("PlRN", "PlR!"),
            ("kaw=\n", "kax=\n"),
            ("PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=", "AAAA"),
            ("=\n\nexample", "=\nexample"),
            ("\n20852163\n", "\n020852163\n"),
            ("\n20852163\n", "\n20852163\n\n"),
            ("q2I=\n", "q2I=\nextension\n"),
            ("q2I=\n", "\n"),
            ("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "AAAA"),
            ("\nexample.com/behind-the-sofa\n2", "\nexample.com/behind the sofa\n2"),
            ("\u2014 example", "- example"),
        ],
    )
    def test_another_spelling_is_malformed(self, find: str, put: str) -> None:
        assert find in C2SP_EXAMPLE
        with pytest.raises(MalformedError):
            AddCheckpoint.from_bytes(C2SP_EXAMPLE.replace(find, put, 1).encode())

    def test_sixty_three_hashes_are_read_and_one_more_is_not(self) -> None:
        head, rest = C2SP_EXAMPLE.split("\n\n", 1)
        old = head.split("\n")[0]
        for count in (63, 64):
            body = "\n".join([old, *[b64(bytes(32))] * count]) + "\n\n" + rest
            if count == 63:
                assert len(AddCheckpoint.from_bytes(body.encode()).proof) == 63
            else:
                with pytest.raises(TooLargeError):
                    AddCheckpoint.from_bytes(body.encode())

    def test_a_long_body_is_not_read(self) -> None:
        with pytest.raises(TooLargeError):
            AddCheckpoint.from_bytes(b"o" * (MAX_ADD_CHECKPOINT_BYTES + 1))

    def test_a_body_without_a_checkpoint_is_malformed(self) -> None:
        with pytest.raises(MalformedError):
            AddCheckpoint.from_bytes(b"old 0\n")


class TestCosigning:
    @pytest.mark.parametrize("size", [0, 1, 7])
    def test_the_first_head_needs_no_proof(self, size: int) -> None:
        state = accepted(request(0, size), None)
        assert (state.size, state.root, state.time_s) == (size, checkpoint(size).root, NOW)
        assert state.note == signed_note(checkpoint(size))

    @pytest.mark.parametrize(("old", "size"), [(1, 2), (3, 7), (4, 8), (7, 12), (5, 5)])
    def test_a_head_that_contains_the_last_one_follows_it(self, old: int, size: int) -> None:
        assert accepted(request(old, size), held(old)).size == size

    def test_after_the_empty_tree_everything_follows(self) -> None:
        assert accepted(request(0, 5), held(0)).size == 5

    def test_the_time_never_goes_back(self) -> None:
        state = accepted(request(3, 3), held(3, time_s=NOW + 100))
        assert state.time_s == NOW + 100

    def test_a_line_of_a_stranger_is_not_remembered(self) -> None:
        stranger = LogPrivateKey.from_seed(b"?" * 32)
        asked = request(0, 3)
        line = sign_note(asked.note.text, "stranger.example/x", stranger)
        state = accepted(replace(asked, note=with_lines(asked.note, [line])), None)
        assert state.note == signed_note(checkpoint(3))

    def test_either_key_of_a_rotation_suffices(self) -> None:
        note = Note.parse(sign_checkpoint(checkpoint(3), [LOG, NEXT_LOG]))
        asked = AddCheckpoint(0, (), note)
        for keys in ([LOG_KEY], [NEXT_LOG_KEY], [LOG_KEY, NEXT_LOG_KEY]):
            judged = judge(asked, log_keys=keys, held=None, now_s=NOW)
            assert isinstance(judged, Witnessed)
            opened = open_checkpoint(judged.note, origin=ORIGIN, log_keys=keys)
            assert list(opened.signers) == keys


class TestRefusals:
    def test_a_log_that_is_not_witnessed(self) -> None:
        judged = judge(request(0, 3), log_keys=None, held=None, now_s=NOW)
        assert isinstance(judged, Refuse)
        assert (judged.status, judged.evidence) == (Status.UNKNOWN, None)

    @pytest.mark.parametrize("case", ["no key", "another key", "bad line"])
    def test_a_checkpoint_the_log_did_not_sign(self, case: str) -> None:
        asked, keys = request(0, 3), [LOG_KEY]
        if case == "no key":
            keys = []
        if case == "another key":
            keys = [NEXT_LOG_KEY]
        if case == "bad line":
            forged = Note(checkpoint(4).text(), asked.note.signatures)
            asked = replace(asked, note=forged)
        judged = judge(asked, log_keys=keys, held=None, now_s=NOW)
        assert isinstance(judged, Refuse)
        assert judged.status is Status.UNTRUSTED

    def test_an_old_size_above_the_checkpoint(self) -> None:
        assert refused(request(7, 5), held(7)).status is Status.MALFORMED

    @pytest.mark.parametrize(
        ("asked", "before", "size"),
        [
            (request(3, 7), None, 0),
            (request(0, 7), held(3), 3),
            (request(3, 7), held(5), 5),
            (request(3, 5), held(7), 7),
            (request(0, 0), held(3), 3),
        ],
        ids=["never cosigned", "asks for the size", "behind", "rollback", "back to nothing"],
    )
    def test_another_size_was_cosigned_last(
        self, asked: AddCheckpoint, before: Witnessed | None, size: int
    ) -> None:
        judged = refused(asked, before)
        assert (judged.status, judged.size, judged.evidence) == (Status.BEHIND, size, None)

    @pytest.mark.parametrize(
        ("asked", "before"),
        [
            (request(3, 7, OTHER), held(3)),
            (request(3, 7, proof=[]), held(3)),
            (request(3, 7, proof=[bytes(32)]), held(3)),
            (request(3, 3, proof=[bytes(32)]), held(3)),
            (request(0, 7, proof=[bytes(32)]), None),
            (request(0, 7, proof=[bytes(32)]), held(0)),
        ],
        ids=["fork", "no proof", "junk", "proof of equality", "proof from nothing", "proof from empty"],
    )
    def test_no_proof_that_holds(self, asked: AddCheckpoint, before: Witnessed | None) -> None:
        judged = refused(asked, before)
        assert (judged.status, judged.size, judged.evidence) == (Status.INCONSISTENT, None, None)

    def test_an_empty_tree_with_a_false_root(self) -> None:
        text = f"{ORIGIN}\n0\n{b64(bytes(32))}\n"
        asked = AddCheckpoint(0, (), Note(text, (sign_note(text, ORIGIN, LOG),)))
        assert AddCheckpoint.from_bytes(asked.to_bytes()) == asked
        assert refused(asked, None).status is Status.INCONSISTENT
        empty = Witnessed(size=0, root=EMPTY_ROOT, time_s=NOW, note=signed_note(checkpoint(0)))
        judged = refused(asked, empty)
        assert (judged.status, judged.evidence) == (Status.INCONSISTENT, None)

    @pytest.mark.parametrize(
        ("size", "hashes", "cosigned"),
        [(6, LEAVES, True), (7, LEAVES, True), (7, OTHER, False), (8, LEAVES, False)],
        ids=["before the end", "the end", "another end", "after the end"],
    )
    def test_a_closed_log_ends_with_its_final_head(
        self, size: int, hashes: list[bytes], *, cosigned: bool
    ) -> None:
        judged = judge(
            request(0, size, hashes), log_keys=[LOG_KEY], held=None, now_s=NOW, final=checkpoint(7)
        )
        assert isinstance(judged, Witnessed) == cosigned
        assert cosigned or (isinstance(judged, Refuse) and judged.status is Status.INCONSISTENT)

    @pytest.mark.parametrize(
        ("old", "status"),
        [(7, Status.INCONSISTENT), (0, Status.BEHIND), (9, Status.MALFORMED)],
        ids=["at it", "asking", "beyond"],
    )
    def test_two_roots_of_one_size_are_evidence(self, old: int, status: Status) -> None:
        judged = refused(request(old, 7, OTHER, proof=[]), held(7))
        assert judged.status is status
        assert judged.evidence is not None
        finding = verify_evidence(judged.evidence, origin=ORIGIN, log_keys=[LOG_KEY])
        assert (finding.kind, finding.log_at_fault) == (ConflictKind.FORK, True)

    def test_one_fork_is_one_piece_of_evidence_however_it_is_dressed(self) -> None:
        asked = request(7, 7, OTHER, proof=[])
        stranger = sign_note(asked.note.text, "x.example/x", LogPrivateKey.from_seed(b"?" * 32))
        dressed = replace(asked, note=with_lines(asked.note, [stranger]))
        assert refused(asked, held(7)).evidence == refused(dressed, held(7)).evidence

    def test_keys_of_another_log_are_a_mistake_of_the_caller(self) -> None:
        other = VerifierKey.of_log("other.example/lists/main", LOG.public)
        with pytest.raises(AssertionError):
            judge(request(0, 3), log_keys=[other], held=None, now_s=NOW)


def test_the_example_of_the_page_is_what_a_witness_reads_and_answers() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "spec", "witness.md").read_text("utf-8")
    body, line, keys, path = re.findall(r"^```\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    log_key, witness_key = map(VerifierKey.from_text, keys.splitlines())
    asked = AddCheckpoint.from_bytes(body.encode())
    before = replace(held(3, time_s=1), root=naive_root(LEAVES[:3]))
    assert b64(before.root) in page
    judged = judge(asked, log_keys=[log_key], held=before, now_s=1_780_000_000)
    assert isinstance(judged, Witnessed)
    opened = open_checkpoint(
        judged.note + line.encode(), origin=log_key.name, log_keys=[log_key], witnesses=[witness_key]
    )
    assert opened.checkpoint == checkpoint(7, origin=log_key.name)
    assert [(c.witness, c.time_s) for c in opened.cosignatures] == [(witness_key, judged.time_s)]
    assert path == f"GET /witness/{sha256(log_key.name.encode()).hexdigest()}/checkpoint\n"


WITNESS, OTHER_WITNESS = (WitnessPrivateKey.from_seed(letter * 32) for letter in (b"w", b"v"))


@pytest.mark.parametrize(
    ("cosigner", "altered", "believed"),
    [
        ("fr.example/w1", b"", True),
        ("fr.example/w2", b"", False),
        ("", b"", False),
        ("fr.example/w1", b"\n7\n", False),
        ("fr.example/w1", b"\n\n", False),
        ("fr.example/w1", b"\n\xff\n", False),
    ],
)
def test_what_a_witness_cosigned_is_believed_under_its_own_key_and_name_alone(
    cosigner: str, altered: bytes, believed: bool
) -> None:
    note = Note.parse(signed_note(checkpoint(5)))
    if cosigner:
        note = note.renewed([cosign(note.text, cosigner, WITNESS, NOW)])
    data = note.to_bytes().replace(b"\n5\n", altered) if altered else note.to_bytes()
    keys = [VerifierKey.of_witness("fr.example/w1", key.public) for key in (WITNESS, OTHER_WITNESS)]
    claim = Claim(ORIGIN, 5, naive_root(LEAVES[:5]))
    assert cosigned_claim(data, keys) == (claim if believed else None)
