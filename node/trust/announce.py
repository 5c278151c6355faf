"""What the node document says of the node's logs and subsets: a new one is announced before anybody can follow it."""

from collections.abc import Sequence
from dataclasses import replace

from keys.key import LogPublicKey
from keys.roles import Role
from keys.signer import Signer
from keys.trust.node_document import NodeDocument
from keys.trust.node_parts import EpochInfo, LogInfo, SubsetInfo
from keys.trust.vkey import DatedVkey
from keys.trust.window import Window
from node.trust.own import OwnTrust

LOG_KEY_DAYS = Role.LOG.info.days


def log_info(base_url: str, origin: str, key: LogPublicKey, *, valid: Window) -> LogInfo:
    """A log as the node document of the node at `base_url` names it."""
    return LogInfo(
        origin=origin,
        url=base_url.rstrip("/") + "/" + origin.partition("/")[2] + "/",
        vkeys=(DatedVkey.of(key, name=origin, valid=valid),),
    )


def announce_log(
    trust: OwnTrust, origin: str, key: LogPublicKey, *, valid: Window, signers: Sequence[Signer]
) -> NodeDocument:
    """Name a new log, its address and its key in the node document; nothing happens when it is named already."""
    document = trust.document()
    if any(log.origin == origin for log in document.logs):
        return document
    info = log_info(document.endpoints[0].url, origin, key, valid=valid)
    return trust.revise_document(lambda old: replace(old, logs=(*old.logs, info)), signers=signers)


def announce_epoch(
    trust: OwnTrust, subset: str, epoch: EpochInfo, *, signers: Sequence[Signer]
) -> NodeDocument:
    """Name an epoch of a subset and its public key in the node document."""

    def change(old: NodeDocument) -> NodeDocument:
        others = tuple(info for info in old.subsets if info.name != subset)
        epochs = next((info.epochs for info in old.subsets if info.name == subset), ())
        return replace(old, subsets=(*others, SubsetInfo(name=subset, epochs=(*epochs, epoch))))

    return trust.revise_document(change, signers=signers)


def announce_contact(trust: OwnTrust, contact: str | None, *, signers: Sequence[Signer]) -> NodeDocument:
    """Say in the node document whom other agencies ask about entries; None: nobody."""
    return trust.revise_document(lambda old: replace(old, contact=contact), signers=signers)
