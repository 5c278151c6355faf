"""Backups: written while the node runs, tried, restored, and rejoined to what others have seen; every file checked."""
