"""The content security policy, and what browsers report of it."""
