"""Hits that partners report: taken, kept, answered, ended, and what proves one."""
