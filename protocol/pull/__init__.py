"""Following another node's list, sans I/O: what to ask next, and whether to believe the answer.

`Pull` keeps the order of checks; `head` judges checkpoints, `bundles` judges entries and openings, `inputs` is what
the follower brings along. Fetching, staging and committing are the node's matter. Spec: docs/spec/sync.md.
"""
