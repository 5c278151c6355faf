"""What holders sign: it follows from what is in force, everybody needed is asked, and the words say all of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from keys.encoding import dump
from keys.errors import BadSignatureError, KeysError, MalformedTrustError, ThresholdError
from keys.key import RootPublicKey
from keys.signer import Signer
from keys.trust import members as register
from keys.trust import node_document as documents
from keys.trust import revocations
from keys.trust.envelope import seal
from keys.trust.fingerprint import fingerprint
from keys.trust.proposals.differences import ChangedLines, line_differences
from keys.trust.proposals.proposal import Proposal, from_json, to_json
from keys.trust.proposals.sign import NOT_YET, Decided, OpenedProposal, decide, open_proposal, sign
from keys.trust.proposals.words import changes, wanted
from keys.trust.tuf.holders import Holder, from_field
from keys.trust.tuf.keys import tuf_key_id
from keys.trust.tuf.repository import author_targets, open_targets
from keys.trust.tuf.root import RootContent, TrustedRoot, open_next_root, open_root
from support.proposals import (
    NEW_ROOT_KEYS,
    NEW_TARGETS_KEYS,
    UNTIL,
    all_anew,
    files,
    held_root,
    holders,
    members,
    next_content,
    next_document,
    opened,
    proposal,
    register_without,
)
from support.trust import NOW, ROOT_KEYS, TARGETS_KEYS, node_document, root_bytes

R, T = ROOT_KEYS, TARGETS_KEYS
NEW_R, NEW_T = NEW_ROOT_KEYS, NEW_TARGETS_KEYS
BOTH = [(R[0], T[0]), (R[1], T[1]), (R[2], T[2])]
"""The keys of each holder."""


def replaced(count: int, *, targets: bool = False) -> RootContent:
    """A next root with the keys of so many holders replaced."""
    return next_content(holders([*NEW_R[:count], *R[count:]], [*NEW_T[:count], *T[count:]] if targets else T))


ROUNDS: Mapping[str, tuple[Proposal, Sequence[Sequence[Signer]]]] = {
    "one root key": (proposal(root=replaced(1)), [[R[1]], [R[2]]]),
    "one root key, by its old holder and another": (proposal(root=replaced(1)), [[R[0]], [R[1]], [R[2]]]),
    "all root keys": (proposal(root=replaced(3)), [[R[0], NEW_R[0]], [R[1], NEW_R[1]]]),
    "a higher threshold": (proposal(root=next_content(threshold=3)), [[R[0]], [R[1]], [R[2]]]),
    "a holder less": (proposal(root=next_content(holders()[:2], targets_threshold=2), changed=all_anew()),
                      [BOTH[0], BOTH[1], BOTH[0]]),
    "a register": (proposal(changed={"members.json": register_without()}), [[T[0]], [T[1]], [T[0]]]),
    "register and document": (
        proposal(changed={"members.json": register_without(), "node.json": next_document()}),
        [[T[2]], [T[0]], [T[2]]],
    ),
    "a plain file": (proposal(changed={"criteria-2.md": b"# National\n"}), [[T[0]], [T[1]]]),
    "all targets keys": (
        proposal(root=replaced(3, targets=True), changed=all_anew()),
        [[*BOTH[0], NEW_R[0], NEW_T[0]], [*BOTH[1], NEW_R[1], NEW_T[1]], [T[0], NEW_T[0]]],
    ),
    "stolen targets keys": (
        proposal(root=replaced(3, targets=True), changed=all_anew(), handover=False),
        [[R[0], NEW_R[0], NEW_T[0]], [R[1], NEW_R[1], NEW_T[1]], [NEW_T[0]]],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("made", "rounds"), ROUNDS.values(), ids=list(ROUNDS))
def test_it_is_complete_with_the_last_sitting_and_not_before(
    made: Proposal, rounds: Sequence[Sequence[Signer]]
) -> None:
    for count in range(len(rounds)):
        with pytest.raises(ThresholdError):
            decide(opened(made, *rounds[:count]))
        assert any(want.missing for want in wanted(opened(made, *rounds[:count])))
    found = opened(made, *rounds)
    assert not any(want.missing for want in wanted(found))
    check_decided(found, decide(found))


def check_decided(found: OpenedProposal, done: Decided) -> None:
    """Whoever holds the old root, and whoever holds the new one, verifies what comes of it."""
    readers: list[TrustedRoot] = [found.before] if found.proposal.handover else []
    if done.root is not None:
        readers.append(open_next_root(found.before, done.root))
    for root in readers:
        if done.targets is None:
            continue
        listed = open_targets(done.targets, root)
        assert (listed.version, listed.expires) == (8, UNTIL)
        if "members.json" in done.files:
            assert register.open_members(done.files["members.json"], root).version in {4, 5}
        if "node.json" in done.files:
            assert documents.open_node_document(done.files["node.json"], root).serial == 4


def test_more_signatures_than_needed_are_not_taken() -> None:
    done = opened(proposal(changed={"members.json": register_without()}), [T[0]], [T[1]], [T[2]])
    assert {len(signed) for signed in done.proposal.signatures.values()} == {2}
    assert opened(done.proposal, [T[2]]).proposal == done.proposal
    decide(done)


def test_a_stranger_signs_nothing() -> None:
    made = proposal(root=replaced(1), changed=all_anew())
    assert opened(made, [NEW_R[2], NEW_T[2]]).proposal == made


def revoked(version: int = 1) -> bytes:
    entries = ()
    return revocations.to_json(revocations.Revocations(version=version, node="fr.example", entries=entries))


def test_a_document_names_the_revocations_that_are_signed_with_it() -> None:
    document = documents.to_json(replace(node_document(serial=4), revoked_sha256=NOT_YET))
    made = proposal(changed={"node.json": document, "revoked.json": revoked()})
    found = opened(made, [T[0]], [T[1]], [T[0]], [T[1]])
    done = decide(found)
    named = documents.open_node_document(done.files["node.json"], found.before).revoked_sha256
    assert named == revocations.file_name(done.files["revoked.json"])
    assert "  names these revocations" in changes(found)


def test_roots_without_names_have_numbered_holders() -> None:
    data = root_bytes()
    root = open_root(data, fingerprint(data))
    assert [holder.name for holder in root.named_holders] == ["1", "2", "3"]
    made = replace(proposal(root=replaced(1)), roots=(data,))
    assert any("replaces" in line for line in changes(opened(made)))


def without_contact() -> bytes:
    return documents.to_json(node_document(serial=4))


def document_with(**fields: object) -> bytes:
    return documents.to_json(replace(node_document(serial=4), **fields))  # type: ignore[arg-type]


SAID: Mapping[str, tuple[Proposal, tuple[str, ...]]] = {
    "a key of one holder": (
        proposal(root=replaced(1)),
        ("root 1 -> 2, until 2028-01-30T00:00:00Z", "  replaces the root key of holder 1 by ",
         "  root threshold stays 2 of 3", "  targets threshold stays 2 of 3",
         "  replaces the snapshot key: ", "  replaces the timestamp key: "),
    ),
    "who comes and goes": (
        proposal(root=next_content((*holders()[1:], Holder(name="safe", root=NEW_R[0].public, targets=None)),
                                   threshold=1, targets_threshold=1), changed=all_anew()),
        ("  removes holder 1", "  adds holder safe", "  gives holder safe the root key ",
         "  root threshold changes from 2 of 3 to 1 of 3", "  targets threshold changes from 2 of 3 to 1 of 2",
         "members register 4: signed anew, not altered"),
    ),
    "half a holder": (
        proposal(root=next_content((replace(holders()[0], targets=None), *holders()[1:])), changed=all_anew()),
        ("  takes the targets key from holder 1",),
    ),
    "the same online keys": (
        proposal(root=replace(replaced(0), snapshot_keys=held_root().snapshot_keys,
                              timestamp_keys=held_root().timestamp_keys)),
        ("  keeps the snapshot key: ", "  keeps the timestamp key: "),
    ),
    "a member less": (
        proposal(changed={"members.json": register_without()}),
        ("members register 4 -> 5", "  removes member nl.example", "list of files 7 -> 8, until 2027-05-24",
         "  lists criteria-1.md as it is", "  lists node.json as it is"),
    ),
    "limits and order": (
        proposal(changed={"node.json": document_with(
            limits=replace(node_document().limits, max_adds_per_day=7), logs=node_document().logs[::-1])}),
        ("  changes limits max_adds_per_day from 20000 to 7", "  orders anew log: ["),
    ),
    "a contact": (proposal(changed={"node.json": next_document()}), ("  adds contact: desk 7",)),
    "nothing but a new date": (
        proposal(changed={"node.json": without_contact()}),
        ("node document 3 -> 4, from 2026-11-01T00:00:00Z to 2027-05-01T00:00:00Z",),
    ),
    "a text": (
        proposal(changed={"criteria-1.md": b"# Baseline, 2\n", "criteria-2.md": b"new"}),
        ("criteria-1.md: changed", "  at line 1", "  - # Baseline", "  + # Baseline, 2",
         "criteria-2.md: new", "  + new", "  its last line has no end"),
    ),
    "a text that stays": (proposal(changed={"criteria-1.md": b"# Baseline\n"}), ("criteria-1.md: listed anew",)),
    "without a handover": (
        proposal(root=replaced(3, targets=True), changed=all_anew(), handover=False),
        ("the targets keys of today sign nothing of it",),
    ),
}  # fmt: skip


def test_a_new_text_is_told_line_by_line() -> None:
    lines = changes(opened(proposal(changed={"criteria-2.md": b"one\n\ntwo\n"})))
    at = lines.index("criteria-2.md: new")
    assert lines[at + 1 : at + 4] == ("  + one", "  + ", "  + two")
    assert lines[at + 4].startswith("list of files")


@pytest.mark.threat("a deceiving proposal")
@pytest.mark.parametrize(("made", "said"), SAID.values(), ids=list(SAID))
def test_the_words(made: Proposal, said: tuple[str, ...]) -> None:
    lines = changes(opened(made))
    assert [line for line in said if not any(told.startswith(line) for told in lines)] == []


def place(at: int, removed: str = "", added: str = "") -> ChangedLines:
    return ChangedLines(at, tuple(removed), tuple(added))


LINES: Mapping[str, tuple[str, str, list[ChangedLines]]] = {
    "nothing": ("ab", "ab", []),
    "a line more at the end": ("ab", "abc", [place(3, added="c")]),
    "a line more in the middle": ("ab", "acb", [place(2, added="c")]),
    "a line less in the middle": ("abc", "ac", [place(2, "b")]),
    "two places": ("abcde", "xbcdy", [place(1, "a", "x"), place(5, "e", "y")]),
    "repeated lines": ("aa", "aaa", [place(3, added="a")]),
    "from nothing": ("", "a", [place(1, added="a")]),
    "to nothing": ("a", "", [place(1, "a")]),
}


@pytest.mark.parametrize(("old", "new", "said"), LINES.values(), ids=list(LINES))
def test_lines_of_texts(old: str, new: str, said: list[ChangedLines]) -> None:
    assert list(line_differences(old, new)) == said


def test_all_of_two_long_texts_is_told_where_nobody_could_wait_for_what_was_moved() -> None:
    """Comparing every line of the one with every line of the other took hours: nobody could have read or signed it."""
    old, new = ([f"line {number:06d} {word}" for number in range(9000)] for word in ("a", "b"))
    assert list(line_differences(["same", *old], ["same", *new])) == [ChangedLines(2, tuple(old), tuple(new))]
    made = proposal(changed={"criteria-1.md": "\n".join(new).encode()})
    assert len(changes(opened(made))) > len(new)


def test_who_still_has_to_sign() -> None:
    lines = [want.words() for want in wanted(opened(proposal(root=replaced(1)), [R[1]]))]
    assert lines == [
        "next root: 1 of 2 signatures by root keys of today (2); 1 more of: 1, 3",
        "next root: 1 of 2 signatures by root keys of the next root (2); 1 more of: 1, 3",
    ]
    lines = [
        want.words() for want in wanted(opened(proposal(changed={"criteria-2.md": b"x"}), [T[0]], [T[1]]))
    ]
    assert lines == ["list of files: 2 of 2 signatures (1, 2)"]
    lines = [want.words() for want in wanted(opened(proposal(changed={"members.json": register_without()})))]
    assert lines == [
        "members register: 0 of 2 signatures; 2 more of: 1, 2, 3",
        "list of files: 0 of 2 signatures; 2 more of: 1, 2, 3",
    ]


def forged_envelope() -> dict[str, bytes]:
    return {**files()} | {"node.json": seal("node", without_contact(), [T[0]])}


def other_key_as_holder() -> RootContent:
    stranger = replace(holders()[0], root=RootPublicKey.from_bytes(TARGETS_KEYS[0].public.raw))
    return next_content((stranger, *holders()[1:]))


def signed_by(key: Signer, of: str) -> Callable[[Proposal], Proposal]:
    return lambda made: replace(made, signatures={of: {tuf_key_id(key.public): key.sign(b"else")}})


REFUSED: Mapping[str, tuple[Proposal, str]] = {
    "nothing": (proposal(), "changes nothing"),
    "no root": (replace(proposal(root=replaced(1)), roots=()), "versions"),
    "of another node": (replace(proposal(root=replaced(1)), node="nl.example"), "another node"),
    "without the register": (
        replace(
            proposal(root=replaced(1)),
            files={"node.json": files()["node.json"]},
            listing=author_targets(held_root(), {"trust/node.json": files()["node.json"]}, version=7,
                                   expires=UNTIL, signers=T[:2]),
        ),
        "without the node document or the register",
    ),
    "a listed file that it leaves out": (
        replace(proposal(root=replaced(1)),
                files={name: data for name, data in files().items() if name != "criteria-1.md"}),
        "without trust/criteria-1.md, which is listed",
    ),
    "an older register that would be listed as it is": (
        replace(proposal(changed={"node.json": next_document()}),
                files={**files(), "members.json": register.sign_members(replace(members(), version=3), T[:2])}),
        "trust/members.json is not the file that is listed",
    ),
    "files that its keys did not sign": (
        replace(proposal(root=replaced(1)), files=forged_envelope()),
        "1 of the required 2",
    ),
    "a text that is not listed": (
        replace(proposal(root=replaced(1)), files={**files()} | {"criteria-1.md": b"# Else\n"}),
        "not the file that is listed",
    ),
    "a list by too few": (
        replace(proposal(root=replaced(1)),
                listing=author_targets(replace(held_root(), targets_threshold=1), {}, version=9, expires=UNTIL,
                                       signers=T[:1])),
        "1 of the required 2",
    ),
    "a threshold that nobody meets": (proposal(root=next_content(threshold=4)), "cannot meet"),
    "a key in two roles": (proposal(root=other_key_as_holder(), changed=all_anew()), "two roles"),
    "a key of the document in the root": (
        proposal(root=replace(next_content(), snapshot_keys=(type(next_content().snapshot_keys[0]).from_bytes(
            node_document().auth_keys[0].key.raw),))),
        "serves as",
    ),
    "holders of other keys": (
        proposal(root=replace(next_content(), holders=holders(NEW_R, T))), "do not hold"),
    "other targets keys and old files": (proposal(root=replaced(1, targets=True)), "do not sign"),
    "a serial left out": (proposal(changed={"node.json": document_with(serial=5)}), "does not follow"),
    "a serial again": (proposal(changed={"node.json": document_with(serial=3)}), "does not follow"),
    "another node's document": (proposal(changed={"node.json": document_with(node="nl.example", logs=())}), "another"),
    "a field that nobody reads": (
        proposal(changed={"node.json": next_document().replace(b'{"auth_keys"', b'{"a":1,"auth_keys"')}),
        "not the one encoding",
    ),
    "a version left out": (
        proposal(changed={"members.json": register.to_json(replace(members(), version=6))}), "does not follow"),
    "another register of one version": (
        proposal(changed={"members.json": register.to_json(replace(members(), k=1))}), "does not follow"),
    "revocations that nothing names": (proposal(changed={"revoked.json": revoked()}), "no node document names"),
    "revocations that do not follow": (
        proposal(changed={"revoked.json": revoked(2), "node.json": document_with(revoked_sha256=NOT_YET)}),
        "do not follow",
    ),
    "revocations of elsewhere": (
        proposal(changed={"node.json": document_with(revoked_sha256=b"\x01" * 32)}), "names other revocations"),
    "no text": (proposal(changed={"criteria-2.md": b"\xff"}), "UTF-8"),
    "a text without end": (proposal(changed={"criteria-2.md": b"a" * 256_001}), "longer than"),
    "a signature of something else": (
        signed_by(R[0], "root")(proposal(root=replaced(1))), "not by root key"),
    "a signature by a stranger": (
        signed_by(NEW_R[2], "root")(proposal(root=replaced(1))), "does not count"),
    "a signature of what is not in it": (
        signed_by(T[0], "node.json")(proposal(root=replaced(1))), "does not hold"),
    "a signature of the list before its files have theirs": (
        signed_by(T[0], "listing")(proposal(changed={"node.json": next_document()})), "not hold yet"),
}  # fmt: skip


@pytest.mark.threat("a deceiving proposal")
@pytest.mark.parametrize(("made", "why"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_refused(made: Proposal, why: str) -> None:
    with pytest.raises(KeysError, match=why):
        open_proposal(made)


def test_a_first_signature_of_a_thief_convinces_nobody() -> None:
    """Signatures of one key under the id of another, and twice the same, are not two."""
    made = opened(proposal(root=replaced(1)), [R[1]]).proposal
    one = next(iter(made.signatures["root"].values()))
    copied = replace(made, signatures={"root": {**made.signatures["root"], tuf_key_id(R[2].public): one}})
    with pytest.raises(BadSignatureError):
        open_proposal(copied)


@pytest.mark.parametrize("name", ["", "A", "-", "a-", "a" * 33, "é"])
def test_holders_have_plain_names(name: str) -> None:
    with pytest.raises(MalformedTrustError, match="not a name"):
        Holder(name=name, root=R[0].public, targets=None)


def test_a_holder_holds_a_key() -> None:
    with pytest.raises(MalformedTrustError, match="without a key"):
        Holder(name="1", root=None, targets=None)


def test_signing_changes_nothing_but_signatures() -> None:
    found = opened(proposal(root=replaced(1)))
    after = sign(found, [R[1]])
    assert replace(after.proposal, signatures={}) == found.proposal
    assert after.proposal.expires > NOW


def as_json(**fields: object) -> bytes:
    return dump(json.loads(to_json(proposal(root=replaced(1)))) | fields)


FORMS: Mapping[str, tuple[bytes, str]] = {
    "another version": (as_json(v=2), "v is not an integer from 1 to 1"),
    "a field more": (as_json(more=1), "unknown name"),
    "a file of another name": (as_json(changed=[{"name": "tls-1.pem", "data": ""}]), "no trust file's"),
    "no holders": (as_json(root={"holders": []}), "holders is empty"),
    "another order": (as_json(files=json.loads(as_json())["files"][::-1]), "not the one encoding"),
    "a file twice": (as_json(files=json.loads(as_json())["files"] * 2), "not the one encoding"),
}


@pytest.mark.parametrize(("data", "why"), FORMS.values(), ids=list(FORMS))
def test_forms_that_are_refused(data: bytes, why: str) -> None:
    with pytest.raises(MalformedTrustError, match=why):
        from_json(data)


ONE = tuple(map(tuf_key_id, (R[0].public, R[1].public, R[2].public, T[0].public, T[1].public, T[2].public)))
NAMED = [{"name": str(n), "root": ONE[n - 1], "targets": ONE[n + 2]} for n in (1, 2, 3)]
FIELDS: Mapping[str, object] = {
    "no list": {},
    "no objects": ["1"],
    "no texts": [{"name": 1}],
    "one missing": NAMED[:2],
    "one name twice": [*NAMED[:2], {**NAMED[2], "name": "1"}],
    "one key twice": [*NAMED, {**NAMED[2], "name": "4"}],
    "keys of nobody": [*NAMED, {"name": "4", "root": "00"}],
    "too many": NAMED * 20,
}


@pytest.mark.parametrize("value", FIELDS.values(), ids=list(FIELDS))
def test_holders_that_a_root_may_not_name(value: object) -> None:
    keys = [key.public for key in R], [key.public for key in T]
    assert from_field(NAMED, *keys) == holders()
    with pytest.raises(MalformedTrustError):
        from_field(value, *keys)


def test_a_root_names_its_holders() -> None:
    assert held_root().holders == holders()
