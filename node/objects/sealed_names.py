"""What sealed values are called: the name that each is bound to when it is sealed, so that none can be put elsewhere.

Which of them lie in which column, for whoever seals all of them anew, is `node.objects.rekey`'s to know.
"""

_BASIS = "/basis"


def basis_name(release: str) -> str:
    """The object that the release after the one in this folder begins from."""
    return release.rstrip("/") + _BASIS


def is_basis(name: str) -> bool:
    """Whether an object has that name."""
    return name.startswith("releases/") and name.endswith(_BASIS)


def case_name(partner: str, report_id: bytes) -> str:
    """The name under which a partner's words are sealed."""
    return f"case/{partner}/{report_id.hex()}"


def csrf_name(person: str, token_hash: bytes) -> str:
    """Bound to person and token: a row that somebody put into the store is no session."""
    return f"persons/{person}/sessions/{token_hash.hex()}"


def invite_name(identity: bytes) -> str:
    """The name under which the secret of an invitation is sealed."""
    return f"invite/{identity.hex()}"


def home_copy_name(number: int) -> str:
    """The name under which the copy of that number of a home's trust files and key ring is sealed."""
    return f"copies/home/{number}"


def overlay_name(log_id: int) -> str:
    """The name under which an overlay is sealed."""
    return f"overlay/{log_id}"


def passkey_name(person: str, credential: bytes) -> str:
    """Bound to the person: nobody's passkey can be put in the place of another's."""
    return f"persons/{person}/passkeys/{credential.hex()}"


def proposal_name(partner: str, proposal_id: bytes) -> str:
    """The name under which a proposal and its receipt are sealed."""
    return f"proposal/{partner}/{proposal_id.hex()}"


def report_name(partner: str, report_id: bytes) -> str:
    """The name under which a report and its receipt are sealed."""
    return f"hit/{partner}/{report_id.hex()}"


def salt_name(name: str) -> str:
    """The name under which a subset's salt is sealed."""
    return f"subsets/{name}/exclusions-salt"


def tripwire_name(key: int) -> str:
    """The name under which a tripwire is sealed."""
    return f"guards/tripwires/{key}"


def verifier_name(name: str) -> str:
    """Bound to the name: nobody's verifier can be put in the place of another's."""
    return f"persons/{name}/verifier"


def is_roster(name: str) -> bool:
    """Whether an object is what older versions kept of a release; `node.objects.listed_rows` reads and deletes them."""
    return "/roster/" in name
