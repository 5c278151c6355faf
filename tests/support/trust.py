"""A node's trust with fixed keys and dates, so that a test names only what it is about."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from keys.key import (
    AuthPrivateKey,
    AuthPublicKey,
    LogPrivateKey,
    RootPrivateKey,
    SnapshotPrivateKey,
    StatementPrivateKey,
    TargetsPrivateKey,
    TimestampPrivateKey,
    TokenPrivateKey,
    TokenPublicKey,
    WitnessPrivateKey,
)
from keys.signer import Signer
from keys.trust.envelope import seal
from keys.trust.fingerprint import fingerprint
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import (
    DatedKey,
    Endpoint,
    EpochInfo,
    FinalCheckpoint,
    LogInfo,
    LogStatus,
    NodeLimits,
    SubsetInfo,
    WitnessInfo,
)
from keys.trust.revocations import KIND, Revocations, to_json
from keys.trust.tuf.keys import tuf_key_id
from keys.trust.tuf.root import RootContent, TrustedRoot, open_next_root, open_root
from keys.trust.tuf.write_root import assemble_root, author_root, root_message
from keys.trust.vkey import DatedVkey
from keys.trust.window import Window

NODE = "fr.example"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
VALID = Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 5, 1, tzinfo=UTC))
NEXT = Window(VALID.end, datetime(2027, 11, 1, tzinfo=UTC))
EXPIRES = datetime(2027, 11, 1, tzinfo=UTC)

ROOT_KEYS = [RootPrivateKey.from_seed(letter * 32) for letter in (b"r", b"s", b"t")]
TARGETS_KEYS = [TargetsPrivateKey.from_seed(letter * 32) for letter in (b"a", b"y", b"z")]
SNAPSHOT_KEY = SnapshotPrivateKey.from_seed(b"b" * 32)
TIMESTAMP_KEY = TimestampPrivateKey.from_seed(b"c" * 32)
AUTH_KEY = AuthPrivateKey.from_seed(b"d" * 32)
TOKEN_KEY = TokenPrivateKey.from_seed(b"e" * 32)
STATEMENT_KEY = StatementPrivateKey.from_seed(b"f" * 32)
LIST_KEY = LogPrivateKey.from_seed(b"g" * 32)
NEXT_LIST_KEY = LogPrivateKey.from_seed(b"h" * 32)
WITNESS_KEY = WitnessPrivateKey.from_seed(b"i" * 32)


def root_content() -> RootContent:
    """What the root says: 2 of 3 holders sign it, and the trust files."""
    return RootContent(
        node=NODE,
        expires=EXPIRES,
        root_keys=tuple(key.public for key in ROOT_KEYS),
        threshold=2,
        targets_keys=tuple(key.public for key in TARGETS_KEYS),
        targets_threshold=2,
        snapshot_keys=(SNAPSHOT_KEY.public,),
        timestamp_keys=(TIMESTAMP_KEY.public,),
    )


def root_bytes(
    *,
    node: str = NODE,
    root_keys: Sequence[RootPrivateKey] = ROOT_KEYS,
    threshold: int = 2,
    signers: Sequence[Signer] = ROOT_KEYS[:2],
) -> bytes:
    """A `1.root.json` with a 2-of-3 root."""
    content = replace(
        root_content(), node=node, root_keys=tuple(key.public for key in root_keys), threshold=threshold
    )
    return author_root(content, signers)


def trusted_root(*, node: str = NODE) -> TrustedRoot:
    """The root of `node`, opened under its own fingerprint."""
    data = root_bytes(node=node)
    return open_root(data, fingerprint(data))


def author_next_root(previous: TrustedRoot, content: RootContent, signers: Sequence[Signer]) -> bytes:
    """The version after `previous` as `signers` sign it; raises as `open_next_root` does for what does not open."""
    version = previous.version + 1
    message = root_message(content, version=version)
    signatures = {tuf_key_id(signer.public): signer.sign(message) for signer in signers}
    data = assemble_root(content, version=version, signatures=signatures)
    open_next_root(previous, data)
    return data


def sign_revocations(revocations: Revocations, signers: Sequence[Signer]) -> bytes:
    """`revoked.json` as `signers` sign it."""
    return seal(KIND, to_json(revocations), signers)


def list_info() -> LogInfo:
    """An open list with a current and a next key."""
    origin = f"{NODE}/lists/main"
    return LogInfo(
        origin=origin,
        url=f"https://{NODE}/log/main/",
        vkeys=(
            DatedVkey.of(LIST_KEY.public, name=origin, valid=VALID),
            DatedVkey.of(NEXT_LIST_KEY.public, name=origin, valid=NEXT),
        ),
        predecessor=f"{NODE}/lists/old",
    )


def closed_list_info() -> LogInfo:
    """The closed list that the open one continues."""
    return LogInfo(
        origin=f"{NODE}/lists/old",
        url=f"https://{NODE}/log/old/",
        vkeys=(),
        status=LogStatus.CLOSED,
        final_checkpoint=FinalCheckpoint(7, b"\x07" * 32),
    )


def node_document(
    *,
    node: str = NODE,
    serial: int = 3,
    auth_keys: tuple[DatedKey[AuthPublicKey], ...] = (DatedKey("auth-1", AUTH_KEY.public, VALID),),
    token_keys: tuple[DatedKey[TokenPublicKey], ...] = (DatedKey("token-1", TOKEN_KEY.public, VALID),),
    logs: tuple[LogInfo, ...] = (list_info(), closed_list_info()),
    witness: WitnessInfo | None = None,
    subsets: tuple[SubsetInfo, ...] = (SubsetInfo("hosters", (EpochInfo(1, b"\x42" * 32, VALID),)),),
) -> NodeDocument:
    """A node document with every kind of part but a witness."""
    return NodeDocument(
        node=node,
        serial=serial,
        valid=VALID,
        endpoints=(Endpoint("https://fr.example:8443/", (b"\x01" * 32, b"\x02" * 32)),),
        auth_keys=auth_keys,
        token_keys=token_keys,
        statement_keys=(DatedKey("statement-1", STATEMENT_KEY.public, VALID),),
        logs=logs,
        witness=witness,
        subsets=subsets,
        limits=NodeLimits(max_adds_per_day=20_000, max_withdraws_per_day=500, max_checkpoint_age_s=86_400),
    )


def witness_info() -> WitnessInfo:
    """The node as a witness."""
    name = f"{NODE}/witness"
    vkey = DatedVkey.of(WITNESS_KEY.public, name=name, valid=VALID)
    return WitnessInfo(name, f"https://{NODE}/witness/", (vkey,))
