"""`sigfed doctor --deep`: every file of a node's home that a key, a seal, a signature or a hash vouches for, checked.

What is wrong is named by its path. What nothing vouches for is named as well: of that nobody can say that it is whole.
Nothing is sent or signed, and nothing written but rows that say what a list says; what no release may begin from is
deleted.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Final

from keys.trust.tuf.root import TrustedRoot, open_roots
from node.errors import NodeError
from node.health import Check, Health
from node.hoster.integrity import verify_partner
from node.identity.identity import Identity
from node.identity.passphrases import ROOT_CREDENTIAL, available
from node.lists.catalogue import count_on
from node.lists.completeness import unindexed, untouched
from node.lists.touches import rebuild
from node.objects.filters import FolderFilters
from node.objects.findings import below, told
from node.objects.integrity import UNREADABLE, Verdict, attempt, verify_objects, words_of
from node.objects.listed_rows import catch_up, count_strange
from node.objects.rekey import verify_cells
from node.objects.release_files import ReleaseFolder
from node.ports.objects import ObjectStore
from node.rotation import proposals
from node.rotation.store import write_store
from node.signing.log_signer import FolderLogSigner
from node.signing.ring_file import FolderKeyRing
from node.store.lists.records import LogKind
from node.store.store import Store
from node.subsets.compare import differing
from node.subsets.grounds import Order
from node.subsets.registers import verify_registers
from node.tls import verify_certificate
from node.trust.files import pin_of, verify_trust_files
from node.trust.tuf.repository import root_files

_RESTORE: Final = "restore it from a backup: sigfed backup restore, into another folder, has it"
_JUDGE: Final = "a block may have been overlooked since; judge again: sigfed subset release NAME"
_COUNTED: Final = "reports of before may have told other numbers of entries"
_LISTS: Final = (LogKind.OWN_LIST, LogKind.PEER_LIST)


def examine_deeply(identity: Identity) -> Iterator[Check]:
    """What is wrong, what was checked, and what nobody can check."""
    verdicts: list[Verdict] = []
    for look in (_keys, _ring, _signer, _trust, _members, _asked, _proposed, _stored):
        try:
            verdicts += look(identity)
        except UNREADABLE as exc:  # what is wrong with a file on which others rest is among the verdicts
            yield Check("damaged", Health.FAIL, words_of(exc), _RESTORE)
    try:
        yield from _database(identity)
    except UNREADABLE as exc:
        yield Check("database", Health.FAIL, words_of(exc), _RESTORE)
    yield from told(identity.home, verdicts, step=_RESTORE)


def _keys(identity: Identity) -> Iterator[Verdict]:
    """Those of the holders only where their passphrase is at hand: nobody is asked for it."""
    home, secrets = identity.home, identity.settings.secrets
    yield from below(home, home.keys, (Verdict(*each) for each in identity.keychain.verify()))
    if available(secrets.root_passphrase_file, ROOT_CREDENTIAL):
        found = (Verdict(*each) for each in identity.root_keychain.verify())
        yield from below(home, home.offline_keys, found)
    else:
        damaged = (Verdict(name, "it cannot be read") for name in identity.root_keychain.damaged())
        yield from below(home, home.offline_keys, damaged)


def _ring(identity: Identity) -> Iterator[Verdict]:
    path = identity.home.ring
    if path.exists():
        yield attempt(path.name, FolderKeyRing(path).read)


def _signer(identity: Identity) -> Iterator[Verdict]:
    signer = FolderLogSigner(identity.home.signer, lambda _: ())
    found = (attempt(path.name, partial(signer.check, path)) for path in signer.states.paths())
    yield from below(identity.home, identity.home.signer, found)


def _trust(identity: Identity) -> Iterator[Verdict]:
    files = _all(identity.trust_files)
    found = [*verify_trust_files(files, bytes.fromhex(identity.settings.root_sha256) or pin_of(files))]
    found += [
        attempt(name, partial(verify_certificate, data))
        for name, data in files.items()
        if name.startswith("tls-")
    ]
    yield from below(identity.home, identity.home.trust, iter(found))


def _members(identity: Identity) -> Iterator[Verdict]:
    """Trust files as agencies were introduced, under the root that the register pins where it names them."""
    files = identity.introductions
    pins = {each.node: each.root_sha256 for each in identity.trust.members().members}
    for node in sorted({name.partition("/")[0] for name in files.ls("")}):
        held = _all(files, f"{node}/trust/")
        found = verify_trust_files(held, pins.get(node) or pin_of(held))
        yield from below(identity.home, identity.home.introductions / node / "trust", found)


def _asked(identity: Identity) -> Iterator[Verdict]:
    """What this agency keeps as a client of members, whom it asks about hashes."""
    for client in identity.home.askers:
        yield from below(identity.home, client.folder, verify_partner(client))


def _proposed(identity: Identity) -> Iterator[Verdict]:
    """What waits for holders, where it cannot be read; nothing vouches for what else it says before they sign it."""
    for name in proposals.names(identity.home):
        path = proposals.path_of(identity.home, name)
        verdict = attempt(path.name, partial(proposals.get, identity.home, name))
        if verdict.wrong:
            yield from below(identity.home, path.parent, [verdict])


def _all(files: ObjectStore, folder: str = "") -> dict[str, bytes]:
    return {name.removeprefix(folder): files.get(name) for name in files.ls(folder)}


def _stored(identity: Identity) -> Iterator[Verdict]:
    home = identity.home
    with write_store(identity) as store:
        yield from below(home, home.objects, verify_objects(store))
        yield from below(home, home.objects, verify_registers(store.objects, _roots(identity)))
    yield from below(home, home.filters, (Verdict(*each) for each in FolderFilters(home.filters).verify()))


def _roots(identity: Identity) -> tuple[TrustedRoot, ...]:
    data = root_files(identity.trust_files)
    return open_roots(data, sha256(data[0]).digest())


def _database(identity: Identity) -> Iterator[Check]:
    with write_store(identity) as store:
        wrong = [*_wrong_tables(store)]
        asked = store.damage() is not None
        rebuilt = [*_rebuilt(store), *_recounted(store), *_compared(identity, store)]
    yield from rebuilt
    yield from (Check("database", Health.FAIL, words, _RESTORE) for words in wrong)
    if not asked:
        yield Check(
            "not checked", Health.OK, "the pages of PostgreSQL: its operator looks at them with pg_amcheck"
        )
    if not wrong and not rebuilt:
        pages = "its pages are whole, " if asked else ""
        words = f"{pages}its sealed values open, and its indexes have what the lists have"
        yield Check("database", Health.OK, words)


def _wrong_tables(store: Store) -> Iterator[str]:
    yield from store.damage() or ()
    for column, wrong in verify_cells(store):
        yield f"{column}: {wrong}"
    with store.read() as unit:
        logs = unit.logs.ls(*_LISTS)
    for log in logs:
        try:
            missing = unindexed(store, log)
        except NodeError:
            continue  # the object is named as damaged
        if missing:
            yield f"the look-up index lacks {missing:,} entries of {log.origin}"
    with store.read() as unit:
        subsets = unit.subsets.ls()
    for subset in subsets:
        yield from _wrong_rows(store, subset.name)


def _compared(identity: Identity, store: Store) -> Iterator[Check]:
    """What the newest releases list, judged from nothing; what they list otherwise they leave to none after them."""
    with store.read() as unit:
        newest = [(subset, unit.releases.newest(subset.name)) for subset in unit.subsets.ls()]
    for subset, record in newest:
        if record is None:
            continue
        order = Order(
            subset=replace(subset, filter=subset.filter.renewed()),
            members=identity.trust.members(),
            now=identity.clock.now(),
            max_age=identity.settings.guards.max_checkpoint_age,
            until=identity.clock.now(),
        )
        try:
            wrong = differing(store, record, order)
        except NodeError:
            continue  # the object is named as damaged
        if wrong:
            ReleaseFolder(store, record).forget_basis()
            words = f"release {record.version} of {record.subset} lists {wrong:,} hashes otherwise than the lists say"
            step = f"releases are made whole until one is due: sigfed subset release {record.subset}"
            yield Check("database", Health.WARN, words, step)


def _wrong_rows(store: Store, subset: str) -> Iterator[str]:
    """What the database says that the newest release of a subset lists, against its answers."""
    try:
        catch_up(store, subset)
    except NodeError as exc:
        yield words_of(exc)
        return
    with store.read() as unit:
        record = unit.releases.newest(subset)
    if record is None:
        return
    try:
        strange, missing = count_strange(store, record)
    except NodeError:
        return  # the release is named as damaged
    name = f"release {record.version} of {subset}"
    if strange:
        yield f"{strange:,} rows of what {name} lists are in none of its answers"
    if missing:
        yield f"{missing:,} rows of what {name} lists are missing"


def _recounted(store: Store) -> Iterator[Check]:
    """How many entries are active, against the index."""
    with store.read() as unit:
        right = unit.entries.counts() == unit.entries.scan()
    if right:
        return
    with store.write() as unit:
        unit.entries.recount()
    count_on(store)
    yield Check(
        "database", Health.WARN, "the numbers of active entries were wrong, and were counted anew", _COUNTED
    )


def _rebuilt(store: Store) -> Iterator[Check]:
    """The rows by which a few hashes are judged, made anew where some are missing."""
    with store.read() as unit:
        logs = unit.logs.ls(*_LISTS)
    for log in logs:
        try:
            if missing := untouched(store, log):
                rebuild(store, log)
                words = f"the index of changes lacked {missing:,} rows of {log.origin}, and was made anew"
                yield Check("database", Health.WARN, words, _JUDGE)
        except NodeError:
            continue  # the object is named as damaged
