"""Pages about persons: who decides, what waits for a second one, one's own account."""
