"""The partner's program. It holds a release it cannot read as a list, and no list of raw digests."""
