"""Other agencies: their lists pulled and held, this node's own lists served, and what both tell each other."""
