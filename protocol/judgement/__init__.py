"""What makes a digest effective: whose word counts, what blocks it, how many must agree."""
