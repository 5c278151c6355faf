"""Logs and what is known of their entries, inside one transaction."""
