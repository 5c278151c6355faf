"""`sigfed doctor` in the folder of a signer: whose it is, and with `--deep` every file that something vouches for.

Nothing is written or signed, and the signer may run meanwhile.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

from node.clock import system_entropy
from node.config import SignerFile, load_signer
from node.health import Check, Health
from node.home import Home
from node.objects.findings import below, told
from node.objects.integrity import Verdict, attempt
from node.signer_host.host import open_keychain
from node.signing.log_signer import FolderLogSigner
from node.signing.process.restore_mark import RESTORED, RestoreMark
from node.signing.process.roles import SIGNED_HERE
from node.signing.process.service import KEYS, LOGS, STAMPS, WITNESS
from node.signing.process.stamps import FolderStamps
from node.signing.process.witness_state import FolderWitness

_STEP: Final = "restore it from a backup: sigfed signer restore, into another folder, has it"


def examine_signer(home: Home) -> Iterator[Check]:
    """How the signer in `home` stands; raises `NotInitialisedError`, `ConfigError`."""
    settings = load_signer(home.folder)
    keychain = open_keychain(home.folder, settings, entropy=system_entropy)
    count = sum(len(keychain.labels(role)) for role in SIGNED_HERE)
    yield Check("signer", Health.OK, f"of {settings.node}, with {count} keys")
    if (home.folder / RESTORED).exists():
        words = "it came out of a backup, and signs no history yet"
        yield Check("restored", Health.WARN, words, "sigfed backup finish, in the node's home")
    yield Check("files", Health.OK, "what is in them is compared by: sigfed doctor --deep")


def examine_signer_deeply(home: Home) -> Iterator[Check]:
    """What is wrong, what was checked, and what nobody can check; raises as `examine_signer`."""
    yield from told(home, _verdicts(home, load_signer(home.folder)), step=_STEP)


def _verdicts(home: Home, settings: SignerFile) -> Iterator[Verdict]:
    folder = home.folder
    keychain = open_keychain(folder, settings, entropy=system_entropy)
    yield from below(home, folder / KEYS, (Verdict(*each) for each in keychain.verify()))
    logs = FolderLogSigner(folder / LOGS, lambda _: ())
    yield from (attempt(f"{LOGS}/{path.name}", partial(logs.check, path)) for path in logs.states.paths())
    witness = FolderWitness(folder / WITNESS)
    yield from (
        attempt(f"{WITNESS}/{path.name}", partial(witness.check, path)) for path in witness.states.paths()
    )
    stamps = FolderStamps(folder / STAMPS, root_sha256=bytes.fromhex(settings.root_sha256))
    yield attempt(STAMPS, stamps.standing)
    if (folder / RESTORED).exists():
        yield attempt(RESTORED, lambda: RestoreMark(folder).is_set)
