"""Witnesses: this node as one, and the ones it asks."""
