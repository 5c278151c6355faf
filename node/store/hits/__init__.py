"""Hits that partners report, inside one transaction."""
