"""Recipients of raw digests: accredited, and served from one copy."""
