"""Use cases, one module each; they know ports and the protocol, no framework."""
