"""Every bound on what a stranger can send, each with its reason.

A bound is in bytes unless its name says otherwise. Readers check a bound before they allocate.
"""

MAX_LOG_SIZE = 2**48
"""Events in a log: C2SP tlog-tiles allows 2^63, no list needs more than this."""

MAX_NODE_BYTES = 128
"""Of a node's name in a statement."""
MAX_ORIGIN_BYTES = 255
"""Length of an origin line: node name, `/lists/`, list name."""

MAX_NOTE_BYTES = 64 * 1024
"""A checkpoint with its signature lines."""

MAX_NOTE_SIGNATURES = 128
"""Signature lines of a note; more only costs verification time."""

MAX_POLICY_BYTES = 256 * 1024
MAX_POLICY_LINES = 4096
"""A witness policy file: every member of the largest federation as a witness, with comments."""

MAX_TLOG_PROOF_BYTES = 2 * MAX_NOTE_BYTES
"""An offline inclusion proof: a checkpoint, its hashes, and as much extra data."""

MAX_EVIDENCE_BYTES = 2 * MAX_NOTE_BYTES + 4096
"""Evidence that consists of two notes, and of at most 65 hashes that connect them."""

BUNDLE_WIDTH = 256
"""Entries in a full bundle and hashes in a full tile (C2SP tlog-tiles)."""

MAX_PROOF_HASHES = 64
"""Hashes in an inclusion or consistency proof: two for each level of the largest tree is 96, honest ones need 49."""

EVENT_BYTES = 56
HEADER_BYTES = 24
"""Header and commitment of one event; the header alone."""

MAX_EXT_BYTES = 2048
"""Deterministic CBOR of an opening's `ext`: reaffirmations are its only long field."""

MAX_DIGEST_BYTES = 144
"""A PhotoDNA value, the longest digest."""

MAX_OPENING_BYTES = 16 + 1 + 1 + MAX_DIGEST_BYTES + 2 + MAX_EXT_BYTES
"""One opening: nonce, algorithm, length, digest, ext length, ext."""

MAX_BUNDLE_BYTES = BUNDLE_WIDTH * (2 + EVENT_BYTES)
"""A full entry bundle: every entry has exactly `EVENT_BYTES` behind its length."""

MAX_OPENINGS_BYTES = BUNDLE_WIDTH * (2 + MAX_OPENING_BYTES)
"""The openings of a full bundle."""

MAX_CBOR_DEPTH = 8
MAX_CBOR_ITEMS = 4096
"""Nesting and total items of one CBOR value: stops bombs that are small on the wire."""

MAX_FILE_EVENTS = 256
"""Events that a list gives one content id: more are no file, and an honest one has a handful."""

MAX_NODE_LISTS = 16
"""Lists of one node that others follow: a release names `MAX_SOURCES` lists, and one liar must not use them up."""

MAX_REAFFIRMS = 16
"""Blocks one event may reaffirm."""

MAX_CLOCK_SKEW_MS = 5 * 60 * 1000
"""How far ahead of the reader an event or cosignature may be dated."""

MAX_TRUST_BYTES = 1024 * 1024
"""A node document or members register; a root is far smaller."""

MAX_ROOT_BYTES = 64 * 1024
"""A TUF root file."""

MAX_MANIFEST_BYTES = 64 * 1024 - 1
"""A release manifest: one leaf of a release log (its bundle's length prefix allows no more)."""

MAX_SOURCES = 256
"""Source logs named by one manifest."""

MAX_EVALUATION_BATCH = 4096
"""Elements in one evaluation request: half a second of work for one core with libsodium."""

MIN_EVALUATION_BATCH = 1

MAX_SET_VALUES = 2**31
"""Values in a screen or answer set."""

MAX_RELEASE_FILE_BYTES = 2**31
"""One release file; partners also apply their own cap."""

MAX_REQUEST_BODY = 256 * 1024
"""Any request body a stranger can post: a full evaluation batch is 131 104 bytes."""

MAX_WITNESS_PROOF_HASHES = 63
"""Hashes of a consistency proof that a witness is sent (C2SP tlog-witness)."""

MAX_ADD_CHECKPOINT_BYTES = MAX_NOTE_BYTES + 4096
"""A request to a witness: an old size, 63 hashes of 45 bytes, and a checkpoint."""

MAX_TRUST_EVIDENCE_BYTES = 2 * MAX_TRUST_BYTES + 1024
"""Evidence that consists of two signed trust files: the largest that one node asks of another."""

MAX_GOSSIP_BYTES = 2 * 1024 * 1024
MAX_GOSSIP_LOGS = 256
MAX_GOSSIP_FILES = 512
MAX_GOSSIP_EVIDENCE = 128
"""What one node tells another that it holds: heads with cosignatures, trust files, names of evidence."""

MAX_HIT_REPORT_BYTES = 512
"""A hit report: a partner's name of 64 bytes, a digest of 144, ids and numbers, and 32 bytes that authenticate it."""

MAX_REASON_BYTES = 500
MAX_CONTACT_BYTES = 200
"""Why a partner disputes a hit (or an agency answers so), and whom to ask: a paragraph and an address."""

MAX_DISPUTE_BYTES = 1024
"""A partner's dispute: reason, contact and the id of the report."""

MAX_ENDS = 32
MAX_ENDS_BYTES = 160 * 1024
"""Reports that ended, told in one reply: each with its receipt and the statement of its end."""

MAX_RESOLUTION_BYTES = 128
"""What a partner did about a hit: the id of the report, a number and a time."""

MAX_CASE_BYTES = 64 * 1024
"""What a node says of a case, with its signed answer."""

MAX_PROPOSED_FILES = 256
"""Files in one proposal: an afternoon of two persons who examine."""

MAX_PROPOSAL_BYTES = 72 * 1024
"""A proposal: all hashes of 256 files, 258 bytes each at most, with a reason and a contact."""

MAX_PROPOSAL_RECEIPT_BYTES = 1024
"""What a node signs about a proposal: two names, two hashes and a few numbers."""

MAX_PROPOSAL_STATE_BYTES = 136 * 1024
"""What became of each of 256 files, with the agency's reason."""

MAX_DISCLOSED_VALUES = 64
MAX_DISCLOSED_BYTES = 4 * 1024
MAX_DISCLOSED_REPLY_BYTES = 1024
"""PDQ values that a partner shows at once, 34 bytes each, and the collections that it is told of."""

MAX_HIT_EVIDENCE_BYTES = 4 * 1024 * 1024
"""Evidence of a hit: the trust files of five nodes at most, each within the bounds of its own."""

MAX_COSIGNATURE_AGE_DAYS = 14
"""Age in days at which a partner no longer counts a cosignature on a release log: as long as a release is good."""

UNWITNESSED_REMOVALS_LEAST = 32
UNWITNESSED_REMOVALS_SHARE = 4
"""Answers that may go on the log's signature alone: a quarter (one in 4) of those of the last release that witnesses
stand behind, and 32 in a small one: some eight files with all their hashes, so that one night's corrections pass. A
thief of the log's key can hide that many from a partner until witnesses are back, and list nothing."""

MAX_GRANT_BYTES = 64 * 1024
"""A grant: names of collections, of algorithms, and a day."""

MAX_ACKNOWLEDGEMENT_BYTES = 1024
"""What a peer says of one list: two names and a few numbers."""

MAX_ACKNOWLEDGEMENT_STATEMENT_BYTES = 4096
"""The same, signed."""

KEY_DAYS = 180
"""Of a partner's key, which is replaced when half of that is over."""
