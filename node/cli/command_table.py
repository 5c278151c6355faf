"""The words that follow `sigfed`: who each is for, what it does, and where it lives.

The help that names them all, and the completion of the first word, are answered from this table, so that no command's
module is loaded for it; a test holds the table against the commands. What a command loads is its own affair.
"""

from dataclasses import dataclass
from typing import Final

AGENCY: Final = "For agencies"
PARTNER: Final = "For partners"
OPERATOR: Final = "For operators"


@dataclass(frozen=True, slots=True)
class Row:
    """A command, or a noun with commands below it."""

    name: str
    panel: str
    """The section of the help it stands in."""
    place: str
    """In `node.cli`: a module, and after a colon the function of a command, or the Typer of a noun but for `app`."""
    help: str
    """The first sentence of its help."""
    action: str = ""
    """What the audit log calls a command without a noun that changes a node; `init` and `run` record themselves."""

    @property
    def module(self) -> str:
        """The module, in `node.cli`."""
        return self.place.partition(":")[0]

    @property
    def attribute(self) -> str:
        """What of it is loaded."""
        return self.place.partition(":")[2] or "app"


HIDDEN: Final = (Row("dev", OPERATOR, "dev", "For who works on sigfed itself."),)
"""What no help, completion or reference names."""

ROWS: Final = (
    Row(
        "hash",
        AGENCY,
        "entries.entries:hash_folder",
        "Hash files into a CSV that `entry import` and `check --hash-from` read; nothing else is kept.",
    ),
    Row("publish", AGENCY, "lists.lists:publish", "Sign and publish what is waiting.", action="list.publish"),
    Row(
        "endorse",
        AGENCY,
        "entries.entries:endorse",
        "Add a peer's entries to your list, after examination (own, reviewed) or relying on the peer.",
        action="entry.endorse",
    ),
    Row(
        "enroll",
        PARTNER,
        "hoster.client:enroll",
        "Enrol with the one string an agency gave, and fetch the first release.",
    ),
    Row(
        "update", PARTNER, "hoster.client:update", "Fetch the newest release, verify it, and put it in force."
    ),
    Row(
        "renew",
        PARTNER,
        "hoster.client:renew",
        "Replace this partner's key with a new one; sigfed update does so in time by itself.",
    ),
    Row(
        "check",
        PARTNER,
        "hoster.client:check",
        "Ask privately whether files are on the list; exit code 1 when one is.",
    ),
    Row(
        "agent",
        PARTNER,
        "hoster.agent:agent",
        "Answer local programs (clamd's protocol, HTTP) whether files are on the list, until stopped.",
    ),
    Row(
        "scan",
        PARTNER,
        "hoster.scan:scan",
        "Look up all files in folders, lists and buckets, resumably; exit code 1 when one is on the list.",
    ),
    Row(
        "propose",
        PARTNER,
        "hoster.propose:propose",
        "Hand hashes of new material to the agency for review; they leave this machine in the clear.",
    ),
    Row(
        "disclose",
        PARTNER,
        "hoster.disclose:disclose",
        "Show PDQ values of pictures to the agency, in the clear, to find those near a listed one; exit code 1 then.",
    ),
    Row(
        "icap",
        PARTNER,
        "hoster.agent:icap",
        "Answer a proxy (ICAP) which uploads and downloads are on the list, until stopped.",
    ),
    Row("init", OPERATOR, "setup:init", "Found a node: keys, trust files, store."),
    Row(
        "contact",
        OPERATOR,
        "entries.holders:contact",
        "Say whom other agencies ask about this agency's entries (public; asks for a targets key).",
        action="node.contact",
    ),
    Row(
        "run",
        OPERATOR,
        "setup:run",
        "Serve peers and partners, and sync, publish and release on schedule, until stopped.",
    ),
    Row(
        "status",
        OPERATOR,
        "setup:status",
        "What this node (or partner) holds, how fresh it is, and what to do next.",
    ),
    Row(
        "doctor",
        OPERATOR,
        "setup:doctor",
        "Look for what is wrong or soon will be, and say what to do; exit code 2 when something must be mended.",
    ),
    Row(
        "demo",
        OPERATOR,
        "setup:demo",
        "Walk two agencies and a partner through everything, on this machine, and write an illustrated report.",
    ),
    Row("list", AGENCY, "lists.lists", "Lists of this agency, and of its peers."),
    Row("criteria", AGENCY, "lists.criteria", "What this agency lists in which collection, in words."),
    Row("entry", AGENCY, "entries.entries", "Entries of this agency's lists."),
    Row("review", AGENCY, "entries.review", "Files that wait for this agency's examination."),
    Row(
        "withdrawal",
        AGENCY,
        "entries.recalls:withdrawals",
        "Withdrawals from your lists, and who has applied them.",
    ),
    Row("shredding", AGENCY, "entries.recalls:shreddings", "What was shredded, and who still lists it."),
    Row("evidence", AGENCY, "federation.evidence", "Portable evidence of misbehaviour."),
    Row("console", PARTNER, "hoster.console", "A partner's pages for people with a browser."),
    Row("hit", PARTNER, "hits", "Files that were found on the list."),
    Row("proposal", PARTNER, "proposals", "Files that partners propose to agencies."),
    Row("case", AGENCY, "partners.cases", "Disputes of partners."),
    Row("report", AGENCY, "partners.reports", "What this agency did, in numbers that may be published."),
    Row("member", OPERATOR, "federation.members", "Agencies of the federation that this node counts."),
    Row("peer", OPERATOR, "federation.peers", "Agencies whose lists this node follows."),
    Row("quarantine", OPERATOR, "lists.quarantine", "What waits until people have looked at it."),
    Row("guard", OPERATOR, "lists.guards", "What lists and releases are compared with."),
    Row(
        "grant",
        OPERATOR,
        "persons.grants",
        "What others may read here now; `sigfed peer grant` changes it.",
    ),
    Row("subset", OPERATOR, "lists.subsets", "Subsets for partners, and their releases."),
    Row("witness", OPERATOR, "federation.witnesses", "Witnesses of this agency's lists and releases."),
    Row(
        "transfer",
        OPERATOR,
        "federation.transfers",
        "Lists carried by hand, where no network joins two agencies.",
    ),
    Row("holders", OPERATOR, "entries.holders", "Members whose holdings may be asked about, privately."),
    Row("partner", OPERATOR, "partners.partners", "Partners that may ask privately."),
    Row("recipient", OPERATOR, "partners.recipients", "Accredited holders that may fetch raw hashes here."),
    Row("person", OPERATOR, "persons.persons", "Persons who decide at this node."),
    Row("passkey", OPERATOR, "persons.passkeys", "Passkeys with which persons sign in to the console."),
    Row("approval", OPERATOR, "persons.approvals", "What waits for a second person."),
    Row("audit", OPERATOR, "audit", "What was done at this node, and by whom."),
    Row("backup", OPERATOR, "keys.backups", "Backups of the node, and bringing it back from one."),
    Row("store", OPERATOR, "keys.store", "Where the node keeps its tables and objects."),
    Row("key", OPERATOR, "keys.keys", "This node's keys: see, replace and take them back."),
    Row("signer", OPERATOR, "keys.signer", "The process that signs for this node, and has its keys."),
)
