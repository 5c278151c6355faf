"""What partners get: the screen, the answers, the labels, and the manifest that binds them into one release.

Spec: docs/spec/subset.md.
"""
