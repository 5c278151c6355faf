"""Evidence of a hit: that the rule of the federation held for one digest when a release was made.

`bundle` is its form, `verify` its judgement, offline, from one pinned root. Spec: docs/spec/hit.md.
"""
