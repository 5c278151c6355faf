"""Everything of an opened node that ends: read from trust files and store, handed to `node.trust.expiry`."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from keys.errors import KeysError
from keys.roles import Role
from keys.trust.envelope import read_payload
from keys.trust.held_trust import open_held
from keys.trust.node_document import NodeDocument, from_json
from keys.trust.node_parts import LogStatus
from keys.trust.tuf.target_files import NODE_FILE
from keys.trust.window import Window
from node.access.stored_grant import INVITATION_DAYS, KEY_LIFE, LONGEST_GRANT, key_end, stored_grant
from node.clock import moment_of
from node.identity.identity import Identity
from node.store.store import Store
from node.store.unit import Unit
from node.tls import certificate_name, certificate_window
from node.trust.expiry import Finding, Term, Thing, judge
from node.trust.tuf.repository import SNAPSHOT_LASTS, TIMESTAMP_LASTS, target_file
from protocol.limits import KEY_DAYS


def findings(identity: Identity, store: Store) -> tuple[Finding, ...]:
    """Everything that ends, as it stands now, the first to end in front."""
    return judge(terms(identity, store), identity.clock.now())


def terms(identity: Identity, store: Store) -> list[Term]:
    """Everything of this node that ends."""
    document = identity.trust.document()
    found = [*_trust_files(identity, document), *_keys(document), *_certificate(identity)]
    with store.read() as unit:
        found += [*_cosignatures(identity, unit), *_peers(identity, unit), *_guests(unit)]
        found += _held_elsewhere(identity, unit, document)
    return found


def _trust_files(identity: Identity, document: NodeDocument) -> Iterator[Term]:
    root_days = timedelta(days=Role.ROOT.info.days)
    yield Term.lasting(Thing.ROOT, identity.trust.root().expires, root_days)
    yield Term(thing=Thing.DOCUMENT, start=document.valid.start, end=document.valid.end)
    tuf = identity.trust.tuf_status()
    ends = (
        (Thing.TARGETS, tuf.targets_end, timedelta(days=Role.TARGETS.info.days)),
        (Thing.SNAPSHOT, tuf.snapshot_end, SNAPSHOT_LASTS),
        (Thing.TIMESTAMP, tuf.timestamp_end, TIMESTAMP_LASTS),
    )
    for thing, end, lasts in ends:
        if end is not None:
            yield Term.lasting(thing, end, lasts)


def _keys(document: NodeDocument) -> Iterator[Term]:
    """Of every online key that the document names the last of its line: the one without a successor."""
    lines: dict[str, list[Window]] = {
        "auth": [key.valid for key in document.auth_keys],
        "token": [key.valid for key in document.token_keys],
        "statement": [key.valid for key in document.statement_keys],
    }
    if document.witness is not None:
        lines["witness"] = [key.valid for key in document.witness.vkeys]
    for log in document.logs:
        if log.status is LogStatus.ACTIVE:
            lines[f"log {log.origin}"] = [key.valid for key in log.vkeys]
    for name, windows in lines.items():
        yield from _last(Thing.KEY, name, windows)
    for subset in document.subsets:
        yield from _last(Thing.EPOCH, subset.name, [epoch.valid for epoch in subset.epochs])


def _last(thing: Thing, name: str, windows: Iterable[Window]) -> Iterator[Term]:
    last = max(windows, key=lambda window: window.end, default=None)
    if last is not None:
        yield Term(thing=thing, of=name, start=last.start, end=last.end)


def _certificate(identity: Identity) -> Iterator[Term]:
    names = map(certificate_name, identity.keychain.labels(Role.TLS))
    held = [
        certificate_window(identity.trust_files.get(name))
        for name in names
        if identity.trust_files.exists(name)
    ]
    yield from _last(Thing.CERTIFICATE, "", [Window(*dates) for dates in held])


def _cosignatures(identity: Identity, unit: Unit) -> Iterator[Term]:
    """Those of witnesses that still are members, on logs that somebody follows."""
    members = {member.node for member in identity.trust.members().members}
    lasts = identity.settings.guards.max_checkpoint_age
    now_s = int(identity.clock.now().timestamp())
    for record in unit.cosigners.ls():
        if record.cosigned_s and record.witness in members and "/audit/" not in record.origin:
            # A witness dates as it likes, beyond the calendar too.
            start = datetime.fromtimestamp(min(record.cosigned_s, now_s), UTC)
            name = f"of {record.witness} on {record.origin}"
            yield Term(thing=Thing.COSIGNATURE, of=name, start=start, end=start + lasts)


def _peers(identity: Identity, unit: Unit) -> Iterator[Term]:
    lasts = identity.settings.guards.max_checkpoint_age
    for peer in unit.peers.ls():
        try:
            document = open_held(peer.trust).document
        except KeysError:
            continue  # a sync with it says so
        valid = document.valid
        yield Term(thing=Thing.PEER_TRUST, of=peer.name, start=valid.start, end=valid.end)
        seen = moment_of(peer.synced_ms or peer.added_ms)
        yield Term(thing=Thing.PEER_LISTS, of=peer.name, start=seen, end=seen + lasts)
        until = stored_grant(peer).until
        if until is not None:
            start = max(moment_of(peer.added_ms), until - LONGEST_GRANT)
            yield Term(thing=Thing.PEER_GRANT, of=peer.name, start=start, end=until)


def _held_elsewhere(identity: Identity, unit: Unit, document: NodeDocument) -> Iterator[Term]:
    """Where a peer said that it holds an older node document, that one: who holds the newest goes by its end."""
    for told in unit.trust_acknowledgements.ls():
        if told.serial >= document.serial:
            continue
        from protocol.acknowledgement import TrustAcknowledgement  # noqa: PLC0415 - most peers hold the newest

        said = TrustAcknowledgement.from_bytes(read_payload(told.statement))
        name = target_file(NODE_FILE, said.document_sha256)
        if identity.trust_files.exists(name):
            valid = from_json(read_payload(identity.trust_files.get(name))).valid
            yield Term(thing=Thing.HELD_BY_PEER, of=told.peer, start=valid.start, end=valid.end)


def _guests(unit: Unit) -> Iterator[Term]:
    for recipient in unit.recipients.ls():
        until = stored_grant(recipient).until
        if until is not None:
            start = max(moment_of(recipient.added_ms), until - LONGEST_GRANT)
            yield Term(thing=Thing.RECIPIENT, of=recipient.name, start=start, end=until)
            if recipient.key_sha256 and key_end(recipient) < until:  # else it ends with the grant
                yield Term.lasting(Thing.RECIPIENT_KEY, key_end(recipient), KEY_LIFE, of=recipient.name)
    for partner in unit.partners.ls():
        if partner.suspended:
            continue
        start = moment_of(partner.key_ms)
        end = start + timedelta(days=KEY_DAYS)
        yield Term(thing=Thing.PARTNER_KEY, of=partner.name, start=start, end=end)
    for invite in unit.partners.open_invitations():
        end = moment_of(invite.expires_ms)
        yield Term.lasting(Thing.INVITATION, end, timedelta(days=INVITATION_DAYS), of=invite.partner)
