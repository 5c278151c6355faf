"""The examples of the specification pages are what the code writes and reads."""

import json
import re
from pathlib import Path

from keys.key import LogPrivateKey
from keys.keyfile import unseal
from keys.trust.fingerprint import from_words
from keys.trust.members import from_json as read_members
from keys.trust.members import open_members
from keys.trust.node_document import from_json as read_node_document
from keys.trust.node_document import open_node_document, sign_node_document
from keys.trust.revocations import from_json as read_revocations
from keys.trust.tuf.root import open_root
from support.trust import TARGETS_KEYS, root_bytes

SPEC = Path(__file__).parents[2] / "docs" / "spec"
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[str]:
    """The example blocks of a page, in their order."""
    return BLOCK.findall((SPEC / page).read_text("utf-8"))


def one_line(block: str) -> bytes:
    """A document that the page breaks into lines."""
    return block.replace("\n", "").encode()


def test_the_examples_of_keys() -> None:
    texts, key_file = blocks("keys.md")
    private, public, kid = texts.splitlines()
    key = LogPrivateKey.from_text(private)
    assert (key.public.to_text(), key.public.kid) == (public, kid.split()[-1])
    opened = unseal(key_file.encode(), b"correct horse")
    assert opened.private_key().public.to_text() == opened.public


def test_the_examples_of_trust() -> None:
    root_block, pins, register, envelope, document, revoked = blocks("trust.md")
    digest, words = pins.splitlines()
    root = open_root(one_line(root_block), from_words(words))
    assert root.data == root_bytes()
    assert root.sha256.hex() == digest
    members = read_members(one_line(register))
    assert open_members(envelope.encode(), root) == members
    assert members.members[0].root_sha256 == root.sha256
    node = read_node_document(json.dumps(json.loads(document)).encode())
    assert open_node_document(sign_node_document(node, TARGETS_KEYS), root) == node
    taken_back = read_revocations(json.dumps(json.loads(revoked), separators=(",", ":")).encode())
    assert taken_back.doubted("fr.example/lists/main") == (range(388, 391),)
    assert [vkey.vkey for vkey in node.logs[0].vkeys if vkey.vkey == taken_back.entries[1].key]
