"""Whom a partner believes: its node, the members whose files the node relays, the witnesses it asks for."""
