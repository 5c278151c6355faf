"""Words of services that pages show translated: they stand here so that catalogues have them, and a test compares."""

from typing import Final

from node.console.languages import marked

REQUESTS: Final = (
    marked("let in what a guard set aside"),
    marked("delete for ever, at every node"),
    marked("let what was shredded be listed here again"),
    marked("let a peer read more here"),
    marked("let somebody fetch raw hashes here"),
    marked("let a recipient fetch more raw hashes"),
    marked("let a partner ask more often"),
    marked("let a partner show PDQ values and learn what is near them"),
    marked("let somebody decide here"),
    marked("let somebody decide here no more"),
    marked("give somebody another passphrase"),
)
"""What approving a request does (`node.access.approvals`)."""

REQUEST_STATES: Final = (marked("approved"), marked("rejected"), marked("expired"))

RELEASES: Final = (
    marked(
        "it is followed again, and its adds count again; which of its histories is true is not decided by it"
    ),
    marked("these blocks end: what they kept out of releases can come back"),
    marked(
        "it counts as looked at; it was listed all the time, and comes back here after as many new reports"
    ),
    marked("the line counts as looked at; import it again to list it"),
    marked("these events count like any other"),
)
"""What releasing something from the quarantine does (`node.judgement.quarantine`)."""

HIT_STATES: Final = (
    marked("open"),
    marked("overdue"),
    marked("disputed"),
    marked("resolved"),
    marked("closed"),
)

FILE_ACTIONS: Final = (
    marked("removed"),
    marked("disabled"),
    marked("preserved"),
    marked("false positive"),
)
"""What became of a file, by its partner's word (`protocol.statement.resolution`)."""

EVIDENCE_KINDS: Final = (
    marked("fork"),
    marked("divergence"),
    marked("trust"),
    marked("rollback"),
    marked("freeze"),
    marked("unproven"),
)
