"""Persons and their sessions, inside one transaction."""
