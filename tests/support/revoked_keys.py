"""Keys that an agency takes back in the night, in a federation that lives in the process."""

import os

from keys.key import LogPrivateKey
from keys.roles import Role
from keys.trust.lifecycle import Lineage
from keys.trust.revocations import Reason, Revocation
from node.lists.head_renewal import resign
from node.rotation.doubt import head_at
from node.trust.own import window
from node.trust.revoke import revoke_keys
from node.trust.successors import with_key
from support.federation import Agency


def revoke_log_key(agency: Agency, *, last_good: int) -> LogPrivateKey:
    """What the holders sign in the night: the key is taken back, another signs; gives the stolen one."""
    document = agency.trust.document()
    (info,) = (log for log in document.logs if log.origin == agency.origin)
    old, stolen, new = info.vkeys[0].vkey, agency.log_key, LogPrivateKey.from_seed(os.urandom(32))
    now = agency.clock.now()
    revocation = Revocation(
        role=Role.LOG,
        key=old,
        time=now.replace(microsecond=0),
        reason=Reason.COMPROMISE,
        last_good=head_at(agency.store, agency.log(), last_good),
    )
    lineage = Lineage(Role.LOG, agency.origin)
    revoke_keys(
        agency.trust,
        agency.store,
        [revocation],
        document=lambda before: with_key(before, lineage, new.public, window(now, 365)),
        signers=agency.signers,
    )
    agency.log_key = new
    agency.log_keys[:] = [new]
    resign(agency.store, agency.origin, agency.signer)
    return stolen
