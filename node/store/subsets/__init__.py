"""Subsets and their releases, inside one transaction."""
