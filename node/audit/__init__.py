"""The audit log of a node: what was done here, by whom, and reading it."""
