"""Protocols of other programs, spoken on this machine: clamd's, and ICAP. They know of files and verdicts alone."""
