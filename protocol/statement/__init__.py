"""What partners and nodes tell each other: about one hit (report to answer), proposed files, and values that are shown.

Each is one frozen value with one encoding. Reports are authenticated by the PRF output that only an evaluation gives;
receipts and answers are signed by the node's statement key (`keys.trust.statement`). Specs: docs/spec/statement.md,
docs/spec/proposal.md, docs/spec/disclosed.md.
"""
