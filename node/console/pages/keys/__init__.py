"""Pages about keys: how each stands, rotation, revocation, proposals, the next root."""
